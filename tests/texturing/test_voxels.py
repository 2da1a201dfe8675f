# SPDX-License-Identifier: GPL-3.0-or-later
"""The voxeliser against a naive separating-axis test, and its invariances."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, InputError, UsageError
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.tests.texturing.shapes import sphere

needs_numba = pytest.mark.skipif(not accel.NUMBA, reason="numba is not here")
both_paths = pytest.mark.parametrize("compiled", [pytest.param(True, marks=needs_numba), False])


def naive_voxels(triangle: np.ndarray, grid: int) -> set[tuple[int, int, int]]:
    """Voxels of one triangle (3, 3) by the textbook 13-axis test over its bounding box, grown by one voxel."""
    p = (triangle.astype(np.float64) + 0.5) * grid
    if not np.isfinite(p).all():
        return set()
    edges = np.roll(p, -1, axis=0) - p
    normal = np.cross(edges[0], edges[1])
    if 0.5 * np.linalg.norm(normal) < 1e-14 * grid * grid:
        return set()
    axes = [*np.eye(3), normal, *(np.cross(u, e) for u in np.eye(3) for e in edges)]
    low = np.clip(np.floor(p.min(axis=0)) - 1, 0, grid - 1).astype(int)
    high = np.clip(np.ceil(p.max(axis=0)) + 1, 0, grid - 1).astype(int)
    cells = np.array(list(itertools.product(*(range(a, b + 1) for a, b in zip(low, high, strict=True)))))
    local = p[None] - (cells[:, None] + 0.5)
    touched = np.ones(len(cells), bool)
    for axis in axes:
        value = local @ axis
        reach = 0.5 * abs(axis).sum()
        touched &= (value.min(axis=1) <= reach) & (value.max(axis=1) >= -reach)
    return set(map(tuple, cells[touched]))


def random_triangles(seed: int = 0) -> np.ndarray:
    """1000 triangles (n, 3, 3): ordinary, sub-voxel, on grid planes, needles, grid-spanning, degenerate."""
    rng = np.random.default_rng(seed)
    kinds = []
    centre = rng.uniform(-0.45, 0.45, (1000, 1, 3))
    for size, count in ((0.06, 400), (0.2, 150), (0.004, 200)):
        kinds.append(centre[:count] + rng.normal(0, size, (count, 3, 3)))
    flat = rng.integers(-6, 7, (150, 3, 3)) / 16.0  # corners on the corners of a 32-grid: exact ties
    for row, axis in zip(flat, itertools.cycle(range(3)), strict=False):
        row[:, axis] = row[0, axis]
    kinds.append(flat)
    needle = centre[:40] + rng.normal(0, 0.1, (40, 3, 3))
    needle[:, 2] = needle[:, 0] + (needle[:, 1] - needle[:, 0]) * 0.5 + rng.normal(0, 1e-5, (40, 3))
    kinds.append(needle)
    kinds.append(rng.choice([-0.499, 0.499], (20, 3, 3)) + rng.normal(0, 0.0005, (20, 3, 3)))
    degenerate = centre[:40] + rng.normal(0, 0.05, (40, 3, 3))
    degenerate[:20, 1] = degenerate[:20, 0]
    degenerate[20:30, 2] = np.nan
    degenerate[30:40, 0, 1] = np.inf
    kinds.append(degenerate)
    return np.concatenate(kinds).astype(np.float32)


def soup(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return triangles.reshape(-1, 3), np.arange(3 * len(triangles), dtype=np.int32).reshape(-1, 3)


@both_paths
def test_equals_naive_separating_axis_test(compiled, monkeypatch):
    monkeypatch.setattr(accel, "NUMBA", compiled)
    grid = 32
    triangles = random_triangles()
    assert len(triangles) == 1000
    for triangle in triangles:
        expected = naive_voxels(triangle, grid)
        found = surface_voxels(*soup(triangle[None]), grid)
        assert set(map(tuple, found.coords)) == expected
    everything = set().union(*(naive_voxels(t, grid) for t in triangles))
    found = surface_voxels(*soup(triangles), grid)
    assert set(map(tuple, found.coords)) == everything


@needs_numba
@pytest.mark.parametrize("grid", [17, 64, 200])
def test_both_paths_agree(grid, monkeypatch):
    vertices, faces = soup(random_triangles(3))
    owner = np.arange(len(faces), dtype=np.int32) % 7
    compiled = surface_voxels(vertices, faces, grid, owner)
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = surface_voxels(vertices, faces, grid, owner)
    np.testing.assert_array_equal(compiled.coords, plain.coords)
    np.testing.assert_array_equal(compiled.triangle, plain.triangle)
    np.testing.assert_array_equal(compiled.object_id, plain.object_id)
    np.testing.assert_allclose(compiled.point, plain.point, atol=1e-6)
    np.testing.assert_allclose(compiled.normal, plain.normal, atol=1e-5)


@both_paths
def test_point_is_the_closest_of_the_touching_triangles(compiled, monkeypatch):
    monkeypatch.setattr(accel, "NUMBA", compiled)
    trimesh = pytest.importorskip("trimesh")
    triangles = random_triangles(5)[:400]
    grid = 24
    voxels = surface_voxels(*soup(triangles), grid)
    touching: dict[tuple, list[int]] = {}
    for index, triangle in enumerate(triangles):
        for cell in naive_voxels(triangle, grid):
            touching.setdefault(cell, []).append(index)
    for row in range(0, len(voxels), 17):
        centre = (voxels.coords[row] + 0.5) / grid - 0.5
        mine = touching[tuple(voxels.coords[row])]
        points = trimesh.triangles.closest_point(triangles[mine].astype(np.float64), np.tile(centre, (len(mine), 1)))
        distance = np.linalg.norm(points - centre, axis=1)
        assert np.linalg.norm(voxels.point[row] - centre) == pytest.approx(distance.min(), abs=1e-6)
        assert distance[mine.index(voxels.triangle[row])] == pytest.approx(distance.min(), abs=1e-6)


def test_sorted_unique_and_normals_of_a_sphere():
    voxels = surface_voxels(*sphere(), 96)
    key = (voxels.coords[:, 0].astype(np.int64) * 96 + voxels.coords[:, 1]) * 96 + voxels.coords[:, 2]
    assert (np.diff(key) > 0).all()
    radial = voxels.point / np.linalg.norm(voxels.point, axis=1, keepdims=True)
    assert (voxels.normal * radial).sum(axis=1).min() > 0.98
    assert voxels.coords.dtype == np.int32
    assert voxels.point.dtype == voxels.normal.dtype == np.float32


@both_paths
def test_thin_sheet_keeps_the_normal_of_the_closest_side(compiled, monkeypatch):
    monkeypatch.setattr(accel, "NUMBA", compiled)
    low, high = -0.0004, 0.0006  # a plate a tenth of a voxel thick, inside one layer of voxels
    square = np.array([[-0.4, -0.4], [0.4, -0.4], [0.4, 0.4], [-0.4, 0.4]])
    z = 0.005
    bottom = np.column_stack([square, np.full(4, z + low)])
    top = np.column_stack([square, np.full(4, z + high)])
    vertices = np.concatenate([bottom, top]).astype(np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7]], np.int32)
    voxels = surface_voxels(vertices, faces, 100)
    inner = (abs(voxels.point[:, :2]) < 0.38).all(axis=1)
    on_top = voxels.point[:, 2] > z
    np.testing.assert_allclose(voxels.normal[inner, 2], np.where(on_top[inner], 1.0, -1.0), atol=1e-6)


def test_independent_of_triangle_order_and_threads(monkeypatch):
    vertices, faces = soup(random_triangles(8)[:700])
    base = surface_voxels(vertices, faces, 64)
    order = np.random.default_rng(1).permutation(len(faces))
    shuffled = surface_voxels(vertices, faces[order], 64)
    np.testing.assert_array_equal(base.coords, shuffled.coords)
    np.testing.assert_allclose(base.point, shuffled.point, atol=2e-6)
    assert (order[shuffled.triangle] == base.triangle).mean() > 0.98  # the rest lie on shared edges or overlap
    monkeypatch.setattr(accel, "workers", lambda: 1)
    single = surface_voxels(vertices, faces, 64)
    for name in ("coords", "point", "normal", "triangle"):
        np.testing.assert_array_equal(getattr(base, name), getattr(single, name))


@both_paths
def test_nothing_usable_gives_no_voxels(compiled, monkeypatch):
    monkeypatch.setattr(accel, "NUMBA", compiled)
    nothing = surface_voxels(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), 64)
    assert len(nothing) == 0
    assert nothing.point.shape == (0, 3)
    outside = np.array([[2, 2, 2], [3, 2, 2], [2, 3, 2], [np.nan, 0, 0]], np.float32)
    assert len(surface_voxels(outside, np.array([[0, 1, 2], [0, 1, 3], [0, 0, 1]], np.int32), 64)) == 0


def test_part_outside_the_cube_is_left_out():
    vertices = np.array([[-2, -2, 0.01], [2, -2, 0.01], [0, 3, 0.01]], np.float32)
    voxels = surface_voxels(vertices, np.array([[0, 1, 2]], np.int32), 32)
    assert len(voxels) == 32 * 32
    assert set(voxels.coords[:, 2]) == {16}


def test_errors_and_cancelling():
    vertices, faces = sphere(8)
    with pytest.raises(UsageError):
        surface_voxels(vertices, faces, 0)
    with pytest.raises(InputError) as caught:
        surface_voxels(vertices, faces + 1, 32)
    assert caught.value.code == "mesh-index"

    def stop(fraction: float, detail: str = "") -> None:
        if fraction > 0.2:
            raise CancelledError

    with pytest.raises(CancelledError):
        surface_voxels(vertices, faces, 128, progress=stop)


@needs_numba
def test_two_million_triangles():
    vertices, faces = sphere(710)
    assert len(faces) > 2_000_000
    voxels = surface_voxels(vertices, faces, 256)
    distance = np.linalg.norm(voxels.point, axis=1)
    radius = np.linalg.norm(vertices, axis=1)
    assert len(voxels) > 250_000
    assert radius.min() * 0.999 < distance.min()
    assert distance.max() < radius.max() * 1.001
