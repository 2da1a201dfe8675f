# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twin of expansion.Expander: one expansion move; the comments that explain it are there."""

from __future__ import annotations

import numpy as np

from .accel import njit
from .maxflow_numba import min_cut


@njit
def index_entries(label, views, start, entries):
    """Positions of every label in label (N, K) as flat indices, grouped by label: a counting sort."""
    count, size = label.shape
    for m in range(count):
        for k in range(size):
            if label[m, k] >= 0:
                start[label[m, k] + 1] += 1
    for v in range(views):
        start[v + 1] += start[v]
    fill = start[:-1].copy()
    for m in range(count):
        for k in range(size):
            v = label[m, k]
            if v >= 0:
                entries[fill[v]] = m * size + k
                fill[v] += 1


@njit
def expand(alpha, entries, label, cost, neighbours, weight, current, current_cost, local, dirty):
    """Expand one label; updates current, current_cost and dirty. Returns the change of energy."""
    size = label.shape[1]
    prices = cost.ravel()
    nodes = np.empty(len(entries), np.int32)
    price = np.empty(len(entries), np.int32)
    n = 0
    for e in range(len(entries)):
        m = entries[e] // size
        if current[m] != alpha:
            local[m] = n
            nodes[n] = m
            price[n] = prices[entries[e]]
            n += 1
    terminal = np.zeros(n, np.int64)
    table = np.full((n, 6), -1, np.int32)
    capacity = np.zeros((n, 6), np.int32)
    for i in range(n):
        m = nodes[i]
        a = current[m]
        terminal[i] += np.int64(price[i]) - current_cost[m]
        for d in range(6):
            w = weight[m, d]
            if w == 0:
                continue
            q = neighbours[m, d]
            b = current[q]
            j = local[q]
            if j < 0:
                if b == alpha:
                    terminal[i] -= w
                elif b == a:
                    terminal[i] += w
                continue
            table[i, d] = j
            if a == b:
                capacity[i, d] = w
            elif d % 2 == 0:
                capacity[i, d] = w
                terminal[j] -= w
    gain_possible = False
    for i in range(n):
        if terminal[i] >= 0:
            continue
        gain_possible = True
        for d in range(6):  # paths of one edge, which the search trees would find one by one
            j = table[i, d]
            if j >= 0 and terminal[j] > 0 and capacity[j, d ^ 1] > 0:
                flow = min(terminal[j], -terminal[i], np.int64(capacity[j, d ^ 1]))
                capacity[j, d ^ 1] -= flow
                capacity[i, d] += flow
                terminal[j] -= flow
                terminal[i] += flow
    change = np.int64(0)
    if gain_possible:
        switch = min_cut(terminal, table, capacity)
        for i in range(n):
            if not switch[i]:
                continue
            m = nodes[i]
            a = current[m]
            change += np.int64(price[i]) - current_cost[m]
            for d in range(6):
                w = weight[m, d]
                if w == 0:
                    continue
                q = neighbours[m, d]
                b = current[q]
                if local[q] >= 0 and switch[local[q]]:
                    if d % 2 == 0 and a != b:
                        change -= w
                elif b == alpha:
                    change -= w
                elif b == a:
                    change += w
        if change < 0:
            for i in range(n):
                if switch[i]:
                    current[nodes[i]] = alpha
                    current_cost[nodes[i]] = price[i]
                    _mark(nodes[i], label, neighbours, weight, dirty)
    for i in range(n):
        local[nodes[i]] = -1
    return change


@njit
def _mark(m, label, neighbours, weight, dirty):
    """Mark the candidates of a voxel and of its neighbours for another expansion."""
    for d in range(-1, 6):
        q = m
        if d >= 0:
            if weight[m, d] == 0:
                continue
            q = neighbours[m, d]
        for k in range(label.shape[1]):
            if label[q, k] < 0:
                break
            dirty[label[q, k]] = True
