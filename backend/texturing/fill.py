# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours for voxels that no view sees (specs/texture-optimizer.md 4.10)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from . import accel
from .nearest import nearest_points

KNOWN, DIFFUSED, NEAREST, PART_MEAN, GREY = range(5)
SMOOTHING_STEPS = 20
RADIUS = 0.99  # spectral radius of Jacobi's iteration that the steps are made for: cos(pi / 22), a hole 21 voxels wide
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
                levels, then smoothed by 20 Jacobi steps with Chebyshev's weights, and kept between the least and
                the greatest known value of a channel; first_come: each copies its first neighbour (paper)

    Components without any known voxel take the colour of the nearest known voxel if it is closer than 0.1, else the
    mean of the known voxels of their part, else mid-grey. Returns the colours and where each comes from, uint8 (N,):
    0 known, 1 diffused, 2 nearest, 3 part mean, 4 grey. Memory: 20 C + 40 bytes a voxel besides the arguments.
    """
    colours = np.array(colours, np.float32)
    source = np.where(known, KNOWN, GREY).astype(np.uint8)
    _spread(neighbours, colours, source, mode)
    if mode == "mean":
        _smooth(neighbours, colours, source == DIFFUSED, known)
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


def _smooth(
    neighbours: NDArray[np.int32], colours: NDArray[np.float32], chosen: NDArray[np.bool_], known: NDArray[np.bool_]
) -> None:
    """Towards the solution of Laplace's equation on the voxels `chosen`, which lies between the colours around.

    Golub and Varga, "Chebyshev semi-iterative methods", 1961: a step goes beyond the mean of the neighbours, away from
    the colour before the last. 20 such steps come as far as 100 plain ones.
    """
    rows = np.flatnonzero(chosen)
    if len(rows) == 0:
        return
    weights = chebyshev_weights(SMOOTHING_STEPS, RADIUS)
    if accel.NUMBA:
        from .kernels_fill import smooth

        smooth(neighbours, colours, rows, weights)
    else:
        near = neighbours[rows]
        before = colours[rows]
        for weight in weights:
            new = weight * (_mean(colours, near, near >= 0) - before) + before
            before, colours[rows] = colours[rows], new
    low = colours.min(axis=0, where=known[:, None], initial=np.inf)
    high = colours.max(axis=0, where=known[:, None], initial=-np.inf)
    colours[rows] = np.clip(colours[rows], low, high)


def chebyshev_weights(steps: int, radius: float) -> NDArray[np.float32]:
    """Weights float32 (steps,) of Chebyshev's semi-iteration for a Jacobi iteration of that spectral radius."""
    weights = [1.0, 1.0 / (1.0 - radius**2 / 2)]
    while len(weights) < steps:
        weights.append(1.0 / (1.0 - radius**2 * weights[-1] / 4))
    return np.array(weights[:steps], np.float32)


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
