# SPDX-License-Identifier: GPL-3.0-or-later
import os
from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.cutouts import Cutout
from orbit_painter.backend.errors import CancelledError, EngineMissingError, OutputError, UsageError
from orbit_painter.backend.mesh import MeshData, simple_mesh
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras, orthographic_front
from orbit_painter.backend.orbits.files import open_passes, save_header, view_name
from orbit_painter.backend.orbits.raycast import raycast_view

pytestmark = pytest.mark.bpy


def render(mesh: MeshData, cameras, folder, **options):
    """The views of a mesh through the files, as later stages see them."""
    from orbit_painter.addon.passes import render_passes

    save_header(folder, mesh, cameras, (len(cameras), 0), renderer=options.get("engine", "cycles"))
    render_passes(mesh, cameras, folder, **options)
    return list(open_passes(folder))


def ball(segments=64):
    """A finely triangulated sphere of radius 0.4 with exact normals."""
    u = np.linspace(0, 2 * np.pi, 2 * segments, endpoint=False)
    v = np.linspace(0.01, np.pi - 0.01, segments)
    grid = np.stack(np.broadcast_arrays(np.sin(v)[:, None] * np.cos(u), np.sin(v)[:, None] * np.sin(u), np.cos(v)[:, None]), -1)  # fmt: skip # noqa: E501
    index = np.arange(grid[..., 0].size).reshape(grid.shape[:2])
    a, b = index[:-1], index[1:]
    c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
    faces = np.concatenate([np.stack(t, -1).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    vertices = grid.reshape(-1, 3)
    mesh = simple_mesh(0.4 * vertices, faces)
    return replace(mesh, corner_normals=vertices[faces].astype(np.float32))


def first_hits(mesh: MeshData, camera: Camera):
    """Triangle index (H, W), -1 outside, by ray casting; positions and normals by barycentric interpolation."""
    trimesh = pytest.importorskip("trimesh")
    pytest.importorskip("embreex")
    from trimesh.ray.ray_pyembree import RayMeshIntersector

    caster = RayMeshIntersector(trimesh.Trimesh(mesh.vertices, mesh.faces, process=False))
    origins, directions = (rays.reshape(-1, 3) for rays in camera.rays())
    hit = caster.intersects_first(origins, directions)
    mask = hit >= 0
    corners = mesh.triangles[hit[mask]].astype(np.float64)
    o, d = origins[mask], directions[mask]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    t = ((corners[:, 0] - o) * cross).sum(-1) / (d * cross).sum(-1)
    position = o + t[:, None] * d
    weights = trimesh.triangles.points_to_barycentric(corners, position)
    normal = (weights[..., None] * mesh.corner_normals[hit[mask]]).sum(axis=1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    normal *= -np.sign((cross * d).sum(-1))[:, None]  # towards the camera
    shape = (camera.height, camera.width)
    return hit.reshape(shape), mask.reshape(shape), position, normal


def test_a_sphere_to_the_fifth_digit(empty, tmp_path):
    mesh = ball()
    (view,) = render(mesh, [orbit_cameras("H", 8, 256)[1]], tmp_path)
    _, mask, position, normal = first_hits(mesh, view.camera)
    assert np.array_equal(view.mask, mask)
    assert np.abs(view.position[mask] - position).max() < 1e-5
    radius = np.linalg.norm(view.position[mask], axis=-1)
    assert radius.max() <= 0.4 + 1e-5
    assert radius.min() > 0.4 * np.cos(np.pi / 64) - 1e-5  # inside the chords of the polyhedron
    assert np.abs(view.normal[mask] - normal).max() < 3e-4
    assert np.abs(view.normal[mask] - view.position[mask] / radius[:, None]).max() < 2e-3
    # the point seen lies on the ray through the pixel's centre
    pixels, _ = view.camera.project(view.position[mask])
    rows, columns = np.nonzero(mask)
    assert np.abs(pixels - np.stack([columns, rows], -1) - 0.5).max() < 0.05


@pytest.mark.parametrize(
    "camera",
    [
        orthographic_front(128),
        Camera(look((0.3, -2, 0.4), (0, 0, 1)), 160, 96, 90.0, (70.5, 60.25)),
        Camera(look((0.3, -2, 0.4), (0.2, 0, 1)), 96, 160, 90.0, (40.5, 70.25)),
        Camera(look((2, 1, 1), (0, 0, 1)), 90, 120, 100.0, (40.0, 66.5), True),
    ],
    ids=["front", "wide", "tall", "orthographic"],
)
def test_any_camera(empty, tmp_path, camera):
    mesh = ball(24)
    (view,) = render(mesh, [camera], tmp_path)
    _, mask, position, normal = first_hits(mesh, camera)
    assert (view.mask != mask).sum() <= 2
    both = view.mask & mask
    assert np.abs(view.position[both] - position[both[mask]]).max() < 1e-4
    assert np.abs(view.normal[both] - normal[both[mask]]).max() < 1e-3


@pytest.mark.assets
@pytest.mark.parametrize(
    "name", ["tea-set", "fox", "leafy-tree", "sheen-chair", "spot", "nasty-shared-mirrored", "nasty-degenerate"]
)
def test_assets_agree_with_ray_casting(bpy, assets, tmp_path, name):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import find_objects, read_mesh

    import_file(assets / name / ("model.obj" if name == "spot" else "model.glb"))
    mesh, _, _ = read_mesh(find_objects())
    cameras = [orbit_cameras("H", 8, 256)[i] for i in (0, 3)] + [orbit_cameras("V", 8, 256)[1]]
    for view in render(mesh, cameras, tmp_path):
        hit, mask, position, normal = first_hits(mesh, view.camera)
        assert (view.mask != mask).sum() <= 3
        # where surfaces cross or lie on each other, the two may take different ones
        both = view.mask & mask
        error = np.linalg.norm(view.position[both] - position[both[mask]], axis=-1)
        assert (error > 1e-4).mean() < 1e-3
        error = np.linalg.norm(view.normal[both] - normal[both[mask]], axis=-1)
        assert (error > 1e-3).mean() < (0.02 if name == "nasty-degenerate" else 2e-3)
        assert (mesh.face_object[hit[both]] != view.object_id[both]).mean() < 1e-3


def test_object_ids_beyond_a_byte(empty, tmp_path):
    n = 600
    x, y = np.arange(n) % 25 / 25 - 0.49, np.arange(n) // 25 / 25 - 0.49
    corner = np.array([[0, 0, 0], [0.035, 0, 0], [0, 0, 0.035]])
    vertices = (np.stack([x, np.zeros(n), y], -1)[:, None] + corner).reshape(-1, 3)
    mesh = simple_mesh(vertices, np.arange(3 * n).reshape(-1, 3))
    mesh = replace(mesh, face_object=np.arange(n, dtype=np.int32), object_names=tuple(str(i) for i in range(n)))
    (view,) = render(mesh, [orthographic_front(256)], tmp_path)
    assert np.array_equal(np.unique(view.object_id), np.arange(-1, n))


def test_back_faces_show_and_face_the_camera(empty, tmp_path):
    mesh = simple_mesh(np.array([[-0.4, 0, -0.4], [0.4, 0, -0.4], [0, 0.1, 0.4]]), np.array([[0, 2, 1]]))
    (view,) = render(mesh, [orthographic_front(64)], tmp_path)
    assert view.mask.sum() > 500
    assert (view.normal[view.mask][:, 1] < -0.9).all()


def test_equal_cameras_are_rendered_once(empty, tmp_path):
    from orbit_painter.addon import passes

    cameras = orbit_cameras("H", 5, 32) + orbit_cameras("V", 5, 32)
    calls = []
    original = passes._render
    try:
        passes._render = lambda *a: (calls.append(a[1].name), original(*a))
        views = render(ball(8), cameras, tmp_path)
    finally:
        passes._render = original
    assert calls == [view_name(i) for i in (0, 1, 2, 3, 6, 7, 8)]
    for i in (4, 5, 9):
        assert (tmp_path / view_name(i)).read_bytes() == (tmp_path / view_name(0)).read_bytes()
        assert np.array_equal(views[i].position, views[0].position)


def scene_of_an_artist(bpy):
    """Everything set unlike the defaults."""
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.object.name = "Mine"
    bpy.ops.object.mode_set(mode="EDIT")
    scene = bpy.context.scene
    scene.name = ".orbit"
    scene.frame_set(17)
    scene.cursor.location = (1, 2, 3)
    scene.world = bpy.data.worlds.new("Sky")
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.filepath = 123, "//mine.png"
    scene.cycles.samples, scene.cycles.device = 77, "GPU"
    scene.view_settings.view_transform = "Standard"
    scene.view_settings.exposure = 1.5
    scene.view_layers.new("Second").use_pass_mist = True
    if hasattr(scene, "node_tree"):
        scene.use_nodes = True
    bpy.context.evaluated_depsgraph_get()


@pytest.mark.parametrize("how", ["finished", "cancelled", "failed"])
def test_the_artists_scene_is_untouched(empty, snapshot, tmp_path, how, capfd):
    from orbit_painter.addon import passes

    scene_of_an_artist(empty)
    before = snapshot()
    capfd.readouterr()
    fractions = []

    def progress(fraction, detail):
        fractions.append(fraction)
        if how == "cancelled" and len(fractions) == 3:
            raise CancelledError

    options = (ball(8), orbit_cameras("H", 8, 32), tmp_path)
    if how == "finished":
        passes.render_passes(*options, progress=progress)
        assert len(os.listdir(tmp_path)) == 8
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
    elif how == "cancelled":
        with pytest.raises(CancelledError):
            passes.render_passes(*options, progress=progress)
    else:
        (tmp_path / view_name(2)).mkdir()  # cannot be replaced by a file
        with pytest.raises(OutputError):
            passes.render_passes(*options, progress=progress)
    if how != "finished":
        assert os.listdir(tmp_path) == ([view_name(2)] if how == "failed" else [])
    assert capfd.readouterr().out == ""
    assert snapshot() == before
    assert empty.context.mode == "EDIT_MESH"
    empty.ops.object.mode_set(mode="OBJECT")


def test_a_gpu_that_is_not_there(empty, snapshot, tmp_path):
    from orbit_painter.addon.passes import render_passes

    preferences = empty.context.preferences.addons["cycles"].preferences
    kinds = [kind for kind, *_ in preferences.get_device_types(empty.context) if kind != "NONE"]
    if any(d.type == k for k in kinds for d in preferences.get_devices_for_type(k)):
        pytest.skip("there is a GPU here")
    before = snapshot()
    with pytest.raises(EngineMissingError) as caught:
        render_passes(ball(8), orbit_cameras("H", 2, 16), tmp_path, device="gpu")
    assert caught.value.code == "gpu-missing"
    assert snapshot() == before


def test_constant_positions_are_refused(empty, tmp_path):
    from orbit_painter.addon.passes import _check_view
    from orbit_painter.backend.orbits.exr import write_exr

    planes = {f"L.{name}": np.ones((8, 8), np.float32) for name in ("Combined.A", *(f"Position.{a}" for a in "XYZ"))}
    write_exr(tmp_path / "v.exr", planes)
    with pytest.raises(EngineMissingError) as caught:
        _check_view(tmp_path / "v.exr")
    assert caught.value.code == "pass-constant"
    planes["L.Position.Y"] = np.arange(64, dtype=np.float32).reshape(8, 8)
    write_exr(tmp_path / "v.exr", planes)
    _check_view(tmp_path / "v.exr")


def test_eevee_says_how_many_objects_it_can_tell_apart(empty, tmp_path):
    from orbit_painter.addon.passes import render_passes

    mesh = replace(ball(8), object_names=tuple(str(i) for i in range(3000)))
    with pytest.raises(UsageError) as caught:
        render_passes(mesh, orbit_cameras("H", 2, 16), tmp_path, engine="eevee")
    assert caught.value.code == "too-many-objects-eevee"


@pytest.mark.slow
def test_eevee_agrees_with_cycles(empty, tmp_path):
    """Compiles shaders; without a GPU this takes a minute."""
    mesh, cameras = ball(24), [orbit_cameras("H", 8, 128)[1]]
    views = []
    for engine in ("cycles", "eevee"):
        (tmp_path / engine).mkdir()
        views += render(mesh, cameras, tmp_path / engine, engine=engine)
    cycles, eevee = views
    assert (cycles.mask != eevee.mask).sum() <= 4
    both = cycles.mask & eevee.mask
    assert np.array_equal(cycles.object_id[both], eevee.object_id[both])
    assert np.abs(cycles.position - eevee.position)[both].max() < 1e-3  # half floats
    assert np.abs(cycles.normal - eevee.normal)[both].max() < 1e-2

    square = np.array([(-0.4, 0, -0.4), (0.4, 0, -0.4), (0.4, 0, 0.4), (-0.4, 0, 0.4)])
    faces = np.array([(0, 1, 2), (0, 2, 3)])
    card = simple_mesh(square, faces, (square[:, [0, 2]] / 0.8 + 0.5)[faces])
    leaf = Cutout(np.eye(4, dtype=bool), "UVMap")
    card = replace(card, face_material=np.zeros(2, np.int32), material_names=("Leaf",), cutouts={0: leaf})
    (tmp_path / "card").mkdir()
    (view,) = render(card, [orthographic_front(64)], tmp_path / "card", engine="eevee")
    assert np.array_equal(view.mask, raycast_view(card, view.camera).mask)
    assert 0.1 < view.mask.mean() < 0.2


def test_leftovers_of_a_crash_are_removed(empty, snapshot):
    from orbit_painter.addon import leftovers
    from orbit_painter.addon.passes import PREFIX, _build

    before = snapshot()
    _build(ball(8), "cycles", "cpu")
    assert snapshot() != before
    assert leftovers.remove(PREFIX) == 6
    assert snapshot() == before
    assert leftovers.remove(PREFIX) == 0


@pytest.mark.real_blender
def test_in_a_real_blender(real_blender, tmp_path):
    """Import, read, render, state guard: the same as above, with NumPy as the only package."""
    assert "READING AND RENDERING OK" in real_blender("check_reading.py", str(tmp_path))
