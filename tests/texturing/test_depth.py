# SPDX-License-Identifier: GPL-3.0-or-later
"""The z-buffer against analytic surfaces and exact rays."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras, orthographic_front
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.depth import DepthSource, depth_camera, depth_map
from orbit_painter.tests.texturing.shapes import ExactRays, box, cups, join, sphere


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def path(request, monkeypatch):
    """Runs a test with compiled kernels and with plain NumPy."""
    if request.param and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", request.param)


def camera_at(position, target=(0, 0, 0), size=128, focal=1.1) -> Camera:
    return Camera(look(position, (0, 0.1, 1), target), size, size, focal * size, (size / 2, size / 2))


def soup(count=300, seed=0, size=0.2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-0.4, 0.4, (count, 1, 3)) + rng.normal(0, size, (count, 3, 3))
    return vertices.reshape(-1, 3).astype(np.float32), np.arange(3 * count, dtype=np.int32).reshape(-1, 3)


@pytest.mark.usefixtures("path")
def test_sphere():
    camera = orbit_cameras("H", 7, 256)[1]
    depth, triangle = depth_map(*sphere(200, 0.45), camera)
    origin, direction = camera.rays()
    b = (origin * direction).sum(axis=-1)
    inside = b * b - ((origin**2).sum(axis=-1) - 0.45**2)
    expected = (-b - np.sqrt(np.maximum(inside, 0))) * (direction @ camera.forward)
    core = inside > 0.01
    np.testing.assert_allclose(depth[core], expected[core], atol=2e-4)
    assert np.isinf(depth[inside < 0]).all()
    np.testing.assert_array_equal(triangle >= 0, np.isfinite(depth))


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("orthographic", [False, True])
def test_slanted_plane_is_perspective_correct(orthographic):
    camera = orthographic_front(200) if orthographic else camera_at((0.4, -1.5, 0.3), size=200)
    normal, offset = np.array([0.5, -0.7, 0.4]), 0.03
    right = np.cross(normal, [0, 0, 1.0])
    u, v = right, np.cross(normal, right)
    centre = normal * offset / (normal @ normal)
    vertices = np.array([centre + 0.6 * (a * u + b * v) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))], np.float32)
    depth, _ = depth_map(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), camera)
    origin, direction = camera.rays()
    expected = (offset - origin @ normal) / (direction @ normal) * (direction @ camera.forward)
    hit = np.isfinite(depth)
    assert hit.mean() > 0.1
    np.testing.assert_allclose(depth[hit], expected[hit], atol=2e-6)


@pytest.mark.usefixtures("path")
def test_equals_exact_rays_on_a_triangle_soup():
    pytest.importorskip("embreex")
    vertices, faces = soup()
    camera = camera_at((0.3, -1.4, 0.5), size=200)
    depth, _ = depth_map(vertices, faces, camera)
    origin, direction = camera.rays()
    distance = ExactRays(vertices[faces]).distance(origin.reshape(-1, 3), direction.reshape(-1, 3)).reshape(200, 200)
    expected = np.where(distance < 1e29, distance * (direction @ camera.forward), np.inf)
    with np.errstate(invalid="ignore"):
        same = (depth == expected) | (abs(depth - expected) < 1e-5)
    assert (~same).mean() < 2e-4  # pixel centres on edges


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("centre", [(0, 0, 0), (0.1, 0.2, 0.05)])
def test_closed_surfaces_have_no_pinholes_seen_from_inside(centre):
    for shape in (sphere(60, 0.45), box((-0.4, -0.4, -0.4), (0.4, 0.4, 0.4))):
        for camera in orbit_cameras("H", 5, 150):
            matrix = camera.matrix.copy()
            matrix[:3, 3] = centre
            depth, triangle = depth_map(*shape, Camera(matrix, 150, 150, 60.0, (75.0, 75.0)))
            assert np.isfinite(depth).all()
            assert (triangle >= 0).all()
            assert depth.min() > 0


@pytest.mark.usefixtures("path")
def test_edges_through_pixel_centres_leave_no_holes():
    size = 64
    camera = Camera(look((0, -1, 0), (0, 0, 1)), size, size, float(size), (size / 2, size / 2))
    steps = (np.arange(size + 1) - size / 2) / size + 0.5 / size  # vertices land on pixel centres at depth 1
    x, z = np.meshgrid(steps, steps, indexing="ij")
    vertices = np.stack([x, np.zeros_like(x), z], axis=-1).reshape(-1, 3).astype(np.float32)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    a = (i * (size + 1) + j).ravel()
    faces = np.concatenate(
        [np.stack([a, a + 1, a + size + 2], 1), np.stack([a, a + size + 2, a + size + 1], 1)]
    ).astype(np.int32)
    depth, _ = depth_map(vertices, faces, camera)
    assert np.isfinite(depth[1:-1, 1:-1]).all()
    np.testing.assert_allclose(depth[1:-1, 1:-1], 1.0, atol=1e-6)


@pytest.mark.usefixtures("path")
def test_what_lies_behind_the_camera_is_clipped():
    """A floor that runs under the camera and far behind it."""
    floor = np.array([[-3, -3, -0.2], [3, -3, -0.2], [3, 3, -0.2], [-3, 3, -0.2]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    camera = camera_at((0, 0, 0.0), target=(0, 1, -0.1))
    depth, triangle = depth_map(floor, faces, camera)
    origin, direction = camera.rays()
    with np.errstate(divide="ignore"):
        along = (-0.2 - origin[..., 2]) / direction[..., 2]
    expected = along * (direction @ camera.forward)
    point = origin + along[..., None] * direction
    hit = (along > 0) & (abs(point[..., :2]) < 2.99).all(axis=-1)
    np.testing.assert_allclose(depth[hit], expected[hit], rtol=1e-5)
    assert np.isinf(depth[along < 0]).all()
    assert set(np.unique(triangle)) <= {-1, 0, 1}


@pytest.mark.usefixtures("path")
def test_unusable_triangles_and_empty_meshes_draw_nothing():
    vertices = np.array([[0, 0, 0], [0.1, 0, 0], [np.nan, 0, 0], [np.inf, 0, 1], [0, 0, 0.1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 1, 3], [0, 1, 1], [0, 0, 0]], np.int32)
    camera = camera_at((0, -1.5, 0), size=32)
    for chosen in (faces, faces[:0]):
        depth, triangle = depth_map(vertices, chosen, camera)
        assert np.isinf(depth).all()
        assert (triangle == -1).all()
    depth, triangle = depth_map(vertices, np.concatenate([faces, [[0, 1, 4]]]).astype(np.int32), camera)
    assert set(np.unique(triangle)) == {-1, 4}


@pytest.mark.skipif(not accel.NUMBA, reason="numba is not here")
@pytest.mark.parametrize("orthographic", [False, True])
def test_both_paths_agree(orthographic, monkeypatch):
    shapes = [soup(2000, 1, 0.05), soup(40, 2, 1.0), cups()]
    cameras = [orthographic_front(300)] if orthographic else [*orbit_cameras("V", 5, 300)[:2], camera_at((0.1, 0, 0.1))]
    for vertices, faces in shapes:
        for camera in cameras:
            compiled = depth_map(vertices, faces, camera)
            monkeypatch.setattr(accel, "NUMBA", False)
            plain = depth_map(vertices, faces, camera)
            monkeypatch.setattr(accel, "NUMBA", True)
            np.testing.assert_array_equal(compiled[0], plain[0])
            np.testing.assert_array_equal(compiled[1], plain[1])


def test_independent_of_triangle_order_and_threads(monkeypatch):
    vertices, faces = soup(500, 3)
    camera = camera_at((0, -1.5, 0.2), size=200)
    depth, triangle = depth_map(vertices, faces, camera)
    order = np.random.default_rng(0).permutation(len(faces))
    shuffled_depth, shuffled = depth_map(vertices, faces[order], camera)
    np.testing.assert_array_equal(depth, shuffled_depth)
    hit = triangle >= 0
    assert (order[shuffled[hit]] == triangle[hit]).mean() > 0.999
    monkeypatch.setattr(accel, "workers", lambda: 1)
    again = depth_map(vertices, faces, camera)
    np.testing.assert_array_equal(again[0], depth)
    np.testing.assert_array_equal(again[1], triangle)


def test_equal_depths_go_to_the_lower_index(monkeypatch):
    vertices, faces = sphere(10)
    faces = np.concatenate([faces, faces])
    for numba in {accel.NUMBA, False}:
        monkeypatch.setattr(accel, "NUMBA", numba)
        _, triangle = depth_map(vertices, faces, orbit_cameras("H", 3, 64)[0])
        assert triangle.max() < len(faces) // 2


def test_size_of_wide_frames():
    camera = Camera(look((0, -1.5, 0), (0, 0, 1)), 300, 100, 330.0, (150.0, 50.0))
    depth, _ = depth_map(*sphere(), camera, 600)
    assert depth.shape == (200, 600)
    small, _ = depth_map(*sphere(), camera)
    core = np.isfinite(small)[20:-20, 60:-60]
    wide = depth.reshape(100, 2, 300, 2).mean(axis=(1, 3))[20:-20, 60:-60]
    both = core & np.isfinite(wide)
    assert abs(wide - small[20:-20, 60:-60])[both].mean() < 1e-3


def test_source_keeps_maps_within_its_bound(monkeypatch):
    cameras = orbit_cameras("H", 5, 64)
    drawn = []

    def counting(vertices, faces, camera, **options):
        drawn.append(camera)
        return depth_map(vertices, faces, camera, **options)

    monkeypatch.setattr("orbit_painter.backend.texturing.depth.depth_map", counting)
    source = DepthSource(*join(sphere(8)), cameras, 128, cache_bytes=2 * 128 * 128 * 4)
    first = [source.depth(view)[0].copy() for view in range(3)]
    again = [source.depth(view) for view in range(3)]
    assert len(drawn) == 4  # two kept, the third made twice
    for before, (after, camera) in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)
        assert after.dtype == np.float32
        assert (camera.width, camera.height) == (128, 128) == after.shape
    assert depth_camera(cameras[0], 128).focal == pytest.approx(2 * cameras[0].focal)
