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
def expand(alpha, entries, label, cost, neighbours, weight, current, current_cost, free, reach, local, dirty):
    """Expand one label; updates current, current_cost and dirty. Returns (change of energy, nodes of the graph)."""
    size = label.shape[1]
    prices = cost.ravel()
    nodes = np.empty(len(entries), np.int32)
    n = 0
    if reach < 0:
        for e in range(len(entries)):
            m = entries[e] // size
            if current[m] != alpha and free[m]:
                local[m] = n
                nodes[n] = m
                n += 1
    else:
        n = _grow(alpha, entries, size, neighbours, weight, current, free, reach, local, nodes)
    price = np.empty(n, np.int32)
    for e in range(len(entries)):
        i = local[entries[e] // size]
        if i >= 0:
            price[i] = prices[entries[e]]
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
        gain_possible = gain_possible or terminal[i] < 0
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
    return change, n


@njit
def _grow(alpha, entries, size, neighbours, weight, current, free, reach, local, nodes):
    """Collect the free voxels that have alpha as a candidate within `reach` steps over such voxels from alpha's."""
    open_ = -2
    for e in range(len(entries)):
        m = entries[e] // size
        if current[m] != alpha and free[m]:
            local[m] = open_
    n = 0
    for e in range(len(entries)):
        m = entries[e] // size
        if current[m] != alpha:
            continue
        for d in range(6):
            q = neighbours[m, d]
            if weight[m, d] > 0 and local[q] == open_:
                local[q] = n
                nodes[n] = q
                n += 1
    begin = 0
    for _ in range(reach - 1):
        end = n
        for i in range(begin, end):
            m = nodes[i]
            for d in range(6):
                q = neighbours[m, d]
                if weight[m, d] > 0 and local[q] == open_:
                    local[q] = n
                    nodes[n] = q
                    n += 1
        begin = end
    for e in range(len(entries)):
        m = entries[e] // size
        if local[m] == open_:
            local[m] = -1
    return n


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
