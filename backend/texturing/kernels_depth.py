# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twin of the NumPy rasteriser in depth.py: same arithmetic in the same order, so the same picture."""

from __future__ import annotations

import math

import numpy as np

from .accel import njit


@njit
def rasterise(
    screen, faces, owner, orthographic, row_low, row_high, depth, triangle, cut, cut_uv, cut_size, cut_start, solid
):
    """Draw `faces` over `screen` (V, 3: u, v and 1/z, or z if orthographic) into rows [row_low, row_high).

    owner int32 (F,), or empty where it is the face's own index. The last five: the fields of cutouts.Holes for `faces`,
    or empty where all are solid.
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
        image = cut[f] if len(cut) else -1
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
                    if image >= 0:
                        if not orthographic:
                            wa, wb, wc = wa * qa, wb * qb, wc * qc
                        if not _is_solid(wa, wb, wc, cut_uv[f], cut_size[image], cut_start[image], solid):
                            continue
                    depth[j, i] = z
                    triangle[j, i] = mine


@njit
def _is_solid(wa, wb, wc, uv, size, start, solid):
    """The texel at barycentric coordinates up to a factor, as Holes.is_solid looks it up."""
    total = wa + wb + wc
    u = (wa * uv[0, 0] + wb * uv[1, 0] + wc * uv[2, 0]) / total
    v = (wa * uv[0, 1] + wb * uv[1, 1] + wc * uv[2, 1]) / total
    x = min(int((u - math.floor(u)) * size[0]), size[0] - 1)
    y = min(int((v - math.floor(v)) * size[1]), size[1] - 1)
    return solid[start + (size[1] - 1 - y) * size[0] + x]


@njit
def _edge(u0, v0, u1, v1, flip):
    """(sign, start u, start v, delta u, delta v) of an edge in canonical direction."""
    if u1 < u0 or (u1 == u0 and v1 < v0):
        return -flip, u1, v1, u0 - u1, v0 - v1
    return flip, u0, v0, u1 - u0, v1 - v0
