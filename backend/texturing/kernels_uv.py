# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled kernels of uv_raster.py and margin.py; the NumPy references are there."""

from __future__ import annotations

import numpy as np

from .accel import njit


@njit
def claim_centres(points, order, size, sub, low, high, wrap, owner, covered):
    """Give each free texel centre of the rows low <= row < high to the first triangle of `order` that covers it.

    points int64 (n, 3, 2) in sub-texels, v down; owner int32 (size, size); covered int32 (n,), centres of these rows.
    """
    half = sub // 2
    side = size * sub
    for t in order:
        ax, ay, bx, by, cx, cy = (
            points[t, 0, 0], points[t, 0, 1], points[t, 1, 0], points[t, 1, 1], points[t, 2, 0], points[t, 2, 1],
        )  # fmt: skip
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0:
            continue
        if area < 0:
            bx, by, cx, cy = cx, cy, bx, by
        first_x, last_x, first_y, last_y = 0, 0, 0, 0
        if wrap:
            first_x, last_x = min(ax, bx, cx) // side, max(ax, bx, cx) // side
            first_y, last_y = min(ay, by, cy) // side, max(ay, by, cy) // side
        for ty in range(first_y, last_y + 1):
            for tx in range(first_x, last_x + 1):
                x0, x1, x2 = ax - tx * side, bx - tx * side, cx - tx * side
                y0, y1, y2 = ay - ty * side, by - ty * side, cy - ty * side
                row_first = max(low, -((half - min(y0, y1, y2)) // sub))
                row_last = min(high - 1, (max(y0, y1, y2) - half) // sub)
                for row in range(row_first, row_last + 1):
                    y = row * sub + half
                    near, far = 0, size - 1
                    for k in range(3):
                        if k == 0:
                            px, py, qx, qy = x0, y0, x1, y1
                        elif k == 1:
                            px, py, qx, qy = x1, y1, x2, y2
                        else:
                            px, py, qx, qy = x2, y2, x0, y0
                        dx, dy = qx - px, qy - py
                        need = 0 if dy < 0 or (dy == 0 and dx > 0) else 1  # top-left rule
                        need -= dx * (y - py) + dy * (px - half)
                        if dy < 0:
                            near = max(near, -((-need) // (-dy * sub)))
                        elif dy > 0:
                            far = min(far, (-need) // (dy * sub))
                        elif need > 0:
                            far = -1
                    if far >= near:
                        covered[t] += far - near + 1
                    for column in range(near, far + 1):
                        if owner[row, column] < 0:
                            owner[row, column] = t


@njit
def claim_touched(points, order, size, low, high, owner):
    """Give each still free texel of the rows low <= row < high to the first triangle of `order` that touches it.

    points float64 (n, 3, 2) in texels, v down.
    """
    for t in order:
        y_low = min(points[t, 0, 1], points[t, 1, 1], points[t, 2, 1])
        y_high = max(points[t, 0, 1], points[t, 1, 1], points[t, 2, 1])
        for row in range(max(low, int(np.floor(y_low))), min(high - 1, int(np.floor(y_high))) + 1):
            near, far = np.inf, -np.inf
            for k in range(3):
                e = k + 1 if k < 2 else 0
                u0, v0, u1, v1 = points[t, k, 0], points[t, k, 1], points[t, e, 0], points[t, e, 1]
                if v0 > v1:
                    u0, v0, u1, v1 = u1, v1, u0, v0
                if v1 < row or v0 > row + 1:
                    continue
                rise = v1 - v0 if v1 > v0 else 1.0
                start = u0 + (u1 - u0) * ((row - v0) / rise) if v0 < row else u0
                stop = u0 + (u1 - u0) * ((row + 1 - v0) / rise) if v1 > row + 1 else u1
                near = min(near, start, stop)
                far = max(far, start, stop)
            if near <= far:
                for column in range(max(0, int(np.floor(near))), min(size - 1, int(np.floor(far))) + 1):
                    if owner[row, column] < 0:
                        owner[row, column] = t


@njit
def nearest_in_columns(owned, reach, low, high, out):
    """out int32 (S, S): row of the nearest owned texel in the same column (ties: above), -1 beyond `reach`; columns
    low to high."""
    height = owned.shape[0]
    last = np.full(high - low, -1, np.int32)
    for row in range(height):
        for x in range(low, high):
            if owned[row, x]:
                last[x - low] = row
            above = last[x - low]
            out[row, x] = above if above >= 0 and row - above <= reach else -1
    last[:] = -1
    for row in range(height - 1, -1, -1):
        for x in range(low, high):
            if owned[row, x]:
                last[x - low] = row
            below = last[x - low]
            if below >= 0 and below - row <= reach and (out[row, x] < 0 or below - row < row - out[row, x]):
                out[row, x] = below


@njit
def nearest_in_rows(nearest_row, reach, low, high, out):
    """out int32 (S, S): flat index of the nearest owned texel within `reach`, -1 where none; rows low to high.

    Along a row, so that memory is read in order. Ties: fewer rows away, then above, then left.
    """
    width = nearest_row.shape[1]
    for row in range(low, high):
        for x in range(width):
            if nearest_row[row, x] == row:
                out[row, x] = row * width + x
                continue
            best, best_rows, found = reach * reach + 1, 0, -1
            for step in range(reach + 1):
                if step * step > best:
                    break
                for side in range(2):
                    c = x - step if side == 0 else x + step
                    if c < 0 or c >= width or (side == 1 and step == 0):
                        continue
                    y = nearest_row[row, c]
                    if y < 0:
                        continue
                    rows = 2 * (row - y) - 1 if y < row else 2 * (y - row)  # fewer first, above before below
                    distance = (y - row) * (y - row) + step * step
                    if distance < best or (distance == best and found >= 0 and rows < best_rows):
                        best, best_rows, found = distance, rows, y * width + c
            out[row, x] = found


@njit
def sample_across(
    texel, source, owner, size, reach, uv, seam, affine, chart, mate_chart, flat, whole, begin, end, filled
):
    """Margin texels [begin, end): the colour behind the nearest seam of their nearest triangle, see margin.Across."""
    channels = flat.shape[1]
    colour = np.zeros(channels)
    for r in range(begin, end):
        t = owner[source[r]]
        x, y = texel[r] % size + 0.5, texel[r] // size + 0.5
        best, edge = reach * reach, -1
        for k in range(3):
            if not seam[t, k]:
                continue
            e = k + 1 if k < 2 else 0
            su, sv = uv[t, k, 0], uv[t, k, 1]
            du, dv = uv[t, e, 0] - su, uv[t, e, 1] - sv
            length = du * du + dv * dv
            if not length > 0:
                continue
            s = min(max(((x - su) * du + (y - sv) * dv) / length, 0.0), 1.0)
            gu, gv = su + s * du - x, sv + s * dv - y
            distance = gu * gu + gv * gv
            if distance < best - 1e-6:  # at a corner both edges are equally near: the first one
                best, edge = distance, 3 * t + k
        if edge < 0:
            continue
        a = affine[edge]
        px = a[0, 0] * x + a[0, 1] * y + a[0, 2] - 0.5
        py = a[1, 0] * x + a[1, 1] * y + a[1, 2] - 0.5
        if not (px > -1 and py > -1 and px < size and py < size):  # also where the map is NaN
            continue
        i0, j0 = int(np.floor(px)), int(np.floor(py))
        fx, fy = px - i0, py - j0
        total = 0.0
        colour[:] = 0.0
        for corner in range(4):
            i, j = i0 + corner % 2, j0 + corner // 2
            if i < 0 or j < 0 or i >= size or j >= size:
                continue
            o = owner[j * size + i]
            if o < 0 or chart[o] != mate_chart[edge]:
                continue
            weight = (fx if corner % 2 else 1.0 - fx) * (fy if corner // 2 else 1.0 - fy)
            total += weight
            for c in range(channels):
                colour[c] += weight * flat[j * size + i, c]
        if total > 0.2:
            for c in range(channels):
                value = colour[c] / total
                filled[r, c] = np.rint(value) if whole else value
