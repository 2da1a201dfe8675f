# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a mesh, what the pixels of a frame show of them, and texels beside another part."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.evaluation.drift import render_frames
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.painters.base import PaintedFrames
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.candidates import collect_candidates
from orbit_painter.backend.texturing.depth import DepthSource
from orbit_painter.backend.texturing.fuse import fuse
from orbit_painter.backend.texturing.sheets import EMPTY, MIXED, connected_parts, sheet_map
from orbit_painter.backend.texturing.targets import plan_targets
from orbit_painter.backend.texturing.texel_sampling import SurfaceSampler
from orbit_painter.backend.texturing.types import FuseParams
from orbit_painter.backend.texturing.vertex_colour import corner_colours
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.tests.texturing.shapes import box, join, sphere

BODY, LABEL = (0.9, 0.85, 0.2), (0.1, 0.1, 0.4)


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def either_path(request, monkeypatch):
    if request.param and not accel.NUMBA:
        pytest.skip("numba is not installed")
    monkeypatch.setattr(accel, "NUMBA", request.param)


def test_parts_are_what_corners_hold_together(either_path):
    vertices, faces = join(sphere(6), box([0.6, 0, 0], [0.8, 0.2, 0.2]), box([-0.9, 0, 0], [-0.8, 0.2, 0.2]))
    torn = vertices[faces].reshape(-1, 3)  # every face with corners of its own, at the same places
    broken = np.concatenate([torn, np.full((3, 3), np.nan)])
    for v, f in ((vertices, faces), (torn, np.arange(len(torn)).reshape(-1, 3))):
        part = connected_parts(v, f)
        assert len(np.unique(part)) == 3
        first = len(faces) - 24
        assert len(np.unique(part[:first])) == len(np.unique(part[first : first + 12])) == 1
    assert len(np.unique(connected_parts(broken, np.arange(len(broken)).reshape(-1, 3))[:-1])) == 3
    assert connected_parts(vertices, faces[:0]).shape == (0,)


@pytest.mark.parametrize("size", [64, 100])
def test_pixels_that_several_things_share_are_mixed(either_path, size):
    vertices, faces = join(box([-0.4, -0.4, -0.4], [0.4, 0.4, 0]), box([-0.2, -0.45, -0.3], [0.2, -0.4, -0.1]))
    camera = orbit_cameras("H", 4, size)[0]
    source = DepthSource(vertices.astype(np.float32), faces, [camera], 2 * size)
    sheet = source.sheets(0)
    part = source.part[[0, -1]]
    assert sheet.shape == (size, size)
    names, counts = np.unique(sheet, return_counts=True)
    assert set(names) == {MIXED, EMPTY, *part}
    assert counts.min() > 20
    beside = (sheet[:, 1:] != sheet[:, :-1]) & (sheet[:, 1:] >= 0) & (sheet[:, :-1] >= 0)
    wide = DepthSource(vertices.astype(np.float32), faces, [camera], 2 * size, margin=1.0).sheets(0)
    assert ((wide == MIXED) | (wide == sheet)).all()
    assert (wide == MIXED).sum() > 1.5 * (sheet == MIXED).sum()
    changes = (wide[:, 1:] != wide[:, :-1]) & (wide[:, 1:] >= 0) & (wide[:, :-1] >= 0)
    assert changes.sum() == 0
    assert beside.sum() < 0.1 * size * size
    assert DepthSource(vertices, faces, [camera], 64, margin=-1.0).sheets(0).size == 0


@pytest.mark.skipif(not accel.NUMBA, reason="numba is not installed")
@pytest.mark.parametrize(("width", "margin"), [(64, 0.0), (50, 0.5), (128, 1.0), (200, 0.0)])
def test_both_paths_agree(monkeypatch, width, margin):
    mesh = join(sphere(8), box([-0.5, -0.45, -0.3], [0.2, -0.2, -0.1]))
    camera = orbit_cameras("H", 5, 128)[1]
    source = DepthSource(*mesh, [camera], 128, margin=-1.0)
    from orbit_painter.backend.texturing.depth import depth_map

    drawn = depth_map(*mesh, camera)
    part = connected_parts(*mesh)
    assert source.part.size == 0
    compiled = sheet_map(*drawn, camera, part, width, width, margin)
    monkeypatch.setattr(accel, "NUMBA", False)
    np.testing.assert_array_equal(connected_parts(*mesh), part)
    np.testing.assert_array_equal(sheet_map(*drawn, camera, part, width, width, margin), compiled)


