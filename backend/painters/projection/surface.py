# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface as points: one per voxel that the surface passes through, with a tangent frame and neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData, face_normals
from .gbuffer import shading_normals

SAMPLES_PER_CELL = 6.0
MOST_SAMPLES = 3_000_000


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """N points, at most one per voxel of a grid^3 over [-0.5, 0.5]^3.

    coords  int32 (N, 3); point, normal, right, down  float32 (N, 3), an orthonormal frame per point
    object, material  int32 (N,)
    lookup  int32 ((grid + 2)^3,), voxel -> point, also for the empty voxels next to the surface; -1 elsewhere
    """

    grid: int
    coords: NDArray[np.int32]
    point: NDArray[np.float32]
    normal: NDArray[np.float32]
    right: NDArray[np.float32]
    down: NDArray[np.float32]
    object: NDArray[np.int32]
    material: NDArray[np.int32]
    lookup: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.coords)

    @property
    def spacing(self) -> float:
        return 1.0 / self.grid

    def cells(self, coords: NDArray[np.integer]) -> NDArray[np.int64]:
        """Index into `lookup` of voxel coordinates (..., 3), clamped to the grid and its border of one."""
        side = self.grid + 2
        c = np.clip(np.asarray(coords, np.int64) + 1, 0, side - 1)
        return (c[..., 0] * side + c[..., 1]) * side + c[..., 2]

    def nearest(self, points: NDArray[np.floating]) -> NDArray[np.int32]:
        """Index of a surface point at or next to the voxel of each of `points` (..., 3), -1 where there is none."""
        coords = np.floor((np.asarray(points) + 0.5) * self.grid).astype(np.int32)
        return self.lookup[self.cells(coords)]


def surface_points(mesh: MeshData, grid: int) -> SurfacePoints:
    """Sample the mesh evenly and keep, per voxel, the sample nearest to its centre. About 45 bytes a sample."""
    triangle, position = _even_samples(mesh, SAMPLES_PER_CELL * grid * grid)
    coords = np.clip(np.floor((position + 0.5) * grid), 0, grid - 1).astype(np.int32)
    key = (coords[:, 0].astype(np.int64) * grid + coords[:, 1]) * grid + coords[:, 2]
    away = (((position + 0.5) * grid - coords - 0.5) ** 2).sum(axis=1)
    order = np.lexsort((away, key))
    first = order[np.concatenate([[True], np.diff(key[order]) > 0])]
    coords, position, triangle = coords[first], position[first], triangle[first]
    normal = shading_normals(mesh, triangle, position.astype(np.float64)).astype(np.float32)
    right, down = tangent_frame(normal)
    return SurfacePoints(
        grid,
        coords,
        position,
        normal,
        right,
        down,
        mesh.face_object[triangle].astype(np.int32),
        mesh.face_material[triangle].astype(np.int32),
        _lookup(coords, grid),
    )


