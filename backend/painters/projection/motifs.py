# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole motifs of a reference: rare details together with what they enclose, such as a door with its leaf."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sampling import bilinear, closing, local_minimum, resized

RARE = 0.5  # ordinariness below which a pixel belongs to a motif
ENCLOSED = 0.6  # share of its rim that a motif must hold for an area to belong to it
SMALL = 0.12  # share of what is seen above which an area is no part of a motif


def judge_motifs(ordinary: NDArray[np.float32], source: NDArray[np.bool_], gap: float) -> NDArray[np.float32]:
    """`ordinary` (h, w), 0 ... 1, of one reference, made 0 where a motif of rare details is, with what it encloses.

    source (h, w): where the surface is seen well; gap: pixels between parts of one motif.
    """
    height, width = ordinary.shape
    factor = max(1.0, gap / 2)
    size = max(8, round(width / factor)), max(8, round(height / factor))
    inside = resized(source.astype(np.float32), *size) > 0.5
    rare = (resized(ordinary, *size) < RARE) & inside
    closed = closing(rare.astype(np.float32), 1) > 0.5
    alone = _filled(closed & inside, inside)
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    uv = np.stack([(u + 0.5) * size[0] / width, (v + 0.5) * size[1] / height], axis=-1)
    return np.where(bilinear(alone.astype(np.float32), uv) > 0.5, 0, ordinary).astype(np.float32)


def connected(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of the connected part (8 neighbours) of each pixel, int32 (h, w), from 0 on; -1 outside `mask`."""
    none = mask.size
    label = np.where(mask, np.arange(mask.size).reshape(mask.shape), none)
    while True:
        numbers: Any = label.astype(np.float64)  # exact, and filtered like any picture
        lower = np.where(mask, local_minimum(numbers, 1), none).astype(np.int64)
        lower = np.where(mask, np.append(lower.ravel(), none)[lower], none)  # the label of the label's own pixel
        if (lower == label).all():
            break
        label = lower
    result = np.full(mask.shape, -1, np.int32)
    result[mask] = np.unique(label[mask], return_inverse=True)[1].ravel()
    return result


def _filled(alone: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Motifs with the small areas that they enclose for the most part: the leaf of a door, the white of an eye."""
    areas = connected(inside & ~alone)
    count = int(areas.max(initial=-1)) + 1
    rim, edge = np.zeros(count), np.zeros(count)
    for axis in (0, 1):
        for step in (-1, 1):
            other_alone, other_inside = np.roll(alone, step, axis), np.roll(inside, step, axis)
            rim += np.bincount(areas[(areas >= 0) & other_alone], minlength=count)
            edge += np.bincount(areas[(areas >= 0) & ~other_inside], minlength=count)
    size = np.bincount(areas[areas >= 0], minlength=count)
    enclosed = (rim > ENCLOSED * (rim + edge)) & (size < SMALL * inside.sum())
    enclosed &= ~_runs_round(areas, inside)  # what goes on round the object is no part of a motif
    return alone | np.append(enclosed, False)[areas]


def _runs_round(areas: NDArray[np.int32], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of each area, whether it reaches both ends of a row of what is seen."""
    first = np.zeros((2, int(areas.max(initial=-1)) + 1), bool)
    for side, step in enumerate((1, -1)):
        seen, number = inside[:, ::step], areas[:, ::step]
        rows = np.flatnonzero(seen.any(axis=1))
        start = seen[rows].argmax(axis=1)
        for inwards in (0, 1, 2):
            found = number[rows, np.minimum(start + inwards, seen.shape[1] - 1)]
            first[side, found[found >= 0]] = True
    return first.all(axis=0)
