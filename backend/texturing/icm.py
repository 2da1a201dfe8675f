# SPDX-License-Identifier: GPL-3.0-or-later
"""Iterated conditional modes: the cheap start of the solver (specs/texture-optimizer.md 4.8)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import accel
from .potts import PAD, Potts

ROUNDS = 10
BLOCK = 65_536


def icm(potts: Potts, labels: NDArray[np.int16], rounds: int = ROUNDS) -> NDArray[np.int16]:
    """Give every node the label that is cheapest beside its neighbours, until nothing changes or `rounds` are over.

    labels int16 (N,), feasible. The 6-neighbour graph is two-coloured by the parity of i + j + l, and nodes of one
    parity are updated at once, so the order of the nodes does not matter. Ties keep the old label, then the first.
    """
    labels = labels.copy()
    even = (potts.coords.sum(axis=1) & 1) == 0
    dirty = potts.observed
    for half_round in range(2 * rounds):
        rows = np.flatnonzero(dirty & (even if half_round % 2 == 0 else ~even))
        dirty[rows] = False
        if len(rows) == 0:
            if not dirty.any():
                break
            continue
        best = _best(potts, labels, rows)
        moved = best != labels[rows]
        labels[rows[moved]] = best[moved]
        near = potts.neighbours[rows[moved]]
        dirty[near[(near >= 0) & (potts.weight[rows[moved]] > 0)]] = True
    return labels


def _best(potts: Potts, labels: NDArray[np.int16], rows: NDArray[np.int64]) -> NDArray[np.int16]:
    out = np.empty(len(rows), np.int16)
    if accel.NUMBA:
        from .kernels_selection import best_labels

        best_labels(rows, labels, potts.label, potts.cost, potts.neighbours, potts.weight, out)
        return out
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        label = potts.label[part]
        total = np.where(label >= 0, potts.cost[part].astype(np.int64), np.int64(PAD) << 16)
        for slot in range(6):
            near = potts.neighbours[part, slot]
            total -= potts.weight[part, slot, None] * (label == labels[near][:, None])
        column = total.argmin(axis=1)
        index = np.arange(len(part))
        own = np.take_along_axis(total, (label == labels[part, None]).argmax(axis=1)[:, None], axis=1)[:, 0]
        out[start : start + BLOCK] = np.where(total[index, column] < own, label[index, column], labels[part])
    return out
