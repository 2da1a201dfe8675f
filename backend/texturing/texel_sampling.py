# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of any surface point from labels and frames (specs/texture-optimizer.md 4.11)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..painters.base import Frame
from ..progress import Progress, part, silent
from . import accel
from .candidates import collect_candidates
from .depth import DepthMaps
from .types import UNOBSERVED, FuseParams, SurfaceVoxels
from .visibility import View, blocks, sample_frame, see, sides
from .voxel_lookup import SAME_SHEET, VoxelLookup

# The t of the visibility test, voxels. The specification says 3, for depth maps that are not our own; texel points lie
# on the very triangles our z-buffer drew, and 3 lets colours leak up to 3 voxels behind occluders (measured on a bottle
# with inset panels: worst 4 % of texels left out, 43.7 dB at t = 3, 45.5 dB at 1; nothing that is visible gets lost).
TOLERANCE = 1.0
SIGMA = 1.2  # voxels, of the feather's Gaussian
FEATHER_BLOCK = 4_096
POINT_BLOCK = 262_144
VIEWS_AT_ONCE = 16
LENIENT_COS = 0.05  # a voxel's label holds for its texels even where they are seen at a steeper angle


@dataclass(frozen=True, eq=False)
class Samples:
    """Colours of surface points.

    colour      float32 (m, 4), 0...255 whatever the frames' depth, straight alpha
    label       int16 (m,), the view a colour came from, UNOBSERVED where no view sees the point
    confidence  uint8 (m,), the painter's confidence there; 255 for frames that give none, 0 where unobserved
    """

    colour: NDArray[np.float32]
    label: NDArray[np.int16]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ViewSamples:
    """What one view shows of the points `rows` int64 (n,): arrays of n, meaningful where `seen`."""

    rows: NDArray[np.int64]
    seen: NDArray[np.bool_]
    cosine: NDArray[np.float32]
    colour: NDArray[np.float32]
    confidence: NDArray[np.uint8]


