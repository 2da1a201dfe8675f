# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours around the charts, for filtering and mip-maps (specs/texture-optimizer.md 4.12)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, silent
from . import accel
from .chart_packing import components
from .uv_seams import same_direction, seam_mates
from .visibility import blocks

BANDS = 8
BLOCK = 32_768
MEAN_TEXELS = 100_000
ENOUGH_WEIGHT = 0.2  # of the four taps; not a share that a place in the middle of two or four texels has


def fill_margin(
    rgba: NDArray[np.floating] | NDArray[np.unsignedinteger],
    owner: NDArray[np.int32],
    margin: int,
    *,
    uv: NDArray[np.floating] | None = None,
    vertices: NDArray[np.floating] | None = None,
    faces: NDArray[np.integer] | None = None,
    progress: Progress = silent,
) -> None:
    """Colour the unowned texels of `rgba` (S, S, C) in place.

    owner    int32 (S, S), triangle of each texel, -1 unowned
    margin   texels around the charts that get the colour of the surface there; the rest gets the mean colour
    uv, vertices, faces   of the triangles that `owner` numbers, UVs in 0..1 of this tile: a margin texel beyond a
             seam gets the colour that the adjacent face has there, so filtering across the seam meets the same
             picture on both sides; without them, and beyond open edges, the colour of the nearest owned texel

    Memory: 8 bytes a texel and 20 a margin texel (250 a margin texel of one block with plain NumPy).
    """
    owned = owner >= 0
    if not owned.any():
        return
    size = owner.shape[0]
    flat, owners = rgba.reshape(size * size, -1), owner.reshape(-1)
    nearest = nearest_owned(owned, margin).reshape(-1) if margin > 0 else np.full(size * size, -1, np.int32)
    mean = _as(_mean(flat, owned.reshape(-1)), flat.dtype)
    across = None
    if uv is not None and vertices is not None and faces is not None:
        across = Across.of(np.asarray(uv, np.float64), vertices, faces, size)

    def work(block: tuple[int, int]) -> None:  # reads owned texels only, writes the others of its own rows
        free = np.flatnonzero(owners[slice(*block)] < 0) + block[0]
        near = nearest[free]
        flat[free[near < 0]] = mean
        texel, source = free[near >= 0], near[near >= 0]
        filled = flat[source]
        if across is not None:
            _sample_across(across, flat, owners, texel, source, margin + 2, filled)
        flat[texel] = filled

    pieces = blocks(size * size)
    for done, _ in enumerate(accel.mapped(work, pieces), start=1):
        progress(done / len(pieces), "margins")


def _sample_across(
    across: Across,
    flat: NDArray,
    owners: NDArray[np.int32],
    texel: NDArray[np.int64],
    source: NDArray[np.int32],
    reach: int,
    filled: NDArray,
) -> None:
    """Put what lies behind the nearest seam into `filled` (m, C), for texels (m,) beside their nearest owned ones."""
    if accel.NUMBA:
        from .kernels_uv import sample_across

        sample_across(
            texel, source, owners, across.size, float(reach), across.uv, across.seam, across.map, across.chart,
            across.mate_chart, flat, np.issubdtype(flat.dtype, np.integer), 0, len(texel), filled,
        )  # fmt: skip
        return
    for start in range(0, len(texel), BLOCK):
        block = slice(start, start + BLOCK)
        rows, places, chart = across.places(texel[block], owners[source[block]], reach)
        colour, good = _bilinear(flat, owners, across.chart, places, chart, across.size)
        filled[start + rows[good]] = _as(colour[good], flat.dtype)


