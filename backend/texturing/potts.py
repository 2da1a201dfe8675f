# SPDX-License-Identifier: GPL-3.0-or-later
"""The integer form of a view selection problem, on which all solvers agree to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .types import UNOBSERVED, Problem

SCALE = 100_000  # costs are rounded to 1e-5
LARGEST = 2**30  # of any sum of costs or weights over the voxels merged on the coarsest level
MERGED = 8**3
PAD = np.int32(2**31 - 1)  # cost of pads
BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class Potts:
    """A sparse Potts problem in integers: the fine one, or one of the coarser levels.

    coords      int32 (N, 3)
    label       int16 (N, K), feasible labels, -1 pads last
    cost        int32 (N, K), PAD at pads
    neighbours  int32 (N, 6), weight int32 (N, 6) with lambda, 0 where there is no neighbour
    voxels      int32 (N,), observed voxels of the finest level that each node stands for
    missing     int, what a voxel adds to a coarse node's cost for a label it lacks: the largest finite cost
    """

    coords: NDArray[np.int32]
    label: NDArray[np.int16]
    cost: NDArray[np.int32]
    neighbours: NDArray[np.int32]
    weight: NDArray[np.int32]
    voxels: NDArray[np.int32]
    missing: int

    def __len__(self) -> int:
        return len(self.label)

    @property
    def observed(self) -> NDArray[np.bool_]:
        return self.label[:, 0] >= 0

    def cost_of(self, labels: NDArray[np.int16]) -> NDArray[np.int32]:
        """Data cost int32 (N,) of labels (N,), 0 where unobserved, PAD where infeasible."""
        out = np.empty(len(labels), np.int32)
        for start in range(0, len(labels), BLOCK):
            rows = slice(start, start + BLOCK)
            hit = self.label[rows] == labels[rows, None]
            column = hit.argmax(axis=1)
            index = np.arange(len(column))
            out[rows] = np.where(hit[index, column], self.cost[rows][index, column], PAD)
        out[~self.observed] = 0
        return out

    def energy(self, labels: NDArray[np.int16]) -> int:
        total = int(self.cost_of(labels).sum(dtype=np.int64))
        for slot in (0, 2, 4):
            other = self.neighbours[:, slot]
            cut = labels[other] != labels  # weights are 0 where there is no neighbour
            total += int(self.weight[cut, slot].sum(dtype=np.int64))
        return total

    def greedy(self) -> NDArray[np.int16]:
        """The cheapest label of each node on its own; the first of equals."""
        column = self.cost.argmin(axis=1)
        return np.take_along_axis(self.label, column[:, None], axis=1)[:, 0]


def integer_potts(problem: Problem, coords: NDArray[np.int32]) -> tuple[Potts, float]:
    """The problem in integers, and what one unit of cost became.

    Costs are multiplied by 100 000, or by less where lambda or a cost is so large that sums would not fit 32 bits.
    """
    largest = 0.0
    for rows in _blocks(len(problem.cost)):
        finite = problem.cost[rows]
        largest = max(largest, float(finite[np.isfinite(finite)].max(initial=0.0)))
    heaviest = problem.smoothness * float(problem.weight.max(initial=0.0))
    scale = min(float(SCALE), LARGEST / max(largest * MERGED, heaviest * MERGED, 1e-9))
    cost = np.full(problem.cost.shape, PAD, np.int32)
    for rows in _blocks(len(cost)):
        cost[rows] = np.where(problem.label[rows] >= 0, np.rint(problem.cost[rows] * np.float64(scale)), PAD)
    weight = np.rint(problem.weight * np.float64(problem.smoothness * scale)).astype(np.int32)
    observed = problem.label[:, 0] >= 0
    return (
        Potts(
            np.ascontiguousarray(coords, np.int32),
            np.ascontiguousarray(problem.label, np.int16),
            cost,
            np.ascontiguousarray(problem.neighbours, np.int32),
            weight,
            observed.astype(np.int32),
            round(largest * scale),
        ),
        scale,
    )


def feasible_labels(potts: Potts, labels: NDArray[np.integer] | None) -> NDArray[np.int16]:
    """`labels` where they are candidates, the greedy choice elsewhere; UNOBSERVED where there is no candidate."""
    greedy = potts.greedy()
    if labels is None:
        return greedy
    given = np.asarray(labels, np.int16)
    return np.where(potts.observed, np.where(potts.cost_of(given) < PAD, given, greedy), np.int16(UNOBSERVED))


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))
