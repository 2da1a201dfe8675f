# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the side that a reference shows, such as a face or a label, and is not carried to the others.

A surface that goes on behind the outline begins there: what lies on an object's *flanks*, where a reference stops
seeing it, may be expected all round, and so may what fills most of a height or what recurs. Everything else stands
alone in the middle of the picture, in one place or in a mirrored pair, however large it is and however much of its
detail is found again elsewhere: the eyes of a mask, the white of a label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .motifs import connected, judge_motifs
from .salience import Ordinariness
from .sampling import bilinear, closing, local_maximum, local_minimum, masked_gaussian
from .symmetry import MirrorPlane

FLANK = 0.06  # part of the way over the surface from one end of what is seen at a height to the other
NARROW = 0.01  # unit lengths; no flank is narrower
HEIGHTS = 80  # flanks are told apart by parts of this of a unit length,
REACHES = 1, 3  # and compared with what is this many of these away at most: for the extent of things, to be sure
SOME = 200  # places on the flanks that are compared at each height
UNLIKE = 0.2  # distance of colours, 0 ... 1, from which they differ
POINT = 120  # colours are means within this part of a unit length
RECURS = 3  # times that a thing is seen if it is a pattern and no pair
SIZES = 1.7  # ratio of areas up to which things may be the same
CLEAR = 150  # part of a unit length to keep away from what stands alone
STRETCH = 0.03  # unit lengths; narrower stretches beside what stands alone tell too little
SMALL = 10  # samples; smaller things are not judged
RIM = 2  # samples around what stands alone that belong to it
FINE = 160  # samples in a unit length


def without_fronts(
    evidence: Evidence, ordinary: Ordinariness, planes: list[MirrorPlane], pixels_per_unit: float
) -> Ordinariness:
    """`ordinary` without the parts that belong to the side that a reference shows: they are no texture, and not
    mirrored to the far side unless that is the object's other half."""
    colour = masked_gaussian(evidence.colour, evidence.source.astype(np.float32), pixels_per_unit / POINT)
    step = max(1, round(pixels_per_unit / FINE))
    beside = np.zeros((*evidence.source.shape, 3), np.float32)
    keep = np.ones(evidence.source.shape, np.float32)
    for reference, camera in enumerate(evidence.cameras):
        rows = np.s_[evidence.rows[reference] : evidence.rows[reference] + camera.height]
        source = evidence.source[rows]
        small = np.s_[::step, ::step]
        up = (evidence.position[rows] @ camera.rotation[:, 1]).astype(np.float32)
        way, run = _ways(evidence.position[rows], evidence.object[rows])
        flank = _flanks(way, run, source)
        apart = (_distance(colour[rows], evidence.object[rows], up, flank, source, step, reach) for reach in REACHES)
        extent, sure = (source[small] & (distance > UNLIKE) for distance in apart)
        filling = np.maximum(ordinary.level, ordinary.woven)[rows][small] > 0.5
        edge = _edges(evidence.colour[rows][small])
        free = _standing_alone(extent, sure, source[small], filling, edge, colour[rows][small])
        free = local_maximum(free.astype(np.float32), RIM)
        height, width = source.shape
        v, u = np.mgrid[0:height, 0:width].astype(np.float32)
        alone = bilinear(free, np.stack([u / step + 0.5, v / step + 0.5], axis=-1))
        keep[rows] = judge_motifs(1 - alone, source, pixels_per_unit / 100)  # with what it encloses
        clear = local_minimum(keep[rows], round(pixels_per_unit / CLEAR)) > 0.5
        beside[rows] = _beside(way, run, source & clear, source & (keep[rows] < 0.5))
    texture, plain = np.minimum(ordinary.texture, keep), ordinary.plain
    if len(planes) > 1:  # else the two sides of the only plane are the object's halves
        plain = np.minimum(plain, keep)
    woven = ordinary.mend.any(axis=2, keepdims=True)
    return replace(ordinary, texture=texture, plain=plain, mend=np.where(woven, ordinary.mend, beside))


