# SPDX-License-Identifier: GPL-3.0-or-later
"""Which triangle owns each texel (specs/texture-optimizer.md 4.11).

Texel (row r, column c) of a tile has its centre at u = (c + 0.5) / size, v = 1 - (r + 0.5) / size. Corners are snapped
to 1/256 texel, so that coverage is decided in integers: a centre on an edge that two triangles share belongs to
exactly one of them (top-left rule).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import accel
from .voxels import expand

SUB = 256  # sub-texels per texel
FAR = 64  # tiles; corners farther out than this have no place in a texture
THIN = 1.0  # texels; triangles of less height than this also claim what they only touch
BLOCK_ROWS = 262_144
BLOCK_TEXELS = 1_048_576
BANDS = 8


def rasterise_uv(
    uv: NDArray[np.floating], size: int, tile: int = 1001, *, wrap: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Owner and barycentric coordinates of each texel of one tile.

    uv (n, 3, 2), V up; size pixels; tile UDIM number; wrap: ignore the tile and fold all of the plane into one, as a
    repeating texture does. Returns triangle int32 (S, S), -1 where no triangle is, and float32 (S, S, 2): the weights
    of corners 1 and 2 at the texel centre (of the triangle's nearest point where it only touches the texel).
    """
    triangle = claim_texels(uv, size, tile, wrap=wrap)
    bary = np.zeros((size, size, 2), np.float32)
    rows, columns = np.nonzero(triangle >= 0)
    bary[rows, columns] = barycentric(uv, triangle[rows, columns], rows, columns, size)[:, 1:]
    return triangle, bary


def claim_texels(uv: NDArray[np.floating], size: int, tile: int = 1001, *, wrap: bool = False) -> NDArray[np.int32]:
    """Owner of each texel as in `rasterise_uv`, int32 (S, S).

    First every triangle gets the free texel centres it covers, in index order; then triangles that are thinner than a
    texel, or cover no centre, get the texels they touch and nobody owns. Memory: 4 bytes a texel, 100 a triangle.
    """
    points = sub_texels(uv, size, tile)
    owner = np.full((size, size), -1, np.int32)
    kept = np.flatnonzero(_inside(points, size, wrap))
    covered = np.zeros(len(points), np.int64)
    if accel.NUMBA:
        from .kernels_uv import claim_centres

        edges = np.linspace(0, size, min(BANDS, size) + 1).astype(np.int64)
        counts = np.zeros((len(edges) - 1, len(points)), np.int32)

        def claim(band: int) -> None:
            claim_centres(points, kept, size, SUB, edges[band], edges[band + 1], wrap, owner, counts[band])

        for _ in accel.mapped(claim, range(len(edges) - 1)):
            pass
        covered = counts.sum(axis=0)
    else:
        free = owner.reshape(-1)
        for triangle, row, first, last in runs(points, size, wrap):
            covered += np.bincount(triangle, last - first + 1, len(points)).astype(np.int64)
            for part in _blocks(last - first + 1, BLOCK_TEXELS):
                member, offset = expand(last[part] - first[part] + 1)
                texel = row[part][member] * size + first[part][member] + offset
                new = free[texel] < 0
                # Of equal indices NumPy keeps the last assignment: reversed, the first triangle wins.
                free[texel[new][::-1]] = triangle[part][member][new][::-1]
    corner = points[kept].astype(np.float64) / SUB
    slim = kept[(_height(corner) < THIN) | (covered[kept] == 0)]
    if len(slim):
        _claim_touched(points, slim, size, wrap, owner)
    return owner


def barycentric(
    uv: NDArray[np.floating],
    triangle: NDArray[np.integer],
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    size: int,
) -> NDArray[np.float64]:
    """Weights float64 (m, 3) of the corners of `triangle` (m,) at the centres of texels (rows, columns), each (m,).

    Taken at the point of the triangle nearest to the centre in the UV plane, after moving the centre by whole tiles
    towards the triangle, so that it serves every UDIM tile and repeating textures.
    """
    corner = np.asarray(uv, np.float64)[triangle]
    centre = np.stack([(columns + 0.5) / size, 1.0 - (rows + 0.5) / size], axis=1)
    offset = np.zeros_like(centre)
    low, high = corner.min(axis=1), corner.max(axis=1)
    outside = np.flatnonzero(((low < 0) | (high > 1)).any(axis=1))
    if len(outside):
        offset[outside] = _nearest_tile(corner[outside], centre[outside], 0.5 / size)
    return nearest_weights(corner, centre + offset)


