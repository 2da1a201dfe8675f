# SPDX-License-Identifier: GPL-3.0-or-later
"""Which triangle owns each texel."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.uv_raster import claim_texels, rasterise_uv, runs, sample_tile, sub_texels
from scipy.spatial import Delaunay


def triangulation(seed: int, count: int = 60, on_grid: int = 0) -> np.ndarray:
    """A random triangulation of the whole unit square; on_grid: corners on multiples of 1 / (2 on_grid)."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.random((count, 2)), [[0, 0], [0, 1], [1, 0], [1, 1]]])
    if on_grid:
        points = np.unique(np.round(points * 2 * on_grid) / (2 * on_grid), axis=0)
    faces = Delaunay(points).simplices
    flip = rng.random(len(faces)) < 0.5
    faces[flip] = faces[flip][:, ::-1]
    uv = points[faces]
    u, v = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return uv[abs(np.cross(u, v)) > 1e-9].astype(np.float32)


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def path(request, monkeypatch):
    if request.param and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", request.param)
    return request.param


@pytest.mark.parametrize("on_grid", [0, 32])
def test_every_centre_is_covered_exactly_once(on_grid):
    for seed in range(8):
        size = 64
        counts = np.zeros((size, size + 1), int)
        for _, row, first, last in runs(sub_texels(triangulation(seed, on_grid=on_grid), size), size):
            np.add.at(counts, (row, first), 1)
            np.add.at(counts, (row, last + 1), -1)
        assert (np.cumsum(counts, axis=1)[:, :size] == 1).all()


def test_both_paths_agree(monkeypatch):
    if not accel.NUMBA:
        pytest.skip("numba is not here")
    rng = np.random.default_rng(1)
    cases = [
        (triangulation(3), 50, 1001, False),
        (triangulation(4, 2000), 64, 1001, False),
        (rng.random((200, 3, 2)) * 3 - 1, 64, 1001, True),
        (rng.random((100, 3, 2)) * 3, 64, 1012, False),
        (np.repeat(rng.random((50, 1, 2)), 3, axis=1) + rng.random((50, 3, 2)) * [0.2, 1e-4], 128, 1001, False),
    ]
    for uv, size, tile, wrap in cases:
        fast = claim_texels(uv, size, tile, wrap=wrap)
        with monkeypatch.context() as patch:
            patch.setattr(accel, "NUMBA", False)
            slow = claim_texels(uv, size, tile, wrap=wrap)
        np.testing.assert_array_equal(fast, slow)


def test_weights_give_back_the_texel_centre(path):
    size = 96
    uv = triangulation(5)
    triangle, bary = rasterise_uv(uv, size)
    assert (triangle >= 0).all()
    weights = np.concatenate([1 - bary.sum(axis=2, keepdims=True), bary], axis=2)
    point = (weights[..., None] * uv[triangle]).sum(axis=2)
    rows, columns = np.mgrid[:size, :size]
    np.testing.assert_allclose(point[..., 0], (columns + 0.5) / size, atol=1 / size / 128)
    np.testing.assert_allclose(point[..., 1], 1 - (rows + 0.5) / size, atol=1 / size / 128)


def test_row_zero_is_the_top(path):
    uv = np.array([[[0, 0.5], [1, 0.5], [1, 1]], [[0, 0.5], [1, 1], [0, 1]]], np.float32)
    triangle = claim_texels(uv, 16)
    assert (triangle[:8] >= 0).all()
    assert (triangle[8:] < 0).all()


def test_slivers_claim_what_they_touch_but_take_nothing(path):
    wide = np.array([[[0.25, 0.25], [0.75, 0.25], [0.75, 0.75]]], np.float32)
    sliver = np.array([[[0.0, 0.9001], [1.0, 0.9001], [1.0, 0.9002]]], np.float32)
    crossing = np.array([[[0.0, 0.3], [1.0, 0.3], [1.0, 0.3001]]], np.float32)
    alone = claim_texels(wide, 32)
    triangle, bary = rasterise_uv(np.concatenate([wide, sliver, crossing]), 32)
    np.testing.assert_array_equal(triangle == 0, alone == 0)
    assert (triangle[int((1 - 0.9001) * 32)] == 1).all()
    assert np.isfinite(bary).all()
    assert (bary >= 0).all()
    assert (bary.sum(axis=2) <= 1 + 1e-6).all()


def test_first_claim_wins(path):
    square = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    triangle = claim_texels(np.concatenate([square, square[:, ::-1]]), 32)
    assert set(np.unique(triangle)) == {0, 1}


def test_tiles_and_wrapping(path):
    square = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)
    moved = square * 0.5 + [1.25, 1.25]
    assert (claim_texels(moved, 32) < 0).all()
    here = claim_texels(moved, 32, 1012)
    assert (here >= 0).sum() == 256
    np.testing.assert_array_equal(claim_texels(moved, 32, wrap=True), here)
    straddling, bary = rasterise_uv(square * 0.5 + [-0.25, 0.25], 32, wrap=True)
    assert (straddling[16, :8] >= 0).all()
    assert (straddling[16, -8:] >= 0).all()
    assert (straddling[16, 8:24] < 0).all()
    assert bary[16, 27].min() >= 0


def test_unusable_uvs_own_nothing(path):
    bad = np.array([[[np.nan, 0], [1, 0], [1, 1]], [[1e30, 0], [1e30, 1], [0, 0]], [[-500, 0], [0, 1], [1, 1]]])
    assert (claim_texels(bad, 16, wrap=True) < 0).all()
    assert (claim_texels(np.zeros((0, 3, 2)), 16) < 0).all()
    point = claim_texels(np.full((1, 3, 2), 0.5), 16)
    assert 1 <= (point >= 0).sum() <= 4


def test_bilinear_lookup():
    image = np.random.default_rng(0).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    rows, columns = np.mgrid[:5, :7]
    centres = np.stack([(columns.ravel() + 0.5) / 7, 1 - (rows.ravel() + 0.5) / 5], axis=1)
    np.testing.assert_allclose(sample_tile(image, centres), image.reshape(-1, 4)[:, :3] / 255, atol=1e-6)
    between = sample_tile(image, np.array([[2 / 7, 0.9], [0.0, 1.0]]))
    np.testing.assert_allclose(between[0], image[0, 1:3, :3].mean(axis=0) / 255, atol=1e-6)
    np.testing.assert_allclose(between[1], image[0, 0, :3] / 255, atol=1e-6)
