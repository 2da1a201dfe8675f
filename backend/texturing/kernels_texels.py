# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled twins of voxel_lookup.py, atlas.py and texel_sampling.py."""

from __future__ import annotations

import math

import numpy as np

from .accel import njit, unsigned
from .kernels_visibility import sample, sample_certainty, see, turned


@njit
def above(i, j, l, grid, column, coords):
    """Indices first, end of the voxels (i, j, l) and above."""
    if i < 0 or j < 0 or i >= grid or j >= grid:
        return 0, 0
    low, high = column[i * grid + j], column[i * grid + j + 1]
    end = high
    while low < high:
        middle = (low + high) // 2
        if coords[middle, 2] < l:
            low = middle + 1
        else:
            high = middle
    return low, end


@njit
def find(i, j, l, grid, column, coords):
    """Index of the voxel (i, j, l), -1 where there is none."""
    first, end = above(i, j, l, grid, column, coords)
    return first if first < end and coords[first, 2] == l else -1


@njit
def locate(points, normals, grid, column, coords, voxel_point, voxel_normal, begin, end, out):
    last_i, last_j, last_l, home = -1, -1, -1, -1
    for p in range(begin, end):
        x, y, z = np.float64(points[p, 0]), np.float64(points[p, 1]), np.float64(points[p, 2])
        nx, ny, nz = np.float64(normals[p, 0]), np.float64(normals[p, 1]), np.float64(normals[p, 2])
        i, j, l = math.floor((x + 0.5) * grid), math.floor((y + 0.5) * grid), math.floor((z + 0.5) * grid)
        if i != last_i or j != last_j or l != last_l:  # texels that follow each other often share a voxel
            last_i, last_j, last_l, home = i, j, l, find(i, j, l, grid, column, coords)
        if home >= 0:
            v = voxel_normal[home]
            if v[0] * nx + v[1] * ny + v[2] * nz > 0.3:
                out[p] = home
                continue
        best, found = np.inf, -1
        any_best, any_found = np.inf, home
        for di in range(-1, 2):
            for dj in range(-1, 2):
                first, end = above(i + di, j + dj, l - 1, grid, column, coords)
                for index in range(first, end):  # sorted: the heights wanted follow each other
                    if coords[index, 2] > l + 1:
                        break
                    gx, gy, gz = voxel_point[index, 0] - x, voxel_point[index, 1] - y, voxel_point[index, 2] - z
                    distance = gx * gx + gy * gy + gz * gz
                    if home < 0 and distance < any_best:
                        any_best, any_found = distance, index
                    v = voxel_normal[index]
                    if distance < best and v[0] * nx + v[1] * ny + v[2] * nz > 0.3:
                        best, found = distance, index
        if found >= 0:
            out[p] = found
        elif any_found >= 0:
            out[p] = -2 - any_found
        else:
            out[p] = -1


@njit
def label_weights(rows, labels, gauss, radius, grid, column, coords, normal, begin, end, other, share):
    """For the voxels `rows` [begin, end): strongest other label within `radius` and its share."""
    side = 2 * radius + 1
    names = np.empty(side * side * side, np.int64)
    sums = np.empty(side * side * side, np.float64)
    for r in range(begin, end):
        p = rows[r]
        count = 0
        for di in range(-radius, radius + 1):
            for dj in range(-radius, radius + 1):
                i, j = coords[p, 0] + di, coords[p, 1] + dj
                if i < 0 or j < 0 or i >= grid or j >= grid:
                    continue
                for index in range(column[i * grid + j], column[i * grid + j + 1]):
                    dl = coords[index, 2] - coords[p, 2]
                    if dl < -radius or labels[index] < 0:
                        continue
                    if dl > radius:
                        break
                    dot = np.float64(normal[index, 0]) * normal[p, 0] + np.float64(normal[index, 1]) * normal[p, 1]
                    if dot + np.float64(normal[index, 2]) * normal[p, 2] <= 0.3:
                        continue
                    weight = gauss[di * di + dj * dj + dl * dl]
                    k = 0
                    while k < count and names[k] != labels[index]:
                        k += 1
                    if k == count:
                        names[k], sums[k] = labels[index], 0.0
                        count += 1
                    sums[k] += weight
        mine, best, name = 0.0, 0.0, -1
        for k in range(count):
            if names[k] == labels[p]:
                mine = sums[k]
            elif sums[k] > best or (sums[k] == best and names[k] < name):
                best, name = sums[k], names[k]
        if name >= 0:
            other[p] = name
            share[p] = min(best / (best + mine), 0.5)


