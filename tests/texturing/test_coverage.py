# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and numbers that say where texels came from."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.texturing.coverage import coverage_numbers, coverage_picture, seam_error
from orbit_painter.backend.texturing.types import UNOBSERVED, UNOWNED, BakedTile, TextureTarget
from orbit_painter.backend.texturing.uv_raster import claim_texels


def tile(rgb, label, confidence=None):
    rgba = np.concatenate([rgb, np.full((*label.shape, 1), 255)], axis=2).astype(np.uint8)
    if confidence is None:
        confidence = np.where(label >= 0, 255, 0)
    return BakedTile(1001, rgba, label.astype(np.int16), confidence.astype(np.uint8))


def test_picture_tells_sources_apart():
    label = np.repeat(np.array([UNOWNED, UNOBSERVED, 0, 1, 2, 60]), 16)[None].repeat(32, axis=0)
    confidence = np.where(label >= 0, 255, 0)
    confidence[:16] = 0
    picture = coverage_picture(label, confidence, anchors=1)
    assert picture.shape == (32, 96, 3)
    assert picture.dtype == np.uint8
    seen = picture[16:]
    colours = [tuple(seen[4, 16 * k + 8]) for k in range(2, 6)]
    assert len(set(colours)) == 4
    for k in range(2, 6):
        assert len(np.unique(seen[:, 16 * k : 16 * k + 16].reshape(-1, 3), axis=0)) == 1
        assert len(np.unique(picture[:16, 16 * k : 16 * k + 16].reshape(-1, 3), axis=0)) == 2  # stripes
    assert len(np.unique(picture[:, 16:32].reshape(-1, 3), axis=0)) == 2
    assert coverage_picture(np.full((4, 4), UNOWNED)).shape == (4, 4, 3)


def test_numbers_add_up():
    label = np.array([[0, 0, 1, UNOBSERVED], [UNOWNED, 3, 3, 3]])
    confidence = np.array([[255, 0, 200, 0], [0, 0, 0, 255]])
    numbers = coverage_numbers({"a": [tile(np.zeros((2, 4, 3)), label, confidence)]})
    assert numbers == pytest.approx({"reference": 3 / 7, "painted": 3 / 7, "unseen": 1 / 7}, abs=1e-4)
    assert coverage_numbers({}) == {"reference": 0, "painted": 0, "unseen": 0}


def cut_strip(size=128):
    """Two coplanar quads whose charts are apart."""
    vertices = np.array([[x, y, 0] for x in (0, 1, 2) for y in (0, 1)], float)
    faces = np.array([[0, 2, 3], [0, 3, 1], [2, 4, 5], [2, 5, 3]])
    uv = np.concatenate([(vertices[:, :2] * 0.3 + 0.1)[faces[:2]], (vertices[:, :2] * 0.3 + [0.25, 0.55])[faces[2:]]])
    mesh = simple_mesh(vertices, faces, uv)
    owner = claim_texels(uv, size)
    rows, columns = np.mgrid[:size, :size]
    u, v = (columns + 0.5) / size, 1 - (rows + 0.5) / size
    x = np.where(owner >= 2, (u - 0.25) / 0.3, (u - 0.1) / 0.3)
    y = np.where(owner >= 2, (v - 0.55) / 0.3, (v - 0.1) / 0.3)
    rgb = np.where((owner >= 0)[..., None], np.stack([40 + 90 * x, 40 + 90 * y, 80 + 20 * x], axis=2), 0)
    target = TextureTarget("a", np.arange(4, dtype=np.int32), mesh.uv["UVMap"], "UVMap", size=size)
    return mesh, target, owner, np.rint(rgb)


def test_a_seamless_texture_has_no_seam_error():
    mesh, target, owner, rgb = cut_strip()
    found = seam_error(mesh, target, [tile(rgb, np.where(owner >= 0, 0, UNOWNED))])
    assert found["label_seam"] is None
    assert found["uv_seam_ratio"] < 1.5
    rgb[owner >= 2] += 30
    found = seam_error(mesh, target, [tile(rgb, np.where(owner >= 0, 0, UNOWNED))])
    assert found["uv_seam"] == pytest.approx(30, abs=3)


def test_label_seams():
    mesh, target, owner, rgb = cut_strip()
    label = np.where(owner >= 0, (owner >= 1).astype(int), UNOWNED)
    rgb[(owner == 1) | (owner >= 2)] += 20
    found = seam_error(mesh, target, [tile(rgb, label)])
    assert found["label_seam"] == pytest.approx(20, abs=2)
    assert found["label_seam_ratio"] > 5
    nothing = seam_error(mesh, target, [tile(rgb * 0, np.full(owner.shape, UNOWNED))])
    assert nothing["inside"] is None
