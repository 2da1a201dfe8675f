# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twin of the NumPy voxeliser in voxels.py: same arithmetic in the same order, so the same result.

The set of voxels is a bitmap of grid x grid rows of 64-bit words, which costs 16 MiB at 512^3 and 128 MiB at 1024^3
and hands out the lexicographic rank of a voxel (its row in the result) without sorting or hashing.
"""

from __future__ import annotations

import math

import numpy as np

from .accel import njit

ONE = np.uint64(1)


@njit
def popcount(word):
    word = word - ((word >> ONE) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit
def rank_words(words, rank):
    """rank int64 (words,): number of bits set before each word; returns the number of all bits."""
    total = 0
    for i in range(len(words)):
        rank[i] = total
        total += popcount(words[i])
    return total


@njit
def list_coords(words, words_per_row, grid, coords):
    """Coordinates of all set bits, in ascending order."""
    row = 0
    for index in range(len(words)):
        word = words[index]
        if word == np.uint64(0):
            continue
        line = index // words_per_row
        base = (index % words_per_row) * 64
        for bit in range(64):
            if (word >> np.uint64(bit)) & ONE:
                coords[row, 0] = line // grid
                coords[row, 1] = line % grid
                coords[row, 2] = base + bit
                row += 1


@njit
def scan_triangles(
    vertices, faces, grid, x_low, x_high, words, words_per_row, rank, fill, best, triangle, point, normal, min_area
):
    """Visit every (triangle, voxel) overlap whose voxel has x in [x_low, x_high).

    fill False: set the voxel's bit in `words`. fill True: update its row (found through `rank`) in `best` (squared
    distance), `triangle`, `point` (both in grid units) and the sum of weighted normals, `normal` (N, 4).
    """
    p = np.empty((3, 3))
    slab = np.empty((9, 4))  # coefficients of the two axes, lower and upper bound
    low = np.empty(3)
    high = np.empty(3)
    first = np.empty(3, np.int64)
    last = np.empty(3, np.int64)
    cell = np.empty(3, np.int64)
    n = np.empty(3)
    c = np.empty(3)
    q = np.empty(3)
    for f in range(len(faces)):
        finite = True
        outside = False
        for axis in range(3):
            for k in range(3):
                value = (np.float64(vertices[faces[f, k], axis]) + 0.5) * grid
                p[k, axis] = value
                finite = finite and math.isfinite(value)
            low[axis] = min(p[0, axis], p[1, axis], p[2, axis])
            high[axis] = max(p[0, axis], p[1, axis], p[2, axis])
            start, stop = 0, grid - 1
            if axis == 0:
                start, stop = x_low, x_high - 1
            if not finite or high[axis] < start or low[axis] > stop + 1:
                outside = True
                break
            first[axis] = max(start, math.ceil(low[axis]) - 1)
            last[axis] = min(stop, math.floor(high[axis]))
        if outside:
            continue
        for axis in range(3):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            n[axis] = (p[1, a] - p[0, a]) * (p[2, b] - p[0, b]) - (p[1, b] - p[0, b]) * (p[2, a] - p[0, a])
        nn = n[0] * n[0] + n[1] * n[1] + n[2] * n[2]
        length = math.sqrt(nn)
        if not 0.5 * length >= min_area:
            continue

        # Separating axes as slabs of the voxel centre: the plane, and each edge crossed with each coordinate axis.
        reach = 0.5 * (abs(n[0]) + abs(n[1]) + abs(n[2]))
        d0 = n[0] * p[0, 0] + n[1] * p[0, 1] + n[2] * p[0, 2]
        d1 = n[0] * p[1, 0] + n[1] * p[1, 1] + n[2] * p[1, 2]
        d2 = n[0] * p[2, 0] + n[1] * p[2, 1] + n[2] * p[2, 2]
        plane_low, plane_high = min(d0, d1, d2) - reach, max(d0, d1, d2) + reach
        for axis in range(3):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            for k in range(3):
                e = (k + 1) % 3
                ca, cb = p[k, b] - p[e, b], p[e, a] - p[k, a]
                v0, v1, v2 = ca * p[0, a] + cb * p[0, b], ca * p[1, a] + cb * p[1, b], ca * p[2, a] + cb * p[2, b]
                reach = 0.5 * (abs(ca) + abs(cb))
                s = axis * 3 + k
                slab[s, 0], slab[s, 1] = ca, cb
                slab[s, 2], slab[s, 3] = min(v0, v1, v2) - reach, max(v0, v1, v2) + reach

        # Enumerate the columns along the normal's main axis that the triangle's shadow covers, row by row.
        m = 0
        if abs(n[1]) > abs(n[m]):
            m = 1
        if abs(n[2]) > abs(n[m]):
            m = 2
        a, b = (m + 1) % 3, (m + 2) % 3
        spread = 0.5 * (abs(n[a]) + abs(n[b])) / abs(n[m]) + 1e-6
        weight = min(0.5 * length, 1.0) / length
        for j in range(first[b], last[b] + 1):
            near, far = 1e30, -1e30
            for k in range(3):
                e = (k + 1) % 3
                b0, b1, a0, a1 = p[k, b], p[e, b], p[k, a], p[e, a]
                if b0 > b1:
                    b0, b1, a0, a1 = b1, b0, a1, a0
                if b1 < j or b0 > j + 1:
                    continue
                start_a = a0 + (a1 - a0) * ((j - b0) / (b1 - b0)) if b0 < j else a0
                stop_a = a0 + (a1 - a0) * ((j + 1 - b0) / (b1 - b0)) if b1 > j + 1 else a1
                near = min(near, start_a, stop_a)
                far = max(far, start_a, stop_a)
            if near > far:
                continue
            i_first = max(first[a], math.ceil(near - 1e-6) - 1)
            i_last = min(last[a], math.floor(far + 1e-6))
            c[b] = j + 0.5
            cell[b] = j
            for i in range(i_first, i_last + 1):
                c[a] = i + 0.5
                cell[a] = i
                height = p[0, m] - (n[a] * (c[a] - p[0, a]) + n[b] * (c[b] - p[0, b])) / n[m]
                k_first = max(first[m], math.ceil(height - spread) - 1)
                k_last = min(last[m], math.floor(height + spread))
                for l in range(k_first, k_last + 1):
                    c[m] = l + 0.5
                    cell[m] = l
                    value = n[0] * c[0] + n[1] * c[1] + n[2] * c[2]
                    if value < plane_low or value > plane_high:
                        continue
                    apart = False
                    for axis in range(3):
                        ca, cb = c[(axis + 1) % 3], c[(axis + 2) % 3]
                        for s in range(axis * 3, axis * 3 + 3):
                            value = slab[s, 0] * ca + slab[s, 1] * cb
                            if value < slab[s, 2] or value > slab[s, 3]:
                                apart = True
                                break
                        if apart:
                            break
                    if apart:
                        continue
                    word = (cell[0] * grid + cell[1]) * words_per_row + (cell[2] >> 6)
                    bit = ONE << np.uint64(cell[2] & 63)
                    if not fill:
                        words[word] |= bit
                        continue
                    row = rank[word] + popcount(words[word] & (bit - ONE))
                    distance = closest_point(p, n, nn, c, q)
                    if distance < best[row]:
                        best[row] = distance
                        triangle[row] = f
                        point[row, 0], point[row, 1], point[row, 2] = q[0], q[1], q[2]
                    normal[row, 0] += weight * n[0]
                    normal[row, 1] += weight * n[1]
                    normal[row, 2] += weight * n[2]
                    normal[row, 3] += weight * length


@njit
def closest_point(p, n, nn, c, q):
    """Write the point of triangle `p` (corner, axis) closest to `c` to `q`; return the squared distance."""
    inside = True
    for k in range(3):
        e = (k + 1) % 3
        ex, ey, ez = p[e, 0] - p[k, 0], p[e, 1] - p[k, 1], p[e, 2] - p[k, 2]
        wx, wy, wz = c[0] - p[k, 0], c[1] - p[k, 1], c[2] - p[k, 2]
        side = (n[1] * ez - n[2] * ey) * wx + (n[2] * ex - n[0] * ez) * wy + (n[0] * ey - n[1] * ex) * wz
        if side < 0:
            inside = False
            break
    if inside:
        offset = (n[0] * (c[0] - p[0, 0]) + n[1] * (c[1] - p[0, 1]) + n[2] * (c[2] - p[0, 2])) / nn
        q[0], q[1], q[2] = c[0] - offset * n[0], c[1] - offset * n[1], c[2] - offset * n[2]
        return (c[0] - q[0]) * (c[0] - q[0]) + (c[1] - q[1]) * (c[1] - q[1]) + (c[2] - q[2]) * (c[2] - q[2])
    best = 1e300
    for k in range(3):
        e = (k + 1) % 3
        ex, ey, ez = p[e, 0] - p[k, 0], p[e, 1] - p[k, 1], p[e, 2] - p[k, 2]
        wx, wy, wz = c[0] - p[k, 0], c[1] - p[k, 1], c[2] - p[k, 2]
        ee = ex * ex + ey * ey + ez * ez
        t = min(max((wx * ex + wy * ey + wz * ez) / ee, 0.0), 1.0)
        x, y, z = p[k, 0] + t * ex, p[k, 1] + t * ey, p[k, 2] + t * ez
        distance = (c[0] - x) * (c[0] - x) + (c[1] - y) * (c[1] - y) + (c[2] - z) * (c[2] - z)
        if distance < best:
            best = distance
            q[0], q[1], q[2] = x, y, z
    return best
