# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twin of the NumPy rasteriser in depth.py: same arithmetic in the same order, so the same picture."""

from __future__ import annotations

import math

import numpy as np

from .accel import njit


@njit
def rasterise(screen, faces, owner, orthographic, row_low, row_high, depth, triangle):
    """Draw `faces` over `screen` (V, 3: u, v and 1/z, or z if orthographic) into rows [row_low, row_high).

    owner int32 (F,), or empty where it is the face's own index.
    """
    width = depth.shape[1]
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ua, va, ub, vb, uc, vc = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1]
        top, bottom = min(va, vb, vc), max(va, vb, vc)
        left, right = min(ua, ub, uc), max(ua, ub, uc)
        if not (bottom >= row_low and top <= row_high and right >= 0 and left <= width):
            continue  # also NaN
        j_first = max(row_low, math.ceil(max(top, 0.0) - 0.5))
        j_last = min(row_high - 1, math.floor(min(bottom, float(row_high)) - 0.5))
        i_first = max(0, math.ceil(max(left, 0.0) - 0.5))
        i_last = min(width - 1, math.floor(min(right, float(width)) - 0.5))
        if j_first > j_last or i_first > i_last:
            continue
        area = (ub - ua) * (vc - va) - (vb - va) * (uc - ua)
        if area == 0 or not math.isfinite(area):
            continue
        flip = 1.0 if area > 0 else -1.0
        # Each edge is evaluated from its lesser to its greater end, so that both triangles of an edge get the same
        # number and no pixel centre can fall between them.
        sa, su, sv, sx, sy = _edge(ub, vb, uc, vc, flip)
        ta, tu, tv, tx, ty = _edge(uc, vc, ua, va, flip)
        ra, ru, rv, rx, ry = _edge(ua, va, ub, vb, flip)
        qa, qb, qc = screen[a, 2], screen[b, 2], screen[c, 2]
        mine = owner[f] if len(owner) else f
        for j in range(j_first, j_last + 1):
            y = j + 0.5
            for i in range(i_first, i_last + 1):
                x = i + 0.5
                wa = sa * (sx * (y - sv) - sy * (x - su))
                wb = ta * (tx * (y - tv) - ty * (x - tu))
                wc = ra * (rx * (y - rv) - ry * (x - ru))
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                total = wa + wb + wc
                if not total > 0:
                    continue
                value = (wa * qa + wb * qb + wc * qc) / total
                z = np.float32(value if orthographic else 1.0 / value)
                if z < depth[j, i] or (z == depth[j, i] and mine < triangle[j, i]):
                    depth[j, i] = z
                    triangle[j, i] = mine


@njit
def _edge(u0, v0, u1, v1, flip):
    """(sign, start u, start v, delta u, delta v) of an edge in canonical direction."""
    if u1 < u0 or (u1 == u0 and v1 < v0):
        return -flip, u1, v1, u0 - u1, v0 - v1
    return flip, u0, v0, u1 - u0, v1 - v0
