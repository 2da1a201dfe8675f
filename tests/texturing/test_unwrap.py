# SPDX-License-Identifier: GPL-3.0-or-later
"""New UV maps."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.mesh import face_normals
from orbit_painter.backend.texturing import unwrap as module
from orbit_painter.backend.texturing.chart_packing import components, pack_charts
from orbit_painter.backend.texturing.unwrap import box_unwrap, unwrap, unwrap_xatlas
from orbit_painter.backend.texturing.uv_quality import measure_uv
from orbit_painter.tests.texturing.asset_mesh import load_asset
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

HAS_XATLAS = importlib.util.find_spec("xatlas") is not None
METHODS = [pytest.param(unwrap_xatlas, marks=pytest.mark.skipif(not HAS_XATLAS, reason="no xatlas")), box_unwrap]


def check(vertices, faces, polygon, uv):
    """Inside 0..1, nothing overlaps, everything has a place, polygons are whole."""
    assert uv.shape == (len(faces), 3, 2)
    assert uv.dtype == np.float32
    assert (uv >= 0).all()
    assert (uv <= 1).all()
    _, corner = np.unique(np.nan_to_num(vertices[faces.reshape(-1)]), axis=0, return_inverse=True)
    key = np.repeat(polygon, 3) * (len(vertices) + 1) + corner.reshape(-1)
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(uv.reshape(-1, 2), uv.reshape(-1, 2)[first][index.reshape(-1)])
    found = measure_uv(uv, np.nan_to_num(face_normals(np.nan_to_num(vertices), faces)[1]), polygon)
    assert found.valid > 0.995
    assert found.overlap < 0.005


@pytest.mark.assets
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["spot", "nasty-no-uv", "nasty-degenerate", "leafy-tree"])
def test_assets(assets, method, name):
    mesh, _ = load_asset(assets / name)
    polygon = mesh.face_object * 100_000 + mesh.face_polygon
    check(mesh.vertices, mesh.faces, polygon, method(mesh.vertices, mesh.faces, polygon))


@pytest.mark.parametrize("method", METHODS)
def test_degenerate_input(method):
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [np.nan, 0, 0], [0, 0, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 0, 1], [0, 1, 4], [5, 1, 0]])
    uv = method(vertices, faces, np.arange(5))
    assert np.isfinite(uv).all()
    assert measure_uv(uv[:2], np.ones(2)).usable
    assert method(vertices, faces[2:3], np.arange(1)).shape == (1, 3, 2)
    assert method(vertices, np.zeros((0, 3), int), np.zeros(0, int)).shape == (0, 3, 2)


def test_box_unwrap_keeps_winding_and_scale(assets):
    mesh, _ = load_asset(assets / "spot")
    uv = box_unwrap(mesh.vertices, mesh.faces, mesh.face_polygon)
    signed = np.cross(uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]) / 2
    normals, area = face_normals(mesh.vertices, mesh.faces)
    ratio = signed / area / abs(normals).max(axis=1)
    square = abs(normals).max(axis=1) > 0.9
    assert (signed > 0).mean() > 0.98
    assert np.percentile(abs(ratio[square] / np.median(ratio[square]) - 1), 95) < 0.01


def test_stacked_layers_do_not_cover_each_other():
    """A spiral ramp is one connected surface that all faces up."""
    turns, steps = 3, 40
    angle = np.linspace(0, turns * 2 * np.pi, turns * steps)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner, outer = (np.column_stack([r * ring, angle * 0.05]) for r in (0.5, 1.0))
    vertices = np.stack([inner, outer], axis=1).reshape(-1, 3).astype(np.float32)
    a = 2 * np.arange(len(angle) - 1)
    faces = np.concatenate([np.stack([a, a + 1, a + 3], 1), np.stack([a, a + 3, a + 2], 1)])
    polygon = np.tile(np.arange(len(a)), 2)
    check(vertices, faces, polygon, box_unwrap(vertices, faces, polygon))


@pytest.mark.skipif(not HAS_XATLAS, reason="no xatlas")
def test_failure_and_time_limit_fall_back(monkeypatch, assets):
    mesh, _ = load_asset(assets / "spot")
    boxes = box_unwrap(mesh.vertices, mesh.faces, mesh.face_polygon)
    monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setattr(module, "SECONDS_PER_TRIANGLE", 0.0)
    np.testing.assert_array_equal(unwrap(mesh.vertices, mesh.faces, mesh.face_polygon), boxes)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    np.testing.assert_array_equal(unwrap(mesh.vertices, mesh.faces, mesh.face_polygon), boxes)


@pytest.mark.skipif(not HAS_XATLAS, reason="no xatlas")
def test_cancel_ends_the_child(assets):
    mesh, _ = load_asset(assets / "spot")

    def stop(fraction, detail=""):
        raise CancelledError

    with pytest.raises(CancelledError):
        unwrap(mesh.vertices, mesh.faces, mesh.face_polygon, stop)


def test_components_against_scipy():
    rng = np.random.default_rng(0)
    for edges in (0, 5, 100, 300):
        a, b = rng.integers(0, 200, (2, edges))
        mine = components(200, a, b)
        _, theirs = connected_components(coo_matrix((np.ones(edges), (a, b)), (200, 200)), directed=False)
        pairs = np.unique(np.stack([mine, theirs], 1), axis=0)
        assert len(pairs) == len(np.unique(mine)) == len(np.unique(theirs))


def test_packed_boxes_keep_their_distance():
    rng = np.random.default_rng(1)
    size = rng.random((200, 2)) ** 3 + 0.01
    uv = np.array([[[0, 0], [1, 0], [1, 1]]]) * size[:, None] + rng.random((200, 1, 2)) * 9
    packed = pack_charts(uv, np.arange(200), 4 / 1024)
    low, high = packed.min(axis=1), packed.max(axis=1)
    gap = np.maximum(low[:, None] - high[None], low[None] - high[:, None]).max(axis=2)
    gap[np.arange(200), np.arange(200)] = np.inf
    assert gap.min() >= 7.9 / 1024
    assert ((high - low).prod(axis=1)).sum() > 0.4
