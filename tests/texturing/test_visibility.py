# SPDX-License-Identifier: GPL-3.0-or-later
"""Which points a view sees: thin plates, borders, masks, and acceptance A7 against exact rays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras, orthographic_front
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.depth import depth_camera, depth_map
from orbit_painter.backend.texturing.types import FuseParams
from orbit_painter.backend.texturing.visibility import sample_frame, visible, winding_needs_two_sides
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.tests.texturing.shapes import ExactRays, box, cups, join, sphere

PARAMS = FuseParams()


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def path(request, monkeypatch):
    """Runs a test with compiled kernels and with plain NumPy."""
    if request.param and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", request.param)


def seen_by(mesh, voxels, camera, size=1024, **options):
    depth, _ = depth_map(*mesh, camera, size)
    return visible(
        voxels.point, voxels.normal, camera, depth, depth_camera(camera, size), 1 / voxels.grid, PARAMS, **options
    )


def view_from(position, size=256) -> Camera:
    return Camera(look(position, (0.0, 0.1, 1.0)), size, size, 1.1 * size, (size / 2, size / 2))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("thickness", [6, 2])
@pytest.mark.parametrize("two_sided", [False, True])
def test_plate_is_seen_from_one_side_only(thickness, two_sided):
    """Voxels of the far side of a plate are not seen, even when their normals are not trusted."""
    grid = 128
    half = thickness / 2 / grid * 0.98
    mesh = box([-0.4, -0.4, -half], [0.4, 0.4, half])
    voxels = surface_voxels(*mesh, grid)
    inner = (abs(voxels.point[:, :2]) < 0.38).all(axis=1)
    top = inner & (voxels.point[:, 2] > half * 0.9)
    bottom = inner & (voxels.point[:, 2] < -half * 0.9)
    assert top.sum() > 5000
    assert bottom.sum() > 5000
    for tilt in (0.05, 0.8, 1.5):
        above, _, _ = seen_by(mesh, voxels, view_from((0.1, -tilt, 1.4)), double_sided=two_sided)
        below, _, _ = seen_by(mesh, voxels, view_from((0.1, -tilt, -1.4)), double_sided=two_sided)
        assert above[top].all()
        assert below[bottom].all()
        assert not above[bottom].any()
        assert not below[top].any()


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("tilt", [0.05, 0.7, 1.4])
def test_a_sheet_under_another_is_hidden_however_close(tilt):
    """As clothes over skin: two parallel sheets 0.4 voxels apart; the upper one covers half of the lower."""
    grid, gap = 96, 0.4 / 96
    square = np.array([[-0.4, -0.4, 0], [0.4, -0.4, 0], [0.4, 0.4, 0], [-0.4, 0.4, 0]], np.float32)
    cover = square * [0.5, 1, 1] + [0.2, 0, gap]
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    voxels = surface_voxels(square, triangles, grid)
    camera = view_from((0.1, -tilt, 1.4))
    depth, _ = depth_map(*join((square, triangles), (cover, triangles)), camera, 1024)
    sees, _, _ = visible(
        voxels.point, voxels.normal, camera, depth, depth_camera(camera, 1024), 1 / grid, PARAMS, double_sided=True
    )
    x, y = voxels.point[:, 0], voxels.point[:, 1]
    assert not sees[(x > 0.02) & (x < 0.38) & (abs(y) < 0.38)].any()
    assert sees[(x < -0.02) & (x > -0.38) & (abs(y) < 0.38)].all()


@pytest.mark.usefixtures("path")
def test_grazing_views_are_cut_and_back_faces_need_two_sides():
    square = np.array([[-0.4, -0.4, 0], [0.4, -0.4, 0], [0.4, 0.4, 0], [-0.4, 0.4, 0]], np.float32)
    mesh = (square, np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    voxels = surface_voxels(*mesh, 128)
    steep, cosine, _ = seen_by(mesh, voxels, view_from((0, -1.0, 1.0)))
    inner = (abs(voxels.point[:, :2]) < 0.395).all(axis=1)  # pixels on the border may belong to the background
    assert steep[inner].all()
    np.testing.assert_allclose(cosine.mean(), np.cos(np.pi / 4), atol=0.02)
    grazing = view_from((0, -1.5, 0.15))
    assert not seen_by(mesh, voxels, grazing)[0].any()
    assert seen_by(mesh, voxels, grazing, cos_min=0.05)[0].mean() > 0.95
    sees, cosine, _ = seen_by(mesh, voxels, view_from((0, -1.0, -1.0)))
    assert not sees.any()
    assert cosine.max() < 0
    sees, cosine, _ = seen_by(mesh, voxels, view_from((0, -1.0, -1.0)), double_sided=np.arange(len(voxels)) % 2 == 0)
    assert sees[::2][inner[::2]].all()
    assert not sees[1::2].any()
    assert cosine[::2].min() > 0


@pytest.mark.usefixtures("path")
def test_uv_are_pixel_coordinates_and_the_frame_has_borders():
    mesh = sphere(40)
    voxels = surface_voxels(*mesh, 64)
    camera = replace(view_from((0, -1.5, 0)), width=100, height=200, principal=(30.0, 100.0))
    sees, _, uv = seen_by(mesh, voxels, camera)
    expected, _ = camera.project(voxels.point)
    np.testing.assert_allclose(uv, expected, atol=1e-3)
    inside = (expected >= 0).all(axis=1) & (expected < (100, 200)).all(axis=1)
    assert sees.any()
    assert not sees[~inside].any()


@pytest.mark.usefixtures("path")
def test_transparent_pixels_see_nothing():
    mesh = sphere(40)
    voxels = surface_voxels(*mesh, 64)
    camera = view_from((0, -1.5, 0))
    alpha = np.zeros((256, 256), np.uint8)
    alpha[:, 128:] = 255
    every, _, _ = seen_by(mesh, voxels, camera)
    sees, _, uv = seen_by(mesh, voxels, camera, alpha=alpha)
    np.testing.assert_array_equal(sees, every & (uv[:, 0] > 127.5))


@pytest.mark.usefixtures("path")
def test_camera_inside_the_object():
    mesh = join(box([-0.45] * 3, [0.45] * 3))
    mesh = (mesh[0], mesh[1][:, ::-1].copy())  # normals inwards
    voxels = surface_voxels(*mesh, 64)
    camera = Camera(look((0.1, 0.0, 0.0), (0, 0, 1), (0.1, 1, 0)), 128, 128, 64.0, (64.0, 64.0))
    sees, _, _ = seen_by(mesh, voxels, camera)
    wall = abs(voxels.normal[:, 1]) > 0.99
    front = voxels.point[:, 1] > 0.44
    assert sees[wall & front & (abs(voxels.point[:, [0, 2]]) < 0.3).all(axis=1)].all()
    assert not sees[voxels.point[:, 1] < 0].any()


@pytest.mark.skipif(not accel.NUMBA, reason="numba is not here")
def test_both_paths_agree(monkeypatch):
    mesh = cups()
    voxels = surface_voxels(*mesh, 128)
    two_sided = np.arange(len(voxels)) % 3 == 0
    for camera in (*orbit_cameras("V", 7, 200)[:3], orthographic_front(200)):
        compiled = seen_by(mesh, voxels, camera, 400, double_sided=two_sided)
        monkeypatch.setattr(accel, "NUMBA", False)
        plain = seen_by(mesh, voxels, camera, 400, double_sided=two_sided)
        monkeypatch.setattr(accel, "NUMBA", True)
        assert compiled[0].any()
        for a, b in zip(compiled, plain, strict=True):
            np.testing.assert_array_equal(a, b)


def test_depth_map_of_another_view_is_refused():
    mesh = sphere(10)
    a, b = orbit_cameras("H", 7, 64)[:2]
    depth, _ = depth_map(*mesh, b)
    with pytest.raises(ValueError, match="another view"):
        visible(mesh[0], mesh[0], a, depth, b, 0.01, PARAMS)


def test_sample_frame_is_bilinear_and_ignores_transparent_taps():
    ramp = np.zeros((4, 5, 4), np.uint8)
    ramp[..., 0] = np.arange(5) * 10
    ramp[..., 1] = np.arange(4)[:, None] * 20
    ramp[..., 3] = 255
    colour, weight = sample_frame(ramp, np.array([2.5, 3.0, 0.0]), np.array([1.5, 2.25, 0.0]))
    np.testing.assert_allclose(colour[:, :2], [[20, 20], [25, 35], [0, 0]])
    np.testing.assert_allclose(weight, 255)
    ramp[:, 3:] = 0
    colour, weight = sample_frame(ramp, np.array([2.9, 4.5]), np.array([1.5, 1.5]))
    np.testing.assert_allclose(colour[:, 0], [20, 0])
    np.testing.assert_allclose(weight, [0.6 * 255, 0])


def test_winding():
    cameras = orbit_cameras("H", 61, 128)
    vertices, faces = sphere(24)
    assert not winding_needs_two_sides(vertices, faces, cameras)
    assert winding_needs_two_sides(vertices, faces[:, ::-1].copy(), cameras)
    some = faces.copy()
    some[::10] = some[::10, ::-1]
    assert winding_needs_two_sides(vertices, some, cameras)
    assert not winding_needs_two_sides(vertices[:0], faces[:0], cameras)


def precision_and_recall(mesh, grid=512, views=None, size=1024, double_sided=False) -> tuple[float, float]:
    """Our visibility against exact rays, over all voxels that face the views."""
    vertices, faces = mesh
    rays = ExactRays(vertices[faces])
    voxels = surface_voxels(vertices, faces, grid)
    cameras = orbit_cameras("H") + orbit_cameras("V")
    both = ours = truth = 0
    for index in range(4, 122, 17) if views is None else views:
        sees, cosine, _ = seen_by(mesh, voxels, cameras[index], size, double_sided=double_sided)
        facing = np.flatnonzero(cosine >= PARAMS.cos_min)
        exact = np.zeros(len(voxels), bool)
        exact[facing] = rays.sees(cameras[index], voxels.point[facing])
        both, ours, truth = both + (sees & exact).sum(), ours + sees.sum(), truth + exact.sum()
    return both / ours, both / truth


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["sphere", "plate", "cups", "shelves", "hollow"])
def test_a7_on_thin_walled_shapes(scene):
    pytest.importorskip("embreex")
    shelves = join(*(box([-0.4, -0.45, z], [0.4, 0.45, z + 0.006]) for z in (-0.3, -0.28, 0.1)), sphere(16, 0.1))
    shapes = {
        "sphere": sphere(64),
        "plate": box([-0.45, -0.45, -0.004], [0.45, 0.45, 0.004]),
        "cups": cups(),
        "shelves": shelves,
        "hollow": join(sphere(48, 0.45), (sphere(48, 0.43)[0], sphere(48, 0.43)[1][:, ::-1]), box([-0.6] * 3, [0] * 3)),
    }
    precision, recall = precision_and_recall(shapes[scene])
    assert precision >= 0.975
    assert recall >= 0.965


@pytest.mark.assets
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["tea-set", "spot", "sheen-chair", "leafy-tree", "cracker-box", "water-bottle", "nasty-no-uv", "fox"]
)
def test_a7_on_assets(name, assets):
    pytest.importorskip("embreex")
    from orbit_painter.tests.texturing.asset_mesh import load_asset

    mesh, _ = load_asset(assets / name)
    precision, recall = precision_and_recall(
        (mesh.vertices, mesh.faces), views=range(7, 122, 29), double_sided=name == "leafy-tree"
    )
    assert precision >= 0.975
    assert recall >= 0.965
