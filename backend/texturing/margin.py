# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours around the charts, for filtering and mip-maps (specs/texture-optimizer.md 4.12)."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..progress import Progress, silent
from . import accel
from .uv_seams import same_direction, seam_mates

BANDS = 8
BLOCK = 262_144


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

    Memory: 8 bytes a texel and 250 bytes a margin texel of one block.
    """
    owned = owner >= 0
    if not owned.any():
        return
    size = owner.shape[0]
    flat = rgba.reshape(size * size, -1)
    free = np.flatnonzero(~owned)
    mean = flat[owned.reshape(-1)].mean(axis=0, dtype=np.float64)
    nearest = nearest_owned(owned, margin) if margin > 0 else np.full(owner.shape, -1, np.int32)
    near = nearest.reshape(-1)[free]
    flat[free[near < 0]] = _as(mean, flat.dtype)
    texel, source = free[near >= 0], near[near >= 0]
    filled = flat[source].copy()
    if uv is not None and vertices is not None and faces is not None and len(texel):
        across = _Across(np.asarray(uv, np.float64), vertices, faces, size)
        for start in range(0, len(texel), BLOCK):
            part = slice(start, start + BLOCK)
            rows, place = across.places(texel[part], owner.reshape(-1)[source[part]])
            colour, good = _bilinear(flat, owned.reshape(-1), place, size)
            filled[start + rows[good]] = _as(colour[good], flat.dtype)
            progress(start / len(texel), "margins")
    flat[texel] = filled
    progress(1.0, "margins")


def _as(colour: NDArray[np.float64], dtype: np.dtype) -> NDArray:
    return np.rint(colour).astype(dtype) if np.issubdtype(dtype, np.integer) else colour.astype(dtype)


def nearest_owned(owned: NDArray[np.bool_], reach: int) -> NDArray[np.int32]:
    """Flat index int32 (S, S) of the nearest texel that is owned, -1 where none is within `reach` texels.

    Exact Euclidean distance; ties: fewer rows away, then above, then the left one of that row.
    """
    height, width = owned.shape
    column = np.empty((height, width), np.int32)
    out = np.empty((height, width), np.int32)
    if accel.NUMBA:
        from .kernels_uv import nearest_in_columns, nearest_in_rows

        edges = np.linspace(0, height, min(BANDS, height) + 1).astype(np.int64)
        bands = list(itertools.pairwise(edges))
        for _ in accel.mapped(lambda b: nearest_in_rows(owned[b[0] : b[1]], reach, column[b[0] : b[1]]), bands):
            pass
        for _ in accel.mapped(lambda b: nearest_in_columns(column, reach, b[0], b[1], out), bands):
            pass
        return out
    x = np.arange(width, dtype=np.int32)
    left = np.maximum.accumulate(np.where(owned, x, -(2**20)), axis=1)
    right = np.minimum.accumulate(np.where(owned, x, 2**20)[:, ::-1], axis=1)[:, ::-1]
    column[:] = np.where(x - left <= right - x, left, right)
    column[abs(column - x) > reach] = -1
    out.reshape(-1)[:] = np.where(owned.reshape(-1), np.arange(height * width), -1)
    free = np.flatnonzero(~owned)
    row, col = free // width, free % width
    best = np.full(len(free), reach * reach + 1)
    found = np.full(len(free), -1, np.int64)
    for step in range(reach + 1):
        for y in (row - step, row + step) if step else (row,):
            inside = (y >= 0) & (y < height)
            c = np.where(inside, column[np.clip(y, 0, height - 1), col], -1)
            distance = np.where(c >= 0, (c - col) ** 2 + step * step, 2**40)
            better = distance < best
            best[better] = distance[better]
            found[better] = (y * width + c)[better]
    out.reshape(-1)[free] = found
    return out


class _Across:
    """Maps points outside a chart to where the surface goes on behind the seam."""

    def __init__(
        self, uv: NDArray[np.float64], vertices: NDArray[np.floating], faces: NDArray[np.integer], size: int
    ) -> None:
        self.size = size
        # Texel units, v down; texel (r, c) has its centre at (c + 0.5, r + 0.5).
        self.uv = np.stack([uv[..., 0] * size, (1.0 - uv[..., 1]) * size], axis=-1)
        self.mate, self.seam = seam_mates(vertices, faces, uv)
        self.vertices, self.faces = vertices, faces

    def places(
        self, texel: NDArray[np.integer], triangle: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """For texels (m,) beside `triangle` (m,): rows that have a place behind a seam, and that place (k, 2)."""
        point = np.stack([texel % self.size + 0.5, texel // self.size + 0.5], axis=1)
        best = np.full(len(texel), np.inf)
        edge = np.full(len(texel), -1, np.int64)
        along = np.zeros(len(texel))
        for k in range(3):
            start, end = self.uv[triangle, k], self.uv[triangle, (k + 1) % 3]
            side = end - start
            length = (side * side).sum(axis=1)
            s = ((point - start) * side).sum(axis=1) / np.where(length > 0, length, 1.0)
            gap = start + np.clip(s, 0.0, 1.0)[:, None] * side - point
            distance = np.where(self.seam[triangle, k] & (length > 0), (gap * gap).sum(axis=1), np.inf)
            nearer = distance < best
            best[nearer], edge[nearer], along[nearer] = distance[nearer], (3 * triangle + k)[nearer], s[nearer]
        rows = np.flatnonzero((edge >= 0) & (self.mate.reshape(-1)[np.maximum(edge, 0)] >= 0))
        edge, along, point = edge[rows], along[rows], point[rows]
        mate = self.mate.reshape(-1)[edge]
        start, end, inward = self._frame(edge)
        other_start, other_end, other_inward = self._frame(mate)
        turned = ~same_direction(self.vertices, self.faces, edge, mate)
        other_start, other_end = (
            np.where(turned[:, None], other_end, other_start),
            np.where(turned[:, None], other_start, other_end),
        )
        scale = np.linalg.norm(other_end - other_start, axis=1) / np.linalg.norm(end - start, axis=1)
        outside = -((point - start) * inward).sum(axis=1) * scale
        place = other_start + along[:, None] * (other_end - other_start) + outside[:, None] * other_inward
        good = np.isfinite(place).all(axis=1) & (outside >= 0)
        return rows[good], place[good]

    def _frame(self, edge: NDArray[np.integer]) -> tuple[NDArray, NDArray, NDArray]:
        """Start, end, and unit normal towards the inside of the triangle, each (m, 2), of edges numbered 3 t + k."""
        triangle, k = edge // 3, edge % 3
        start, end, third = (self.uv[triangle, (k + i) % 3] for i in range(3))
        side = end - start
        normal = np.stack([-side[:, 1], side[:, 0]], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        normal = np.where(((third - start) * normal).sum(axis=1)[:, None] < 0, -normal, normal)
        return start, end, normal


def _bilinear(
    flat: NDArray, owned: NDArray[np.bool_], place: NDArray[np.float64], size: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Colours float64 (m, C) at `place` (m, 2) from owned texels only; good bool (m,): there were some."""
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
        weight = np.where(inside & owned[at], share, 0.0)
        total += weight
        colour += weight[:, None] * flat[at]
    good = total > 0.25
    return colour / np.where(total > 0, total, 1.0)[:, None], good
