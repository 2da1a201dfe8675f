# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours for voxels that no view sees (specs/texture-optimizer.md 4.10)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import accel
from .nearest import nearest_points

KNOWN, DIFFUSED, NEAREST, PART_MEAN, GREY = range(5)
JACOBI_STEPS = 10
NEAR = 0.1  # unit-cube lengths: how far a component without any observed voxel may borrow a colour
MID_GREY = 128.0


def diffuse(
    neighbours: NDArray[np.int32],
    colours: NDArray[np.float32],
    known: NDArray[np.bool_],
    *,
    points: NDArray[np.float32],
    part: NDArray[np.int32],
    mode: Literal["mean", "first_come"] = "mean",
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Colour every voxel; those that are known keep theirs.

    neighbours  int32 (N, 6), -1 where there is none
    colours     float32 (N, C), 0...255; values where `known`, bool (N,), is False do not matter
    points      float32 (N, 3), normalised frame; part int32 (N,), object of each voxel
    mode        mean: voxels are filled level by level, breadth first, each with the mean of its neighbours in earlier
                levels, then smoothed by ten Jacobi steps; first_come: each copies its first neighbour (paper)

    Components without any known voxel take the colour of the nearest known voxel if it is closer than 0.1, else the
    mean of the known voxels of their part, else mid-grey. Returns the colours and where each comes from, uint8 (N,):
    0 known, 1 diffused, 2 nearest, 3 part mean, 4 grey. Memory: 12 C + 40 bytes a voxel besides the arguments.
    """
    colours = np.array(colours, np.float32)
    source = np.where(known, KNOWN, GREY).astype(np.uint8)
    _spread(neighbours, colours, source, mode)
    if mode == "mean":
        _smooth(neighbours, colours, np.flatnonzero(source == DIFFUSED))
    unreached = np.flatnonzero(source == GREY)
    if len(unreached):
        _borrow(colours, source, unreached, points, part)
    return colours, source


def _spread(neighbours: NDArray[np.int32], colours: NDArray[np.float32], source: NDArray[np.uint8], mode: str) -> None:
    """Fill whatever is connected to a known voxel, one level of the breadth-first search at a time."""
    if accel.NUMBA:
        from .kernels_fill import spread

        spread(neighbours, colours, source, mode == "first_come")
        return
    border = np.zeros(len(source), bool)
    for slot in range(6):
        near = neighbours[:, slot]
        border |= (near >= 0) & (source[near] == KNOWN)
    level = np.flatnonzero(border & (source != KNOWN))
    while len(level):
        near = neighbours[level]
        filled = (near >= 0) & (source[near] != GREY)
        if mode == "first_come":
            first = filled.argmax(axis=1)
            colours[level] = colours[near[np.arange(len(level)), first]]
        else:
            colours[level] = _mean(colours, near, filled)
        source[level] = DIFFUSED
        next_ = near[(near >= 0) & (source[near] == GREY)]
        level = np.unique(next_)


def _smooth(neighbours: NDArray[np.int32], colours: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
    if accel.NUMBA:
        from .kernels_fill import smooth

        smooth(neighbours, colours, rows, JACOBI_STEPS)
        return
    near = neighbours[rows]
    for _ in range(JACOBI_STEPS if len(rows) else 0):
        colours[rows] = _mean(colours, near, near >= 0)


def _mean(colours: NDArray[np.float32], near: NDArray[np.int32], used: NDArray[np.bool_]) -> NDArray[np.float32]:
    total = np.zeros((len(near), colours.shape[1]), np.float32)
    for slot in range(6):
        total += np.where(used[:, slot, None], colours[near[:, slot]], np.float32(0))
    return total / used.sum(axis=1, dtype=np.float32)[:, None]


def _borrow(
    colours: NDArray[np.float32],
    source: NDArray[np.uint8],
    rows: NDArray[np.int64],
    points: NDArray[np.float32],
    part: NDArray[np.int32],
) -> None:
    """Colour voxels of components that hold no known voxel."""
    known = np.flatnonzero(source == KNOWN)
    nearest = nearest_points(points[rows], points[known], NEAR)
    found = nearest >= 0
    colours[rows[found]] = colours[known[nearest[found]]]
    source[rows[found]] = NEAREST
    colours[rows[~found]] = MID_GREY
    for number in np.unique(part[rows[~found]]):
        mine = known[part[known] == number]
        if len(mine):
            lost = rows[~found & (part[rows] == number)]
            colours[lost] = colours[mine].mean(axis=0, dtype=np.float64)
            source[lost] = PART_MEAN
