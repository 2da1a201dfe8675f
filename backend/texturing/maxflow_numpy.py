# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum cuts with NumPy alone: push-relabel with every active node moving at once.

Goldberg and Tarjan, "A new approach to the maximum-flow problem", JACM 1988, first phase only: excess that cannot reach
the sink stays where it is, which is enough for the cut. Heights are exact distances to the sink, computed anew by a
breadth-first search before each wave; a wave lets the excess run downhill, from the highest nodes to the lowest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ROUNDS = 24  # of pushing and relabelling between two searches


def min_cut(
    terminal: NDArray[np.int64], neighbours: NDArray[np.int32], capacity: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """The smallest sink side of a minimum cut: bool (n,). Arguments as in maxflow_numba.min_cut; none is changed."""
    count = len(terminal)
    # One more node stands for "no neighbour": nothing can be pushed to it.
    near = np.where(neighbours >= 0, neighbours, count).astype(np.int64)
    near = np.concatenate([near, np.full((1, 6), count)])
    residual = np.concatenate([np.where(neighbours >= 0, capacity, 0), np.zeros((1, 6), np.int64)]).astype(np.int64)
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


def _heights(near: NDArray[np.int64], residual: NDArray[np.int64], drain: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps to the sink over edges with residual capacity: int64 (n + 1,), above n where there is no way."""
    count = len(near) - 1
    height = np.full(count + 1, 2 * count + 2)
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
    residual: NDArray[np.int64],
    excess: NDArray[np.int64],
    drain: NDArray[np.int64],
    height: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Push from all active nodes at once, relabel those that keep an excess; returns the nodes active afterwards."""
    count = len(near) - 1
    flow = np.minimum(excess[active], drain[active])
    excess[active] -= flow
    drain[active] -= flow
    reached = [active]
    for slot in range(6):
        q = near[active, slot]
        flow = np.where(height[q] == height[active] - 1, np.minimum(excess[active], residual[active, slot]), 0)
        moving = flow > 0
        p, q, flow = active[moving], q[moving], flow[moving]
        residual[p, slot] -= flow  # within a slot no target occurs twice
        residual[q, slot ^ 1] += flow
        excess[p] -= flow
        excess[q] += flow
        reached.append(q)
    stuck = active[excess[active] > 0]
    if len(stuck):
        lowest = np.where(residual[stuck] > 0, height[near[stuck]], 2 * count + 2).min(axis=1) + 1
        height[stuck] = np.maximum(np.where(drain[stuck] > 0, 1, lowest), height[stuck])
    flag = np.unique(np.concatenate(reached))
    return flag[(excess[flag] > 0) & (height[flag] <= count)]
