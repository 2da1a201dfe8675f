# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of surface points from the pixels of a frame that show their own part and nothing else."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from .align import catmull_rom
from .sheets import MIXED
from .visibility import BEHIND, MAX_SLOPE, Seen, View, sample_frame

BARE = 0.3  # frame pixels, times 1 + tan theta, by which the surface drawn at a point may lie off the point's own plane
REACH = 2.0  # frame pixels along the surface from which a point that another hides may take its colour


def sample_part(
    image: NDArray[np.unsignedinteger],
    sheet: NDArray[np.int16],
    part: NDArray[np.int16],
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    seen: Seen,
    view: View,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As `sample_frame` for the points of `seen`: colours float64 (n, 3) and alpha float64 (n,), 0 for points hidden.

    sheet  int16 (h, w), what each pixel of the frame shows (sheets.sheet_map)
    part, points, normals  of the points seen, (n,) and (n, 3)

    Where the sixteen pixels around a point show its part alone, the colour is the bicubic one (Catmull-Rom), which
    keeps a picture as sharp as it is; where the four do, the bilinear one. Else those of the four that do count, else
    those of the sixteen, near ones on the surface most; only where the depth map there agrees with the plane of the
    point. Points that other things cover, within what visibility tolerates, take no pixel that is more than 2 pixels
    away along the surface, and are hidden where there is none. A bare point without any such pixel, as on a wire,
    takes the bilinear colour.
    """
    colour, alpha = sample_frame(image, seen.u, seen.v)
    height, width = sheet.shape
    column, row = np.floor(seen.u - 0.5).astype(np.int64), np.floor(seen.v - 0.5).astype(np.int64)
    inside = (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
    clean = inside.copy()
    for j in (0, 1):
        for i in (0, 1):
            clean &= sheet[np.clip(row + j, 0, height - 1), np.clip(column + i, 0, width - 1)] == part
    smooth = np.flatnonzero(clean & (column >= 1) & (column < width - 2) & (row >= 1) & (row < height - 2))
    _bicubic(image, sheet, part, seen, column, row, smooth, colour)
    rest = np.flatnonzero(~clean & (part >= 0))
    if len(rest):
        place = seen.cosine[rest], seen.u[rest], seen.v[rest], seen.z[rest], seen.pixel[rest]
        near = Seen(seen.rows[rest], *place)
        found = _mixed(image, sheet, part[rest], points[rest], normals[rest], near, view, colour[rest], alpha[rest])
        colour[rest], alpha[rest] = found
    return colour, alpha


def _bicubic(image, sheet, part, seen, column, row, rows, colour):
    """Put the bicubic colour of `rows` into `colour` where all sixteen pixels are opaque and show the point's part."""
    top, (_, width, channels) = np.iinfo(image.dtype).max, image.shape
    shown, values = sheet.reshape(-1), image.reshape(-1)
    taps = [[j * width + i for i in range(-1, 3)] for j in range(-1, 3)]
    at, name = row[rows] * width + column[rows], part[rows]
    for tap in itertools.chain(*taps):
        kept = np.flatnonzero((shown[at + tap] == name) & (values[(at + tap) * channels + 3] == top))
        if len(kept) < len(rows):
            rows, at, name = rows[kept], at[kept], name[kept]
    across, down = catmull_rom(seen.u[rows] - 0.5 - column[rows]), catmull_rom(seen.v[rows] - 0.5 - row[rows])
    at *= channels
    for c in range(3):
        total = np.zeros(len(rows))
        for j, line in enumerate(taps):
            total += down[j] * sum(across[i] * values[at + (tap * channels + c)] for i, tap in enumerate(line))
        colour[rows, c] = np.clip(total, 0, top)


def _mixed(image, sheet, part, points, normals, seen, view, colour, alpha):
    """Colours and alpha of points some of whose pixels show other things; colour and alpha: the bilinear ones."""
    p, (height, width) = view.packed, sheet.shape
    local = [sum(p[k + a] * (points[:, a].astype(np.float64) - p[9 + a]) for a in range(3)) for k in (0, 3, 6)]
    turned = [sum(p[k + a] * normals[:, a].astype(np.float64) for a in range(3)) for k in (0, 3, 6)]
    offset = sum(n * x for n, x in zip(turned, local, strict=True))
    ratio = p[17] / p[12]
    pixel = seen.pixel * ratio
    slope = np.minimum(np.sqrt(np.maximum(1.0 - seen.cosine**2, 0.0)) / np.maximum(seen.cosine, 1e-9), MAX_SLOPE)

    def plane(i, j, focal, cx, cy):
        a, b = (i + 0.5 - cx) / focal, (j + 0.5 - cy) / focal
        if p[23] > 0:
            return a, b, (offset - turned[0] * a - turned[1] * b) / turned[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            z = offset / (turned[0] * a + turned[1] * b + turned[2])
            return a * z, b * z, z

    def drawn(u, v):
        j = np.clip(((v - p[14]) * ratio + p[19]).astype(np.int64), 0, view.depth.shape[0] - 1)
        i = np.clip(((u - p[13]) * ratio + p[18]).astype(np.int64), 0, view.depth.shape[1] - 1)
        return i, j, view.depth[j, i]

    i, j, z = drawn(seen.u, seen.v)
    home = sheet[np.minimum(seen.v.astype(np.int64), height - 1), np.minimum(seen.u.astype(np.int64), width - 1)]
    bare = abs(plane(i, j, *p[17:20])[2] - z) <= BEHIND + BARE * pixel * (1.0 + slope)
    bare &= (home == part) | (home == MIXED)
    off = p[20] + pixel * (1.0 + slope)
    column, row = np.floor(seen.u - 0.5).astype(np.int64), np.floor(seen.v - 0.5).astype(np.int64)
    found = np.zeros(len(part), bool)
    for ring in (0, 1):
        total, sums = np.zeros(len(part)), np.zeros((len(part), 3))
        for dj in range(-ring, ring + 2):
            for di in range(-ring, ring + 2):
                i, j = column + di, row + dj
                usable = (i >= 0) & (i < width) & (j >= 0) & (j < height)
                i, j = np.clip(i, 0, width - 1), np.clip(j, 0, height - 1)
                across, along, z = plane(i, j, *p[12:15])
                with np.errstate(invalid="ignore"):
                    usable &= (sheet[j, i] == part) & (abs(z - drawn(i + 0.5, j + 0.5)[2]) <= off)
                    gap = ((across - local[0]) ** 2 + (along - local[1]) ** 2 + (z - local[2]) ** 2) / (pixel * pixel)
                    usable &= bare | (gap <= REACH * REACH)
                gu, gv = abs(i + 0.5 - seen.u), abs(j + 0.5 - seen.v)
                weight = (1.0 - gu) * (1.0 - gv) if ring == 0 else 1.0 / (1.0 + gap) ** 3
                weight = np.where(usable, weight * image[j, i, 3], 0.0)
                total += weight
                sums += weight[:, None] * image[j, i, :3]
        new = ~found & (total > 0)
        colour[new], alpha[new] = sums[new] / total[new, None], np.iinfo(image.dtype).max
        found |= new
    alpha[~found & ~bare] = 0.0
    return colour, alpha