@njit
def around(x, y, z, nx, ny, nz, grid, column, coords, voxel_normal, index, weight):
    """The eight voxels around a point, into index (8,), -1 where none faces the same way, and weight (8,) trilinear."""
    x, y, z = (x + 0.5) * grid - 0.5, (y + 0.5) * grid - 0.5, (z + 0.5) * grid - 0.5
    i, j, l = math.floor(x), math.floor(y), math.floor(z)
    fx, fy, fz = x - i, y - j, z - l
    for di in range(2):
        for dj in range(2):
            k = 4 * di + 2 * dj
            index[k], index[k + 1] = -1, -1
            low, end = above(i + di, j + dj, l, grid, column, coords)
            for at in range(low, min(low + 2, end)):  # sorted: the two heights wanted follow each other
                dl = coords[at, 2] - l
                if dl > 1:
                    break
                v = voxel_normal[at]
                if v[0] * nx + v[1] * ny + v[2] * nz > 0:
                    share = (fx if di else 1.0 - fx) * (fy if dj else 1.0 - fy)
                    index[k + dl], weight[k + dl] = at, share * (fz if dl else 1.0 - fz)


@njit
def blend_share(points, normals, rows, voxel, own, other, share, grid, column, coords, voxel_normal, begin, end, out):
    """out float32: trilinear share of the other label of each row's voxel."""
    near, weight = np.empty(8, np.int64), np.empty(8, np.float64)
    for r in range(begin, end):
        p = rows[r]
        a, b = own[voxel[p]], other[voxel[p]]
        around(
            np.float64(points[p, 0]), np.float64(points[p, 1]), np.float64(points[p, 2]),
            np.float64(normals[p, 0]), np.float64(normals[p, 1]), np.float64(normals[p, 2]),
            grid, column, coords, voxel_normal, near, weight,
        )  # fmt: skip
        total, mixed = 0.0, 0.0
        for k in range(8):
            index = near[k]
            if index < 0:
                continue
            if own[index] == a:
                value = np.float64(share[index]) if other[index] == b else 0.0
            elif own[index] == b:
                value = 1.0 - np.float64(share[index]) if other[index] == a else 1.0
            else:
                continue
            total += weight[k]
            mixed += weight[k] * value
        out[r] = mixed / total if total > 0 else 0.0


@njit
def fill_colour(points, normals, rows, colours, grid, column, coords, voxel_normal, begin, end, out, found):
    """Trilinear mean of voxel colours; found is False where no voxel around faces the same way."""
    channels = colours.shape[1]
    near, weight = np.empty(8, np.int64), np.empty(8, np.float64)
    for r in range(begin, end):
        p = rows[r]
        around(
            np.float64(points[p, 0]), np.float64(points[p, 1]), np.float64(points[p, 2]),
            np.float64(normals[p, 0]), np.float64(normals[p, 1]), np.float64(normals[p, 2]),
            grid, column, coords, voxel_normal, near, weight,
        )  # fmt: skip
        total = 0.0
        for c in range(channels):
            out[r, c] = 0.0
        for k in range(8):
            if near[k] >= 0:
                total += weight[k]
                for c in range(channels):
                    out[r, c] += weight[k] * colours[near[k], c]
        found[r] = total > 1e-6
        if total > 1e-6:
            for c in range(channels):
                out[r, c] /= total


