# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum cuts with NumPy alone: push-relabel with every active node moving at once.

Goldberg and Tarjan, "A new approach to the maximum-flow problem", JACM 1988, first phase only: excess that cannot reach
the sink stays where it is, which is enough for the cut. Heights are exact distances to the sink, computed anew by a
breadth-first search before each wave; a wave lets the excess run downhill, from the highest nodes to the lowest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 12  # of pushing and relabelling between two searches


def min_cut(
    terminal: NDArray[np.int64], neighbours: NDArray[np.int32], capacity: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """The smallest sink side of a minimum cut: bool (n,). Arguments as in maxflow_numba.min_cut; none is changed."""
    count = len(terminal)
    # One more node stands for "no neighbour": nothing can be pushed to it.
    near = np.full((count + 1, 6), count)
    near[:-1] = np.where(neighbours >= 0, neighbours, count)
    residual = np.zeros((count + 1, 6), np.int32)
    residual[:-1] = np.where(neighbours >= 0, capacity, 0)
    excess = np.concatenate([np.maximum(terminal, 0), [0]])
    drain = np.concatenate([np.maximum(-terminal, 0), [0]])
    while True:
        height = _heights(near, residual, drain)
        active = np.flatnonzero((excess > 0) & (height <= count))
        if len(active) == 0:
            return (height <= count)[:count]
        for _ in range(ROUNDS):
            active = _push(active, near, residual, excess, drain, height)
            if len(active) == 0:
                break


def _heights(near: NDArray[np.int64], residual: NDArray[np.int32], drain: NDArray[np.int64]) -> NDArray[np.int32]:
    """Steps to the sink over edges with residual capacity: int32 (n + 1,), above n where there is no way."""
    count = len(near) - 1
    height = np.full(count + 1, 2 * count + 2, np.int32)
    front = np.flatnonzero(drain > 0)
    height[front] = 1
    step = 1
    while len(front):
        step += 1
        found = []
        for slot in range(6):
            q = near[front, slot]
            new = q[(height[q] > step) & (residual[q, slot ^ 1] > 0)]
            height[new] = step
            found.append(new)
        front = np.concatenate(found)
    return height


def _push(
    active: NDArray[np.int64],
    near: NDArray[np.int64],
    residual: NDArray[np.int32],
    excess: NDArray[np.int64],
    drain: NDArray[np.int64],
    height: NDArray[np.int32],
) -> NDArray[np.int64]:
    """Push from all active nodes at once, relabel those that keep an excess; returns the nodes active afterwards."""
    count = len(near) - 1
    flow = np.minimum(excess[active], drain[active])
    excess[active] -= flow
    drain[active] -= flow
    near_active = near[active]
    room = residual[active]
    down = np.where(height[near_active] == height[active, None] - 1, room, 0)
    before = np.cumsum(down, axis=1, dtype=np.int64) - down  # what the slots before can take
    flow = np.minimum(np.maximum(excess[active, None] - before, 0), down)
    residual[active] = room - flow
    excess[active] -= flow.sum(axis=1)
    row, slot = np.nonzero(flow)
    target, amount = near_active[row, slot], flow[row, slot]
    residual[target, slot ^ 1] += amount  # no such pair occurs twice
    np.add.at(excess, target, amount)
    stuck = active[excess[active] > 0]
    if len(stuck):
        lowest = np.where(residual[stuck] > 0, height[near[stuck]], 2 * count + 2).min(axis=1) + 1
        height[stuck] = np.maximum(np.where(drain[stuck] > 0, 1, lowest), height[stuck])
    reached = np.unique(np.concatenate([active, target]))
    return reached[(excess[reached] > 0) & (height[reached] <= count)]
