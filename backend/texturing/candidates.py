# SPDX-License-Identifier: GPL-3.0-or-later
"""The K best views of every voxel (specs/texture-optimizer.md 4.3 and 4.4)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..painters.base import Frame
from ..progress import Progress, part, silent
from . import accel
from .depth import DepthMaps, DepthSource
from .types import Candidates, FuseParams, SurfaceVoxels
from .visibility import View, at_depth_edge, blocks, sample_frame, see, sides, winding_needs_two_sides

RETRY_COS_MIN = 0.05  # for voxels no view sees at params.cos_min
EDGE_FACTOR = 0.05  # confidence at depth discontinuities
INVENTED_FACTOR = 0.25  # confidence of colours the painter invented


def collect_candidates(
    voxels: SurfaceVoxels,
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    *,
    double_sided: bool | NDArray[np.bool_] | None = None,
    gains: NDArray[np.floating] | None = None,
    locked_views: Sequence[int] = (),
    progress: Progress = silent,
) -> Candidates:
    """Visit the views once each and keep every voxel's params.candidates best, best first.

    frames        one per view; depth_source.depth(k) belongs to frames[k]. Their sizes may differ.
    double_sided  one bool or bool (N,); None: decided by `winding_needs_two_sides` where the source has the mesh
    gains         float (V, 3), multiplied into the colours (see exposure.py)
    locked_views  views that a voxel must not lose to better ones where it sees them within params.lock degrees: the
                  best of them takes the last place of a list that has none

    conf is 127.5 (1 + cos theta), times 0.05 within params.edge_erosion frame pixels of a depth discontinuity, times
    0.25 where the painter says the colour was invented (confidence 0) up to 1 where it was seen (255); rounded, at
    least 1. So an invented colour loses against every seen one that is not at a depth edge, and the order among
    invented ones stays that of the angle. Equal conf: the lower view index first. Voxels that no view sees are tried
    once more with cos_min = 0.05. Colours are bilinear, weighted by alpha; a voxel whose taps are all transparent is
    not seen there.

    Memory: 6 K bytes a voxel, one frame and one depth map; never an array of voxels x views.
    """
    if double_sided is None:
        double_sided = isinstance(depth_source, DepthSource) and winding_needs_two_sides(
            depth_source.vertices, depth_source.faces, depth_source.cameras
        )
    two_sided = sides(double_sided, len(voxels))
    gains = np.ones((len(frames), 3)) if gains is None else np.asarray(gains, np.float64)
    retry = params.cos_min > RETRY_COS_MIN
    every = range(len(frames))
    share = part(progress, 0, 0.8 if retry else 1)
    found = _collect(voxels, two_sided, frames, depth_source, params, gains, every, share)
    if params.lock > 0 and len(locked_views):
        lost = np.flatnonzero(~np.isin(found.label, np.asarray(locked_views)).any(axis=1))
        single = replace(params, candidates=1)
        kept = _collect(
            voxels.rows(lost), two_sided[lost], frames, depth_source, single, gains, locked_views, silent
        )  # fmt: skip
        held = np.flatnonzero((kept.label[:, 0] >= 0) & (kept.conf[:, 0] >= lock_confidence(params.lock)))
        for values, value in ((found.label, kept.label), (found.conf, kept.conf), (found.colour, kept.colour)):
            values[lost[held], -1] = value[held, 0]
    missing = np.flatnonzero(found.label[:, 0] < 0)
    if retry and len(missing):
        rest = voxels.rows(missing)
        lenient = replace(params, cos_min=RETRY_COS_MIN)
        again = _collect(rest, two_sided[missing], frames, depth_source, lenient, gains, every, part(progress, 0.8, 1))
        _put(again, found, missing)
    progress(1.0, "views")
    return found


def _collect(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    gains: NDArray[np.float64],
    views: Sequence[int],
    progress: Progress,
) -> Candidates:
    found = _nothing(len(voxels), params.candidates)
    for step, index in enumerate(views):
        progress(step / len(views), f"view {step + 1} of {len(views)}")
        _offer(voxels, two_sided, frames, depth_source, params, gains, index, found)
    progress(1.0, "views")
    return found


def lock_confidence(angle: float) -> int:
    """The least confidence of a sample seen within `angle` degrees of its normal."""
    return round(127.5 * (1 + np.cos(np.deg2rad(angle))))


def look_through(
    voxels: SurfaceVoxels,
    label: NDArray[np.integer],
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    *,
    double_sided: bool | NDArray[np.bool_],
    gains: NDArray[np.floating] | None = None,
    progress: Progress = silent,
) -> Candidates:
    """What each voxel looks like in one given view, `label` int (N,), or negative for none: lists of length 1.

    Arguments as for `collect_candidates`; empty where that view does not see the voxel. Every voxel is tested once.
    """
    two_sided = sides(double_sided, len(voxels))
    gains = np.ones((len(frames), 3)) if gains is None else np.asarray(gains, np.float64)
    found = _nothing(len(voxels), 1)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(len(frames) + 1))
    for index, (begin, end) in enumerate(itertools.pairwise(bounds)):
        progress(index / len(frames), f"view {index + 1} of {len(frames)}")
        if begin == end:
            continue
        rows = order[begin:end]
        few = _nothing(len(rows), 1)
        _offer(voxels.rows(rows), two_sided[rows], frames, depth_source, params, gains, index, few)
        _put(few, found, rows)
    return found


def _nothing(count: int, size: int) -> Candidates:
    shape = (count, size)
    return Candidates(np.full(shape, -1, np.int16), np.zeros(shape, np.uint8), np.zeros((*shape, 3), np.uint8))


def _put(few: Candidates, whole: Candidates, rows: NDArray[np.int64]) -> None:
    whole.label[rows], whole.conf[rows], whole.colour[rows] = few.label, few.conf, few.colour


def _offer(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    gains: NDArray[np.float64],
    index: int,
    found: Candidates,
) -> None:
    """Offer one view to the sorted lists of all voxels."""
    frame = frames[index]
    height, width = frame.image.shape[:2]
    camera = frame.camera if frame.camera.width == width else frame.camera.resized(width, height)
    depth, depth_camera = depth_source.depth(index)
    view = View.of(camera, depth, depth_camera, params.tolerance / voxels.grid, params.slope_tolerance, params.cos_min)
    radius = max(1, round(params.edge_erosion * depth_camera.focal / camera.focal)) if params.edge_erosion else 0
    confidence = np.zeros((0, 0), np.uint8) if frame.confidence is None else frame.confidence
    offer = _offer_compiled if accel.NUMBA else _offer_numpy
    image = frame.image if frame.image.dtype == np.uint8 else (frame.image // 257).astype(np.uint8)
    offer(voxels, two_sided, view, image, confidence, gains[index], radius, index, found)


def _offer_compiled(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    view: View,
    image: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    gain: NDArray[np.float64],
    radius: int,
    index: int,
    found: Candidates,
) -> None:
    from .kernels_visibility import collect

    image, confidence = np.ascontiguousarray(image), np.ascontiguousarray(confidence)

    def offer(block: tuple[int, int]) -> None:
        collect(
            voxels.point, voxels.normal, two_sided, view.packed, view.depth, image, confidence, gain, radius, index,
            *block, found.label, found.conf, found.colour,
        )  # fmt: skip

    for _ in accel.mapped(offer, blocks(len(voxels))):
        pass


def _offer_numpy(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    view: View,
    image: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    gain: NDArray[np.float64],
    radius: int,
    index: int,
    found: Candidates,
) -> None:
    """Offer one view to the sorted lists of all voxels, in blocks."""

    def work(block: tuple[int, int]) -> None:
        begin, end = block
        seen = see(voxels.point[begin:end], voxels.normal[begin:end], two_sided[begin:end], view)
        colour, alpha = sample_frame(image, seen.u, seen.v)
        certainty = np.full(len(seen.rows), 255.0)
        if confidence.size:
            j = np.clip(seen.v.astype(np.int64), 0, confidence.shape[0] - 1)
            i = np.clip(seen.u.astype(np.int64), 0, confidence.shape[1] - 1)
            certainty = confidence[j, i].astype(np.float64)
        q = 127.5 * (1.0 + seen.cosine) * (INVENTED_FACTOR + (1 - INVENTED_FACTOR) * (certainty / 255.0))
        if radius > 0:
            q = np.where(at_depth_edge(seen, radius, view), q * EDGE_FACTOR, q)
        score = np.clip((q + 0.5).astype(np.int64), 1, 255).astype(np.uint8)
        better = np.flatnonzero((alpha > 0) & (score > found.conf[begin + seen.rows, -1]))
        rgb = np.minimum((colour[better] * gain + 0.5).astype(np.int64), 255).astype(np.uint8)
        _insert(found, begin + seen.rows[better], index, score[better], rgb)

    for _ in accel.mapped(work, blocks(len(voxels))):
        pass


def _insert(
    found: Candidates, rows: NDArray[np.int64], index: int, score: NDArray[np.uint8], rgb: NDArray[np.uint8]
) -> None:
    """Insert one view into the lists of `rows`, behind all entries of equal or higher score."""
    place = (found.conf[rows] >= score[:, None]).sum(axis=1)
    column = np.arange(found.conf.shape[1])
    source = column - (column > place[:, None])  # entries behind the place move one back
    new = column == place[:, None]
    for values, value in ((found.label, np.full(len(rows), index)), (found.conf, score)):
        values[rows] = np.where(new, value[:, None], np.take_along_axis(values[rows], source, axis=1))
    moved = np.take_along_axis(found.colour[rows], source[..., None], axis=1)
    found.colour[rows] = np.where(new[..., None], rgb[:, None], moved)
