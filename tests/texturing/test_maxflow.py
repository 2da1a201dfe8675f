# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum cuts: all solvers against brute force, SciPy and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from orbit_painter.backend.texturing import maxflow_numba, maxflow_numpy, maxflow_pymaxflow
from orbit_painter.backend.texturing.neighbours import voxel_neighbours


def compiled(terminal, neighbours, capacity):
    return maxflow_numba.min_cut(terminal.copy(), neighbours, capacity.copy())


SOLVERS = {"numba": compiled, "pymaxflow": maxflow_pymaxflow.min_cut, "numpy": maxflow_numpy.min_cut}
each_solver = pytest.mark.parametrize("min_cut", SOLVERS.values(), ids=SOLVERS.keys())


def random_graph(seed: int, side: int = 6, largest: int = 50, nodes: int | None = None):
    """Random capacities on a random part of a cubic lattice."""
    random = np.random.default_rng(seed)
    cells = np.array(list(itertools.product(range(side), repeat=3)), np.int32)
    kept = random.random(len(cells)) < random.uniform(0.2, 1)
    cells = cells[kept][:nodes]
    near = voxel_neighbours(cells, side)
    capacity = random.integers(0, largest, near.shape) * (near >= 0) * (random.random(near.shape) < 0.8)
    terminal = random.integers(-2 * largest, 2 * largest, len(cells)) * (random.random(len(cells)) < 0.7)
    return terminal.astype(np.int64), near, capacity.astype(np.int32)


def cut_value(terminal, near, capacity, sink) -> int:
    value = int(terminal[sink & (terminal > 0)].sum() - terminal[~sink & (terminal < 0)].sum())
    crossing = ~sink[:, None] & np.where(near >= 0, sink[near], False)
    return value + int(capacity[crossing].sum())


def scipy_flow(terminal, near, capacity) -> int:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import maximum_flow

    n = len(terminal)
    rows, slots = np.nonzero(near >= 0)
    source, sink = np.flatnonzero(terminal > 0), np.flatnonzero(terminal < 0)
    i = np.concatenate([rows, np.full(len(source), n), sink])
    j = np.concatenate([near[rows, slots], source, np.full(len(sink), n + 1)])
    c = np.concatenate([capacity[rows, slots], terminal[source], -terminal[sink]]).astype(np.int32)
    return maximum_flow(coo_matrix((c, (i, j)), (n + 2, n + 2)).tocsr(), n, n + 1).flow_value


@each_solver
def test_value_equals_scipy_on_200_random_graphs(min_cut):
    for seed in range(200):
        graph = random_graph(seed)
        assert cut_value(*graph, min_cut(*graph)) == scipy_flow(*graph), f"seed {seed}"


@each_solver
def test_smallest_sink_side_by_brute_force(min_cut):
    """Among all minimum cuts the one whose sink side lies inside every other's."""
    for seed in range(60):
        graph = random_graph(seed, side=3, largest=3, nodes=9)  # small numbers: many cuts are equal
        sides = np.array(list(itertools.product((False, True), repeat=len(graph[0]))))
        values = np.array([cut_value(*graph, side) for side in sides])
        smallest = sides[values == values.min()].all(axis=0)
        np.testing.assert_array_equal(min_cut(*graph), smallest, f"seed {seed}")


def test_solvers_agree_on_a_large_graph():
    graph = random_graph(7, side=24, largest=1_000_000)
    results = [min_cut(*graph) for min_cut in SOLVERS.values()]
    assert 0 < results[0].sum() < len(results[0])
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


@each_solver
def test_one_node_and_none(min_cut):
    alone = np.full((1, 6), -1, np.int32), np.zeros((1, 6), np.int32)
    assert min_cut(np.array([-1]), *alone).tolist() == [True]
    assert min_cut(np.array([0]), *alone).tolist() == [False]
    assert min_cut(np.array([1]), *alone).tolist() == [False]
    empty = min_cut(np.zeros(0, np.int64), np.zeros((0, 6), np.int32), np.zeros((0, 6), np.int32))
    assert empty.shape == (0,)