def _ways(position: NDArray[np.float32], part: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The way (h, w) over the surface from the left of the picture to each pixel, unit lengths, and the number of the
    row of neighbours of one object that it belongs to (h, w), -1 outside.

    position (h, w, 3); part (h, w): the object, -1 outside.
    """
    inside = part >= 0
    starts = inside.copy()
    starts[:, 1:] &= part[:, 1:] != part[:, :-1]
    step = np.zeros(part.shape)
    step[:, 1:] = np.linalg.norm(position[:, 1:] - position[:, :-1], axis=2)
    step[starts | ~inside] = 0
    return np.cumsum(step, axis=1), np.where(inside, np.cumsum(starts.ravel()).reshape(part.shape) - 1, -1)


def _flanks(way: NDArray[np.float64], run: NDArray[np.int64], source: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where (h, w) a reference is about to stop seeing the surface of an object, to its left or right.

    way, run (h, w): see _ways; source (h, w): where the surface is seen well.
    """
    count = int(run.max(initial=-1)) + 1
    first, last = np.full(count, np.inf), np.full(count, -np.inf)  # of all that is seen,
    near, far = first.copy(), last.copy()  # and of what is seen well
    for low, high, where in ((first, last, run >= 0), (near, far, source)):
        np.minimum.at(low, run[where], way[where])
        np.maximum.at(high, run[where], way[where])
    own, along = run[source], way[source]
    breadth = np.maximum(FLANK * (last - first), NARROW)[own]
    flank = np.zeros(way.shape, bool)
    flank[source] = (along < near[own] + breadth) | (along > far[own] - breadth)
    return flank


def _distance(
    colour: NDArray[np.float32],
    part: NDArray[np.int32],
    up: NDArray[np.float32],
    flank: NDArray[np.bool_],
    source: NDArray[np.bool_],
    step: int,
    reach: int,
) -> NDArray[np.float32]:
    """How unlike the colours on its object's flanks, at about the same height, each `step`th place is: distances
    (h', w'), 0 where there are no flanks."""
    small = np.s_[::step, ::step]
    own, height = part[small], np.floor(up * HEIGHTS).astype(np.int32)
    result = np.zeros(own.shape, np.float32)
    seen, here = source[small], colour[small]
    owner, levels, values = part[flank], height[flank], colour[flank]
    for number in np.unique(owner):
        for level in np.unique(height[small][seen & (own == number)]):
            near = values[(owner == number) & (np.abs(levels - level) <= reach)]
            if len(near) == 0:
                continue
            near = near[np.linspace(0, len(near) - 1, min(SOME, len(near))).astype(np.int64)]
            rows = seen & (own == number) & (height[small] == level)
            delta = here[rows][:, None] - near
            result[rows] = np.sqrt((delta * delta).sum(axis=2).min(axis=1))
    return result


def _edges(colour: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where (h, w) there is an edge of `colour` (h, w, 3) within a sample, and not just another tone."""
    step = np.max([local_maximum(c, 1) - local_minimum(c, 1) for c in np.moveaxis(colour, 2, 0)], axis=0)
    return local_maximum(step, 1) > UNLIKE


def _standing_alone(
    free: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    source: NDArray[np.bool_],
    filling: NDArray[np.bool_],
    edge: NDArray[np.bool_],
    colour: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """`free` (h, w) without the things in it that are seen RECURS times or more, or are for the most part not `sure`
    (h, w), or `filling` (h, w), which is the same across their height, or woven, or have no `edge` (h, w) around."""
    closed = closing(free.astype(np.float32), 1) > 0.5
    number = connected(closed & source)
    large = np.bincount(number[number >= 0]) >= SMALL
    count = int(large.sum())
    if count == 0:
        return np.zeros_like(free)
    number = np.append(np.where(large, np.cumsum(large) - 1, -1), -1)[number]
    inside = number >= 0
    size = np.bincount(number[inside], minlength=count).astype(np.float64)
    look = np.stack([np.bincount(number[inside], values, count) for values in colour[inside].T], axis=1)
    look /= size[:, None]
    mostly = [np.bincount(number[inside & part], minlength=count) > 0.5 * size for part in (sure, ~filling)]
    rim = inside & source & (local_minimum(inside.astype(np.float32), 1) < 0.5)
    outline = [np.bincount(number[part], minlength=count) for part in (rim, rim & edge)]
    mostly.append(outline[1] > 0.5 * outline[0])
    alike = np.linalg.norm(look[:, None] - look, axis=2) < UNLIKE
    alike &= np.abs(np.log(size[:, None] / size)) < np.log(SIZES)
    alone = (alike.sum(axis=1) < RECURS) & np.all(mostly, axis=0)
    return inside & np.append(alone, False)[number]


def _beside(
    way: NDArray[np.float64], run: NDArray[np.int64], good: NDArray[np.bool_], gap: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """For the places in each `gap` (h, w) the nearest stretch of `good` (h, w) places beside it, read backwards and
    forwards as often as is needed: (h, w, 3) as Ordinariness.mend, 0 where there is none.

    way, run (h, w): see _ways.
    """
    result = np.zeros((*way.shape, 3), np.float32)
    for row in np.flatnonzero(gap.any(axis=1) & good.any(axis=1)):
        along, own = way[row], run[row]
        at = np.flatnonzero(good[row])
        cut = np.flatnonzero((np.diff(at) > 1) | (np.diff(own[at]) != 0))
        first, last = at[np.append(0, cut + 1)], at[np.append(cut, len(at) - 1)]
        wide = along[last] - along[first] > STRETCH
        first, last = first[wide], last[wide]
        x = np.flatnonzero(gap[row] & np.isin(own, own[first]))
        if len(x) == 0:
            continue
        best = np.full(len(x), np.inf)
        after = np.searchsorted(first, x)
        for stretch, edges, direction in ((after - 1, last, -1), (after, first, 1)):
            one = stretch.clip(0, len(first) - 1)
            away = direction * (along[edges[one]] - along[x])
            length = along[last[one]] - along[first[one]]
            turn = away % (2 * length)
            there = along[edges[one]] + direction * np.minimum(turn, 2 * length - turn)
            target = np.searchsorted(along, there).clip(first[one], last[one])
            use = (stretch == one) & (own[edges[one]] == own[x]) & (away < best)
            best[use] = away[use]
            result[row, x[use], 0] = (target - x)[use]
            result[row, x[use], 2] = (turn < length)[use]
    return result
