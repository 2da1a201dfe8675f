# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of fill.py: same sums in the same order, so the same colours."""

from __future__ import annotations

import numpy as np

from .accel import njit
from .fill import DIFFUSED, GREY, KNOWN

WAITING = 255  # in `source` while its level is computed


@njit
def spread(neighbours, colours, source, first_come):
    """Fill whatever is connected to a known voxel, level by level; see fill._spread."""
    count, channels = colours.shape
    queue = np.empty(count, np.int32)
    end = 0
    for m in range(count):
        if source[m] != GREY:
            continue
        for slot in range(6):
            near = neighbours[m, slot]
            if near >= 0 and source[near] == KNOWN:
                source[m], queue[end] = WAITING, m
                end += 1
                break
    begin = 0
    while begin < end:
        level_end = end
        for r in range(begin, level_end):
            m = queue[r]
            used = 0
            for slot in range(6):
                near = neighbours[m, slot]
                if near < 0 or source[near] > DIFFUSED or (first_come and used > 0):
                    continue
                for c in range(channels):
                    colours[m, c] = colours[near, c] if used == 0 else colours[m, c] + colours[near, c]
                used += 1
            for c in range(channels):
                colours[m, c] = colours[m, c] / np.float32(used)
        for r in range(begin, level_end):
            source[queue[r]] = DIFFUSED
        for r in range(begin, level_end):
            for slot in range(6):
                near = neighbours[queue[r], slot]
                if near >= 0 and source[near] == GREY:
                    source[near], queue[end] = WAITING, near
                    end += 1
        begin = level_end


@njit
def smooth(neighbours, colours, rows, weights):
    """Chebyshev's steps towards the mean of the neighbours, all of `rows` at once; see fill._smooth."""
    channels = colours.shape[1]
    before = np.empty((len(rows), channels), np.float32)
    new = np.empty((len(rows), channels), np.float32)
    for r in range(len(rows)):
        for c in range(channels):
            before[r, c] = colours[rows[r], c]
    for weight in weights:
        for r in range(len(rows)):
            new[r] = 0
            used = 0
            for slot in range(6):
                near = neighbours[rows[r], slot]
                if near >= 0:
                    used += 1
                    for c in range(channels):
                        new[r, c] += colours[near, c]
            for c in range(channels):
                new[r, c] = weight * (new[r, c] / np.float32(used) - before[r, c]) + before[r, c]
        for r in range(len(rows)):
            for c in range(channels):
                before[r, c] = colours[rows[r], c]
                colours[rows[r], c] = new[r, c]