@njit
def sort_by_label(rows, label, share, views):
    """Rows int64 (n,) and share (n,) or empty in stable order of labels in 0...views - 1, and where each label begins,
    int64 (views + 1,)."""
    bounds = np.zeros(views + 1, np.int64)
    for value in label:
        bounds[value + 1] += 1
    for k in range(views):
        bounds[k + 1] += bounds[k]
    at = bounds[:-1].copy()
    sorted_rows, sorted_share = np.empty_like(rows), np.empty_like(share)
    for r in range(len(label)):
        place = at[label[r]]
        at[label[r]] += 1
        sorted_rows[place] = rows[r]
        if len(share) > 0:
            sorted_share[place] = share[r]
    return sorted_rows, sorted_share, bounds


@njit
def store(colour, factor, top, texels, begin, end, rgba):
    """Colours float32 (m, 4), times factor, rounded and cut to 0...top, to the texels [begin, end) of the image."""
    for r in range(begin, end):
        for c in range(4):
            rgba[texels[r], c] = min(max(np.rint(colour[r, c] * factor), np.float32(0)), top)


@njit
def _plane_depth(column, row, focal, cx, cy, orthographic, normal_right, normal_down, normal_ahead, offset):
    """Depth at a pixel's centre of the plane normal . x = offset in camera space, and the centre's place in it."""
    a, b = (column + 0.5 - cx) / focal, (row + 0.5 - cy) / focal
    if orthographic:
        return (offset - normal_right * a - normal_down * b) / normal_ahead, a, b
    z = offset / (normal_right * a + normal_down * b + normal_ahead)
    return z, a * z, b * z


@njit
def _shows_part(image, sheet, part, column, row):
    """Whether the sixteen pixels around the corner after (column, row) are opaque and show `part` alone."""
    if not (1 <= column < sheet.shape[1] - 2 and 1 <= row < sheet.shape[0] - 2):
        return False
    opaque = 255 if image.itemsize == 1 else 65535
    for j in range(row - 1, row + 3):
        for i in range(column - 1, column + 3):
            if sheet[unsigned(j), unsigned(i)] != part or image[unsigned(j), unsigned(i), unsigned(3)] < opaque:
                return False
    return True


@njit
def _catmull_rom(t):
    """The weights of four pixels in a row, t in 0...1 after the second."""
    return ((2 - t) * t - 1) * t / 2, ((3 * t - 5) * t * t + 2) / 2, ((4 - 3 * t) * t + 1) * t / 2, (t - 1) * t * t / 2


@njit
def _sample_bicubic(image, u, v, column, row):
    """Catmull-Rom colour from the sixteen pixels around, all opaque; as kernels_visibility.sample."""
    top = 255.0 if image.itemsize == 1 else 65535.0
    a, b, c, d = _catmull_rom(u - 0.5 - column)
    above, first, second, below = _catmull_rom(v - 0.5 - row)
    i0, i1, i2, i3 = unsigned(column - 1), unsigned(column), unsigned(column + 1), unsigned(column + 2)
    x, y, z = unsigned(0), unsigned(1), unsigned(2)
    red, green, blue = 0.0, 0.0, 0.0
    for k in range(4):
        w = above if k == 0 else first if k == 1 else second if k == 2 else below
        j = unsigned(row - 1 + k)
        red += w * (a * image[j, i0, x] + b * image[j, i1, x] + c * image[j, i2, x] + d * image[j, i3, x])
        green += w * (a * image[j, i0, y] + b * image[j, i1, y] + c * image[j, i2, y] + d * image[j, i3, y])
        blue += w * (a * image[j, i0, z] + b * image[j, i1, z] + c * image[j, i2, z] + d * image[j, i3, z])
    return min(max(red, 0.0), top), min(max(green, 0.0), top), min(max(blue, 0.0), top), top