def tangent_frame(normal: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors right and down (..., 3) in the plane of `normal`, as somebody who faces the surface sees them.

    Down is -Z as far as the surface allows. On level surfaces "up" turns smoothly into +Y (seen from above) or -Y
    (seen from below), which is how the front view rolls over the top and the bottom.
    """
    n = np.asarray(normal, np.float64)
    up = np.zeros_like(n)
    up[..., 2] = 1.0
    up[..., 1] = 0.35 * np.sign(n[..., 2]) * np.abs(n[..., 2]) ** 2
    up -= (up * n).sum(axis=-1, keepdims=True) * n
    up /= np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-6)
    right = np.cross(up, n)
    return right.astype(np.float32), (-up).astype(np.float32)


def _even_samples(mesh: MeshData, density: float) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Points spread evenly over the surface, `density` per unit area: triangle (n,) and position float32 (n, 3).

    Stratified along the cumulated area, low-discrepancy inside each triangle; no randomness. None lies in a cut-out.
    """
    _, area = face_normals(mesh.vertices, mesh.faces)
    area = np.where(np.isfinite(area), area, 0.0)
    total = float(area.sum())
    count = int(np.clip(total * density, 1000, MOST_SAMPLES))
    cumulative = np.cumsum(area) / max(total, 1e-30)
    index = np.arange(count)
    triangle = np.minimum(np.searchsorted(cumulative, (index + 0.5) / count), len(area) - 1)
    # every triangle that is not degenerate gets at least its centre
    lonely = np.setdiff1d(np.flatnonzero(area > 0), triangle)[:MOST_SAMPLES]
    r1 = np.concatenate([(index * 0.7548776662466927) % 1.0, np.full(len(lonely), 4 / 9)])
    r2 = np.concatenate([(index * 0.5698402909980532) % 1.0, np.full(len(lonely), 0.5)])
    triangle = np.concatenate([triangle, lonely]).astype(np.int32)
    corners = mesh.vertices[mesh.faces[triangle]].astype(np.float32)
    root = np.sqrt(r1).astype(np.float32)[:, None]
    r2 = r2.astype(np.float32)[:, None]
    position = corners[:, 0] * (1 - root) + corners[:, 1] * (root * (1 - r2)) + corners[:, 2] * (root * r2)
    if mesh.holes is not None:
        solid = mesh.holes.is_solid_point(triangle, position, mesh.vertices, mesh.faces)
        triangle, position = triangle[solid], position[solid]
    return triangle, position


def _lookup(coords: NDArray[np.int32], grid: int) -> NDArray[np.int32]:
    """Voxel -> point index, dilated by one voxel (faces before edges before corners)."""
    side = grid + 2
    table = np.full(side**3, -1, np.int32)
    index = np.arange(len(coords), dtype=np.int32)
    flat = ((coords[:, 0].astype(np.int64) + 1) * side + coords[:, 1] + 1) * side + coords[:, 2] + 1
    table[flat] = index
    steps = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)]
    for i, j, k in sorted(steps, key=lambda s: abs(s[0]) + abs(s[1]) + abs(s[2])):
        cell = flat + (i * side + j) * side + k
        empty = table[cell] < 0
        table[cell[empty]] = index[empty]
    return table


def patch_taps(
    surface: SurfacePoints, index: NDArray[np.int32], side: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Neighbours of the points `index` (M,) on a side x side lattice in their tangent planes, one spacing apart.

    Returns tap int32 (M, side^2), -1 where the surface ends or folds away, and offset float32 (M, side^2, 2), the
    true offset of the tap's point along right and down. The centre tap is the point itself.
    """
    steps = np.arange(side) - side // 2
    b, a = (grid.ravel().astype(np.float32) for grid in np.meshgrid(steps, steps, indexing="ij"))
    h = surface.spacing
    point, normal = surface.point[index], surface.normal[index]
    right, down = surface.right[index], surface.down[index]
    tap = np.empty((len(index), side * side), np.int32)
    offset = np.empty((len(index), side * side, 2), np.float32)
    for k in range(side * side):
        j = surface.nearest(point + (h * a[k]) * right + (h * b[k]) * down)
        if a[k] == 0 and b[k] == 0:
            j = index
        delta = surface.point[j] - point
        x, y = (delta * right).sum(axis=1), (delta * down).sum(axis=1)
        wrong = (
            (j < 0) | ((surface.normal[j] * normal).sum(axis=1) < -0.2) | (surface.object[j] != surface.object[index])
        )
        wrong |= np.abs(x - h * a[k]) + np.abs(y - h * b[k]) > 2.5 * h
        tap[:, k] = np.where(wrong, -1, j)
        offset[:, k, 0], offset[:, k, 1] = x, y
    return tap, offset


def neighbours(surface: SurfacePoints) -> NDArray[np.int32]:
    """The 26 voxels around each point: int32 (N, 26), -1 where there is no point or it faces the other way."""
    own = np.arange(len(surface), dtype=np.int32)
    exact = np.full(surface.lookup.shape, -1, np.int32)
    exact[surface.cells(surface.coords)] = own
    table = np.empty((len(surface), 26), np.int32)
    steps = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)]
    for column, step in enumerate(steps):
        j = exact[surface.cells(surface.coords + np.array(step, np.int32))]
        away = (surface.normal[j] * surface.normal).sum(axis=1) < -0.2
        table[:, column] = np.where((j < 0) | away | (surface.object[j] != surface.object), -1, j)
    return table
