# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours around the charts."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.margin import fill_margin, nearest_owned
from orbit_painter.backend.texturing.uv_raster import claim_texels
from orbit_painter.backend.texturing.uv_seams import seam_mates
from scipy.ndimage import distance_transform_edt


def blobs(seed, size=70, share=0.03):
    return np.random.default_rng(seed).random((size, size)) < share


@pytest.mark.parametrize("reach", [1, 5, 40])
def test_nearest_is_exact_and_both_paths_agree(reach, monkeypatch):
    for seed in range(4):
        owned = blobs(seed)
        fast = nearest_owned(owned, reach)
        with monkeypatch.context() as patch:
            patch.setattr(accel, "NUMBA", False)
            slow = nearest_owned(owned, reach)
        np.testing.assert_array_equal(fast, slow)
        truth = distance_transform_edt(~owned)
        rows, columns = np.mgrid[: len(owned), : len(owned)]
        distance = np.hypot(fast // len(owned) - rows, fast % len(owned) - columns)
        np.testing.assert_allclose(distance[fast >= 0], truth[fast >= 0])
        np.testing.assert_array_equal(fast >= 0, truth <= reach)


def test_no_black_next_to_a_chart_and_the_mean_beyond():
    size, margin = 64, 6
    owner = np.full((size, size), -1, np.int32)
    owner[20:40, 10:30] = 0
    rgba = np.zeros((size, size, 4), np.uint8)
    rgba[owner >= 0] = (200, 100, 50, 255)
    fill_margin(rgba, owner, margin)
    assert (rgba == np.array([200, 100, 50, 255])).all()
    empty = np.zeros((8, 8, 4), np.uint8)
    fill_margin(empty, np.full((8, 8), -1, np.int32), 4)
    assert (empty == 0).all()


@pytest.fixture
def folded_strip():
    """A strip of two quads along x, cut in UV: the second quad lies elsewhere, turned and mirrored in the texture."""
    vertices = np.array([[x, y, 0] for x in (0, 1, 2) for y in (0, 1)], np.float32)
    faces = np.array([[0, 2, 3], [0, 3, 1], [2, 4, 5], [2, 5, 3]])
    first = vertices[:, :2] * 0.3 + [0.1, 0.1]
    second = np.stack([vertices[:, 1] * 0.3 + 0.6, (vertices[:, 0] - 1) * 0.3 + 0.6], axis=1)
    uv = np.concatenate([first[faces[:2]], second[faces[2:]]])
    return vertices, faces, uv


def test_the_margin_goes_on_with_the_adjacent_face(folded_strip):
    vertices, faces, uv = folded_strip
    size = 200
    owner = claim_texels(uv, size)
    rows, columns = np.nonzero(owner >= 0)
    at = np.stack([(columns + 0.5) / size, 1 - (rows + 0.5) / size], axis=1)
    second = owner[rows, columns] >= 2
    x = np.where(second, 1 + (at[:, 1] - 0.6) / 0.3, (at[:, 0] - 0.1) / 0.3)
    y = np.where(second, (at[:, 0] - 0.6) / 0.3, (at[:, 1] - 0.1) / 0.3)
    picture = np.zeros((size, size, 2), np.float32)
    picture[rows, columns] = np.stack([x, y], axis=1)
    fill_margin(picture, owner, 10, uv=uv, vertices=vertices, faces=faces)
    for step in range(1, 9):  # texels right of the first quad show the strip going on
        column, row = int(0.4 * size) + step - 1, int((1 - 0.25) * size)
        u, v = (column + 0.5) / size, 1 - (row + 0.5) / size
        np.testing.assert_allclose(picture[row, column], [(u - 0.1) / 0.3, (v - 0.1) / 0.3], atol=0.02)
    left = picture[int((1 - 0.25) * size), int(0.1 * size) - 3]  # an open edge: the nearest texel
    assert 0 <= left[0] < 0.02


def test_seams(folded_strip):
    vertices, faces, uv = folded_strip
    mate, seam = seam_mates(vertices, faces, uv)
    assert mate[0, 1] == 3 * 3 + 2  # edge 2-3 of both quads
    assert mate[3, 2] == 1
    assert (seam & (mate >= 0)).sum() == 2
    assert seam.sum() == 8  # 6 open sides and the cut; the diagonals are no seams
    assert not seam[0, 2]
