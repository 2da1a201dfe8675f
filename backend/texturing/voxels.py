# SPDX-License-Identifier: GPL-3.0-or-later
"""Exact voxelisation of the surface (specs/texture-optimizer.md 4.2).

A voxel belongs to the set when the closed cube and a triangle share a point (separating-axis test with the 13 axes of
Akenine-Moller, "Fast 3D triangle-box overlap testing", 2001, written as intervals of the voxel centre). Voxels are not
searched in a triangle's bounding box but under its shadow along the main axis of its normal, so the work grows with
area, not with volume, and a triangle may be as large as the grid.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, UsageError
from ..progress import Progress, part, silent
from . import accel
from .types import SurfaceVoxels

MIN_AREA = 1e-14  # of a triangle, unit-cube lengths squared; smaller ones are degenerate
SHEET = 0.3  # a mean normal shorter than this belongs to a thin two-sided sheet
SLABS = 16  # parts of the grid along x; fixed, so that results do not depend on the number of threads
BLOCK_TRIANGLES = 65_536
BLOCK_ROWS = 262_144
BLOCK_COLUMNS = 262_144


def surface_voxels(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    grid: int,
    face_object: NDArray[np.int32] | None = None,
    progress: Progress = silent,
) -> SurfaceVoxels:
    """All voxels of the grid^3 over [-0.5, 0.5]^3 that the triangles touch.

    vertices     float32 (V, 3), normalised frame; parts outside the cube are left out
    faces        int32 (F, 3); triangles without area and with non-finite corners are skipped
    grid         voxels along each side, 1 to 1024
    face_object  int32 (F,), copied to SurfaceVoxels.object_id; 0 without it

    Per voxel the point, closest to the voxel centre, of the triangles that touch it (ties: lower triangle index); its
    triangle; and the mean of the touching triangles' normals, weighted by area up to one voxel face (a stand-in for
    the part inside the voxel, so that tessellation matters little). In thin sheets, where this mean is shorter than
    0.3 or turns away from the closest triangle, the normal is that triangle's.

    Memory: 60 bytes a voxel and grid^3 / 5 bytes (26 MiB at 512, 200 MiB at 1024) compiled; with plain NumPy about
    200 bytes a voxel and 200 MiB. Raises InputError for face indices out of range, UsageError for a bad grid.
    """
    if not 1 <= grid <= 1024:
        raise UsageError("grid-range", f"A voxel grid of {grid} is not possible.", "Choose 16 to 1024.")
    vertices = np.ascontiguousarray(vertices, np.float32).reshape(-1, 3)
    faces = np.ascontiguousarray(faces, np.int32).reshape(-1, 3)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise InputError("mesh-index", "A face refers to a vertex that does not exist.", "Check or re-export the mesh.")
    progress(0.0, "voxels")
    scan = _scan_compiled if accel.NUMBA else _scan_numpy
    coords, triangle, point, normal = scan(vertices, faces, grid, part(progress, 0.0, 0.9))
    point *= np.float32(1.0 / grid)
    point -= np.float32(0.5)
    unit = _resolve_normals(vertices, faces, triangle, normal)
    owner = np.zeros(len(coords), np.int32) if face_object is None else np.asarray(face_object, np.int32)[triangle]
    progress(1.0, "voxels")
    return SurfaceVoxels(coords, point, unit, triangle, owner, grid)


Scan = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]


def _scan_compiled(vertices: NDArray[np.float32], faces: NDArray[np.int32], grid: int, progress: Progress) -> Scan:
    """Two passes over the triangles, each on slabs of the grid along x: mark the voxels, then fill their rows."""
    from .kernels_voxels import list_coords, rank_words, scan_triangles

    row_words = (grid + 63) // 64
    words = np.zeros(grid * grid * row_words, np.uint64)
    rank = np.zeros(len(words), np.int32)
    edges = np.linspace(0, grid, min(SLABS, grid) + 1).astype(np.int64)
    slabs = list(itertools.pairwise(edges))
    best = np.zeros(0)
    triangle = np.zeros(0, np.int32)
    point = np.zeros((0, 3), np.float32)
    normal = np.zeros((0, 4), np.float32)
    for fill in (False, True):
        if fill:
            count = rank_words(words, rank)
            best = np.full(count, np.inf)
            triangle = np.zeros(count, np.int32)
            point = np.zeros((count, 3), np.float32)
            normal = np.zeros((count, 4), np.float32)

        def scan(slab, fill=fill, best=best, triangle=triangle, point=point, normal=normal):
            scan_triangles(
                vertices, faces, grid, slab[0], slab[1], words, row_words, rank, fill,
                best, triangle, point, normal, MIN_AREA * grid * grid,
            )  # fmt: skip

        for done, _ in enumerate(accel.mapped(scan, slabs), start=1):
            progress((done / len(slabs) + fill) / 2, "voxels")
    coords = np.empty((len(best), 3), np.int32)
    list_coords(words, row_words, grid, coords)
    return coords, triangle, point, normal


def _scan_numpy(vertices: NDArray[np.float32], faces: NDArray[np.int32], grid: int, progress: Progress) -> Scan:
    """The same in NumPy: overlapping (triangle, voxel) pairs block by block, reduced to one record per voxel."""
    merged = _reduce(_no_records())
    pending: list[Records] = []
    waiting = 0
    for done, pairs in _overlaps(vertices, faces, grid):
        pending.append(_reduce(pairs))
        waiting += len(pending[-1][0])
        if waiting > max(1_000_000, len(merged[0])):
            merged, pending, waiting = _reduce(_join([merged, *pending])), [], 0
        progress(done, "voxels")
    key, _, triangle, point, normal = _reduce(_join([merged, *pending]))
    coords = np.stack([key // (grid * grid), key // grid % grid, key % grid], axis=1).astype(np.int32)
    return coords, triangle, point.astype(np.float32), normal.astype(np.float32)


# voxel key, squared distance, triangle, closest point (n, 3), sum of weighted normals and weights (n, 4)
Records = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]


def _no_records() -> Records:
    return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int32), np.zeros((0, 3)), np.zeros((0, 4))


def _join(records: list[Records]) -> Records:
    key, distance, triangle, point, normal = (np.concatenate(parts) for parts in zip(*records, strict=True))
    return key, distance, triangle, point, normal


def _reduce(records: Records) -> Records:
    """One record per voxel, sorted by key: the closest point (ties: lowest triangle) and the summed normals."""
    key, distance, triangle, point, normal = records
    if len(key) == 0:
        return records
    order = np.lexsort((triangle, distance, key))
    key = key[order]
    start = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    best = order[start]
    return key[start], distance[best], triangle[best], point[best], np.add.reduceat(normal[order], start, axis=0)


def _overlaps(vertices: NDArray[np.float32], faces: NDArray[np.int32], grid: int) -> Iterator[tuple[float, Records]]:
    """Blocks of (share of the work done, records of overlapping pairs), in order of triangles."""
    for start in range(0, len(faces), BLOCK_TRIANGLES):
        block = faces[start : start + BLOCK_TRIANGLES]
        with np.errstate(invalid="ignore", over="ignore"):
            p = (vertices[block].astype(np.float64) + 0.5) * grid
            low, high = p.min(axis=1), p.max(axis=1)
            kept = np.isfinite(p).all(axis=(1, 2)) & (high >= 0).all(axis=1) & (low <= grid).all(axis=1)
            n = _normal(p)
            nn = n[:, 0] * n[:, 0] + n[:, 1] * n[:, 1] + n[:, 2] * n[:, 2]
            kept &= 0.5 * np.sqrt(nn) >= MIN_AREA * grid * grid
        index = (np.flatnonzero(kept) + start).astype(np.int32)
        p, n, nn, low, high = p[kept], n[kept], nn[kept], low[kept], high[kept]
        first = np.maximum(np.ceil(low).astype(np.int64) - 1, 0)
        last = np.minimum(np.floor(high).astype(np.int64), grid - 1)
        rows = np.concatenate([[0], np.cumsum(_along(last - first, (_main_axis(n) + 2) % 3) + 1)])
        while len(index):
            count = max(1, int(np.searchsorted(rows, rows[0] + BLOCK_ROWS, side="right")) - 1)
            part_of = slice(0, count)
            share = (start + len(block) * (1 - (len(index) - count) / max(1, kept.sum()))) / len(faces)
            for records in _block_overlaps(
                index[part_of], p[part_of], n[part_of], nn[part_of], first[part_of], last[part_of], grid
            ):
                yield min(share, 1.0), records
            index, p, n, nn = index[count:], p[count:], n[count:], nn[count:]
            first, last, rows = first[count:], last[count:], rows[count:]


def _block_overlaps(
    index: NDArray[np.int32],
    p: NDArray[np.float64],
    n: NDArray[np.float64],
    nn: NDArray[np.float64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    grid: int,
) -> Iterator[Records]:
    length = np.sqrt(nn)
    weight = np.minimum(0.5 * length, 1.0) / length
    plane, slabs = _slabs(p, n)
    m = _main_axis(n)
    a, b = (m + 1) % 3, (m + 2) % 3
    face, offset = expand(_along(last - first, b) + 1)
    j = _along(first, b)[face] + offset
    near, far = _row_extent(p[face], a[face], b[face], j)
    covered = near <= far
    near, far = np.where(covered, near, 0.0), np.where(covered, far, -9.0)
    i_first = np.maximum(_along(first, a)[face], np.ceil(near - 1e-6).astype(np.int64) - 1)
    i_last = np.minimum(_along(last, a)[face], np.floor(far + 1e-6).astype(np.int64))
    columns = np.maximum(i_last - i_first + 1, 0)
    spread = 0.5 * (abs(_along(n, a)) + abs(_along(n, b))) / abs(_along(n, m)) + 1e-6
    total = np.concatenate([[0], np.cumsum(columns)])
    begin = 0
    while begin < len(face):
        end = max(begin + 1, int(np.searchsorted(total, total[begin] + BLOCK_COLUMNS, side="right")) - 1)
        row, offset = expand(columns[begin:end])
        row += begin
        begin = end
        tri, i = face[row], i_first[row] + offset
        ca, cb = i + 0.5, j[row] + 0.5
        am, bm, mm = a[tri], b[tri], m[tri]
        corner, slope = p[tri, 0], n[tri]
        height = _along(corner, mm) - (
            _along(slope, am) * (ca - _along(corner, am)) + _along(slope, bm) * (cb - _along(corner, bm))
        ) / _along(slope, mm)
        k_first = np.maximum(_along(first[tri], mm), np.ceil(height - spread[tri]).astype(np.int64) - 1)
        k_last = np.minimum(_along(last[tri], mm), np.floor(height + spread[tri]).astype(np.int64))
        column, offset = expand(np.maximum(k_last - k_first + 1, 0))
        cell = np.empty((len(column), 3), np.int64)
        at = np.arange(len(column))
        cell[at, am[column]] = i[column]
        cell[at, bm[column]] = j[row][column]
        cell[at, mm[column]] = k_first[column] + offset
        tri = tri[column]
        centre = cell + 0.5
        hit = np.flatnonzero(_between(plane[tri, :3], centre, plane[tri, 3], plane[tri, 4]))
        for axis in range(3):
            pair = centre[:, [(axis + 1) % 3, (axis + 2) % 3]]
            for k in range(3):
                s = slabs[tri[hit], axis, k]
                hit = hit[_between(s[:, :2], pair[hit], s[:, 2], s[:, 3])]
        tri, cell, centre = tri[hit], cell[hit], centre[hit]
        point, distance = closest_points(p[tri], n[tri], nn[tri], centre)
        sums = np.concatenate([weight[tri, None] * n[tri], (weight[tri] * length[tri])[:, None]], axis=1)
        yield (cell[:, 0] * grid + cell[:, 1]) * grid + cell[:, 2], distance, index[tri], point, sums


def expand(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For counts (2, 0, 3): the owners (0, 0, 2, 2, 2) and the offsets (0, 1, 0, 1, 2)."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _along(values: NDArray, axis: NDArray[np.integer]) -> NDArray:
    """values (n, 3) at one axis per row: (n,)."""
    return np.take_along_axis(values, axis[:, None], axis=1)[:, 0]


def _normal(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """(b - a) x (c - a), each product in the order the compiled kernel uses."""
    u, v = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    n = np.empty((len(p), 3))
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        n[:, axis] = u[:, a] * v[:, b] - u[:, b] * v[:, a]
    return n


def _main_axis(n: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argmax(abs(n), axis=1)


def _slabs(p: NDArray[np.float64], n: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Separating axes as intervals of (axis . voxel centre): a voxel inside all of them and the bounds is touched.

    Returns the plane's (F, 5): three coefficients, lower and upper bound; and (F, 3, 3, 4) for [axis, edge]: the
    coefficients along the two other axes, lower and upper bound.
    """
    reach = 0.5 * (abs(n[:, 0]) + abs(n[:, 1]) + abs(n[:, 2]))
    d = n[:, None, 0] * p[:, :, 0] + n[:, None, 1] * p[:, :, 1] + n[:, None, 2] * p[:, :, 2]
    plane = np.concatenate([n, (d.min(axis=1) - reach)[:, None], (d.max(axis=1) + reach)[:, None]], axis=1)
    slabs = np.empty((len(p), 3, 3, 4))
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for k in range(3):
            e = (k + 1) % 3
            ca, cb = p[:, k, b] - p[:, e, b], p[:, e, a] - p[:, k, a]
            v = ca[:, None] * p[:, :, a] + cb[:, None] * p[:, :, b]
            reach = 0.5 * (abs(ca) + abs(cb))
            slabs[:, axis, k] = np.stack([ca, cb, v.min(axis=1) - reach, v.max(axis=1) + reach], axis=1)
    return plane, slabs


