# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of the three inner loops: patch costs, visibility and vote mixing. The NumPy originals name them."""

from __future__ import annotations

import math

import numpy as np

from ...texturing.accel import njit


@njit
def patch_costs(
    uv,
    sign,
    rows,
    tap,
    offset,
    jacobian,
    image,
    source,
    colour,
    known,
    near,
    reach,
    width,
    height,
    invalid,
    incoherent,
    out,
):
    """See Level.patch_cost. Atlas arrays are flat: (H W, ...). Fills out (m,)."""
    for m in range(len(rows)):
        r = rows[m]
        u, v = uv[m, 0], uv[m, 1]
        home = _pixel(u, v, width, height)
        a, b = jacobian[home, 0, 0], jacobian[home, 0, 1]
        c, d = jacobian[home, 1, 0], jacobian[home, 1, 1]
        total = np.float32(0)
        weight = np.float32(0)
        for k in range(tap.shape[1]):
            j = tap[r, k]
            if j < 0:
                continue
            x, y = offset[r, k, 0] * sign[m, 0], offset[r, k, 1] * sign[m, 1]
            at = _pixel(u + (a * x + b * y), v + (c * x + d * y), width, height)
            difference = np.float32(0)
            for channel in range(3):
                delta = image[at, channel] - colour[j, channel]
                difference += delta * delta
            if not source[at]:
                difference = invalid + np.float32(0.3) * difference
            share = np.float32(2) if known[j] else np.float32(1)
            total += difference * share
            weight += share
        apart = np.float32(0)
        for k in range(near.shape[1]):
            x, y = (near[r, k, 0] - u) / reach, (near[r, k, 1] - v) / reach
            apart += min(x * x + y * y, np.float32(1))
        out[m] = total / weight + incoherent * apart


@njit
def _pixel(u, v, width, height):
    i = min(max(u, np.float32(0)), np.float32(width - 1))
    j = min(max(v, np.float32(0)), np.float32(height - 1))
    return int(j) * width + int(i)


@njit
def visible_share(uv, points, front, limit, position, normal, part, width, height, row, stride, slack, sheet, out):
    """See Evidence.look. uv float64 (n, 2) in the reference of size width x height that starts at `row`."""
    for m in range(len(uv)):
        corner_u, corner_v = math.floor(uv[m, 0] - 0.5), math.floor(uv[m, 1] - 0.5)
        fu, fv = uv[m, 0] - 0.5 - corner_u, uv[m, 1] - 0.5 - corner_v
        passed = 0.0
        possible = 0.0
        for dj in range(2):
            for di in range(2):
                i = min(max(int(corner_u) + di, 0), width - 1)
                j = min(max(int(corner_v) + dj, 0), height - 1) + row
                flat = j * stride + i
                if part[flat] < 0:
                    continue
                weight = abs(1 - di - fu) * abs(1 - dj - fv)
                x = points[m, 0] - position[flat, 0]
                y = points[m, 1] - position[flat, 1]
                z = points[m, 2] - position[flat, 2]
                length = math.sqrt(x * x + y * y + z * z)
                plane = abs(x * normal[flat, 0] + y * normal[flat, 1] + z * normal[flat, 2])
                possible += weight
                if plane < slack + 0.08 * length and length < limit[m] * 4 and (front[m] or plane < sheet):
                    passed += weight
        out[m] = passed / possible if possible > 0.05 else 0.0


@njit
def mix_votes(
    points,
    normals,
    grid,
    lookup,
    point,
    normal,
    right,
    down,
    place,
    jacobian,
    change,
    mirrored,
    image,
    width,
    height,
    colour,
    share_mirrored,
):
    """See render.completed_colour. image (H W, 3); colour (n, 3) and share_mirrored (n,) are filled."""
    side = grid + 2
    for m in range(len(points)):
        low = np.empty(3, np.int64)
        fraction = np.empty(3, np.float32)
        for axis in range(3):
            value = (points[m, axis] + np.float32(0.5)) * grid - np.float32(0.5)
            low[axis] = math.floor(value)
            fraction[axis] = value - low[axis]
        total_0 = np.float32(0)
        total_1 = np.float32(0)
        total_2 = np.float32(0)
        flipped = np.float32(0)
        weight = np.float32(1e-12)
        for corner in range(8):
            cell = 0
            share = np.float32(1)
            for axis in range(3):
                step = (corner >> (2 - axis)) & 1
                cell = cell * side + min(max(low[axis] + step + 1, 0), side - 1)
                share *= abs(np.float32(1 - step) - fraction[axis])
            j = lookup[cell]
            if j < 0:
                continue
            facing = np.float32(0)
            x = np.float32(0)
            y = np.float32(0)
            for axis in range(3):
                facing += normal[j, axis] * normals[m, axis]
                delta = points[m, axis] - point[j, axis]
                x += delta * right[j, axis]
                y += delta * down[j, axis]
            share += np.float32(1e-4)
            share *= np.float32(0.05) + facing if facing > 0 else np.float32(1e-4)
            u = place[j, 0] + jacobian[j, 0, 0] * x + jacobian[j, 0, 1] * y
            v = place[j, 1] + jacobian[j, 1, 0] * x + jacobian[j, 1, 1] * y
            u = min(max(u - np.float32(0.5), np.float32(0)), np.float32(width - 1))
            v = min(max(v - np.float32(0.5), np.float32(0)), np.float32(height - 1))
            i0, j0 = min(int(u), width - 2), min(int(v), height - 2)
            fu, fv = u - i0, v - j0
            at = j0 * width + i0
            wa, wb = (1 - fu) * (1 - fv), fu * (1 - fv)
            wc, wd = (1 - fu) * fv, fu * fv
            total_0 += share * (
                wa * image[at, 0]
                + wb * image[at + 1, 0]
                + wc * image[at + width, 0]
                + wd * image[at + width + 1, 0]
                + change[j, 0]
            )
            total_1 += share * (
                wa * image[at, 1]
                + wb * image[at + 1, 1]
                + wc * image[at + width, 1]
                + wd * image[at + width + 1, 1]
                + change[j, 1]
            )
            total_2 += share * (
                wa * image[at, 2]
                + wb * image[at + 1, 2]
                + wc * image[at + width, 2]
                + wd * image[at + width + 1, 2]
                + change[j, 2]
            )
            if mirrored[j]:
                flipped += share
            weight += share
        colour[m, 0], colour[m, 1], colour[m, 2] = total_0 / weight, total_1 / weight, total_2 / weight
        share_mirrored[m] = flipped / weight