class SurfaceSampler:
    """Everything a texel needs to find its colour; made once, used for all textures.

    voxels         of the label grid; labels int16 (N,); voxel_colours (N, 3) in 0...255, filled (4.10)
    frames         one per view; depth_source.depth(k) belongs to frames[k]
    exact_views    views that win wherever they see a point, up to params.lock degrees, whatever the label says
    gains          float (views, 3) or None, multiplied into the colours
    double_sided   one bool, or bool per face given to `sample`
    alpha          keep the frames' alpha; otherwise every colour is opaque
    """

    def __init__(
        self,
        voxels: SurfaceVoxels,
        labels: NDArray[np.int16],
        voxel_colours: NDArray[np.floating] | NDArray[np.uint8],
        frames: Sequence[Frame],
        depth_source: DepthMaps,
        params: FuseParams,
        *,
        exact_views: Sequence[int] = (),
        gains: NDArray[np.floating] | None = None,
        alpha: bool = False,
    ) -> None:
        self.voxels, self.frames, self.depth_source, self.params, self.alpha = (
            voxels, frames, depth_source, params, alpha,
        )  # fmt: skip
        self.labels = np.ascontiguousarray(labels, np.int16)
        self.voxel_colours = np.ascontiguousarray(voxel_colours, np.float32)
        self.exact_views = tuple(exact_views)
        self.gains = np.ones((len(frames), 3)) if gains is None else np.asarray(gains, np.float64)
        self.lookup = VoxelLookup.of(voxels)
        self.other, self.share = feather_labels(self.lookup, self.labels, params.feather)

    def sample(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        double_sided: bool | NDArray[np.bool_] = False,
        progress: Progress = silent,
    ) -> Samples:
        """Colours at surface points (m, 3) with unit geometric normals (m, 3).

        A point takes the label of its voxel if that view sees it (tolerance 1 voxel); else the view that sees it
        best; else the trilinear mean of the voxel colours around it. Near label seams two views are mixed.
        Memory: 90 bytes a point.
        """
        points = np.ascontiguousarray(points, np.float32)
        normals = np.ascontiguousarray(normals, np.float32)
        two_sided = sides(double_sided, len(points))
        count = len(points)
        found = self.lookup.nearest(points, normals)
        home = np.where(found <= -2, -2 - found, found)
        out = Samples(np.zeros((count, 4), np.float32), np.full(count, UNOBSERVED, np.int16), np.zeros(count, np.uint8))
        if self.params.sampling == "texel" and len(self.frames):
            label = (
                np.where(found >= 0, self.labels[np.maximum(home, 0)], UNOBSERVED) if len(self.voxels) else out.label
            )
            self._exact(points, normals, two_sided, out)
            free = np.flatnonzero((out.label < 0) & (label >= 0))
            self._look(points, normals, two_sided, free, label[free], out, part(progress, 0.0, 0.5))
            self._feather(points, normals, two_sided, home, free, out, part(progress, 0.5, 0.8))
            retry = np.flatnonzero((out.label < 0) & ((label >= 0) | (found <= -2)))
            self._best_view(points, normals, two_sided, retry, out, part(progress, 0.8, 1.0))
        self._fill(points, normals, home, out)
        if not self.alpha:
            out.colour[:, 3] = 255.0
        return out

    def _view(self, index: int, cos_min: float) -> View:
        frame = self.frames[index]
        height, width = frame.image.shape[:2]
        camera = frame.camera if frame.camera.width == width else frame.camera.resized(width, height)
        depth, depth_camera = self.depth_source.depth(index)
        tolerance = TOLERANCE * self.params.tolerance / self.voxels.grid
        return View.of(camera, depth, depth_camera, tolerance, self.params.slope_tolerance, cos_min)

    def _sample_views(
        self,
        requests: Sequence[tuple[int, NDArray[np.int64]]],
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        two_sided: NDArray[np.bool_],
        cos_min: float,
        progress: Progress = silent,
    ) -> Iterator[tuple[int, ViewSamples]]:
        """Look at points `rows` through view k, for each (k, rows) requested, in that order, several at a time."""

        def work(request: tuple[View, int, NDArray[np.int64]]) -> ViewSamples:
            view, index, rows = request
            found = self._sample_view(view, index, points, normals, two_sided, rows)
            unit = np.float32(255.0 / np.iinfo(self.frames[index].image.dtype).max)
            np.multiply(found.colour, unit, out=found.colour)
            if not self.alpha:
                np.logical_and(found.seen, found.colour[:, 3] > 0, out=found.seen)
            return found

        done, total = 0, max(1, sum(len(rows) for _, rows in requests))
        for start in range(0, len(requests), VIEWS_AT_ONCE):
            group = requests[start : start + VIEWS_AT_ONCE]
            views = [(self._view(index, cos_min), index, rows) for index, rows in group]
            for (index, rows), found in zip(group, accel.mapped(work, views), strict=True):
                yield index, found
                done += len(rows)
                progress(done / total, "sampling views")

    def _sample_view(
        self,
        view: View,
        index: int,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        two_sided: NDArray[np.bool_],
        rows: NDArray[np.int64],
    ) -> ViewSamples:
        """Look at points `rows` through one view; colours in the units of its image."""
        frame, count = self.frames[index], len(rows)
        image = np.ascontiguousarray(frame.image)
        confidence = np.zeros((0, 0), np.uint8) if frame.confidence is None else np.ascontiguousarray(frame.confidence)
        seen, cosine = np.zeros(count, bool), np.zeros(count, np.float32)
        colour, sure = np.zeros((count, 4), np.float32), np.zeros(count, np.uint8)
        if accel.NUMBA:
            from .kernels_texels import look

            look(
                points, normals, two_sided, rows, view.packed, view.depth, image, confidence, self.gains[index],
                0, count, seen, cosine, colour, sure,
            )  # fmt: skip
            return ViewSamples(rows, seen, cosine, colour, sure)
        for begin in range(0, count, POINT_BLOCK):
            block = rows[begin : begin + POINT_BLOCK]
            hit = see(points[block], normals[block], two_sided[block], view)
            at = begin + hit.rows
            seen[at], cosine[at] = True, hit.cosine
            rgb, weight = sample_frame(image, hit.u, hit.v)
            colour[at, :3], colour[at, 3] = rgb * self.gains[index], weight
            sure[at] = 255
            if confidence.size:
                j = np.clip(hit.v.astype(np.int64), 0, confidence.shape[0] - 1)
                i = np.clip(hit.u.astype(np.int64), 0, confidence.shape[1] - 1)
                sure[at] = confidence[j, i]
        return ViewSamples(rows, seen, cosine, colour, sure)

    def _exact(
        self, points: NDArray[np.float32], normals: NDArray[np.float32], two_sided: NDArray[np.bool_], out: Samples
    ) -> None:
        """The exact view that sees a point most squarely; lower index first."""
        limit = max(float(np.cos(np.deg2rad(self.params.lock))), self.params.cos_min)
        if not self.exact_views or self.params.lock <= 0:
            return
        best = np.zeros(len(points), np.float32)
        rows = np.arange(len(points))
        requests = [(index, rows) for index in self.exact_views]
        for index, found in self._sample_views(requests, points, normals, two_sided, limit):
            better = found.seen & (found.colour[:, 3] > 0) & (found.cosine > best)
            best[better], out.label[better] = found.cosine[better], index
            out.colour[better], out.confidence[better] = found.colour[better], found.confidence[better]

    def _look(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        two_sided: NDArray[np.bool_],
        rows: NDArray[np.int64],
        label: NDArray[np.int16],
        out: Samples,
        progress: Progress,
        share: NDArray[np.float32] | None = None,
    ) -> None:
        """Sample each of `rows` in the view `label` names. With `share`, mix that much of it into `out`."""
        order = np.argsort(label, kind="stable")
        bounds = np.searchsorted(label[order], np.arange(len(self.frames) + 1))
        chosen = [order[a:b] for a, b in itertools.pairwise(bounds)]
        requests = [(index, rows[at]) for index, at in enumerate(chosen) if len(at)]
        for index, found in self._sample_views(requests, points, normals, two_sided, LENIENT_COS, progress):
            at, colour, confidence = found.rows, found.colour, found.confidence
            if not found.seen.all():
                at, colour, confidence = at[found.seen], colour[found.seen], confidence[found.seen]
            if share is None:
                out.colour[at], out.label[at], out.confidence[at] = colour, index, confidence
            else:
                weight = share[chosen[index][found.seen], None]
                out.colour[at] = (1.0 - weight) * out.colour[at] + weight * colour

    def _feather(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        two_sided: NDArray[np.bool_],
        home: NDArray[np.integer],
        rows: NDArray[np.int64],
        out: Samples,
        progress: Progress,
    ) -> None:
        """Mix in the strongest other label near a seam, where both views see the point."""
        if self.params.feather <= 0:
            return
        rows = rows[(self.other[home[rows]] >= 0)]
        rows = rows[out.label[rows] == self.labels[home[rows]]]
        share = self._share(points, normals, rows, home)
        mixed = share > 1 / 512
        rows, share = rows[mixed], share[mixed]
        self._look(points, normals, two_sided, rows, self.other[home[rows]], out, progress, share=share)

    def _share(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        rows: NDArray[np.int64],
        home: NDArray[np.integer],
    ) -> NDArray[np.float32]:
        """Share of the other label, trilinear between voxels, so that it passes 1/2 where the label changes."""
        out = np.zeros(len(rows), np.float32)
        v = self.voxels
        if accel.NUMBA:
            from .kernels_texels import blend_share

            index = np.asarray(home)

            def work(block: tuple[int, int]) -> None:
                blend_share(
                    points, normals, rows, index, self.labels, self.other, self.share, v.grid, self.lookup.column,
                    v.coords, v.normal, *block, out,
                )  # fmt: skip

            for _ in accel.mapped(work, blocks(len(rows))):
                pass
            return out
        for begin in range(0, len(rows), POINT_BLOCK):
            block = rows[begin : begin + POINT_BLOCK]
            a, b = self.labels[home[block]], self.other[home[block]]
            near, weight = self.lookup.around(points[block], normals[block])
            own, other, share = self.labels[near], self.other[near], self.share[near].astype(np.float64)
            is_a, is_b = own == a[:, None], own == b[:, None]
            value = np.where(
                is_a,
                np.where(other == b[:, None], share, 0.0),
                np.where(other == a[:, None], 1.0 - share, 1.0),
            )
            weight = np.where(is_a | is_b, weight, 0.0)
            total = weight.sum(axis=1)
            mixed = (weight * value).sum(axis=1)
            out[begin : begin + len(block)] = np.where(total > 0, mixed / np.where(total > 0, total, 1.0), 0.0)
        return out

    def _best_view(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        two_sided: NDArray[np.bool_],
        rows: NDArray[np.int64],
        out: Samples,
        progress: Progress,
    ) -> None:
        """Points that their voxel's view does not see, or whose voxel is of another sheet: any view may serve."""
        if len(rows) == 0:
            return
        spots = SurfaceVoxels(
            np.zeros((len(rows), 3), np.int32),
            points[rows],
            normals[rows],
            np.zeros(len(rows), np.int32),
            np.zeros(len(rows), np.int32),
            self.voxels.grid,
        )
        frames = [_opaque(frame) for frame in self.frames] if self.alpha else self.frames
        params = replace(self.params, candidates=1, tolerance=min(100.0, TOLERANCE * self.params.tolerance))
        best = collect_candidates(
            spots, frames, self.depth_source, params, double_sided=two_sided[rows], progress=part(progress, 0.0, 0.8)
        )
        label = best.label[:, 0]
        seen = np.flatnonzero(label >= 0)
        self._look(points, normals, two_sided, rows[seen], label[seen], out, part(progress, 0.8, 1.0))

    def _fill(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        home: NDArray[np.integer],
        out: Samples,
    ) -> None:
        """Voxel colours for points no view sees, and under fully transparent samples."""
        rows = np.flatnonzero((out.label < 0) | (out.colour[:, 3] <= 0))
        if len(rows) == 0:
            return
        if len(self.voxels) == 0:
            out.colour[rows, :3] = 127.5
            return
        colour = np.zeros((len(rows), 3), np.float32)
        good = np.zeros(len(rows), bool)
        v = self.voxels
        if accel.NUMBA:
            from .kernels_texels import fill_colour

            def work(block: tuple[int, int]) -> None:
                fill_colour(
                    points, normals, rows, self.voxel_colours, v.grid, self.lookup.column, v.coords, v.normal, *block,
                    colour, good,
                )  # fmt: skip

            for _ in accel.mapped(work, blocks(len(rows))):
                pass
        else:
            for begin in range(0, len(rows), POINT_BLOCK):
                block = rows[begin : begin + POINT_BLOCK]
                near, weight = self.lookup.around(points[block], normals[block])
                total = weight.sum(axis=1)
                at = slice(begin, begin + len(block))
                good[at] = total > 1e-6
                mean = (weight[..., None] * self.voxel_colours[near]).sum(axis=1)
                colour[at] = mean / np.where(total > 1e-6, total, 1.0)[:, None]
        bad = np.flatnonzero(~good)
        colour[bad] = np.where(
            (home[rows[bad]] >= 0)[:, None], self.voxel_colours[home[rows[bad]]], self.voxel_colours.mean(axis=0)
        )
        out.colour[rows, :3] = colour