def _between(
    axis: NDArray[np.float64], centre: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    value = axis[:, 0] * centre[:, 0] + axis[:, 1] * centre[:, 1]
    if axis.shape[1] == 3:
        value = value + axis[:, 2] * centre[:, 2]
    return (value >= low) & (value <= high)


def _row_extent(
    p: NDArray[np.float64], a: NDArray[np.int64], b: NDArray[np.int64], j: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Extent along axis a of triangles (n, 3, 3) cut to the row j <= b <= j + 1; near > far where there is none."""
    pa = np.take_along_axis(p, a[:, None, None], axis=2)[..., 0]
    pb = np.take_along_axis(p, b[:, None, None], axis=2)[..., 0]
    near, far = np.full(len(p), 1e30), np.full(len(p), -1e30)
    for k in range(3):
        e = (k + 1) % 3
        swap = pb[:, k] > pb[:, e]
        b0, b1 = np.where(swap, pb[:, e], pb[:, k]), np.where(swap, pb[:, k], pb[:, e])
        a0, a1 = np.where(swap, pa[:, e], pa[:, k]), np.where(swap, pa[:, k], pa[:, e])
        touches = (b1 >= j) & (b0 <= j + 1)
        rise = np.where(b1 > b0, b1 - b0, 1.0)
        start = np.where(b0 < j, a0 + (a1 - a0) * ((j - b0) / rise), a0)
        stop = np.where(b1 > j + 1, a0 + (a1 - a0) * ((j + 1 - b0) / rise), a1)
        near = np.where(touches, np.minimum(near, np.minimum(start, stop)), near)
        far = np.where(touches, np.maximum(far, np.maximum(start, stop)), far)
    return near, far


def closest_points(
    p: NDArray[np.float64], n: NDArray[np.float64], nn: NDArray[np.float64], c: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Point of each triangle closest to each centre.

    p (n, 3 corners, 3), n (n, 3) unnormalised normals, nn their squared lengths, c (n, 3). Returns the points (n, 3)
    and squared distances (n,): the foot on the plane where it is inside, else the nearest of the three sides.
    """
    inside = np.ones(len(p), bool)
    best = np.full(len(p), 1e300)
    point = np.empty((len(p), 3))
    for k in range(3):
        q = p[:, (k + 1) % 3] - p[:, k]
        w = c - p[:, k]
        side = (
            (n[:, 1] * q[:, 2] - n[:, 2] * q[:, 1]) * w[:, 0]
            + (n[:, 2] * q[:, 0] - n[:, 0] * q[:, 2]) * w[:, 1]
            + (n[:, 0] * q[:, 1] - n[:, 1] * q[:, 0]) * w[:, 2]
        )
        inside &= ~(side < 0)
        t = _dot(w, q) / _dot(q, q)
        at = p[:, k] + np.minimum(np.maximum(t, 0.0), 1.0)[:, None] * q
        distance = _dot(c - at, c - at)
        nearer = distance < best
        best[nearer] = distance[nearer]
        point[nearer] = at[nearer]
    foot = c - (_dot(n, c - p[:, 0]) / nn)[:, None] * n
    point[inside] = foot[inside]
    best[inside] = _dot(c - foot, c - foot)[inside]
    return point, best


def _dot(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
    return u[:, 0] * v[:, 0] + u[:, 1] * v[:, 1] + u[:, 2] * v[:, 2]


def _resolve_normals(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    triangle: NDArray[np.int32],
    sums: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Unit normals (N, 3) from weighted sums (N, 4), with the rule for thin sheets."""
    unit = np.empty((len(triangle), 3), np.float32)
    for start in range(0, len(triangle), BLOCK_COLUMNS):
        block = slice(start, start + BLOCK_COLUMNS)
        nearest = _normal(vertices[faces[triangle[block]]].astype(np.float64))
        nearest /= np.sqrt(_dot(nearest, nearest))[:, None]
        mean = sums[block, :3] / sums[block, 3:].astype(np.float64)
        length = np.sqrt(_dot(mean, mean))
        sheet = (length < SHEET) | (_dot(mean, nearest) < -0.01)  # not 0, where right angles would tie
        unit[block] = np.where(sheet[:, None], nearest, mean / np.maximum(length, 1e-12)[:, None])
    return unit
