# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole motifs of a reference: which of its rare details belong to a pattern that goes on, and which stand alone.

Through a small window a zigzag is no more common than a letter. As a whole they are told apart: a pattern runs off the
visible surface on both sides, and so goes on round the object; a logo, an eye or a door does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .sampling import bilinear, local_maximum, local_minimum, resized

RARE = 0.5  # ordinariness below which a pixel belongs to a motif
ENCLOSED = 0.6  # share of its rim that a motif must hold for an area to belong to it
SMALL = 0.12  # share of what is seen above which an area is no part of a motif


def judge_motifs(ordinary: NDArray[np.float32], source: NDArray[np.bool_], gap: float) -> NDArray[np.float32]:
    """`ordinary` (h, w), 0 ... 1, of one reference, made 1 where a motif goes on round the object and 0 where it does
    not, with what it encloses.

    source (h, w): where the surface is seen well; gap: pixels between parts of one motif.
    """
    height, width = ordinary.shape
    factor = max(1.0, gap / 2)
    size = max(8, round(width / factor)), max(8, round(height / factor))
    inside = resized(source.astype(np.float32), *size) > 0.5
    rare = (resized(ordinary, *size) < RARE) & inside
    pieces = connected(rare)
    goes_on = np.append(_runs_round(pieces, inside), False)[pieces]
    rest = (rare & ~goes_on).astype(np.float32)
    closed = local_minimum(local_maximum(rest, 1), 1) > 0.5
    alone = _filled(closed & inside & ~goes_on, inside)
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    uv = np.stack([(u + 0.5) * size[0] / width, (v + 0.5) * size[1] / height], axis=-1)
    judged = bilinear((alone | goes_on).astype(np.float32), uv) > 0.5
    return np.where(judged, bilinear(goes_on.astype(np.float32), uv), ordinary).astype(np.float32)


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
    return alone | np.append(enclosed, False)[areas]


def _runs_round(motifs: NDArray[np.int32], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of each motif, whether it reaches both ends of a row of what is seen."""
    first = np.zeros((2, int(motifs.max(initial=-1)) + 1), bool)
    for side, step in enumerate((1, -1)):
        seen, number = inside[:, ::step], motifs[:, ::step]
        rows = np.flatnonzero(seen.any(axis=1))
        start = seen[rows].argmax(axis=1)
        for inwards in (0, 1, 2):
            found = number[rows, np.minimum(start + inwards, seen.shape[1] - 1)]
            first[side, found[found >= 0]] = True
    return first.all(axis=0)
