# SPDX-License-Identifier: GPL-3.0-or-later
"""From a point of the surface to its voxels (specs/texture-optimizer.md 4.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import accel
from .types import SurfaceVoxels
from .visibility import blocks

SAME_SHEET = 0.3  # least cosine between the normals of a point and of its voxel
STEPS = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
CORNERS = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(-1, 3)
BLOCK = 131_072
TABLE_GRID = 256


@dataclass(frozen=True, eq=False)
class VoxelLookup:
    """Finds voxels by their coordinates.

    column int32 (grid^2 + 1,): where the voxels of each (i, j) start; table int32 (grid^3,) or None: index + 1 of the
    voxel at each place, for the NumPy path up to a grid of 256 (64 MiB).
    """

    voxels: SurfaceVoxels
    column: NDArray[np.int32]
    table: NDArray[np.int32] | None

    @staticmethod
    def of(voxels: SurfaceVoxels) -> VoxelLookup:
        n = voxels.grid
        i, j, l = (voxels.coords[:, axis].astype(np.int64) for axis in range(3))
        column = np.zeros(n * n + 1, np.int32)
        np.cumsum(np.bincount(i * n + j, minlength=n * n), out=column[1:])
        table = None
        if not accel.NUMBA and n <= TABLE_GRID:
            table = np.zeros(n**3, np.int32)
            table[(i * n + j) * n + l] = np.arange(1, len(i) + 1)
        return VoxelLookup(voxels, column, table)

    def find(self, coords: NDArray[np.integer]) -> NDArray[np.int64]:
        """Index int64 (m,) of the voxels at coords (m, 3), -1 where there is none or outside the grid."""
        n = self.voxels.grid
        i, j, l = (coords[:, axis].astype(np.int64) for axis in range(3))
        inside = (i >= 0) & (j >= 0) & (l >= 0) & (i < n) & (j < n) & (l < n)
        column = np.where(inside, i * n + j, 0)
        if self.table is not None:
            return np.where(inside, self.table[column * n + np.where(inside, l, 0)].astype(np.int64) - 1, -1)
        heights = self.voxels.coords[:, 2]
        if len(heights) == 0:
            return np.full(len(i), -1)
        low, end = self.column[column].astype(np.int64), self.column[column + 1].astype(np.int64)
        stop = end
        for _ in range(int(n).bit_length()):  # bisection in every column at once
            middle = (low + end) // 2
            below = (low < end) & (heights[np.minimum(middle, len(heights) - 1)] < l)
            low, end = np.where(below, middle + 1, low), np.where((low < end) & ~below, middle, end)
        at = np.minimum(low, len(heights) - 1)
        return np.where(inside & (low < stop) & (heights[at] == l), at, -1)

    def nearest(self, points: NDArray[np.float32], normals: NDArray[np.float32]) -> NDArray[np.int32]:
        """The voxel of each surface point, int32 (m,).

        The one that contains it if it lies on the same sheet (normals closer than 73 degrees); else the one whose
        surface point is nearest among the 3 x 3 x 3 around that do; else the containing or nearest one of any sheet,
        as -2 - index; -1 where the block is empty.
        """
        out = np.empty(len(points), np.int32)
        if accel.NUMBA:
            from .kernels_texels import locate

            v = self.voxels

            def search(block: tuple[int, int]) -> None:
                locate(points, normals, v.grid, self.column, v.coords, v.point, v.normal, *block, out)

            for _ in accel.mapped(search, blocks(len(points))):
                pass
            return out
        for start in range(0, len(points), BLOCK):
            part = slice(start, start + BLOCK)
            out[part] = self._nearest(points[part].astype(np.float64), normals[part].astype(np.float64))
        return out

    def _nearest(self, points: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.int32]:
        v = self.voxels
        cell = np.floor((points + 0.5) * v.grid).astype(np.int64)
        home = self.find(cell)
        out = np.where(self._agreement(home, normals) > SAME_SHEET, home, -1)
        rest = np.flatnonzero(out < 0)
        best = np.full(len(rest), np.inf)
        any_best = np.full(len(rest), np.inf)
        any_voxel = home[rest]
        for step in STEPS:
            index = self.find(cell[rest] + step)
            gap = v.point[index].astype(np.float64) - points[rest]
            distance = np.where(
                index >= 0, gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1] + gap[:, 2] * gap[:, 2], np.inf
            )
            other = (home[rest] < 0) & (distance < any_best)
            any_best[other], any_voxel[other] = distance[other], index[other]
            better = (self._agreement(index, normals[rest]) > SAME_SHEET) & (distance < best)
            best[better] = distance[better]
            out[rest[better]] = index[better]
        lost = out[rest] < 0
        out[rest[lost]] = np.where(any_voxel[lost] >= 0, -2 - any_voxel[lost], -1)
        return out.astype(np.int32)

    def _agreement(self, index: NDArray[np.int64], normals: NDArray[np.float64]) -> NDArray[np.float64]:
        n = self.voxels.normal[index].astype(np.float64)
        dot = n[:, 0] * normals[:, 0] + n[:, 1] * normals[:, 1] + n[:, 2] * normals[:, 2]
        return np.where(index >= 0, dot, -2.0)

    def around(
        self, points: NDArray[np.floating], normals: NDArray[np.floating]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The eight voxels around each point: index int64 (m, 8) and trilinear weight float64 (m, 8).

        Weight 0 (index -1) where there is no voxel or it faces the other way. Sums are not normalised.
        """
        at = (np.asarray(points, np.float64) + 0.5) * self.voxels.grid - 0.5
        base = np.floor(at)
        f = at - base
        base = base.astype(np.int64)
        index = np.empty((len(at), 8), np.int64)
        weight = np.empty((len(at), 8))
        normals = np.asarray(normals, np.float64)
        for k, corner in enumerate(CORNERS):
            share = np.where(corner, f, 1.0 - f)
            found = self.find(base + corner)
            kept = self._agreement(found, normals) > 0
            index[:, k] = np.where(kept, found, -1)
            weight[:, k] = np.where(kept, share[:, 0] * share[:, 1] * share[:, 2], 0.0)
        return index, weight
