# SPDX-License-Identifier: GPL-3.0-or-later
"""Nearest neighbours in space: SciPy's k-d tree where there is one, else cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TIE = 1e-7  # distances that differ by less are equal, and the lower index wins
TIED = 8  # of equal distances the k-d tree path looks at so many
PAIRS = 2_000_000  # distances computed at a time


def nearest_points(queries: NDArray[np.float32], points: NDArray[np.float32], limit: float) -> NDArray[np.int64]:
    """Index int64 (m,) of the point (n, 3) nearest to each query (m, 3), -1 where none is closer than `limit`."""
    if len(points) == 0 or len(queries) == 0:
        return np.full(len(queries), -1)
    try:
        from scipy.spatial import KDTree
    except ImportError:
        return _by_cells(queries.astype(np.float64), points.astype(np.float64), limit)
    distance, index = KDTree(points).query(queries, k=TIED, distance_upper_bound=limit)
    tied = distance <= distance[:, :1] + TIE
    best = np.where(tied, index, len(points)).min(axis=1)
    return np.where(np.isfinite(distance[:, 0]), best, -1)


def _by_cells(queries: NDArray[np.float64], points: NDArray[np.float64], limit: float) -> NDArray[np.int64]:
    """The same with NumPy alone: queries of one cell are compared with the points of the cells around it.

    Cells of limit / 4; the block grows from 3 to 9 cells until the nearest point is sure to be inside.
    """
    edge = limit / 4
    low = np.minimum(queries.min(axis=0), points.min(axis=0))
    extent = np.maximum(queries.max(axis=0), points.max(axis=0)) - low
    side = int(extent.max() / edge) + 12
    own = ((queries - low) / edge).astype(np.int64) + 5
    keys = _keys(((points - low) / edge).astype(np.int64) + 5, side)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    best = np.full(len(queries), -1)
    pending = np.arange(len(queries))
    for radius in (1, 4):
        if len(pending) == 0:
            break
        cell, group = np.unique(_keys(own[pending], side), return_inverse=True)
        members = np.argsort(group, kind="stable")
        ends = np.searchsorted(group[members], np.arange(len(cell) + 1))
        unsure = []
        for g in range(len(cell)):
            rows = pending[members[ends[g] : ends[g + 1]]]
            around = order[_block(keys, own[rows[0]], radius, side)]
            around.sort()
            step = max(1, PAIRS // max(len(around), 1))
            for start in range(0, len(rows) if len(around) else 0, step):
                some = rows[start : start + step]
                distance = np.sqrt(((queries[some, None] - points[around]) ** 2).sum(axis=2))
                shortest = distance.min(axis=1)
                first = (distance <= shortest[:, None] + TIE).argmax(axis=1)
                best[some] = np.where(shortest < limit, around[first], -1)
                unsure.append(some[shortest + TIE >= radius * edge])
            if len(around) == 0:
                unsure.append(rows)
        pending = np.concatenate(unsure)
    return best


def _keys(cells: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    return (cells[..., 0] * side + cells[..., 1]) * side + cells[..., 2]


def _block(keys: NDArray[np.int64], cell: NDArray[np.int64], radius: int, side: int) -> NDArray[np.int64]:
    """Positions in sorted `keys` of the cells within `radius` of `cell`: one run along z for each x and y."""
    steps = np.arange(-radius, radius + 1)
    corner = np.stack(np.meshgrid(cell[0] + steps, cell[1] + steps, [cell[2] - radius], indexing="ij"), -1).reshape(
        -1, 3
    )
    begin = _keys(corner, side)
    first, last = np.searchsorted(keys, begin), np.searchsorted(keys, begin + 2 * radius + 1)
    length = last - first
    return np.repeat(first - np.cumsum(length) + length, length) + np.arange(length.sum())