def _mean(flat: NDArray, owned: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean colour of (up to 100 000, evenly picked) owned texels."""
    rows = np.flatnonzero(owned)
    return flat[rows[:: 1 + len(rows) // MEAN_TEXELS]].mean(axis=0, dtype=np.float64)


def _as(colour: NDArray[np.float64], dtype: np.dtype) -> NDArray:
    return np.rint(colour).astype(dtype) if np.issubdtype(dtype, np.integer) else colour.astype(dtype)


def nearest_owned(owned: NDArray[np.bool_], reach: int) -> NDArray[np.int32]:
    """Flat index int32 (S, S) of the nearest texel that is owned, -1 where none is within `reach` texels.

    Exact Euclidean distance; ties: fewer rows away, then above, then the left one of that row.
    """
    height, width = owned.shape
    out = np.empty((height, width), np.int32)
    if accel.NUMBA:
        from .kernels_uv import nearest_in_columns, nearest_in_rows

        row = np.empty((height, width), np.int32)
        for _ in accel.mapped(lambda b: nearest_in_columns(owned, reach, *b, row), _bands(width)):
            pass
        for _ in accel.mapped(lambda b: nearest_in_rows(row, reach, *b, out), _bands(height)):
            pass
        return out
    column = np.empty((height, width), np.int32)
    x = np.arange(width, dtype=np.int32)
    for begin, end in _bands(height):
        band = owned[begin:end]
        left = np.maximum.accumulate(np.where(band, x, np.int32(-(2**20))), axis=1)
        right = np.minimum.accumulate(np.where(band, x, np.int32(2**20))[:, ::-1], axis=1)[:, ::-1]
        near = np.where(x - left <= right - x, left, right)
        column[begin:end] = np.where(abs(near - x) > reach, -1, near)
        out[begin:end] = np.where(band, np.arange(begin * width, end * width).reshape(-1, width), -1)
    # Where no row within reach has one in the same columns, nothing is near.
    reached = np.zeros((height + 1, width), np.int32)
    np.cumsum(column >= 0, axis=0, out=reached[1:])
    last, first = np.minimum(np.arange(height) + reach + 1, height), np.maximum(np.arange(height) - reach, 0)
    free = np.concatenate(
        [
            np.flatnonzero(~owned[b:e] & (reached[last[b:e]] > reached[first[b:e]])) + b * width
            for b, e in _bands(height)
        ]
    )
    del reached
    best = np.full(len(free), reach * reach + 1)
    found = np.full(len(free), -1, np.int64)
    flat = column.reshape(-1)
    rest = np.arange(len(free))
    for step in range(reach + 1):
        rest = rest[best[rest] > step * step]
        for shift in (-step * width, step * width) if step else (0,):
            at = free[rest] + shift
            inside = (at >= 0) & (at < height * width)
            c = np.where(inside, flat[np.where(inside, at, 0)], -1)
            distance = np.where(c >= 0, (c - at % width) ** 2 + step * step, 2**40)
            better = distance < best[rest]
            best[rest[better]] = distance[better]
            found[rest[better]] = (at - at % width + c)[better]
    out.reshape(-1)[free] = found
    return out


def _bands(length: int) -> list[tuple[int, int]]:
    edges = np.linspace(0, length, min(BANDS, length) + 1).astype(np.int64)
    return list(itertools.pairwise(edges))


@dataclass(frozen=True, eq=False)
class Across:
    """Maps points outside a chart to where the surface goes on behind the seam. Edges are numbered 3 t + k.

    size        pixels along each side of the texture
    uv          float64 (n, 3, 2), corners in texels, v down; texel (r, c) has its centre at (c + 0.5, r + 0.5)
    seam        bool (n, 3), the chart ends at this edge
    map         float64 (3 n, 2, 3), affine map of the point; NaN where nothing lies behind the edge
    chart       int64 (n,); mate_chart int64 (3 n,), the chart behind each edge
    """

    size: int
    uv: NDArray[np.float64]
    seam: NDArray[np.bool_]
    map: NDArray[np.float64]
    chart: NDArray[np.int64]
    mate_chart: NDArray[np.int64]

    @staticmethod
    def of(uv: NDArray[np.float64], vertices: NDArray[np.floating], faces: NDArray[np.integer], size: int) -> Across:
        mate, seam = seam_mates(vertices, faces, uv)
        mates, ends = mate.reshape(-1), seam.reshape(-1)
        inner = np.flatnonzero(~ends)
        chart = components(len(faces), inner // 3, mates[inner] // 3)
        texels = np.stack([uv[..., 0] * size, (1.0 - uv[..., 1]) * size], axis=-1)
        edge = np.flatnonzero(ends & (mates >= 0))
        other = mates[edge].astype(np.int64)
        start, side, inward = _frame(texels, edge)
        other_start, other_side, other_inward = _frame(texels, other)
        turned = ~same_direction(vertices, faces, edge, other)[:, None]
        other_start = np.where(turned, other_start + other_side, other_start)
        other_side = np.where(turned, -other_side, other_side)
        with np.errstate(invalid="ignore", divide="ignore"):
            length = np.linalg.norm(side, axis=1, keepdims=True)
            along = side / (length * length)
            outward = -inward * np.linalg.norm(other_side, axis=1, keepdims=True) / length
            linear = other_side[:, :, None] * along[:, None] + other_inward[:, :, None] * outward[:, None]
            shift = other_start - (linear * start[:, None]).sum(axis=2)
        affine = np.full((3 * len(faces), 2, 3), np.nan)
        affine[edge, :, :2], affine[edge, :, 2] = linear, shift
        mate_chart = np.full(3 * len(faces), -1, np.int64)
        mate_chart[edge] = chart[other // 3]
        return Across(size, texels, seam, affine, chart, mate_chart)

    def places(
        self, texel: NDArray[np.integer], triangle: NDArray[np.integer], reach: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """For texels (m,) within `reach` of `triangle` (m,): rows with a place behind a seam, that place (k, 2), and
        its chart (k,)."""
        point = np.stack([texel % self.size + 0.5, texel // self.size + 0.5], axis=1)
        best = np.full(len(texel), float(reach * reach))
        edge = np.full(len(texel), -1, np.int64)
        for k in range(3):
            start = self.uv[triangle, k]
            side = self.uv[triangle, (k + 1) % 3] - start
            length = (side * side).sum(axis=1)
            s = ((point - start) * side).sum(axis=1) / np.where(length > 0, length, 1.0)
            gap = start + np.clip(s, 0.0, 1.0)[:, None] * side - point
            distance = np.where(self.seam[triangle, k] & (length > 0), (gap * gap).sum(axis=1), np.inf)
            nearer = distance < best - 1e-6  # at a corner both edges are equally near: the first one
            best[nearer], edge[nearer] = distance[nearer], (3 * triangle + k)[nearer]
        rows = np.flatnonzero(edge >= 0)
        affine = self.map[edge[rows]]
        place = (affine[:, :, :2] * point[rows, None]).sum(axis=2) + affine[:, :, 2]
        good = np.isfinite(place).all(axis=1)
        return rows[good], place[good], self.mate_chart[edge[rows[good]]]


def _frame(uv: NDArray[np.float64], edge: NDArray[np.integer]) -> tuple[NDArray, NDArray, NDArray]:
    """Start, direction and unit normal towards the inside of the triangle, each (m, 2), of edges numbered 3 t + k."""
    triangle, k = edge // 3, edge % 3
    start, end, third = (uv[triangle, (k + i) % 3] for i in range(3))
    side = end - start
    normal = np.stack([-side[:, 1], side[:, 0]], axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return start, side, np.where(((third - start) * normal).sum(axis=1)[:, None] < 0, -normal, normal)


def _bilinear(
    flat: NDArray,
    owner: NDArray[np.int32],
    chart_of: NDArray[np.int64],
    place: NDArray[np.float64],
    chart: NDArray[np.int64],
    size: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Colours float64 (m, C) at `place` (m, 2) from texels of `chart` (m,) only; good bool (m,): there were some."""
    x, y = np.floor(place[:, 0] - 0.5), np.floor(place[:, 1] - 0.5)
    fx, fy = place[:, 0] - 0.5 - x, place[:, 1] - 0.5 - y
    total = np.zeros(len(place))
    colour = np.zeros((len(place), flat.shape[1]))
    for j, i, share in (
        (y, x, (1 - fx) * (1 - fy)),
        (y, x + 1, fx * (1 - fy)),
        (y + 1, x, (1 - fx) * fy),
        (y + 1, x + 1, fx * fy),
    ):
        inside = (i >= 0) & (j >= 0) & (i < size) & (j < size)
        at = np.where(inside, j * size + i, 0).astype(np.int64)
        of_chart = (owner[at] >= 0) & (chart_of[owner[at]] == chart)
        weight = np.where(inside & of_chart, share, 0.0)
        total += weight
        colour += weight[:, None] * flat[at]
    return colour / np.where(total > 0, total, 1.0)[:, None], total > ENOUGH_WEIGHT
