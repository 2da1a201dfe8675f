# SPDX-License-Identifier: GPL-3.0-or-later
"""Coarser levels of a view selection problem, and labels handed down (specs/texture-optimizer.md 4.8, preset fast)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import accel
from .neighbours import voxel_keys, voxel_neighbours
from .potts import PAD, Potts
from .types import UNOBSERVED

TABLE = 1_000_000  # entries of the (nodes, views) table the NumPy path works on at a time, 45 bytes each


def coarsen(fine: Potts, views: int) -> tuple[Potts, NDArray[np.int64]]:
    """The problem with 2 x 2 x 2 voxels merged, and the coarse node int64 (N,) of each fine one.

    A label's cost is the sum over the children; a child that lacks it adds `missing` for each of its voxels. The K
    cheapest labels stay. Weights are the sums of the edges that cross. `views`: labels are below this.
    """
    halved = fine.coords // 2
    grid = int(halved.max(initial=0)) + 1
    keys = voxel_keys(halved, grid)
    unique, parent = np.unique(keys, return_inverse=True)
    children = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[children], np.arange(len(unique) + 1))
    coords = halved[children[first[:-1]]]
    label, cost = _merge(fine, parent, first, children, views)
    weight = np.zeros((len(unique), 6), np.int32)
    for slot in range(6):
        near = fine.neighbours[:, slot]
        crossing = np.flatnonzero((near >= 0) & (parent[near] != parent))
        sums = np.bincount(parent[crossing], fine.weight[crossing, slot], len(unique))
        weight[:, slot] = sums.astype(np.int32)
    voxels = np.bincount(parent, fine.voxels, len(unique)).astype(np.int32)
    return Potts(coords, label, cost, voxel_neighbours(coords, grid), weight, voxels, fine.missing), parent


def _merge(
    fine: Potts, parent: NDArray[np.int64], first: NDArray[np.int64], children: NDArray[np.int64], views: int
) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Labels int16 and costs int32 (nodes, K) of the coarse nodes, cheapest first, equals by label."""
    count, size = len(first) - 1, fine.label.shape[1]
    label = np.full((count, size), UNOBSERVED, np.int16)
    cost = np.full((count, size), PAD, np.int32)
    if accel.NUMBA:
        from .kernels_selection import merge_children

        merge_children(
            first, children, fine.label, fine.cost, fine.voxels, fine.missing, size, views, label, cost
        )  # fmt: skip
        return label, cost
    step = max(1, TABLE // max(views, 1))
    for start in range(0, count, step):
        end = min(start + step, count)
        rows = children[first[start] : first[end]]
        m, k = np.nonzero(fine.label[rows] >= 0)
        m = rows[m]
        without = fine.voxels.astype(np.int64) * fine.missing
        entry = (parent[m] - start) * views + fine.label[m, k]
        shape = (end - start, views)
        saving = np.bincount(entry, without[m] - fine.cost[m, k], shape[0] * shape[1]).reshape(shape)
        present = np.bincount(entry, minlength=shape[0] * shape[1]).reshape(shape) > 0
        full = np.bincount(parent[rows] - start, without[rows], shape[0])
        saving[~present] = -np.inf
        order = np.argsort(-saving, axis=1, kind="stable")[:, :size]
        width = order.shape[1]
        saved = np.take_along_axis(saving, order, axis=1)
        known = np.isfinite(saved)
        label[start:end, :width] = np.where(known, order, UNOBSERVED)
        cost[start:end, :width] = np.where(known, full[:, None] - np.where(known, saved, 0), PAD)
    return label, cost


def hand_down(
    fine: Potts, coarse: Potts, parent: NDArray[np.int64], coarse_labels: NDArray[np.int16]
) -> NDArray[np.int16]:
    """Labels int16 (N,) of the fine level: the parent's where feasible, else the cheapest feasible one of the parent's
    neighbours, else the greedy choice."""
    labels = coarse_labels[parent]
    cost = fine.cost_of(labels)
    rows = np.flatnonzero(fine.observed & (cost == PAD))
    near = coarse.neighbours[parent[rows]]
    offered = np.where(near >= 0, coarse_labels[near], UNOBSERVED)
    best = np.full(len(rows), PAD, np.int32)
    chosen = fine.greedy()[rows]
    for slot in range(6):
        hit = (fine.label[rows] == offered[:, slot, None]) & (offered[:, slot, None] >= 0)
        price = np.where(hit, fine.cost[rows], PAD).min(axis=1, initial=PAD)
        better = price < best
        best[better], chosen[better] = price[better], offered[better, slot]
    labels[rows] = chosen
    labels[~fine.observed] = UNOBSERVED
    return labels