def _opaque(frame: Frame) -> Frame:
    image = frame.image.copy()
    image[..., 3] = np.iinfo(image.dtype).max
    return replace(frame, image=image)


def feather_labels(
    lookup: VoxelLookup, labels: NDArray[np.int16], radius: float
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """For voxels within `radius` voxels of a seam: the strongest other label int16 (N,) and its share float32 (N,).

    Gaussian label weights (sigma 1.2 voxels) over the cube of that radius, same sheet only; -1 and 0 elsewhere.
    share is at most 1/2.
    """
    v = lookup.voxels
    reach = int(np.ceil(radius))
    other, share = np.full(len(v), -1, np.int16), np.zeros(len(v), np.float32)
    if reach == 0 or len(v) == 0:
        return other, share
    seam = np.zeros(len(v), bool)
    for axis in range(3):
        after = lookup.find(v.coords + np.eye(3, dtype=np.int64)[axis])
        at = np.flatnonzero(after >= 0)
        at = at[(labels[at] != labels[after[at]]) & (labels[at] >= 0) & (labels[after[at]] >= 0)]
        seam[at] = seam[after[at]] = True
    near = seam
    for _ in range(reach):  # a cube around each seam voxel, one axis at a time
        for axis in range(3):
            step = np.eye(3, dtype=np.int64)[axis]
            rows = np.flatnonzero(near)
            grown = np.concatenate([lookup.find(v.coords[rows] + step), lookup.find(v.coords[rows] - step)])
            near = near.copy()
            near[grown[grown >= 0]] = True
    rows = np.flatnonzero(near & (labels >= 0))
    gauss = np.exp(-np.arange(3 * reach * reach + 1) / (2 * SIGMA * SIGMA))
    if accel.NUMBA:
        from .kernels_texels import label_weights

        def work(block: tuple[int, int]) -> None:
            label_weights(rows, labels, gauss, reach, v.grid, lookup.column, v.coords, v.normal, *block, other, share)

        for _ in accel.mapped(work, blocks(len(rows))):
            pass
        return other, share
    axis = np.arange(-reach, reach + 1)
    steps = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    weight_of = gauss[(steps * steps).sum(axis=1)]
    for begin in range(0, len(rows), FEATHER_BLOCK):
        block = rows[begin : begin + FEATHER_BLOCK]
        near_by = lookup.find((v.coords[block][:, None] + steps).reshape(-1, 3)).reshape(len(block), -1)
        n, m = v.normal[near_by].astype(np.float64), v.normal[block].astype(np.float64)[:, None]
        dot = n[..., 0] * m[..., 0] + n[..., 1] * m[..., 1] + n[..., 2] * m[..., 2]
        name = np.where((near_by >= 0) & (dot > SAME_SHEET), labels[near_by], -1).astype(np.int64)
        row, column = np.nonzero(name >= 0)
        views = int(labels.max()) + 1
        sums = np.bincount(row * views + name[row, column], weight_of[column], len(block) * views)
        sums = sums.reshape(len(block), views)
        every = np.arange(len(block))
        mine = sums[every, labels[block]].copy()
        sums[every, labels[block]] = 0.0
        best = sums.argmax(axis=1)
        strength = sums[every, best]
        hit = strength > 0
        other[block[hit]] = best[hit]
        share[block[hit]] = np.minimum(strength[hit] / (strength[hit] + mine[hit]), 0.5)
    return other, share
