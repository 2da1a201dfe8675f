# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of the NumPy code in problem.py, icm.py, expansion.py and coarsen.py."""

from __future__ import annotations

import numpy as np

from .accel import njit


@njit
def medians(colour, label, out):
    """Twice the median per voxel and channel of the candidates' colours; see problem._medians."""
    count, size, channels = colour.shape
    values = np.empty(size, np.uint8)
    for m in range(count):
        for c in range(channels):
            n = 0
            for k in range(size):
                if label[m, k] < 0:
                    continue
                value = colour[m, k, c]
                at = n
                while at > 0 and values[at - 1] > value:
                    values[at] = values[at - 1]
                    at -= 1
                values[at] = value
                n += 1
            if n > 0:
                out[m, c] = np.int32(values[(n - 1) // 2]) + np.int32(values[n // 2])


@njit
def data_terms(label, conf, colour, common, prior, consensus, agreed, disagreement, cost):
    """Costs of the candidates that have a label; see problem._data_term."""
    count, size, channels = colour.shape
    whole = 2.0 * 255.0 * channels
    free, full = whole * agreed, whole * disagreement
    for m in range(count):
        for k in range(size):
            if label[m, k] < 0:
                continue
            value = 1.0 - conf[m, k] / 255.0
            if consensus > 0:
                difference = 0
                for c in range(channels):
                    difference += abs(2 * np.int32(colour[m, k, c]) - common[m, c])
                value += consensus * min(max((difference - free) / (full - free), 0.0), 1.0)
            cost[m, k] = value + prior[label[m, k]]


@njit
def best_labels(rows, labels, label, cost, neighbours, weight, out):
    """The cheapest label of each of `rows` beside its neighbours; see icm._best."""
    size = label.shape[1]
    for r in range(len(rows)):
        m = rows[r]
        own = np.int64(0)
        best = np.int64(1) << 60
        chosen = labels[m]
        for k in range(size):
            v = label[m, k]
            if v < 0:
                break
            total = np.int64(cost[m, k])
            for d in range(6):
                if weight[m, d] > 0 and labels[neighbours[m, d]] == v:
                    total -= weight[m, d]
            if v == labels[m]:
                own = total
            if total < best:
                best = total
                chosen = v
        out[r] = chosen if best < own else labels[m]


@njit
def merge_children(first, children, label, cost, voxels, missing, size, views, out_label, out_cost):
    """Candidates of coarse nodes: the cheapest sums over their children; see coarsen._merge."""
    saving = np.zeros(views, np.int64)
    present = np.zeros(views, np.bool_)
    listed = np.empty(views, np.int16)
    for p in range(len(first) - 1):
        n = 0
        full = np.int64(0)
        for c in range(first[p], first[p + 1]):
            m = children[c]
            without = np.int64(voxels[m]) * missing
            full += without
            for k in range(label.shape[1]):
                v = label[m, k]
                if v < 0:
                    break
                if not present[v]:
                    present[v] = True
                    listed[n] = v
                    n += 1
                saving[v] += without - cost[m, k]
        chosen = listed[:n]
        chosen.sort()
        for k in range(min(size, n)):  # selection of the largest savings, lowest label first
            best = -1
            for i in range(n):
                v = chosen[i]
                if present[v] and (best < 0 or saving[v] > saving[best]):
                    best = v
            present[best] = False
            out_label[p, k] = best
            out_cost[p, k] = full - saving[best]
        for i in range(n):
            saving[chosen[i]] = 0
            present[chosen[i]] = False
