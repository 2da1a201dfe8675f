# SPDX-License-Identifier: GPL-3.0-or-later
"""Which voxels touch by a face (specs/texture-optimizer.md sections 2 and 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def voxel_keys(coords: NDArray[np.integer], grid: int) -> NDArray[np.int64]:
    """One int64 per voxel that sorts like its coordinates; steps of one voxel out of the grid meet no other key."""
    side = grid + 2
    i, j, l = (coords[:, axis].astype(np.int64) for axis in range(3))
    return (i * side + j) * side + l


def voxel_neighbours(coords: NDArray[np.int32], grid: int) -> NDArray[np.int32]:
    """Index of the voxel next to each voxel along +x -x +y -y +z -z, -1 where there is none.

    coords  int32 (N, 3), each in 0...grid - 1, without duplicates; in any order, fastest where sorted
    Returns int32 (N, 6), C-contiguous. Slot d of a voxel and slot d ^ 1 of its neighbour point at each other.
    Memory: 40 bytes a voxel besides the result.
    """
    keys = voxel_keys(coords, grid)
    order = None
    if len(keys) > 1 and not (keys[1:] > keys[:-1]).all():
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
    neighbours = np.full((len(keys), 6), -1, np.int32)
    side = grid + 2
    for axis, step in enumerate((side * side, side, 1)):
        wanted = keys + step
        # The nearest larger key is the z neighbour or there is none, so only x and y need a search.
        at = np.arange(1, len(keys) + 1) if step == 1 else np.searchsorted(keys, wanted)
        hit = np.flatnonzero(keys[np.minimum(at, len(keys) - 1)] == wanted) if len(keys) else at
        low, high = hit, at[hit]
        if order is not None:
            low, high = order[low], order[high]
        neighbours[low, 2 * axis] = high
        neighbours[high, 2 * axis + 1] = low
    return neighbours