@njit
def sample_part(image, sheet, part, x, y, z, nx, ny, nz, u, v, pixel, cosine, view, depth):
    """As kernels_visibility.sample, but from pixels that show nothing but `part`, some of the sixteen around showing
    other things; see part_sampling.sample_part."""
    height, width = sheet.shape
    top = 255.0 if image.itemsize == 1 else 65535.0
    column, row = math.floor(u - 0.5), math.floor(v - 0.5)
    if 0 <= column < width - 1 and 0 <= row < height - 1:
        clean = sheet[row, column] == part and sheet[row, column + 1] == part
        if clean and sheet[row + 1, column] == part and sheet[row + 1, column + 1] == part:
            return sample(image, u, v)
    right, down, ahead = turned(x - view[9], y - view[10], z - view[11], view)
    n_right, n_down, n_ahead = turned(nx, ny, nz, view)
    offset = n_right * right + n_down * down + n_ahead * ahead
    orthographic, ratio = view[23] > 0, view[17] / view[12]
    pixel *= ratio
    k = min(max(int((v - view[14]) * ratio + view[19]), 0), depth.shape[0] - 1)
    l = min(max(int((u - view[13]) * ratio + view[18]), 0), depth.shape[1] - 1)
    plane, _, _ = _plane_depth(
        l, k, view[17], view[18], view[19], orthographic, n_right, n_down, n_ahead, offset
    )  # fmt: skip
    home = sheet[min(int(v), height - 1), min(int(u), width - 1)]
    slope = min(math.sqrt(max(1.0 - cosine * cosine, 0.0)) / max(cosine, 1e-9), 10.0)
    bare = abs(plane - depth[k, l]) <= 1e-4 + 0.3 * pixel * (1.0 + slope) and (home == part or home == -2)
    off = view[20] + pixel * (1.0 + slope)
    for ring in range(2):
        red, green, blue, total = 0.0, 0.0, 0.0, 0.0
        for j in range(max(row - ring, 0), min(row + ring + 1, height - 1) + 1):
            for i in range(max(column - ring, 0), min(column + ring + 1, width - 1) + 1):
                if sheet[j, i] != part:
                    continue
                plane, across, along = _plane_depth(
                    i, j, view[12], view[13], view[14], orthographic, n_right, n_down, n_ahead, offset
                )  # fmt: skip
                k = min(max(int((j + 0.5 - view[14]) * ratio + view[19]), 0), depth.shape[0] - 1)
                l = min(max(int((i + 0.5 - view[13]) * ratio + view[18]), 0), depth.shape[1] - 1)
                if not abs(plane - depth[k, l]) <= off:
                    continue
                across, along, deeper = across - right, along - down, plane - ahead
                gap = (across * across + along * along + deeper * deeper) / (pixel * pixel)
                if not bare and gap > 4.0:
                    continue
                gu, gv = abs(i + 0.5 - u), abs(j + 0.5 - v)
                weight = (1.0 - gu) * (1.0 - gv) if ring == 0 else 1.0 / (1.0 + gap) ** 3
                weight *= image[j, i, 3]
                red, green = red + weight * image[j, i, 0], green + weight * image[j, i, 1]
                blue, total = blue + weight * image[j, i, 2], total + weight
        if total > 0:
            return red / total, green / total, blue / total, top
    if not bare:
        return 0.0, 0.0, 0.0, 0.0
    return sample(image, u, v)


