# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled inner loops of drift alignment. The same in NumPy stands beside each call."""

from __future__ import annotations

import numpy as np

from .accel import njit


@njit
def bilinear(image, weight, flow, value, share):
    """value, share float32 (h, w) <- image and weight at p + flow(p), taps weighted by `weight`."""
    height, width = image.shape
    for i in range(height):
        for j in range(width):
            x = min(max(np.float32(j) + flow[i, j, 0], np.float32(0)), np.float32(width - 1))
            y = min(max(np.float32(i) + flow[i, j, 1], np.float32(0)), np.float32(height - 1))
            column, row = min(int(x), width - 2), min(int(y), height - 2)
            fx, fy = x - np.float32(column), y - np.float32(row)
            a = weight[row, column] * (1 - fx) * (1 - fy)
            b = weight[row, column + 1] * fx * (1 - fy)
            c = weight[row + 1, column] * (1 - fx) * fy
            d = weight[row + 1, column + 1] * fx * fy
            total = a + b + c + d
            share[i, j] = total
            value[i, j] = (
                a * image[row, column]
                + b * image[row, column + 1]
                + c * image[row + 1, column]
                + d * image[row + 1, column + 1]
            ) / max(total, np.float32(1e-6))


@njit
def box(image, radius, out):
    """out float32 (h, w) <- means over (2 radius + 1)^2 pixels of image (h, w); outside counts as 0."""
    height, width = image.shape
    size = 2 * radius + 1
    share = np.float32(size)
    down = np.zeros((height + size, width), np.float32)  # sums of all rows above
    for i in range(1, height + size):
        row = i - radius - 1
        for j in range(width):
            down[i, j] = down[i - 1, j] + (image[row, j] if 0 <= row < height else np.float32(0))
    across = np.zeros(width + size, np.float32)
    for i in range(height):
        for j in range(1, width + size):
            column = j - radius - 1
            inside = np.float32(0)
            if 0 <= column < width:
                inside = (down[i + size, column] - down[i, column]) / share
            across[j] = across[j - 1] + inside
        for j in range(width):
            out[i, j] = (across[j + size] - across[j]) / share


@njit
def bicubic(image, x, y, begin, end, value):
    """value float32 (n, c) <- Catmull-Rom samples of image (h, w, c) at pixel indices x, y; rows [begin, end)."""
    height, width, channels = image.shape
    across, down = np.empty(4, np.float32), np.empty(4, np.float32)
    for n in range(begin, end):
        column, row = int(np.floor(x[n])), int(np.floor(y[n]))
        _catmull_rom(np.float32(x[n] - column), across)
        _catmull_rom(np.float32(y[n] - row), down)
        for c in range(channels):
            value[n, c] = 0
        for k in range(4):
            i = min(max(row + k - 1, 0), height - 1)
            for l in range(4):
                j = min(max(column + l - 1, 0), width - 1)
                w = down[k] * across[l]
                for c in range(channels):
                    value[n, c] += w * image[i, j, c]


@njit
def _catmull_rom(t, weight):
    weight[0] = ((2 - t) * t - 1) * t / 2
    weight[1] = ((3 * t - 5) * t * t + 2) / 2
    weight[2] = ((4 - 3 * t) * t + 1) * t / 2
    weight[3] = (t - 1) * t * t / 2


@njit
def corners(place, side, table, blocks, nodes, weights):
    """nodes int32 (n, 8), weights float32 (n, 8) <- lattice nodes around `place` (n, 3), in cells from node 0.

    table int32 (2 * blocks^3,) numbers the blocks of 4 x 4 x 4 nodes; a node in a block without a number gets
    -1 - (key of the block).
    """
    for n in range(len(place)):
        x, y, z = int(place[n, 0]), int(place[n, 1]), int(place[n, 2])
        fx, fy, fz = np.float32(place[n, 0] - x), np.float32(place[n, 1] - y), np.float32(place[n, 2] - z)
        for corner in range(8):
            dx, dy, dz = corner >> 2, corner >> 1 & 1, corner & 1
            i, j, k = x + dx, y + dy, z + dz
            key = ((side[n] * blocks + (i >> 2)) * blocks + (j >> 2)) * blocks + (k >> 2)
            number = np.int64(table[key])
            nodes[n, corner] = number << 6 | (i & 3) << 4 | (j & 3) << 2 | k & 3 if number >= 0 else -1 - key
            weights[n, corner] = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)


@njit
def lattice_read(nodes, weights, sums, totals, value, weight):
    """value, weight float32 (n,) <- sums and totals at the nodes (n, 8), weighted."""
    for n in range(len(nodes)):
        a, b = np.float32(0), np.float32(0)
        for corner in range(8):
            a += weights[n, corner] * sums[nodes[n, corner]]
            b += weights[n, corner] * totals[nodes[n, corner]]
        value[n] = a / max(b, np.float32(1e-9))
        weight[n] = b


@njit
def lattice_add(nodes, weights, values, importance, sums, totals):
    """Add values and weights to sums and totals at the nodes (n, 8)."""
    for n in range(len(nodes)):
        for corner in range(8):
            w = weights[n, corner] * importance[n]
            sums[nodes[n, corner]] += w * values[n]
            totals[nodes[n, corner]] += w
