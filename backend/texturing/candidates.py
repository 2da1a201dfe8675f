# SPDX-License-Identifier: GPL-3.0-or-later
"""The K best views of every voxel (specs/texture-optimizer.md 4.3 and 4.4)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
VIEWS_AT_ONCE = 8  # in NumPy, whose lists are sorted after that many


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

    Memory: 6 K bytes a voxel (with plain NumPy 8 (K + 8) more), and a frame and a depth map for each thread; never an
    array of voxels x views.
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
    collect = _collect_compiled if accel.NUMBA else _collect_numpy
    found = collect(voxels, two_sided, frames, depth_source, params, gains, views, progress)
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
    single = replace(params, candidates=1)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(len(frames) + 1))
    for index, (begin, end) in enumerate(itertools.pairwise(bounds)):
        progress(index / len(frames), f"view {index + 1} of {len(frames)}")
        if begin == end:
            continue
        rows = order[begin:end]
        few = _collect(voxels.rows(rows), two_sided[rows], frames, depth_source, single, gains, [index], silent)
        _put(few, found, rows)
    return found


def _nothing(count: int, size: int) -> Candidates:
    shape = (count, size)
    return Candidates(np.full(shape, -1, np.int16), np.zeros(shape, np.uint8), np.zeros((*shape, 3), np.uint8))


def _put(few: Candidates, whole: Candidates, rows: NDArray[np.int64]) -> None:
    whole.label[rows], whole.conf[rows], whole.colour[rows] = few.label, few.conf, few.colour


@dataclass(frozen=True, eq=False)
class _Look:
    """One view ready to be sampled: image uint8 (h, w, 4), confidence uint8 (h, w) or empty; depth edges count within
    `radius` pixels of the depth map."""

    view: View
    image: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    radius: int

    @staticmethod
    def of(voxels: SurfaceVoxels, frame: Frame, depth_source: DepthMaps, params: FuseParams, index: int) -> _Look:
        height, width = frame.image.shape[:2]
        camera = frame.camera if frame.camera.width == width else frame.camera.resized(width, height)
        depth, depth_camera = depth_source.depth(index)
        tolerance = params.tolerance / voxels.grid
        view = View.of(camera, depth, depth_camera, tolerance, params.slope_tolerance, params.cos_min)
        radius = max(1, round(params.edge_erosion * depth_camera.focal / camera.focal)) if params.edge_erosion else 0
        confidence = np.zeros((0, 0), np.uint8) if frame.confidence is None else frame.confidence
        image = frame.image if frame.image.dtype == np.uint8 else (frame.image // 257).astype(np.uint8)
        return _Look(view, np.ascontiguousarray(image), np.ascontiguousarray(confidence), radius)


def _collect_compiled(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    gains: NDArray[np.float64],
    views: Sequence[int],
    progress: Progress,
) -> Candidates:
    """View by view, into the sorted lists of all voxels."""
    from .kernels_visibility import collect

    found = _nothing(len(voxels), params.candidates)
    for step, index in enumerate(views):
        progress(step / len(views), f"view {step + 1} of {len(views)}")
        look = _Look.of(voxels, frames[index], depth_source, params, index)

        def offer(block: tuple[int, int], look: _Look = look, index: int = index) -> None:
            collect(
                voxels.point, voxels.normal, two_sided, look.view.packed, look.view.depth, look.image, look.confidence,
                gains[index], look.radius, index, *block, found.label, found.conf, found.colour,
            )  # fmt: skip

        for _ in accel.mapped(offer, blocks(len(voxels))):
            pass
    return found


def _collect_numpy(
    voxels: SurfaceVoxels,
    two_sided: NDArray[np.bool_],
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    gains: NDArray[np.float64],
    views: Sequence[int],
    progress: Progress,
) -> Candidates:
    """The same in NumPy, several views at a time.

    An offer is one integer that sorts as offers do: conf, then the lower view index, then the colour as cargo. Those of
    VIEWS_AT_ONCE views join the kept ones of each voxel, and sorting leaves the best. 8 (K + 8) bytes a voxel.
    """
    kept = np.zeros((len(voxels), VIEWS_AT_ONCE + params.candidates), np.uint64)
    for start in range(0, len(views), VIEWS_AT_ONCE):
        batch = views[start : start + VIEWS_AT_ONCE]
        least = (kept[:, VIEWS_AT_ONCE] >> np.uint64(40)).astype(np.uint8)

        def visit(column: int, batch: Sequence[int] = batch, least: NDArray[np.uint8] = least) -> None:
            index = batch[column]
            look = _Look.of(voxels, frames[index], depth_source, params, index)
            for begin, end in blocks(len(voxels)):
                some = slice(begin, end)
                rows, score, rgb = _offers(
                    voxels.point[some], voxels.normal[some], two_sided[some], look, gains[index], least[some]
                )
                offer = (score.astype(np.uint64) << np.uint64(16)) | np.uint64(0xFFFF - index)
                for channel in range(3):
                    offer = (offer << np.uint64(8)) | rgb[:, channel]
                kept[begin + rows, column] = offer

        def settle(block: tuple[int, int]) -> None:
            kept[slice(*block)].sort(axis=1)
            kept[slice(*block), :VIEWS_AT_ONCE] = 0

        for done, _ in enumerate(accel.mapped(visit, range(len(batch))), start=start + 1):
            progress(done / len(views), f"view {done} of {len(views)}")
        for _ in accel.mapped(settle, blocks(len(voxels))):
            pass
    best = kept[:, : VIEWS_AT_ONCE - 1 : -1]
    found = _nothing(len(voxels), params.candidates)
    found.conf[:] = best >> np.uint64(40)
    index = 0xFFFF - ((best >> np.uint64(24)) & np.uint64(0xFFFF)).astype(np.int32)
    found.label[:] = np.where(found.conf > 0, index, -1)
    for channel in range(3):
        found.colour[..., channel] = (best >> np.uint64(16 - 8 * channel)) & np.uint64(0xFF)
    return found


def _offers(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    two_sided: NDArray[np.bool_],
    look: _Look,
    gain: NDArray[np.float64],
    least: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8]]:
    """What a view offers to points (n, 3) that have worse than it among their `least` (n,): rows (m,), conf uint8 (m,)
    and colours uint8 (m, 3)."""
    seen = see(points, normals, two_sided, look.view)
    certainty = np.full(len(seen.rows), 255.0)
    if look.confidence.size:
        j = np.clip(seen.v.astype(np.int64), 0, look.confidence.shape[0] - 1)
        i = np.clip(seen.u.astype(np.int64), 0, look.confidence.shape[1] - 1)
        certainty = look.confidence[j, i].astype(np.float64)
    q = 127.5 * (1.0 + seen.cosine) * (INVENTED_FACTOR + (1 - INVENTED_FACTOR) * (certainty / 255.0))
    better = np.flatnonzero(_score(q) > least[seen.rows])
    seen, q = seen.some(better), q[better]
    if look.radius > 0:
        q = np.where(at_depth_edge(seen, look.radius, look.view), q * EDGE_FACTOR, q)
        better = np.flatnonzero(_score(q) > least[seen.rows])
        seen, q = seen.some(better), q[better]
    colour, alpha = sample_frame(look.image, seen.u, seen.v)
    opaque = np.flatnonzero(alpha > 0)
    rgb = np.minimum((colour[opaque] * gain + 0.5).astype(np.int64), 255).astype(np.uint8)
    return seen.rows[opaque], _score(q[opaque]), rgb


def _score(q: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip((q + 0.5).astype(np.int64), 1, 255).astype(np.uint8)
