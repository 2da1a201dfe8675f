# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys

import numpy as np
import pytest
from orbit_painter.backend.evaluation.view_selection_scene import bumpy_body
from orbit_painter.backend.texturing import accel, nearest
from orbit_painter.backend.texturing.fill import DIFFUSED, GREY, KNOWN, NEAREST, PART_MEAN, diffuse
from orbit_painter.backend.texturing.neighbours import voxel_neighbours

MODES = ("mean", "first_come")


@pytest.fixture(scope="module")
def body():
    voxels = bumpy_body(12_000)
    return voxels, voxel_neighbours(voxels.coords, voxels.grid)


def line(count: int, start: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    near = np.full((count, 6), -1, np.int32)
    near[:-1, 0] = np.arange(1, count)
    near[1:, 1] = np.arange(count - 1)
    points = np.zeros((count, 3), np.float32)
    points[:, 0] = start + np.arange(count) / 256
    return near, points


def joined(*lines):
    base = np.cumsum([0, *(len(near) for near, _ in lines)])
    near = np.concatenate([np.where(n >= 0, n + b, -1) for (n, _), b in zip(lines, base, strict=False)]).astype(
        np.int32
    )
    return near, np.concatenate([points for _, points in lines])


def smooth_colour(points: np.ndarray) -> np.ndarray:
    return (127 + 100 * np.sin(9 * points + np.array([0, 1, 2], np.float32))).astype(np.float32)


def patches(points: np.ndarray, radius: float, count: int = 14) -> np.ndarray:
    """Voxels outside of some balls: what is known when the balls hide the rest."""
    centres = points[np.linspace(0, len(points) - 1, count).astype(int)]
    return np.min([np.linalg.norm(points - c, axis=1) for c in centres], axis=0) > radius


@pytest.mark.parametrize("mode", MODES)
def test_reaches_every_voxel_and_leaves_known_ones(body, mode):
    voxels, near = body
    colours = np.random.default_rng(0).uniform(0, 255, (len(voxels), 3)).astype(np.float32)
    known = patches(voxels.point, 0.1)
    before = colours.copy()
    out, source = diffuse(near, colours, known, points=voxels.point, part=voxels.object_id, mode=mode)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(colours, before)
    np.testing.assert_array_equal(out[known], colours[known])
    assert set(np.unique(source[known])) == {KNOWN}
    assert set(np.unique(source[~known])) == {DIFFUSED}
    assert out[~known].min() >= colours[known].min()
    assert out[~known].max() <= colours[known].max()


@pytest.mark.parametrize("mode", MODES)
def test_colours_of_unknown_voxels_do_not_matter(body, mode):
    voxels, near = body
    known = patches(voxels.point, 0.15)
    colours = smooth_colour(voxels.point)
    spoilt = np.where(known[:, None], colours, np.float32(np.nan))
    first, _ = diffuse(near, colours, known, points=voxels.point, part=voxels.object_id, mode=mode)
    second, _ = diffuse(near, spoilt, known, points=voxels.point, part=voxels.object_id, mode=mode)
    np.testing.assert_array_equal(first, second)


def test_a_level_sees_only_earlier_levels():
    """First come on a line: each voxel copies the end it is nearer to."""
    near, points = line(10)
    colours = np.zeros((10, 1), np.float32)
    colours[-1] = 90
    known = np.zeros(10, bool)
    known[[0, -1]] = True
    out, _ = diffuse(near, colours, known, points=points, part=np.zeros(10, np.int32), mode="first_come")
    np.testing.assert_array_equal(out[:, 0], [0, 0, 0, 0, 0, 90, 90, 90, 90, 90])


def test_smoothing_steps_by_hand():
    near, points = line(6)
    colours = np.zeros((6, 1), np.float32)
    colours[-1] = 60
    known = np.array([True, False, False, False, False, True])
    out, _ = diffuse(near, colours, known, points=points, part=np.zeros(6, np.int32))
    expected = np.array([0, 0, 0, 60, 60, 60], np.float32)
    before, weight = expected.copy(), 1.0
    for step in range(20):
        weight = (1.0, 1 / (1 - 0.99**2 / 2))[step] if step < 2 else 1 / (1 - 0.99**2 * weight / 4)
        after = expected.copy()
        after[1:-1] = weight * ((expected[:-2] + expected[2:]) / 2 - before[1:-1]) + before[1:-1]
        before, expected = expected, after
    np.testing.assert_allclose(out[:, 0], expected, atol=1e-4)
    np.testing.assert_allclose(expected, np.linspace(0, 60, 6), atol=3)  # Laplace's equation, from 24 away


@pytest.mark.parametrize("mode", MODES)
def test_components_without_known_voxels(mode):
    """One near a known voxel, one far away in the same part, one far away in a part of its own."""
    near, points = joined(line(4), line(3, 0.05), line(3, 0.3), line(3, 0.4))
    part = np.array([0] * 10 + [1] * 3, np.int32)
    known = np.zeros(13, bool)
    known[:4] = True
    colours = np.zeros((13, 2), np.float32)
    colours[:4] = [[10, 1], [20, 2], [30, 3], [40, 4]]
    out, source = diffuse(near, colours, known, points=points, part=part, mode=mode)
    assert source.tolist() == [KNOWN] * 4 + [NEAREST] * 3 + [PART_MEAN] * 3 + [GREY] * 3
    assert (out[4:7] == [40, 4]).all()
    assert (out[7:10] == [25, 2.5]).all()
    assert (out[10:] == 128).all()


def test_nothing_known_and_no_voxels():
    near, points = line(5)
    nothing = np.zeros((5, 3), np.float32)
    out, source = diffuse(near, nothing, np.zeros(5, bool), points=points, part=np.zeros(5, np.int32))
    assert (out == 128).all()
    assert (source == GREY).all()
    out, source = diffuse(near[:0], nothing[:0], np.zeros(0, bool), points=points[:0], part=np.zeros(0, np.int32))
    assert out.shape == (0, 3)


def test_any_number_of_channels(body):
    voxels, near = body
    known = patches(voxels.point, 0.1)
    colours = np.repeat(smooth_colour(voxels.point), 2, axis=1)
    wide, _ = diffuse(near, colours, known, points=voxels.point, part=voxels.object_id)
    narrow, _ = diffuse(near, colours[:, :1], known, points=voxels.point, part=voxels.object_id)
    np.testing.assert_array_equal(wide[:, :1], narrow)


@pytest.mark.parametrize("mode", MODES)
def test_numpy_gives_the_same_bits(body, mode, monkeypatch):
    voxels, near = body
    colours = np.random.default_rng(2).uniform(0, 255, (len(voxels), 3)).astype(np.float32)
    known = patches(voxels.point, 0.3)
    apart = near.copy()
    apart[abs(voxels.point[:, 0]) < 0.01] = -1  # two components, and voxels on their own
    apart[np.isin(apart, np.flatnonzero((apart < 0).all(axis=1)))] = -1
    here = {"points": voxels.point, "part": voxels.object_id, "mode": mode}
    compiled = diffuse(apart, colours, known, **here)
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = diffuse(apart, colours, known, **here)
    assert {DIFFUSED, NEAREST} <= set(np.unique(plain[1]))
    for a, b in zip(compiled, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_mean_is_better_than_first_come(body):
    """A8: the mean error is at most 0.9 of first come's."""
    voxels, near = body
    truth = smooth_colour(voxels.point)
    known = patches(voxels.point, 0.12)
    error = {}
    for mode in MODES:
        out, _ = diffuse(near, truth, known, points=voxels.point, part=voxels.object_id, mode=mode)
        error[mode] = abs(out - truth)[~known].mean()
    assert error["mean"] <= 0.9 * error["first_come"]


def test_nearest_without_scipy_is_the_same(monkeypatch):
    random = np.random.default_rng(3)
    points = random.uniform(-0.5, 0.5, (3000, 3)).astype(np.float32)
    points = np.concatenate([points, points[:500]])  # equal distances: the lower index wins
    queries = np.concatenate([random.uniform(-0.7, 0.7, (600, 3)), points[:50]]).astype(np.float32)
    by_tree = nearest.nearest_points(queries, points, 0.1)
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    by_cells = nearest.nearest_points(queries, points, 0.1)
    np.testing.assert_array_equal(by_tree, by_cells)
    distance = np.linalg.norm(queries[:, None].astype(float) - points[None].astype(float), axis=2)
    expected = np.where(distance.min(axis=1) < 0.1, distance.argmin(axis=1), -1)
    np.testing.assert_array_equal(by_tree, expected)
    assert 0 < (by_tree < 0).sum() < len(queries)
