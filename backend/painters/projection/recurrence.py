# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a reference repeats itself: bricks, tiles and weave, also round the rare things among them.

The offsets at which a picture is like itself are few and shared by all of a texture (He and Sun 2012, statistics of
patch offsets): the periods of the texture. A place recurs where its patch is found again at many of these offsets.
Unlike a share of all patches, this does not depend on how large the period is, nor on how much else the picture shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .sampling import gaussian, local_maximum, masked_gaussian, resized

OFFSETS = 96  # how many of the best offsets are tried
ALIKE = 0.5  # difference of two patches, as a share of their variance, below which they are alike; unrelated: 2
FLOOR = 0.05**2  # mean square difference (0 ... 1) that never counts
PERIOD = 0.5  # share of a texture that must be like what it has at an offset that is one of its periods
OFTEN = 10  # how many times a patch must be found again


@dataclass(frozen=True, eq=False)
class Recurrence:
    """Of one reference (h, w).

    often    float32 (h, w), how often the patch around a pixel is found again, 0 ... 1 (OFTEN times or more)
    window   the part of the picture that was examined, which has the working size (w', h') then
    offsets  int (k, 2), right and down, pixels of the working size
    alike    bool (k, h', w'), where the patch is found again at the offset
    """

    often: NDArray[np.float32]
    window: tuple[slice, slice]
    offsets: NDArray[np.int64]
    alike: NDArray[np.bool_]


def recurrence(colour: NDArray[np.float32], source: NDArray[np.bool_], spacing: float) -> Recurrence:
    """Examine one reference: colour (h, w, 3); source (h, w): where the surface is seen well; spacing: pixels, patches
    have seven a side."""
    window = _window(source)
    often = np.zeros(source.shape, np.float32)
    colour, source = colour[window], source[window]
    height, width = source.shape
    factor = max(1.0, spacing / 2)
    size = max(16, round(width / factor)), max(16, round(height / factor))
    radius = max(1, round(3.5 * spacing / factor))
    inside = resized(source.astype(np.float32), *size) > 0.5
    weight = inside.astype(np.float32)
    image = masked_gaussian(resized(colour, *size), weight, 0.5)
    filled = np.maximum(_sums(weight, radius), 1)
    mean = _sums(image * weight[..., None], radius) / filled[..., None]
    variance = _sums(((image * image).sum(axis=2)) * weight, radius) / filled - (mean * mean).sum(axis=2)
    limit = np.maximum(FLOOR, ALIKE * variance / 3)
    count = np.zeros(size[::-1], np.float32)
    offsets = _offsets(image, weight, 2 * radius + 1)
    found = np.zeros((len(offsets), *weight.shape), bool)
    for k, (right, down) in enumerate(offsets):
        here, there = _overlap(size, right, down)
        both = np.zeros_like(weight)
        both[here] = weight[here] * weight[there]
        square = np.zeros_like(weight)
        square[here] = ((image[here] - image[there]) ** 2).mean(axis=2)
        total = _sums(both, radius)
        found[k] = (_sums(square * both, radius) <= limit * total) & (total > 0.6 * filled) & inside
        count += found[k]
        count[there] += found[k][here]
    often[window] = resized(np.clip(count / OFTEN, 0, 1), width, height)
    return Recurrence(often, window, np.array(offsets).reshape(-1, 2), found)


def mending(recurrence: Recurrence, woven: NDArray[np.bool_], gaps: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where the texture goes on (h, w, 2), pixels to add, for the `gaps` (h, w) in a `woven` one (h, w): whole periods
    away, the nearest first; 0 elsewhere, and where there is none."""
    result = np.zeros((*woven.shape, 2), np.float32)
    woven, gaps = woven[recurrence.window], gaps[recurrence.window]
    height, width = woven.shape
    rows, columns = recurrence.alike.shape[1:]
    v, u = np.mgrid[0:rows, 0:columns]
    small = np.s_[v * height // rows, u * width // columns]
    cloth, todo = woven[small], gaps[small]
    mend = np.zeros((rows, columns, 2), np.float32)
    periods = []
    for offset, alike in zip(recurrence.offsets, recurrence.alike, strict=True):
        here, there = _overlap((columns, rows), *offset)
        both = cloth[here] & cloth[there]
        if (alike[here] & both).sum() > PERIOD * max(both.sum(), 1):
            periods.append(offset)
    for right, down in sorted((s * d for d in periods for s in (1, -1)), key=lambda d: (np.hypot(*d), *d)):
        x, y = u + right, v + down
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        good = todo & inside & cloth[y.clip(0, rows - 1), x.clip(0, columns - 1)]
        mend[good] = right * width / columns, down * height / rows
        todo = todo & ~good
    y, x = np.mgrid[0:height, 0:width]
    result[recurrence.window] = mend[y * rows // height, x * columns // width]
    return result


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest part of a picture that holds `mask` (h, w); one pixel where that is empty."""
    sides = [np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0)]
    rows, columns = [slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 1) for at in sides]
    return rows, columns


def _offsets(image: NDArray[np.float32], weight: NDArray[np.float32], least: int) -> list[tuple[int, int]]:
    """Up to OFFSETS peaks (right, down) of the autocorrelation, at least `least` long, one of each opposite pair."""
    height, width = weight.shape
    detail = (image - masked_gaussian(image, weight, least / 2)) * weight[..., None]
    detail /= np.sqrt(gaussian((detail * detail).sum(axis=2), least / 2) + np.float32(FLOOR))[..., None]
    shape = 2 * height, 2 * width
    power = sum(np.abs(np.fft.rfft2(detail[..., c], shape)) ** 2 for c in range(3))
    like = np.fft.fftshift(np.fft.irfft2(power, shape)).astype(np.float32)
    v, u = np.mgrid[-height:height, -width:width]
    far = (np.maximum(np.abs(u), np.abs(v)) >= least) & ((v > 0) | ((v == 0) & (u > 0)))
    peak = far & (np.abs(u) < width) & (v < height) & (like > 0) & (like >= local_maximum(like, max(1, least // 4)))
    at = np.flatnonzero(peak)
    at = at[np.argsort(-like.ravel()[at], kind="stable")[:OFFSETS]]
    return [(int(u.ravel()[k]), int(v.ravel()[k])) for k in at]


def _overlap(size: tuple[int, int], right: int, down: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Windows of a picture of `size` (w, h): the places that have another at the offset, and those others."""
    width, height = size
    here = np.s_[max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)]
    there = np.s_[max(0, down) : height - max(0, -down), max(0, right) : width - max(0, -right)]
    return here, there


def _sums(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Sums over squares of side 2 radius + 1, of (h, w) or (h, w, c)."""
    side = 2 * radius + 1
    for axis in (0, 1):
        pad = [(0, 0)] * values.ndim
        pad[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(values, pad), axis=axis, dtype=np.float64)
        last = np.arange(side, total.shape[axis])
        values = (np.take(total, last, axis) - np.take(total, last - side, axis)).astype(np.float32)
    return values
