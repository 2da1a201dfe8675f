# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether UV maps can carry a texture."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.mesh import face_normals
from orbit_painter.backend.texturing.uv_quality import measure_uv
from orbit_painter.tests.texturing.asset_mesh import load_asset

SQUARE = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], float)


def squares(*places, size=0.4):
    return np.concatenate([SQUARE * size + np.asarray(place) for place in places])


def measure(uv, polygons=None):
    return measure_uv(uv, np.ones(len(uv)), polygons)


def test_a_clean_map():
    found = measure(squares((0.05, 0.05), (0.55, 0.05), (0.05, 0.55)))
    assert found.usable
    assert (found.valid, found.overlap, found.mirrored) == (1, 0, 0)
    assert found.tiles == (1001,)


def test_overlap_is_a_share_of_the_surface():
    found = measure(squares((0.05, 0.05), (0.55, 0.05), (0.05, 0.05), (0.55, 0.55)))
    assert found.overlap == pytest.approx(0.5, abs=0.01)
    assert not found.usable
    assert "50 %" in found.reason


def test_mirrored_halves_on_top_of_each_other():
    half = squares((0.1, 0.1), size=0.8)
    found = measure(np.concatenate([half, half[:, ::-1]]))
    assert found.mirrored == pytest.approx(0.5)
    assert found.overlap == pytest.approx(1)
    assert not found.usable


def test_the_two_triangles_of_a_folded_quad_are_adjacent():
    folded = np.array([[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], [[0.1, 0.1], [0.9, 0.9], [0.8, 0.2]]])
    assert measure(folded, np.array([0, 1])).overlap > 0.1
    assert measure(folded, np.array([0, 0])).overlap == 0


def test_a_little_overshoot_is_not_a_tile():
    found = measure(squares((-0.05, 0.3), (0.55, 0.3)))
    assert found.layout == "single"
    assert found.usable
    assert found.tiles == (1001,)


def test_tiles():
    found = measure(squares((0.3, 0.3), (1.3, 0.3), (0.3, 1.3)))
    assert found.layout == "udim"
    assert found.tiles == (1001, 1002, 1011)
    assert found.usable
    assert measure(squares((1.3, 2.3))).tiles == (1001,)  # all in one tile: an ordinary texture that repeats


@pytest.mark.parametrize("count", [3, 16, 60])
def test_repeating_uvs_are_unusable(count):
    found = measure(SQUARE * [count, 1])
    assert found.layout == "repeating"
    assert not found.usable
    assert found.overlap > 0.5


def test_nothing_to_stand_on():
    assert measure(np.full((3, 3, 2), np.nan)).valid == 0
    assert not measure(np.zeros((3, 3, 2))).usable
    assert not measure(np.zeros((0, 3, 2))).usable
    mostly = measure(np.concatenate([squares((0.1, 0.1)), np.zeros((2, 3, 2))]))
    assert mostly.valid == 0.5
    assert not mostly.usable


@pytest.mark.assets
@pytest.mark.parametrize(
    ("name", "uv_map", "layout", "usable"),
    [
        ("spot", "UVMap", "single", True),
        ("cracker-box", "TEXCOORD_0", "single", True),
        ("water-bottle", "TEXCOORD_0", "single", True),
        ("sheen-chair", "TEXCOORD_0", "repeating", False),
        ("sheen-chair", "TEXCOORD_1", "single", True),
        ("nasty-udim", "TEXCOORD_0", "udim", True),
        ("nasty-udim", "TEXCOORD_1", "single", True),
        ("nasty-shared-mirrored", "TEXCOORD_0", "single", False),
        ("nasty-degenerate", "TEXCOORD_0", "single", False),
    ],
)
def test_assets(assets, name, uv_map, layout, usable):
    mesh, _ = load_asset(assets / name)
    own = mesh.face_object == 0
    area = face_normals(mesh.vertices, mesh.faces)[1]
    found = measure_uv(mesh.uv[uv_map][own], area[own], mesh.face_polygon[own])
    assert (found.layout, found.usable) == (layout, usable), found.reason
