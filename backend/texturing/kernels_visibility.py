# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of visibility.py and candidates.py: same arithmetic in the same order, so the same result."""

from __future__ import annotations

import math

import numpy as np

from .accel import njit


@njit
def depth_range(depth, row, column, radius):
    """The least and the greatest depth within `radius` pixels."""
    near, far = np.float32(np.inf), np.float32(-np.inf)
    for j in range(max(row - radius, 0), min(row + radius, depth.shape[0] - 1) + 1):
        for i in range(max(column - radius, 0), min(column + radius, depth.shape[1] - 1) + 1):
            near = min(near, depth[j, i])
            far = max(far, depth[j, i])
    return near, far


@njit
def turned(x, y, z, view):
    """A direction (x, y, z) of the world along the camera's axes: right, down, ahead."""
    right = view[0] * x + view[1] * y + view[2] * z
    down = view[3] * x + view[4] * y + view[5] * z
    ahead = view[6] * x + view[7] * y + view[8] * z
    return right, down, ahead


@njit
def see(x, y, z, nx, ny, nz, two_sided, view, depth):
    """(sees, cos theta, u, v, depth of the point, length of a depth pixel there) for one point; see View.packed."""
    right, down, ahead = turned(x - view[9], y - view[10], z - view[11], view)
    n_right, n_down, n_ahead = turned(nx, ny, nz, view)
    if view[23] > 0:
        cosine = -n_ahead
        scale = view[12]
    else:
        distance = math.sqrt(right * right + down * down + ahead * ahead)
        cosine = -(n_right * right + n_down * down + n_ahead * ahead) / distance
        scale = view[12] / max(ahead, 1e-9)
    if two_sided:
        cosine = abs(cosine)
    u, v = right * scale + view[13], down * scale + view[14]
    if not (cosine >= view[22] and ahead > 1e-4 and u >= 0 and u < view[15] and v >= 0 and v < view[16]):
        return False, cosine, u, v, ahead, 0.0
    if view[23] > 0:
        depth_scale, pixel = view[17], 1.0 / view[17]
    else:
        depth_scale, pixel = view[17] / ahead, ahead / view[17]
    column = min(max(int(right * depth_scale + view[18]), 0), depth.shape[1] - 1)
    row = min(max(int(down * depth_scale + view[19]), 0), depth.shape[0] - 1)
    slope = min(math.sqrt(max(1.0 - cosine * cosine, 0.0)) / max(cosine, 1e-9), 10.0)
    behind = ahead - depth[row, column]
    sees = abs(behind) <= view[20] + view[21] * pixel * slope
    least = 1e-4 + 0.5 * pixel * slope  # visibility.BEHIND and BEHIND_SLOPE
    if sees and behind > least:
        _, far = depth_range(depth, row, column, 1)
        sees = ahead - far <= least
    return sees, cosine, u, v, ahead, pixel


@njit
def turned_away(x, y, z, nx, ny, nz, view):
    """Whether a view surely looks at the back of a point, found without a root or a division."""
    if view[23] > 0:
        return view[6] * nx + view[7] * ny + view[8] * nz > 1e-6
    return (x - view[9]) * nx + (y - view[10]) * ny + (z - view[11]) * nz > 1e-6


@njit
def covered(x, y, z, view, depth):
    """Whether a point surely lies before or behind what a view shows, whatever its normal, found with one division."""
    right, down, ahead = turned(x - view[9], y - view[10], z - view[11], view)
    if not ahead > 1e-4:
        return True
    depth_scale, pixel = view[17], 1.0 / view[17]
    if not view[23] > 0:
        depth_scale, pixel = view[17] / ahead, ahead / view[17]
    column = int(min(max(right * depth_scale + view[18], 0.0), depth.shape[1] - 1.0))
    row = int(min(max(down * depth_scale + view[19], 0.0), depth.shape[0] - 1.0))
    return abs(ahead - depth[row, column]) > view[20] + view[21] * pixel * 10.0  # the steepest slope that counts


@njit
def see_all(points, normals, two_sided, view, depth, begin, end, sees, cosine, uv):
    for i in range(begin, end):
        seen, c, u, v, _, _ = see(
            points[i, 0], points[i, 1], points[i, 2], normals[i, 0], normals[i, 1], normals[i, 2],
            two_sided[i], view, depth,
        )  # fmt: skip
        sees[i], cosine[i], uv[i, 0], uv[i, 1] = seen, c, u, v


