# SPDX-License-Identifier: GPL-3.0-or-later
"""Our own passes against Embree and Cycles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.mesh import MeshData, simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras, orthographic_front
from orbit_painter.backend.orbits.files import open_passes, save_header
from orbit_painter.backend.orbits.raycast import raycast_passes, raycast_view


def ball(radius=0.45, count=24) -> MeshData:
    """A sphere of longitude and latitude with smooth normals."""
    latitude, longitude = np.meshgrid(np.linspace(0, np.pi, count), np.linspace(0, 2 * np.pi, count), indexing="ij")
    points = np.stack(
        [np.sin(latitude) * np.cos(longitude), np.sin(latitude) * np.sin(longitude), np.cos(latitude)], axis=-1
    ).reshape(-1, 3)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(count - 1), np.arange(count - 1), indexing="ij"))
    a = i * count + j
    faces = np.concatenate([np.stack([a, a + count, a + count + 1], 1), np.stack([a, a + count + 1, a + 1], 1)])
    mesh = simple_mesh(points * radius, faces)
    return replace(mesh, corner_normals=points[faces].astype(np.float32))


@pytest.mark.parametrize("orthographic", [False, True])
def test_a_ball_is_a_ball(orthographic):
    mesh = ball(0.45, 64)
    camera = orthographic_front(80) if orthographic else orbit_cameras("V", 8, 80)[1]
    view = raycast_view(mesh, camera)
    origin, direction = camera.rays()
    b = (origin * direction).sum(-1)
    depth = b**2 - (origin**2).sum(-1) + 0.45**2
    exact = origin + (-b - np.sqrt(np.maximum(depth, 0)))[..., None] * direction
    assert (view.mask != (depth > 0)).mean() < 0.02
    inside = view.mask & (depth > 0.02)
    np.testing.assert_allclose(view.position[inside], exact[inside], atol=2e-3)
    np.testing.assert_allclose(view.normal[inside], exact[inside] / 0.45, atol=1e-2)
    assert (view.position[~view.mask] == 0).all()
    assert (view.object_id[~view.mask] == -1).all()


def test_positions_lie_on_their_rays():
    camera = orbit_cameras("H", 7, 64)[3]
    view = raycast_view(ball(), camera)
    projected, _ = camera.project(view.position[view.mask])
    v, u = np.nonzero(view.mask)
    np.testing.assert_allclose(projected, np.stack([u, v], axis=1) + 0.5, atol=1e-3)


def test_back_faces_show_turned_normals():
    mesh = ball()
    inside_out = replace(
        mesh,
        faces=mesh.faces[:, ::-1].copy(),
        corner_normals=-mesh.corner_normals[:, ::-1],
    )
    camera = orbit_cameras("H", 8, 64)[2]
    a, b = raycast_view(mesh, camera), raycast_view(inside_out, camera)
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_allclose(a.normal, b.normal, atol=1e-6)


def test_equal_to_embree():
    scenes = pytest.importorskip("embreex.rtcore_scene")
    meshes = pytest.importorskip("embreex.mesh_construction")
    mesh = ball()
    squashed = replace(mesh, vertices=(mesh.vertices * (1, 0.6, 0.8)).astype(np.float32))
    scene = scenes.EmbreeScene()
    meshes.TriangleMesh(scene, squashed.vertices, squashed.faces)
    for camera in (*orbit_cameras("V", 6, 96)[1:4], orthographic_front(96)):
        origin, direction = (a.reshape(-1, 3).astype(np.float32) for a in camera.rays())
        hit = scene.run(origin, direction, query="INTERSECT", output=True)
        view = raycast_view(squashed, camera)
        seen = hit["primID"].reshape(96, 96) >= 0
        assert (seen != view.mask).sum() <= 4
        both = seen & view.mask
        exact = (origin + hit["tfar"][:, None] * direction).reshape(96, 96, 3)
        np.testing.assert_allclose(view.position[both], exact[both], atol=1e-4)


def test_stopping_is_let_through(tmp_path):
    def stop(fraction: float, detail: str = "") -> None:
        if fraction > 0.4:
            raise CancelledError

    with pytest.raises(CancelledError):
        raycast_passes(ball(), orbit_cameras("H", 4, 16), tmp_path, stop)
    assert all(path.suffix == ".exr" and not path.name.startswith(".") for path in tmp_path.iterdir())


@pytest.mark.bpy
@pytest.mark.assets
@pytest.mark.parametrize("name", ["tea-set", "nasty-shared-mirrored", "nasty-degenerate"])
def test_equal_to_cycles(tmp_path, assets, name):
    pytest.importorskip("bpy")
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.passes import render_passes
    from orbit_painter.addon.scene_read import read_mesh

    mesh, _, _ = read_mesh(import_file(assets / name / "model.glb"))
    cameras = [*orbit_cameras("H", 4, 128)[1:3], orbit_cameras("V", 8, 128)[1]]
    save_header(tmp_path, mesh, cameras, (2, 1), renderer="cycles")
    render_passes(mesh, cameras, tmp_path)
    for cycles in open_passes(tmp_path):
        ours = raycast_view(mesh, cycles.camera)
        differ = cycles.mask != ours.mask
        assert differ.sum() <= 2  # on the silhouette itself
        both = cycles.mask & ours.mask
        far = np.abs(cycles.position - ours.position).max(axis=-1)[both] > 1e-4
        assert far.mean() < 1e-3  # surfaces in one place
        assert ((cycles.normal * ours.normal).sum(axis=-1)[both] < 0.999).mean() < 1e-3
        assert (cycles.object_id != ours.object_id)[both].mean() < 1e-3
