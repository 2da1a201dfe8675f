# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum cuts by PyMaxflow (Boykov and Kolmogorov's own implementation, GPL)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def min_cut(
    terminal: NDArray[np.int64], neighbours: NDArray[np.int32], capacity: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """The smallest sink side of a minimum cut: bool (n,). Arguments as in maxflow_numba.min_cut; none is changed."""
    import maxflow

    if len(terminal) == 0:
        return np.zeros(0, bool)
    graph = maxflow.GraphInt(len(terminal), 3 * len(terminal))
    nodes = graph.add_grid_nodes((len(terminal),))
    for slot in (0, 2, 4):
        low = np.flatnonzero(neighbours[:, slot] >= 0)
        high = neighbours[low, slot]
        graph.add_edges(low, high, capacity[low, slot], capacity[high, slot + 1])
    graph.add_grid_tedges(nodes, np.maximum(terminal, 0), np.maximum(-terminal, 0))
    graph.maxflow()
    return np.asarray(graph.get_grid_segments(nodes), bool)  # nodes in neither tree count as the source's
