# SPDX-License-Identifier: GPL-3.0-or-later
"""Alpha-expansion over sparse label sets (specs/texture-optimizer.md 4.8).

Boykov, Veksler and Zabih, "Fast approximate energy minimization via graph cuts", PAMI 2001. Expanding alpha lets every
voxel that has alpha as a candidate switch to it, all at once and optimally.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import accel
from .potts import Potts

FORWARD = np.arange(6) % 2 == 0  # each edge seen from one of its ends
MinCut = Callable[[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]], NDArray[np.bool_]]


class Expander:
    """A labelling and the moves that improve it.

    potts    the problem; views: labels are below this; labels int16 (N,): feasible start, updated in place
    min_cut  None: the compiled move (needs numba); else the NumPy move with this solver

    All solvers return the smallest sink side, which is unique, so labels are the same whichever is used.
    """

    def __init__(self, potts: Potts, views: int, labels: NDArray[np.int16], min_cut: MinCut | None) -> None:
        self.potts = potts
        self.labels = labels
        self.label_cost = potts.cost_of(labels)
        self.min_cut = min_cut
        self.dirty = np.ones(views, bool)  # labels whose voxels or their neighbours changed since their last move
        self.start, self.entries = _index(potts.label, views)
        self._local = np.full(len(potts), -1, np.int32)  # a voxel's node in the graph of the present move

    def expand(self, alpha: int) -> int:
        """Expand one label; returns the change of energy, 0 or negative."""
        entries = self.entries[self.start[alpha] : self.start[alpha + 1]]
        p = self.potts
        if self.min_cut is None:
            from .kernels_expansion import expand

            change = expand(
                alpha, entries, p.label, p.cost, p.neighbours, p.weight,
                self.labels, self.label_cost, self._local, self.dirty,
            )  # fmt: skip
        else:
            change = self._move(alpha, entries, self.min_cut)
        self.dirty[alpha] = False  # a second move of the same label cannot gain
        return int(change)

    def _move(self, alpha: int, entries: NDArray[np.int32], min_cut: MinCut) -> int:
        labels, local = self.labels, self._local
        voxels = entries // self.potts.label.shape[1]
        chosen = labels[voxels] != alpha
        nodes = voxels[chosen]
        local[nodes] = np.arange(len(nodes))
        try:
            return self._cut(alpha, nodes, self.potts.cost.ravel()[entries[chosen]], min_cut)
        finally:
            local[nodes] = -1

    def _cut(self, alpha: int, nodes: NDArray[np.int32], price: NDArray[np.int32], min_cut: MinCut) -> int:
        """The best move of `nodes` (n,), whose cost of alpha is `price` (n,), all other voxels staying as they are.

        A node on the sink side switches, so what it gains or loses by switching is its edge to the terminals. A Potts
        edge inside the graph between labels a and b costs w unless both switch, or neither and a = b: w both ways
        where a = b, else w one way and a discount of w on the other node's switch.
        """
        p, labels = self.potts, self.labels
        weight = p.weight[nodes]
        near = p.neighbours[nodes]
        table = self._local[near]
        table[weight == 0] = -1
        inside = table >= 0
        other = labels[near]
        equal = other == labels[nodes, None]
        outside = weight * np.subtract(equal, other == alpha, dtype=np.int32)  # change if this node alone switches
        gain = price.astype(np.int64) - self.label_cost[nodes]
        terminal = gain + (outside * ~inside).sum(axis=1, dtype=np.int64)
        capacity = weight * (inside & (equal | FORWARD))
        for slot in (0, 2, 4):
            rows = np.flatnonzero(inside[:, slot] & ~equal[:, slot])
            terminal[table[rows, slot]] -= weight[rows, slot]  # no target occurs twice within a slot
        if not (terminal < 0).any():
            return 0
        switch = np.flatnonzero(min_cut(terminal, table, capacity))
        moving = np.zeros(len(nodes), bool)
        moving[switch] = True
        both = inside[switch] & moving[table[switch]]
        total = int(gain[switch].sum() + (outside[switch] * ~both).sum(dtype=np.int64))
        total -= int((weight[switch] * (both & ~equal[switch] & FORWARD)).sum(dtype=np.int64))  # such edges count once
        if total >= 0:
            return 0
        moved = nodes[switch]
        labels[moved] = alpha
        self.label_cost[moved] = price[switch]
        for touched in (p.label[moved], p.label[near[switch][weight[switch] > 0]]):
            self.dirty[touched[touched >= 0]] = True
        return total


def _index(label: NDArray[np.int16], views: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Where each label is a candidate: start int64 (views + 1,), entries int32: flat positions in label (N, K)."""
    start = np.zeros(views + 1, np.int64)
    if accel.NUMBA:
        from .kernels_expansion import index_entries

        entries = np.empty(int((label >= 0).sum()), np.int32)
        index_entries(label, views, start, entries)
        return start, entries
    flat = label.ravel()
    order = np.argsort(flat, kind="stable").astype(np.int32)
    np.cumsum(np.bincount(flat[flat >= 0], minlength=views), out=start[1:])
    return start, order[len(order) - start[-1] :]