@njit
def at_depth_edge(u, v, z, pixel, radius, view, depth):
    """A depth map's neighbourhood of (u, v), radius in depth pixels, differs by more than 0.02 + 3 radius pixel."""
    column = min(max(int((u - view[13]) * (view[17] / view[12]) + view[18]), 0), depth.shape[1] - 1)
    row = min(max(int((v - view[14]) * (view[17] / view[12]) + view[19]), 0), depth.shape[0] - 1)
    near, far = depth_range(depth, row, column, radius)
    return far - near > 0.02 + 3.0 * radius * pixel


@njit
def sample(image, u, v):
    """Bilinear straight colour at (u, v) weighted by alpha: (r, g, b in 0...255, alpha weight in 0...255)."""
    height, width = image.shape[0], image.shape[1]
    x, y = math.floor(u - 0.5), math.floor(v - 0.5)
    fx, fy = u - 0.5 - x, v - 0.5 - y
    i0, i1 = min(max(int(x), 0), width - 1), min(max(int(x) + 1, 0), width - 1)
    j0, j1 = min(max(int(y), 0), height - 1), min(max(int(y) + 1, 0), height - 1)
    a = (1.0 - fx) * (1.0 - fy) * image[j0, i0, 3]
    b = fx * (1.0 - fy) * image[j0, i1, 3]
    c = (1.0 - fx) * fy * image[j1, i0, 3]
    d = fx * fy * image[j1, i1, 3]
    total = a + b + c + d
    if not total > 0:
        return 0.0, 0.0, 0.0, 0.0
    red = (a * image[j0, i0, 0] + b * image[j0, i1, 0] + c * image[j1, i0, 0] + d * image[j1, i1, 0]) / total
    green = (a * image[j0, i0, 1] + b * image[j0, i1, 1] + c * image[j1, i0, 1] + d * image[j1, i1, 1]) / total
    blue = (a * image[j0, i0, 2] + b * image[j0, i1, 2] + c * image[j1, i0, 2] + d * image[j1, i1, 2]) / total
    return red, green, blue, total


@njit
def sample_certainty(confidence, u, v):
    """Nearest value of the painter's confidence, 0...255; 255 where there is none."""
    if confidence.shape[0] == 0:
        return 255.0
    j = min(max(int(v), 0), confidence.shape[0] - 1)
    i = min(max(int(u), 0), confidence.shape[1] - 1)
    return float(confidence[j, i])


@njit
def collect(
    points, normals, two_sided, view, depth, image, confidence, gain, radius, index, begin, end, label, conf, colour
):
    """Offer view `index` to the sorted lists of voxels [begin, end)."""
    size = label.shape[1]
    for i in range(begin, end):
        if not two_sided[i] and turned_away(
            points[i, 0], points[i, 1], points[i, 2], normals[i, 0], normals[i, 1], normals[i, 2], view
        ):
            continue
        if covered(points[i, 0], points[i, 1], points[i, 2], view, depth):
            continue
        seen, cosine, u, v, z, pixel = see(
            points[i, 0], points[i, 1], points[i, 2], normals[i, 0], normals[i, 1], normals[i, 2],
            two_sided[i], view, depth,
        )  # fmt: skip
        if not seen or 127.5 * (1.0 + cosine) + 0.5 < conf[i, size - 1]:
            continue
        red, green, blue, total = sample(image, u, v)
        if not total > 0:
            continue
        q = 127.5 * (1.0 + cosine) * (0.25 + 0.75 * (sample_certainty(confidence, u, v) / 255.0))
        if radius > 0 and at_depth_edge(u, v, z, pixel, radius, view, depth):
            q *= 0.05
        score = min(max(int(q + 0.5), 1), 255)
        if score <= conf[i, size - 1]:
            continue
        k = size - 1
        while k > 0 and conf[i, k - 1] < score:
            label[i, k], conf[i, k] = label[i, k - 1], conf[i, k - 1]
            colour[i, k, 0], colour[i, k, 1], colour[i, k, 2] = (
                colour[i, k - 1, 0],
                colour[i, k - 1, 1],
                colour[i, k - 1, 2],
            )
            k -= 1
        label[i, k], conf[i, k] = index, score
        colour[i, k, 0] = min(int(red * gain[0] + 0.5), 255)
        colour[i, k, 1] = min(int(green * gain[1] + 0.5), 255)
        colour[i, k, 2] = min(int(blue * gain[2] + 0.5), 255)
