# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts by connectivity, and packing their boxes onto shelves. NumPy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def components(count: int, first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.int64]:
    """Connected components of `count` nodes joined by pairs (first, second): int64 (count,), numbered from 0.

    Hooking and pointer jumping, a few rounds of array operations whatever the shape of the graph.
    """
    root = np.arange(count)
    while True:
        a, b = root[first], root[second]
        low, high = np.minimum(a, b), np.maximum(a, b)
        if (low == high).all():
            return np.unique(root, return_inverse=True)[1].reshape(-1)
        np.minimum.at(root, high, low)
        while True:
            jumped = root[root]
            if (jumped == root).all():
                break
            root = jumped


def shared_edges(corner: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of triangles (n, 3) with an edge in common; in a fan of several, each with the next."""
    n = len(corner)
    ends = np.stack([corner, np.roll(corner, -1, axis=1)], axis=-1).reshape(-1, 2).astype(np.int64)
    key = ends.min(axis=1) * (int(corner.max(initial=0)) + 1) + ends.max(axis=1)
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    triangle = np.repeat(np.arange(n), 3)[order]
    return triangle[:-1][same], triangle[1:][same]


def pack_charts(uv: NDArray[np.float64], chart: NDArray[np.integer], padding: float) -> NDArray[np.float32]:
    """Place charts into 0..1 without overlap, all at one scale.

    uv float64 (n, 3, 2) in lengths, each chart by itself; chart int (n,), numbered from 0; padding: share of the
    texture's side to leave free around each chart. Returns float32 (n, 3, 2). Shelf packing by falling height; the
    scale is the largest that fits, found by bisection.
    """
    count = int(chart.max(initial=-1)) + 1
    if count == 0:
        return uv.astype(np.float32)
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    for corner in range(3):
        np.minimum.at(low, chart, uv[:, corner])
        np.maximum.at(high, chart, uv[:, corner])
    box = high - low
    upright = box[:, 1] > box[:, 0]
    local = uv - low[chart][:, None]
    # A quarter turn, not a mirror: (x, y) -> (y, width - x).
    turned = np.stack([local[..., 1], box[chart, 0][:, None] - local[..., 0]], axis=-1)
    local = np.where(upright[chart][:, None, None], turned, local)
    box = np.where(upright[:, None], box[:, ::-1], box)
    order = np.lexsort((-box[:, 0], -box[:, 1]))
    gap = min(padding, 0.25 / np.sqrt(count))
    small, large = 0.0, 1.0 / max(float(box.max()), 1e-30)
    place = _shelves(box[order], small, gap)
    for _ in range(30):
        middle = (small + large) / 2
        tried = _shelves(box[order], middle, gap)
        if tried is None:
            large = middle
        else:
            small, place = middle, tried
    if place is None:
        raise ValueError("charts of size 0 must fit")
    at = np.empty((count, 2))
    at[order] = place
    return (local * small + at[chart][:, None]).astype(np.float32)


def _shelves(box: NDArray[np.float64], scale: float, gap: float) -> NDArray[np.float64] | None:
    """Lower left corners of the boxes (m, 2), highest first, on shelves of width 1; None where they do not fit."""
    width = box[:, 0] * scale + 2 * gap
    height = box[:, 1] * scale + 2 * gap
    if width.max() > 1:
        return None
    right = np.concatenate([[0.0], np.cumsum(width)])
    place = np.empty_like(box)
    begin, y = 0, 0.0
    while begin < len(box):
        end = max(begin + 1, int(np.searchsorted(right, right[begin] + 1.0, side="right")) - 1)
        if y + height[begin] > 1:
            return None
        place[begin:end, 0] = right[begin:end] - right[begin] + gap
        place[begin:end, 1] = y + gap
        y += height[begin]
        begin = end
    return place