def labelled_box():
    """A box with a thin plate on its front, each in half of the UV square, without hidden faces of the plate."""
    body, plate = box([-0.4, -0.4, -0.4], [0.4, 0.4, 0.4]), box([-0.2, -0.41, -0.2], [0.2, -0.4, 0.2])
    vertices, faces = join(body, plate)
    corner = np.arange(24)
    cell = np.array([[0.1, 0.1], [0.9, 0.1], [0.1, 0.9]]) / (4, 6)
    uv = cell + np.stack([corner % 4 / 4, corner // 4 / 6], axis=1)[:, None]
    return simple_mesh(vertices.astype(np.float32), faces, uv)


def body_and_label(mesh):
    """Colours as a function of points of `labelled_box`: the plate's, also where it covers the box, or the body's."""
    front = np.abs(mesh.vertices).max(axis=0)

    def colour(points):
        y = np.asarray(points)[:, 1]
        on_plate = y < -front[1] * 0.4 / 0.41 - 1e-3
        on_plate |= (abs(np.asarray(points)[:, [0, 2]]) < 0.2 / 0.81 - 1e-3).all(axis=1) & (y < -0.45)
        return np.where(on_plate[:, None], LABEL, BODY).astype(np.float32)

    return colour


def test_no_texel_takes_the_colour_of_a_part_that_lies_on_its_own(either_path):
    mesh = labelled_box()
    colour = body_and_label(mesh)
    cameras = orbit_cameras("H", 6, 96) + orbit_cameras("V", 6, 96)
    frames = render_frames(mesh, colour, cameras, (6, 6), gain=0.0, blur=0.0, noise=0.0, supersample=2)
    params = FuseParams(label_grid=64, grid=64, alignment=False, exposure=False, depth_size=192, feather=0.0)
    targets = plan_targets(mesh, size=192).targets
    (tile,) = fuse(mesh, targets, PaintedFrames(frames, exact=True), params, (6, 6)).textures[targets[0].name]
    for rows, true in ((slice(96, None), BODY), (slice(96), LABEL)):
        seen = tile.label[rows] >= 0
        off = abs(tile.rgba[rows][seen][:, :3] - 255 * np.array(true)).max(axis=1)
        assert seen.sum() > 1000
        assert (off > 40).mean() < 0.002


def test_neither_does_a_corner_of_a_face():
    mesh = labelled_box()
    cameras = orbit_cameras("H", 6, 96) + orbit_cameras("V", 6, 96)
    frames = render_frames(mesh, body_and_label(mesh), cameras, (6, 6), gain=0.0, blur=0.0, noise=0.0, supersample=2)
    params = FuseParams(label_grid=64, depth_size=192, feather=0.0)
    depth = DepthSource.of_mesh(mesh, cameras, params)
    voxels = surface_voxels(mesh.vertices, mesh.faces, 64)
    found = collect_candidates(voxels, frames, depth, params, double_sided=False)
    sampler = SurfaceSampler(voxels, found.label[:, 0], found.colour[:, 0], frames, depth, params)
    corner = corner_colours(mesh, sampler)
    middle = abs(mesh.vertices[mesh.faces].mean(axis=1))
    sides = (np.arange(len(mesh.faces)) >= 12) & (middle[:, [0, 2]].max(axis=1) > 0.199)
    assert sides.sum() == 8
    off = abs(corner[sides][..., :3] - 255 * np.array(LABEL)).max(axis=-1)
    assert (off < 100).all()  # what lies under the plate is 163 away
