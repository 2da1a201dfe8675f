# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of sheets.py."""

from __future__ import annotations

import numpy as np

from .accel import njit


@njit
def unite(corner, part):
    """part int64 (V,) <- the least corner that each is connected with by faces corner (n, 3)."""
    for f in range(len(corner)):
        a = corner[f, 0]
        while part[a] != a:
            part[a] = part[part[a]]
            a = part[a]
        for k in range(1, 3):
            b = corner[f, k]
            while part[b] != b:
                part[b] = part[part[b]]
                b = part[b]
            part[max(a, b)] = min(a, b)
            a = min(a, b)
    for v in range(len(part)):
        part[v] = part[part[v]]


@njit
def sheet_rows(depth, triangle, part, left, right, top, bottom, slope, orthographic, begin, end, out):
    """Rows [begin, end) of sheets.sheet_map."""
    for j in range(begin, end):
        for i in range(out.shape[1]):
            first = triangle[top[j], left[i]]
            name = part[first] if first >= 0 else np.int16(-1)
            near, far = depth[top[j], left[i]], depth[top[j], left[i]]
            for y in range(top[j], bottom[j] + 1):
                for x in range(left[i], right[i] + 1):
                    t = triangle[y, x]
                    if t != first and (part[t] if t >= 0 else np.int16(-1)) != name:
                        name = np.int16(-2)
                        break
                    near, far = min(near, depth[y, x]), max(far, depth[y, x])
                if name == -2:
                    break
            if name >= 0 and far - near > np.float32(0.02) + np.float32(slope) * (
                np.float32(1) if orthographic else near
            ):
                name = np.int16(-2)
            out[j, i] = name
