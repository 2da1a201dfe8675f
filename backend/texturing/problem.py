# SPDX-License-Identifier: GPL-3.0-or-later
"""View selection as an energy (Ink3D Eq. 8; specs/texture-optimizer.md 4.7 and 4.9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from . import accel
from .candidates import lock_confidence
from .types import UNOBSERVED, Candidates, FuseParams, Problem, SurfaceVoxels

DISAGREEMENT = 0.15  # mean absolute difference from the consensus, 0...1, at which the penalty is full
AGREED = 0.02  # disagreement of a voxel's views, 0...1, that counts as none: noise, blur, exposure
THIN_WALL = -0.3  # neighbours whose normals have a smaller cosine lie on opposite sheets
SOFT_PRIOR = 0.25  # added to views of the vertical orbit by priority "soft"
LENGTH_UNIT = 2.0**20  # colour distances are summed as integers, so that the order of voxels does not matter
BLOCK = 16_384


def build_problem(
    voxels: SurfaceVoxels,
    candidates: Candidates,
    neighbours: NDArray[np.int32],
    params: FuseParams,
    *,
    view_orbit: Sequence[int] | NDArray[np.integer] | None = None,
    view_prior: NDArray[np.floating] | None = None,
    locked_views: Sequence[int] = (0,),
    locked_angle: float | None = None,
    trusted_views: Sequence[int] = (),
) -> Problem:
    """Costs and edge weights of view selection.

    neighbours    int32 (N, 6), as from `voxel_neighbours`
    view_orbit    int (V,), 0 horizontal, 1 vertical; used by params.priority (default: all horizontal)
    view_prior    float (V,), added to every cost of a view
    locked_views  views that win wherever they see a voxel within the lock angle: only they stay candidates there
    locked_angle  degrees, default params.lock; 180 locks every voxel such a view sees, 0 none
    trusted_views  views whose colour is the consensus wherever they see a voxel within the lock angle. What differs
                  from it pays, so they win where views disagree, and where views agree the one that looks most squarely
                  wins. With params.consensus = 0, which asks no price, they are locked

    cost = (1 - cos theta) / 2 + consensus clip((|c - consensus colour| - 0.02) / (0.15 - 0.02), 0, 1) + prior. The
    consensus colour is the median of all candidate colours of the voxel, or that of the trusted view; |.| is the mean
    absolute difference over channels in 0...1. What noise and blur make, 0.02, is free: else the median, blurred by
    steep views, draws the choice to blurred ones even among frames that show the same. Confidence lowered at depth
    edges or for invented colours counts as a larger angle.
    weight, params.seams "agreement": (d + 0.02) / (mean + 0.02), d the mean of both voxels' disagreement, which is the
    mean |c - consensus colour| over their candidates. Seams come to lie where all views agree, so they cannot be seen.
    "contrast" (Eq. 8): 1 / (1 + beta |c_m - c_n|_2) of the consensus colours, beta = 1 / (2 mean over edges); with
    params.consensus = 0 (paper) of those of the best candidates. Drifting frames disagree most at edges of the
    picture, so seams along them show: seam ratio 2.2 with "contrast", 0.6 with "agreement" at 2 px, all else equal.
    0 across thin walls and at unobserved voxels.
    Memory: 6 K + 60 bytes a voxel besides the arguments.
    """
    angle = params.lock if locked_angle is None else locked_angle
    if params.consensus == 0:
        locked_views, trusted_views = (*locked_views, *trusted_views), ()
    feasible = _feasible(candidates, params, view_orbit, locked_views, angle)
    common = _consensus(candidates, trusted_views, angle)
    cost = np.full(candidates.label.shape, np.inf, np.float32)
    prior = _priors(candidates, params, view_orbit, view_prior)
    label = np.where(feasible, candidates.label, np.int16(UNOBSERVED))
    if accel.NUMBA:
        from .kernels_selection import data_terms

        colour, conf = np.ascontiguousarray(candidates.colour), np.ascontiguousarray(candidates.conf)
        data_terms(label, conf, colour, common, prior, float(params.consensus), AGREED, DISAGREEMENT, cost)
    else:
        for rows in _blocks(len(cost)):
            cost[rows] = _data_term(candidates, common, feasible, prior, params, rows)
    if not feasible.all():
        _pads_last(label, cost)
    seen = candidates.label[:, 0] >= 0
    edges = _edges(voxels.normal, neighbours, seen)
    if params.seams == "agreement":
        weight = _agreement_weights(edges, _disagreement(candidates, common), neighbours.shape)
    else:
        colour = common if params.consensus > 0 else 2 * candidates.colour[:, 0].astype(np.int32)
        weight = _contrast_weights(edges, colour, neighbours.shape)
    return Problem(label, cost, neighbours, weight, params.smoothness)


def labelling_energy(problem: Problem, labels: NDArray[np.integer]) -> tuple[float, float, float, int]:
    """(total, data, lambda x smoothness, infeasible) of labels int (N,).

    infeasible counts the observed voxels whose label is not among their candidates; they add nothing to the data term.
    """
    data = 0.0
    infeasible = 0
    smooth = 0.0
    for rows in _blocks(len(labels)):
        hit = (problem.label[rows] == np.asarray(labels)[rows, None]) & (problem.label[rows] >= 0)
        data += float(problem.cost[rows][hit].sum(dtype=np.float64))
        infeasible += int((~hit.any(axis=1) & (problem.label[rows, 0] >= 0)).sum())
        for slot in (0, 2, 4):
            other = problem.neighbours[rows, slot]
            cut = (other >= 0) & (labels[np.maximum(other, 0)] != labels[rows])
            smooth += float(problem.weight[rows, slot][cut].sum(dtype=np.float64))
    smooth *= problem.smoothness
    return data + smooth, data, smooth, infeasible


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, BLOCK):
        yield slice(start, min(start + BLOCK, count))


def _feasible(
    candidates: Candidates,
    params: FuseParams,
    view_orbit: Sequence[int] | NDArray[np.integer] | None,
    locked_views: Sequence[int],
    angle: float,
) -> NDArray[np.bool_]:
    """Which candidates stay after priorities and locks: bool (N, K)."""
    feasible = candidates.label >= 0
    for rows in _blocks(len(feasible)):
        label, known = candidates.label[rows], feasible[rows]
        if params.priority == "strict" and view_orbit is not None:
            horizontal = known & (np.asarray(view_orbit)[np.maximum(label, 0)] == 0)
            known &= horizontal | ~horizontal.any(axis=1, keepdims=True)
        locked = _seen_within(candidates, locked_views, angle, rows)
        feasible[rows] = np.where(locked.any(axis=1, keepdims=True), locked, known)
    return feasible


def _seen_within(candidates: Candidates, views: Sequence[int], angle: float, rows: slice) -> NDArray[np.bool_]:
    """Which candidates of the voxels `rows` are of `views`, seen within `angle` degrees: bool (n, K)."""
    label = candidates.label[rows]
    if angle <= 0 or not len(views):
        return np.zeros(label.shape, bool)
    return np.isin(label, np.asarray(views)) & (label >= 0) & (candidates.conf[rows] >= lock_confidence(angle))


def _priors(
    candidates: Candidates,
    params: FuseParams,
    view_orbit: Sequence[int] | NDArray[np.integer] | None,
    view_prior: NDArray[np.floating] | None,
) -> NDArray[np.float64]:
    """What each view costs anywhere: float64 (V,)."""
    views = int(candidates.label.max(initial=0)) + 1
    prior = np.zeros(views) if view_prior is None else np.array(view_prior, np.float64)
    if params.priority == "soft" and view_orbit is not None:
        prior = prior + SOFT_PRIOR * (np.asarray(view_orbit)[: len(prior)] != 0)
    return prior


def _consensus(candidates: Candidates, trusted_views: Sequence[int], angle: float) -> NDArray[np.int32]:
    """Twice the colour that each voxel's candidates are compared with, int32 (N, C): that of the trusted view that
    looks at it most squarely, else the median."""
    out = _medians(candidates)
    for rows in _blocks(len(out)):
        trusted = _seen_within(candidates, trusted_views, angle, rows)
        few = np.flatnonzero(trusted.any(axis=1))
        out[rows][few] = 2 * candidates.colour[rows][few, trusted[few].argmax(axis=1)].astype(np.int32)
    return out


def _medians(candidates: Candidates) -> NDArray[np.int32]:
    """Twice the median of each voxel's candidate colours per channel: int32 (N, C); twice, to stay whole."""
    colour, label = candidates.colour, candidates.label
    out = np.zeros((len(colour), colour.shape[2]), np.int32)
    if accel.NUMBA:
        from .kernels_selection import medians

        medians(np.ascontiguousarray(colour), np.ascontiguousarray(label), out)
        return out
    for rows in _blocks(len(colour)):
        known = label[rows] >= 0
        count = known.sum(axis=1)
        values = np.sort(np.where(known[..., None], colour[rows], 255).transpose(0, 2, 1), axis=2)
        low = np.maximum(count - 1, 0) // 2
        pair = np.stack([low, count // 2], axis=1)[:, None, :]
        pair = np.minimum(pair, colour.shape[1] - 1)
        middle = np.take_along_axis(values, pair, axis=2).astype(np.int32).sum(axis=2)
        out[rows] = np.where(count[:, None] > 0, middle, 0)
    return out


def _data_term(
    candidates: Candidates,
    common: NDArray[np.int32],
    feasible: NDArray[np.bool_],
    prior: NDArray[np.float64],
    params: FuseParams,
    rows: slice,
) -> NDArray[np.float32]:
    cost = 1.0 - candidates.conf[rows] / 255.0
    if params.consensus > 0:
        colour = candidates.colour[rows].astype(np.int32)
        difference = np.zeros(colour.shape[:2], np.int32)
        for channel in range(colour.shape[2]):
            difference += abs(2 * colour[..., channel] - common[rows, None, channel])
        whole = 2.0 * 255.0 * colour.shape[2]
        free, full = whole * AGREED, whole * DISAGREEMENT
        cost += params.consensus * np.clip((difference - free) / (full - free), 0.0, 1.0)
    cost += prior[np.maximum(candidates.label[rows], 0)]
    return np.where(feasible[rows], cost, np.inf).astype(np.float32)


def _pads_last(label: NDArray[np.int16], cost: NDArray[np.float32]) -> None:
    """Close the gaps that removed candidates leave, keeping the order of the rest."""
    removed = label < 0
    gaps = np.flatnonzero((removed[:, :-1] & ~removed[:, 1:]).any(axis=1))
    order = np.argsort(removed[gaps], axis=1, kind="stable")
    label[gaps] = np.take_along_axis(label[gaps], order, axis=1)
    cost[gaps] = np.take_along_axis(cost[gaps], order, axis=1)


Edges = list[tuple[int, NDArray[np.intp], NDArray[np.int32]]]  # slot and both ends of the edges along each axis


def _edges(normal: NDArray[np.float32], neighbours: NDArray[np.int32], seen: NDArray[np.bool_]) -> Edges:
    """The edges between observed voxels of one sheet."""
    edges = []
    for slot in (0, 2, 4):
        low = np.flatnonzero(neighbours[:, slot] >= 0)
        high = neighbours[low, slot]
        joined = seen[low] & seen[high]
        low, high = low[joined], high[joined]
        facing = np.einsum("ij,ij->i", normal[low], normal[high])
        edges.append((slot, low[facing >= THIN_WALL], high[facing >= THIN_WALL]))
    return edges


def _disagreement(candidates: Candidates, common: NDArray[np.int32]) -> NDArray[np.float64]:
    """Mean over each voxel's candidates and channels of |colour - consensus|, 0...1: float64 (N,)."""
    out = np.zeros(len(common))
    for rows in _blocks(len(common)):
        known = candidates.label[rows] >= 0
        total = np.zeros(len(known), np.int64)
        for channel in range(common.shape[1]):
            step = abs(2 * candidates.colour[rows, :, channel].astype(np.int32) - common[rows, None, channel])
            total += np.where(known, step, 0).sum(axis=1)
        out[rows] = total / (510.0 * common.shape[1] * np.maximum(known.sum(axis=1), 1))
    return out


def _agreement_weights(edges: Edges, disagreement: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """w_mn float32 (N, 6): high where views disagree."""
    lengths = [0.5 * (disagreement[low] + disagreement[high]) for _, low, high in edges]
    mean = _mean(lengths)
    return _both_ways(edges, [(length + AGREED) / (mean + AGREED) for length in lengths], shape)


def _contrast_weights(edges: Edges, doubled: NDArray[np.int32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """w_mn float32 (N, 6) of Eq. 8 from twice the voxels' colours, int32 (N, C) in bytes: low at its edges."""
    lengths = []
    for _, low, high in edges:
        squared = np.zeros(len(low), np.int64)
        for channel in range(doubled.shape[1]):
            step = doubled[low, channel] - doubled[high, channel]
            squared += step * step
        lengths.append(np.sqrt(squared) / 510.0)
    mean = _mean(lengths)
    beta = 0.5 / mean if mean > 0 else 0.0
    return _both_ways(edges, [1.0 / (1.0 + beta * length) for length in lengths], shape)


def _mean(lengths: Sequence[NDArray[np.float64]]) -> float:
    """Their mean, whatever their order."""
    total = sum(int(np.rint(length * LENGTH_UNIT).astype(np.int64).sum()) for length in lengths)
    return total / LENGTH_UNIT / max(sum(len(length) for length in lengths), 1)


def _both_ways(edges: Edges, values: Sequence[NDArray[np.float64]], shape: tuple[int, ...]) -> NDArray[np.float32]:
    weight = np.zeros(shape, np.float32)
    for (slot, low, high), value in zip(edges, values, strict=True):
        weight[low, slot] = value
        weight[high, slot + 1] = value
    return weight