def sample_tile(image: NDArray[np.integer], uv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bilinear lookup of an image (h, w, 3 or 4), row 0 at V = 1, at uv (n, 2) in 0..1: float32 (n, 3) in 0..1."""
    height, width = image.shape[:2]
    x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1)
    y = np.clip((1 - uv[:, 1]) * height - 0.5, 0, height - 1)
    column, row = x.astype(int), y.astype(int)
    right, below = np.minimum(column + 1, width - 1), np.minimum(row + 1, height - 1)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    pixels = image[..., :3]
    top = (1 - fx) * pixels[row, column] + fx * pixels[row, right]
    bottom = (1 - fx) * pixels[below, column] + fx * pixels[below, right]
    return (((1 - fy) * top + fy * bottom) / np.iinfo(image.dtype).max).astype(np.float32)


def nearest_weights(corner: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Barycentric weights (m, 3) of the point of each triangle (m, 3, 2) that is nearest to `point` (m, 2)."""
    a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
    u, v, w = b - a, c - a, point - a
    det = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        beta = (w[:, 0] * v[:, 1] - w[:, 1] * v[:, 0]) / det
        gamma = (u[:, 0] * w[:, 1] - u[:, 1] * w[:, 0]) / det
    weights = np.stack([1.0 - beta - gamma, beta, gamma], axis=1)
    outside = np.flatnonzero(~((weights >= 0).all(axis=1)))  # also where det is 0
    if len(outside):
        best = np.full(len(outside), np.inf)
        for k in range(3):
            p, q = corner[outside, k], corner[outside, (k + 1) % 3]
            side = q - p
            length = (side * side).sum(axis=1)
            t = ((point[outside] - p) * side).sum(axis=1) / np.where(length > 0, length, 1.0)
            t = np.clip(t, 0.0, 1.0)
            gap = p + t[:, None] * side - point[outside]
            distance = (gap * gap).sum(axis=1)
            nearer = distance < best
            best[nearer] = distance[nearer]
            chosen = np.zeros((int(nearer.sum()), 3))
            chosen[:, k], chosen[:, (k + 1) % 3] = 1.0 - t[nearer], t[nearer]
            weights[outside[nearer]] = chosen
    return weights


def _nearest_tile(corner: NDArray[np.float64], centre: NDArray[np.float64], slack: float) -> NDArray[np.float64]:
    """The whole-tile offset (m, 2) of `centre` (m, 2) that brings it into or next to each triangle (m, 3, 2)."""
    first = np.floor(corner.min(axis=1) - slack)
    last = np.floor(corner.max(axis=1) + slack)
    count = (last - first + 1).astype(np.int64)
    owner, step = expand(count[:, 0] * count[:, 1])
    offset = first[owner] + np.stack([step % count[owner, 0], step // count[owner, 0]], axis=1)
    point = centre[owner] + offset
    weights = nearest_weights(corner[owner], point)
    gap = (weights[:, :, None] * corner[owner]).sum(axis=1) - point
    order = np.lexsort(((gap * gap).sum(axis=1), owner))
    start = np.searchsorted(owner[order], np.arange(len(corner)))
    return offset[order[start]]


def sub_texels(uv: NDArray[np.floating], size: int, tile: int = 1001) -> NDArray[np.int64]:
    """UVs (n, 3, 2) as int64 sub-texels of a tile, v down. What is not finite or too far becomes one point outside."""
    origin = np.array([(tile - 1001) % 10, (tile - 1001) // 10], np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        local = np.asarray(uv, np.float64) - origin
        usable = np.isfinite(local).all(axis=(1, 2)) & (abs(local) < FAR).all(axis=(1, 2))
    local = np.where(usable[:, None, None], local, -FAR)
    local[..., 1] = 1.0 - local[..., 1]
    return np.rint(local * (size * SUB)).astype(np.int64)


def _inside(points: NDArray[np.int64], size: int, wrap: bool) -> NDArray[np.bool_]:
    """Triangles that may touch the tile; never those that `sub_texels` put out of the way."""
    side = size * SUB
    placed = (points > -(FAR - 1) * side).all(axis=(1, 2)) | (np.ptp(points, axis=1) > 0).any(axis=1)
    if wrap:
        return placed
    return placed & (points.max(axis=1) >= 0).all(axis=1) & (points.min(axis=1) <= side).all(axis=1)


def _height(corner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least height (n,) of triangles (n, 3, 2); 0 where they have no area."""
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    sides = corner - np.roll(corner, 1, axis=1)
    longest = np.sqrt((sides * sides).sum(axis=2).max(axis=1))
    return abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / np.maximum(longest, 1e-12)


def _blocks(counts: NDArray[np.integer], limit: int) -> Iterator[slice]:
    """Slices of `counts` whose sums stay below `limit` where they can."""
    total = np.concatenate([[0], np.cumsum(counts)])
    begin = 0
    while begin < len(counts):
        end = max(begin + 1, int(np.searchsorted(total, total[begin] + limit, side="right")) - 1)
        yield slice(begin, end)
        begin = end


def unfolded(points: NDArray, side: float, wrap: bool) -> tuple[NDArray[np.int64], NDArray]:
    """For a repeating texture: each triangle once for every tile it touches, moved into tile 0 (index, points)."""
    if not wrap:
        return np.arange(len(points)), points
    first = np.floor_divide(points.min(axis=1), side).astype(np.int64)
    count = np.floor_divide(points.max(axis=1), side).astype(np.int64) - first + 1
    index, step = expand(count[:, 0] * count[:, 1])
    tile = first[index] + np.stack([step % count[index, 0], step // count[index, 0]], axis=1)
    return index, points[index] - (tile * side).astype(points.dtype)[:, None]


def runs(
    points: NDArray[np.int64], size: int, wrap: bool = False
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Covered texel centres as blocks of rows of texels: (triangle, row, first column, last column), each int64 (m,).

    points int64 (n, 3, 2) from `sub_texels`. In order of triangles, rows that cover nothing left out.
    """
    half = SUB // 2
    one, two = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
    area = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]  # NumPy 2 has no cross product of the plane
    usable = np.flatnonzero(_inside(points, size, wrap) & (area != 0))
    turned = np.where((area[usable] < 0)[:, None, None], points[usable][:, [0, 2, 1]], points[usable])
    index, corner = unfolded(turned, size * SUB, wrap)
    index = usable[index]
    first_row = np.maximum(0, -((half - corner[..., 1].min(axis=1)) // SUB))
    last_row = np.minimum(size - 1, (corner[..., 1].max(axis=1) - half) // SUB)
    counts = np.maximum(last_row - first_row + 1, 0)
    for part in _blocks(counts, BLOCK_ROWS):
        member, offset = expand(counts[part])
        member += part.start
        row = first_row[member] + offset
        y = row * SUB + half
        near, far = np.zeros(len(row), np.int64), np.full(len(row), size - 1)
        for k in range(3):
            p, q = corner[member, k], corner[member, (k + 1) % 3]
            dx, dy = q[:, 0] - p[:, 0], q[:, 1] - p[:, 1]
            need = np.where((dy < 0) | ((dy == 0) & (dx > 0)), 0, 1)  # top-left rule
            need = need - (dx * (y - p[:, 1]) + dy * (p[:, 0] - half))
            step = np.where(dy == 0, 1, abs(dy)) * SUB
            near = np.where(dy < 0, np.maximum(near, -((-need) // step)), near)
            far = np.where(dy > 0, np.minimum(far, (-need) // step), far)
            far = np.where((dy == 0) & (need > 0), -1, far)
        hit = near <= far
        yield index[member[hit]], row[hit], near[hit], far[hit]


def _claim_touched(
    points: NDArray[np.int64], slim: NDArray[np.int64], size: int, wrap: bool, owner: NDArray[np.int32]
) -> None:
    """The conservative pass: texels touched by the triangles `slim` and owned by nobody, first claim wins."""
    index, moved = unfolded(points[slim], size * SUB, wrap)
    index = slim[index].astype(np.int64)
    corner = moved.astype(np.float64) / SUB
    if accel.NUMBA:
        from .kernels_uv import claim_touched

        compact = np.full((size, size), -1, np.int32)
        compact[owner >= 0] = 0
        before = owner >= 0
        claim_touched(corner, np.arange(len(corner)), size, 0, size, compact)
        new = ~before & (compact >= 0)
        owner[new] = index[compact[new]]
        return
    low = np.maximum(0, np.floor(corner[..., 1].min(axis=1)).astype(np.int64))
    high = np.minimum(size - 1, np.floor(corner[..., 1].max(axis=1)).astype(np.int64))
    free = owner.reshape(-1)
    for part in _blocks(np.maximum(high - low + 1, 0), BLOCK_ROWS):
        member, offset = expand(np.maximum(high - low + 1, 0)[part])
        member += part.start
        row = low[member] + offset
        near, far = _row_extent(corner[member], row)
        first = np.maximum(0, np.floor(np.where(near <= far, near, 0)).astype(np.int64))
        last = np.minimum(size - 1, np.floor(np.where(near <= far, far, -1)).astype(np.int64))
        count = np.maximum(last - first + 1, 0)
        for sub in _blocks(count, BLOCK_TEXELS):
            run, step = expand(count[sub])
            texel = row[sub][run] * size + first[sub][run] + step
            new = free[texel] < 0
            free[texel[new][::-1]] = index[member[sub][run]][new][::-1]


def _row_extent(corner: NDArray[np.float64], row: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Extent along u of triangles (m, 3, 2) cut to the band row <= v <= row + 1; near > far where they miss it."""
    near, far = np.full(len(row), np.inf), np.full(len(row), -np.inf)
    for k in range(3):
        p, q = corner[:, k], corner[:, (k + 1) % 3]
        swap = p[:, 1] > q[:, 1]
        u0, v0 = np.where(swap, q[:, 0], p[:, 0]), np.where(swap, q[:, 1], p[:, 1])
        u1, v1 = np.where(swap, p[:, 0], q[:, 0]), np.where(swap, p[:, 1], q[:, 1])
        meets = (v1 >= row) & (v0 <= row + 1)
        rise = np.where(v1 > v0, v1 - v0, 1.0)
        start = np.where(v0 < row, u0 + (u1 - u0) * ((row - v0) / rise), u0)
        stop = np.where(v1 > row + 1, u0 + (u1 - u0) * ((row + 1 - v0) / rise), u1)
        near = np.where(meets, np.minimum(near, np.minimum(start, stop)), near)
        far = np.where(meets, np.maximum(far, np.maximum(start, stop)), far)
    return near, far