@njit
def visit_view(
    points, normals, two_sided, part, rows, share, view, depth, sheet, image, confidence, gain, unit, alpha, index,
    best, colour, label, sure,
):  # fmt: skip
    """Sample one view at the points `rows` that it sees, into colour (m, 4), label (m,) and sure (m,).

    share (n,) or empty: mix that much into colour instead; best (m,) or empty: only where cos theta is larger.
    sheet (h, w) or empty: what each pixel shows; part (m,): what each point belongs to.
    """
    parted = sheet.shape[0] > 0 and not alpha
    last_row, last_column, last_part, clean = -9, -9, -9, False
    for r in range(len(rows)):
        p = rows[r]
        sees, cosine, u, v, _, pixel = see(
            points[p, 0], points[p, 1], points[p, 2], normals[p, 0], normals[p, 1], normals[p, 2],
            two_sided[p], view, depth,
        )  # fmt: skip
        if not sees or (len(best) > 0 and not np.float32(cosine) > best[p]):
            continue
        column, row = math.floor(u - 0.5), math.floor(v - 0.5)
        if parted and (row != last_row or column != last_column or part[p] != last_part):
            # Texels that follow each other often lie between the same pixels.
            last_row, last_column, last_part = row, column, np.int64(part[p])
            clean = last_part >= 0 and _shows_part(image, sheet, part[p], column, row)
        if parted and clean:
            red, green, blue, weight = _sample_bicubic(image, u, v, column, row)
        elif parted and part[p] >= 0:
            red, green, blue, weight = sample_part(
                image, sheet, part[p], points[p, 0], points[p, 1], points[p, 2], normals[p, 0], normals[p, 1],
                normals[p, 2], u, v, pixel, cosine, view, depth,
            )  # fmt: skip
        else:
            red, green, blue, weight = sample(image, u, v)
        if not weight > 0 and (not alpha or len(best) > 0):
            continue
        red, green, blue, weight = red * gain[0] * unit, green * gain[1] * unit, blue * gain[2] * unit, weight * unit
        if len(share) > 0:
            s = np.float64(share[r])
            red, green = (1.0 - s) * colour[p, 0] + s * red, (1.0 - s) * colour[p, 1] + s * green
            blue, weight = (1.0 - s) * colour[p, 2] + s * blue, (1.0 - s) * colour[p, 3] + s * weight
        else:
            label[p] = index
            sure[p] = sample_certainty(confidence, u, v)
            if len(best) > 0:
                best[p] = cosine
        colour[p, 0], colour[p, 1], colour[p, 2], colour[p, 3] = red, green, blue, weight


@njit
def surface_points(owner, texels, size, uv, corners, begin, end, out):
    """3-D point of each texel (flat index) of triangles whose UVs lie in 0..1; uv float64 (n, 3, 2)."""
    for r in range(begin, end):
        t = owner[r]
        texel = texels[r]
        px = (texel % size + 0.5) / size
        py = 1.0 - (texel // size + 0.5) / size
        ax, ay = uv[t, 0, 0], uv[t, 0, 1]
        ux, uy = uv[t, 1, 0] - ax, uv[t, 1, 1] - ay
        vx, vy = uv[t, 2, 0] - ax, uv[t, 2, 1] - ay
        wx, wy = px - ax, py - ay
        det = ux * vy - uy * vx
        beta, gamma = -1.0, -1.0
        if det != 0:
            beta = (wx * vy - wy * vx) / det
            gamma = (ux * wy - uy * wx) / det
        alpha = 1.0 - beta - gamma
        if det == 0 or alpha < 0 or beta < 0 or gamma < 0:
            best = np.inf
            for k in range(3):
                e = k + 1 if k < 2 else 0
                qx, qy = uv[t, k, 0], uv[t, k, 1]
                sx, sy = uv[t, e, 0] - qx, uv[t, e, 1] - qy
                length = sx * sx + sy * sy
                s = ((px - qx) * sx + (py - qy) * sy) / (length if length > 0 else 1.0)
                s = min(max(s, 0.0), 1.0)
                gx, gy = qx + s * sx - px, qy + s * sy - py
                distance = gx * gx + gy * gy
                if distance < best:
                    best = distance
                    alpha, beta, gamma = 0.0, 0.0, 0.0
                    if k == 0:
                        alpha, beta = 1.0 - s, s
                    elif k == 1:
                        beta, gamma = 1.0 - s, s
                    else:
                        gamma, alpha = 1.0 - s, s
        for c in range(3):
            out[r, c] = alpha * corners[t, 0, c] + beta * corners[t, 1, c] + gamma * corners[t, 2, c]
