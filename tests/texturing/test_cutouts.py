# SPDX-License-Identifier: GPL-3.0-or-later
"""A card whose material is cut out, in front of a wall: what is seen through it, and what is painted on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.cutouts import Cutout
from orbit_painter.backend.evaluation.drift import render_frames
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras
from orbit_painter.backend.orbits.files import load_mesh, save_mesh
from orbit_painter.backend.orbits.raycast import embree_scene, first_hits
from orbit_painter.backend.painters.base import PaintedFrames
from orbit_painter.backend.painters.projection.surface import surface_points
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.depth import depth_map
from orbit_painter.backend.texturing.fuse import fuse
from orbit_painter.backend.texturing.targets import plan_targets
from orbit_painter.backend.texturing.types import UNOBSERVED, UNOWNED, FuseParams

CARD, WALL = -0.15, 0.15  # along Y
RED, GREEN = (0.9, 0.1, 0.1), (0.1, 0.8, 0.1)
SIDE = 32


def disc(side=SIDE):
    """Solid inside a circle that fills half of the card, off its middle."""
    y, x = np.mgrid[:side, :side] + 0.5
    return (x - 0.45 * side) ** 2 + (y - 0.4 * side) ** 2 < side * side / (2 * np.pi)


@pytest.fixture(scope="module")
def scene():
    """Two squares that face the front, the nearer one cut out; both fill their UV tile side by side."""
    corners = np.array([(-0.45, 0, -0.45), (0.45, 0, -0.45), (0.45, 0, 0.45), (-0.45, 0, 0.45)])
    vertices = np.concatenate([corners + np.array([0, y, 0]) for y in (CARD, WALL)])
    faces = np.array([(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7)])
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    own = square[faces % 4]
    apart = np.where(faces[..., None] >= 4, (0.51, 0.02), (0.01, 0.02))
    mesh = simple_mesh(vertices, faces, own * (0.48, 0.96) + apart)
    return replace(
        mesh.with_uv("Leaf", own),
        face_material=np.array([0, 0, 1, 1], np.int32),
        material_names=("Leaf", "Wall"),
        cutouts={0: Cutout(disc(), "Leaf")},
    )


def colour(points):
    return np.where(np.asarray(points)[:, 1:2] < 0, GREEN, RED).astype(np.float32)


CAMERAS = {
    "perspective": Camera(look((0.4, -2, 0.5), (0, 0, 1)), 96, 80, 110.0, (47.0, 41.0)),
    "orthographic": Camera(look((0.2, -2, 0.1), (0, 0, 1)), 90, 96, 80.0, (44.0, 47.0), orthographic=True),
    "behind": Camera(look((0.4, 2, 0.5), (0, 0, 1)), 96, 96, 110.0, (48.0, 48.0)),
}


def expected(mesh, camera):
    """By the rays themselves: 0 the card, 1 the wall, -1 nothing."""
    origin, direction = (values.reshape(-1, 3) for values in camera.rays())
    seen = np.full(len(origin), -1)
    planes = sorted((CARD, WALL), key=lambda y: -abs(y - camera.centre[1]))  # the nearest is drawn last
    for y in planes:
        at = origin + ((y - origin[:, 1]) / direction[:, 1])[:, None] * direction
        inside = (np.abs(at[:, [0, 2]]) < 0.45).all(axis=1)
        if y == CARD:
            u, v = ((at[:, axis] + 0.45) / 0.9 for axis in (0, 2))
            x, row = (np.clip((value * SIDE).astype(int), 0, SIDE - 1) for value in (u, v))
            inside &= disc()[SIDE - 1 - row, x]
        seen[inside] = int(y == WALL)
    return seen.reshape(camera.height, camera.width)


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("compiled", [True, False])
def test_the_rasteriser_sees_through_what_is_transparent(scene, name, compiled, monkeypatch):
    if compiled and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", compiled)
    camera = CAMERAS[name]
    depth, triangle = depth_map(scene.vertices, scene.faces, camera, holes=scene.holes)
    wanted = expected(scene, camera)
    assert (np.where(triangle >= 0, triangle // 2, -1) != wanted).mean() < 2e-3
    assert name == "behind" or 0.1 < (wanted == 0).mean() < 0.5
    assert np.isfinite(depth[wanted == 1]).mean() > 0.999


@pytest.mark.parametrize("name", CAMERAS)
def test_rays_see_the_same(scene, name):
    caster = embree_scene(scene)
    if caster is None:
        pytest.skip("Embree is not here")
    wanted = expected(scene, CAMERAS[name])
    hit = first_hits(scene, CAMERAS[name], caster)
    assert (np.where(hit >= 0, hit // 2, -1) != wanted).mean() < 2e-3


def test_what_is_transparent_altogether_is_not_there(scene):
    nothing = Cutout(np.zeros((4, 4), bool), "Leaf")
    empty = replace(scene, cutouts={0: nothing, 1: nothing})
    assert (first_hits(empty, CAMERAS["perspective"], embree_scene(empty)) < 0).all()
    assert (depth_map(empty.vertices, empty.faces, CAMERAS["perspective"], holes=empty.holes)[1] < 0).all()


def test_without_holes_nothing_is_different(scene):
    solid = replace(scene, cutouts={0: Cutout(np.ones((4, 4), bool), "Leaf")})
    assert solid.holes is None
    assert replace(scene, cutouts={0: Cutout(disc(), "elsewhere")}).holes is None
    assert replace(scene, cutouts={}).holes is None


@pytest.mark.parametrize("compiled", [True, False])
def test_faces_that_reach_behind_the_camera_are_solid(scene, compiled, monkeypatch):
    if compiled and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", compiled)
    camera = Camera(look((-0.3, CARD - 0.05, 0.02), (0, 0, 1)), 48, 48, 24.0, (24.0, 24.0))
    with_holes = depth_map(scene.vertices, scene.faces, camera, holes=scene.holes)[1]
    assert np.array_equal(with_holes, depth_map(scene.vertices, scene.faces, camera)[1])
    assert (with_holes < 2).mean() > 0.3


def test_a_saved_mesh_keeps_its_holes(scene, tmp_path):
    save_mesh(tmp_path / "mesh.npz", scene)
    again = load_mesh(tmp_path / "mesh.npz")
    assert again.cutouts[0].uv_map == "Leaf"
    assert np.array_equal(again.cutouts[0].solid, disc())
    assert np.array_equal(again.holes.image, scene.holes.image)


def test_holes_get_no_paint_of_what_is_behind_them(scene):
    """Each place of the wall that some view sees through the card is red, and all of the card is green."""
    cameras = orbit_cameras("H", 12, 128)
    painted = PaintedFrames(
        render_frames(scene, colour, cameras, (12, 0), gain=0.0, blur=0.0, noise=0.0, supersample=1), exact=True
    )
    params = FuseParams(label_grid=64, grid=64, alignment=False, exposure=False, depth_size=256)
    (target,) = plan_targets(scene, uv_choice="UVMap", size=64).targets
    result = fuse(scene, [target], painted, params, (12, 0))
    (tile,) = result.textures[target.name]
    row, column = np.mgrid[:64, :64] + 0.5
    u, v = (column / 64 - 0.01) / 0.48, (1 - row / 64 - 0.02) / 0.96
    card = (u > 0) & (u < 1) & (v > 0) & (v < 1)
    x, y = (np.clip((value * SIDE).astype(int), 0, SIDE - 1) for value in (u, v))
    solid = card & disc()[SIDE - 1 - y, x]
    green, red = ((np.abs(tile.rgba[..., :3] / 255 - c) < 0.12).all(axis=-1) for c in (GREEN, RED))
    assert green[card].mean() > 0.98
    assert (tile.label[solid] >= 0).mean() > 0.9
    assert (tile.label[card & ~solid] == UNOWNED).mean() > 0.9
    wall = (column > 34) & (column < 62) & (row > 3) & (row < 61)
    assert red[wall].all()
    assert (tile.label[wall] == UNOBSERVED).mean() < 0.02


def test_no_texture_is_made_up_in_the_air(scene):
    surface = surface_points(scene, 64)
    on_card = surface.point[:, 1] < 0
    cell = ((surface.point[on_card][:, [0, 2]] + 0.45) / 0.9 * SIDE).astype(int).clip(0, SIDE - 1)
    assert disc()[SIDE - 1 - cell[:, 1], cell[:, 0]].mean() > 0.99
    assert on_card.sum() > 500
