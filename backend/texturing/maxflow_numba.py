# SPDX-License-Identifier: GPL-3.0-or-later
"""Minimum cuts with two search trees, compiled.

Boykov and Kolmogorov, "An experimental comparison of min-cut/max-flow algorithms", PAMI 2004: a source tree and a sink
tree grow over unsaturated edges until they touch, the path is saturated, and the nodes it cut off look for new parents.
Edges live in a table of six slots a node (slot d of a node and slot d ^ 1 of its neighbour are one edge).
"""

from __future__ import annotations

import numpy as np

from .accel import njit

FREE, SOURCE, SINK = 0, 1, 2
TERMINAL, ORPHAN, NONE = 6, 7, -1  # besides the slots 0...5, what `parent` can hold
FAR = 1 << 30


@njit
def min_cut(terminal, neighbours, capacity):
    """The smallest sink side of a minimum cut: bool (n,).

    terminal    int64 (n,), capacity from the source (positive) or to the sink (negative)
    neighbours  int32 (n, 6), -1 where there is none
    capacity    int32 (n, 6), towards that neighbour
    terminal and capacity become residual capacities.
    """
    n = len(terminal)
    tree = np.zeros(n, np.int8)
    parent = np.full(n, NONE, np.int8)
    mark = np.zeros(n, np.int32)  # round in which `distance` was last known to be right
    distance = np.zeros(n, np.int32)
    queue = np.empty(n, np.int32)  # active nodes, each at most once
    queued = np.zeros(n, np.bool_)
    orphans = np.empty(n, np.int32)
    head = 0
    waiting = 0
    for p in range(n):
        if terminal[p] != 0:
            tree[p] = SOURCE if terminal[p] > 0 else SINK
            parent[p] = TERMINAL
            distance[p] = 1
            queue[waiting] = p
            queued[p] = True
            waiting += 1
    now = 0
    current = -1
    while True:
        p = current
        if p < 0 or parent[p] == NONE:
            if waiting == 0:
                break
            p = queue[head]
            head = head + 1 if head + 1 < n else 0
            waiting -= 1
            queued[p] = False
            if parent[p] == NONE:
                current = -1
                continue
        current = -1
        side = tree[p]
        meeting = -1
        for d in range(6):
            q = neighbours[p, d]
            if q < 0:
                continue
            if (capacity[p, d] if side == SOURCE else capacity[q, d ^ 1]) <= 0:
                continue
            if tree[q] == FREE:
                tree[q] = side
                parent[q] = d ^ 1
                mark[q] = mark[p]
                distance[q] = distance[p] + 1
                if not queued[q]:
                    at = head + waiting
                    queue[at if at < n else at - n] = q
                    queued[q] = True
                    waiting += 1
            elif tree[q] != side:
                meeting = d
                break
            elif mark[q] <= mark[p] and distance[q] > distance[p]:
                parent[q] = d ^ 1  # a shorter way to the root
                mark[q] = mark[p]
                distance[q] = distance[p] + 1
        if meeting < 0:
            continue
        current = p
        now += 1
        lost = _augment(p, meeting, terminal, neighbours, capacity, tree, parent, orphans)
        first = 0
        while lost > 0:
            o = orphans[first]
            first = first + 1 if first + 1 < n else 0
            lost -= 1
            side = tree[o]
            best = -1
            best_distance = FAR
            for d in range(6):
                q = neighbours[o, d]
                if q < 0 or tree[q] != side:
                    continue
                if (capacity[q, d ^ 1] if side == SOURCE else capacity[o, d]) <= 0:
                    continue
                length = _origin(q, now, neighbours, parent, mark, distance)
                if length < best_distance:
                    best, best_distance = d, length
            if best >= 0:
                parent[o] = best
                mark[o] = now
                distance[o] = best_distance + 1
                continue
            for d in range(6):
                q = neighbours[o, d]
                if q < 0 or tree[q] != side:
                    continue
                if (capacity[q, d ^ 1] if side == SOURCE else capacity[o, d]) > 0 and not queued[q]:
                    at = head + waiting
                    queue[at if at < n else at - n] = q
                    queued[q] = True
                    waiting += 1
                if parent[q] == d ^ 1:
                    parent[q] = ORPHAN
                    at = first + lost
                    orphans[at if at < n else at - n] = q
                    lost += 1
            tree[o] = FREE
            parent[o] = NONE
    return tree == SINK


@njit
def _augment(p, meeting, terminal, neighbours, capacity, tree, parent, orphans):
    """Saturate the path over slot `meeting` of node p; returns the number of orphans, listed from index 0."""
    if tree[p] == SOURCE:
        a, slot, b = p, meeting, neighbours[p, meeting]
    else:
        a, slot, b = neighbours[p, meeting], meeting ^ 1, p
    flow = np.int64(capacity[a, slot])
    u = a
    while parent[u] != TERMINAL:
        s = parent[u]
        u = neighbours[u, s]
        flow = min(flow, np.int64(capacity[u, s ^ 1]))
    flow = min(flow, terminal[u])
    u = b
    while parent[u] != TERMINAL:
        s = parent[u]
        flow = min(flow, np.int64(capacity[u, s]))
        u = neighbours[u, s]
    flow = min(flow, -terminal[u])

    lost = 0
    capacity[a, slot] -= flow
    capacity[b, slot ^ 1] += flow
    u = a
    while parent[u] != TERMINAL:
        s = parent[u]
        v = neighbours[u, s]
        capacity[u, s] += flow
        capacity[v, s ^ 1] -= flow
        if capacity[v, s ^ 1] == 0:
            parent[u] = ORPHAN
            orphans[lost] = u
            lost += 1
        u = v
    terminal[u] -= flow
    if terminal[u] == 0:
        parent[u] = ORPHAN
        orphans[lost] = u
        lost += 1
    u = b
    while parent[u] != TERMINAL:
        s = parent[u]
        v = neighbours[u, s]
        capacity[v, s ^ 1] += flow
        capacity[u, s] -= flow
        if capacity[u, s] == 0:
            parent[u] = ORPHAN
            orphans[lost] = u
            lost += 1
        u = v
    terminal[u] += flow
    if terminal[u] == 0:
        parent[u] = ORPHAN
        orphans[lost] = u
        lost += 1
    return lost


@njit
def _origin(q, now, neighbours, parent, mark, distance):
    """Distance of q from its terminal, FAR where its tree has been cut off; marks the way."""
    steps = 0
    u = q
    while mark[u] != now:
        s = parent[u]
        if s in (ORPHAN, NONE):
            return FAR
        if s == TERMINAL:
            mark[u] = now
            distance[u] = 1
            break
        u = neighbours[u, s]
        steps += 1
    length = steps + distance[u]
    left = length
    u = q
    while mark[u] != now:
        mark[u] = now
        distance[u] = left
        left -= 1
        u = neighbours[u, parent[u]]
    return length
