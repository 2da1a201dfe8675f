# SPDX-License-Identifier: GPL-3.0-or-later
"""The colour of any surface point from labels and frames (specs/texture-optimizer.md 4.11)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..painters.base import Frame
from ..progress import Progress, part, silent
from . import accel
from .candidates import collect_candidates
from .depth import NO_SHEETS, DepthMaps
from .neighbours import voxel_neighbours
from .part_sampling import sample_part
from .types import UNOBSERVED, FuseParams, SurfaceVoxels
from .visibility import View, blocks, sample_frame, see, sides
from .voxel_lookup import SAME_SHEET, VoxelLookup

# The t of the visibility test, voxels. The specification says 3, for depth maps that are not our own; texel points lie
# on the very triangles our z-buffer drew, and 3 lets colours leak up to 3 voxels behind occluders (measured on a bottle
# with inset panels: worst 4 % of texels left out, 43.7 dB at t = 3, 45.5 dB at 1; nothing that is visible gets lost).
TOLERANCE = 1.0
SIGMA = 1.2  # voxels, of the feather's Gaussian
FEATHER_BLOCK = 4_096
POINT_BLOCK = 32_768
VISITS_AT_ONCE = 16
LENIENT_COS = 0.05  # a voxel's label holds for its texels even where they are seen at a steeper angle
NOTHING = np.zeros(0, np.float32)
STEEPEST_COS = 0.03  # of exact views: beyond it one pixel would stretch over ten of the texture


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
class Surface:
    """Surface points float32 (m, 3), their unit normals float32 (m, 3), which are seen from both sides, and the name
    of the part int16 (m,) each belongs to (-1: not known)."""

    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    two_sided: NDArray[np.bool_]
    part: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Visit:
    """View `index` looks at the points `rows` int64 (n,); share float32 (n,): how much of its colour is mixed in;
    empty: it replaces what was there."""

    index: int
    rows: NDArray[np.int64]
    share: NDArray[np.float32]


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
        self.mean_colour = self.voxel_colours.mean(axis=0) if len(voxels) else np.full(3, np.float32(127.5))
        self.exact_views = tuple(exact_views)
        self.gains = np.ones((len(frames), 3)) if gains is None else np.asarray(gains, np.float64)
        self.lookup = VoxelLookup.of(voxels)
        self.other, self.share = feather_labels(self.lookup, self.labels, params.feather)
        self._packed: dict[tuple[int, float], NDArray[np.float64]] = {}  # of a View, by its number and cos_min

    def sample(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        double_sided: bool | NDArray[np.bool_] = False,
        progress: Progress = silent,
        face: NDArray[np.integer] | None = None,
        hidden: NDArray[np.bool_] | None = None,
    ) -> Samples:
        """Colours at surface points (m, 3) with unit geometric normals (m, 3).

        face int (m,): the face of the mesh that each lies on, so that its colour comes from its own part only.
        hidden bool (m,): no view may be asked, whatever it seems to see.
        A point takes the label of its voxel if that view sees it (tolerance 1 voxel); else the view that sees it
        best; else the trilinear mean of the voxel colours around it. Near label seams two views are mixed.
        Memory: 90 bytes a point.
        """
        surface = Surface(
            np.ascontiguousarray(points, np.float32),
            np.ascontiguousarray(normals, np.float32),
            sides(double_sided, len(points)),
            self._part(face, len(points)),
        )
        count = len(points)
        found = self.lookup.nearest(surface.points, surface.normals)
        home = np.where(found <= -2, -2 - found, found)
        out = Samples(np.zeros((count, 4), np.float32), np.full(count, UNOBSERVED, np.int16), np.zeros(count, np.uint8))
        label = out.label.copy()
        if len(self.voxels):
            label = np.where(found >= 0, self.labels[np.maximum(home, 0)], label)
        if self.params.sampling == "voxel":
            self._voxel_colours(surface, home, label, out, progress)
        else:
            if len(self.frames):
                self._exact(surface, out)
                free = np.flatnonzero((out.label < 0) & (label >= 0))
                self._look(surface, free, label[free], out, part(progress, 0.0, 0.5))
                self._feather(surface, home, free, out, part(progress, 0.5, 0.8))
                retry = np.flatnonzero((out.label < 0) & ((label >= 0) | (found <= -2)))
                self._best_view(surface, retry, out, part(progress, 0.8, 1.0))
            if hidden is not None:
                out.label[hidden], out.confidence[hidden] = UNOBSERVED, 0
            self._fill(surface, home, out, np.flatnonzero((out.label < 0) | (out.colour[:, 3] <= 0)))
        if not self.alpha:
            out.colour[:, 3] = 255.0
        return out

    def _voxel_colours(
        self, surface: Surface, home: NDArray[np.integer], label: NDArray[np.int16], out: Samples, progress: Progress
    ) -> None:
        """Sampling "voxel": colours and labels of the voxels; the frames only tell how sure the painter was."""
        rows = np.flatnonzero(label >= 0)
        if any(frame.confidence is not None for frame in self.frames):
            self._look(surface, rows, label[rows], out, progress)
        else:
            out.confidence[rows] = 255
        out.label[:] = label
        self._fill(surface, home, out, np.arange(len(label)))

    def _part(self, face: NDArray[np.integer] | None, count: int) -> NDArray[np.int16]:
        known = face is not None and len(self.depth_source.part)
        return self.depth_source.part[face] if known else np.full(count, -1, np.int16)

    def _view(self, index: int, cos_min: float) -> View:
        depth, depth_camera = self.depth_source.depth(index)
        known = self._packed.get((index, cos_min))
        if known is not None:
            return View(known, np.ascontiguousarray(depth, np.float32))
        frame = self.frames[index]
        height, width = frame.image.shape[:2]
        camera = frame.camera if frame.camera.width == width else frame.camera.resized(width, height)
        tolerance = TOLERANCE * self.params.tolerance / self.voxels.grid
        view = View.of(camera, depth, depth_camera, tolerance, self.params.slope_tolerance, cos_min)
        self._packed[index, cos_min] = view.packed
        return view

    def _visit(
        self,
        visits: Sequence[Visit],
        surface: Surface,
        out: Samples,
        cos_min: float,
        best: NDArray[np.float32] | None = None,
        progress: Progress = silent,
    ) -> None:
        """Make visits, whose rows are disjoint, several at a time. With `best` float32 (m,), cos theta so far, only
        where a view sees a point more squarely and opaquely."""
        best = NOTHING if best is None else best
        views: dict[int, tuple[View, NDArray[np.int16]]] = {}

        def work(visit: Visit) -> None:
            frame = self.frames[visit.index]
            image = np.ascontiguousarray(frame.image)
            sure = np.zeros((0, 0), np.uint8) if frame.confidence is None else np.ascontiguousarray(frame.confidence)
            unit = 255.0 / np.iinfo(image.dtype).max
            visit_view = _visit_numpy
            if accel.NUMBA:
                from .kernels_texels import visit_view
            view, sheet = views[visit.index]
            sheet = sheet if sheet.shape == image.shape[:2] else NO_SHEETS
            visit_view(
                surface.points, surface.normals, surface.two_sided, surface.part, visit.rows, visit.share, view.packed,
                view.depth, sheet, image, sure, self.gains[visit.index], unit, self.alpha, visit.index, best,
                out.colour, out.label, out.confidence,
            )  # fmt: skip

        done, total = 0, max(1, sum(len(visit.rows) for visit in visits))
        for start in range(0, len(visits), VISITS_AT_ONCE):
            group = visits[start : start + VISITS_AT_ONCE]
            views = {v.index: (self._view(v.index, cos_min), self.depth_source.sheets(v.index)) for v in group}
            for visit, _ in zip(group, accel.mapped(work, group), strict=True):
                done += len(visit.rows)
                progress(done / total, "sampling views")

    def _exact(self, surface: Surface, out: Samples) -> None:
        """The exact view that sees a point most squarely; lower index first."""
        limit = max(float(np.cos(np.deg2rad(self.params.lock))), STEEPEST_COS)
        if not self.exact_views or self.params.lock <= 0:
            return
        best = np.zeros(len(surface.points), np.float32)
        for index in self.exact_views:
            visits = [Visit(index, np.arange(*block), NOTHING) for block in blocks(len(surface.points))]
            self._visit(visits, surface, out, limit, best)

    def _look(
        self,
        surface: Surface,
        rows: NDArray[np.int64],
        label: NDArray[np.int16],
        out: Samples,
        progress: Progress,
        share: NDArray[np.float32] = NOTHING,
    ) -> None:
        """Sample each of `rows` in the view `label` names. With `share`, mix that much of it into `out`."""
        rows, shares, bounds = _by_label(rows, label, share, len(self.frames))
        visits = [
            Visit(index, rows[begin:end], shares[begin:end])
            for index, (begin, end) in enumerate(itertools.pairwise(bounds))
            if end > begin
        ]
        self._visit(visits, surface, out, LENIENT_COS, progress=progress)

    def _feather(
        self,
        surface: Surface,
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
        share = self._share(surface, rows, home)
        mixed = share > 1 / 512
        rows, share = rows[mixed], share[mixed]
        self._look(surface, rows, self.other[home[rows]], out, progress, share=share)

    def _share(
        self,
        surface: Surface,
        rows: NDArray[np.int64],
        home: NDArray[np.integer],
    ) -> NDArray[np.float32]:
        """Share of the other label, trilinear between voxels, so that it passes 1/2 where the label changes."""
        out = np.zeros(len(rows), np.float32)
        v, points, normals = self.voxels, surface.points, surface.normals
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
        surface: Surface,
        rows: NDArray[np.int64],
        out: Samples,
        progress: Progress,
    ) -> None:
        """Points that their voxel's view does not see, or whose voxel is of another sheet: any view may serve."""
        if len(rows) == 0:
            return
        spots = SurfaceVoxels(
            np.zeros((len(rows), 3), np.int32),
            surface.points[rows],
            surface.normals[rows],
            np.zeros(len(rows), np.int32),
            np.zeros(len(rows), np.int32),
            self.voxels.grid,
        )
        frames = [_opaque(frame) for frame in self.frames] if self.alpha else self.frames
        params = replace(self.params, candidates=1, tolerance=min(100.0, TOLERANCE * self.params.tolerance))
        best = collect_candidates(
            spots,
            frames,
            self.depth_source,
            params,
            double_sided=surface.two_sided[rows],
            progress=part(progress, 0.0, 0.8),
        )
        label = best.label[:, 0]
        seen = np.flatnonzero(label >= 0)
        self._look(surface, rows[seen], label[seen], out, part(progress, 0.8, 1.0))

    def _fill(
        self,
        surface: Surface,
        home: NDArray[np.integer],
        out: Samples,
        rows: NDArray[np.int64],
    ) -> None:
        """The colours of the voxels around the points `rows`."""
        if len(rows) == 0:
            return
        if len(self.voxels) == 0:
            out.colour[rows, :3] = self.mean_colour
            return
        colour = np.zeros((len(rows), 3), np.float32)
        good = np.zeros(len(rows), bool)
        v, points, normals = self.voxels, surface.points, surface.normals
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
        colour[bad] = np.where((home[rows[bad]] >= 0)[:, None], self.voxel_colours[home[rows[bad]]], self.mean_colour)
        out.colour[rows, :3] = colour


def _visit_numpy(
    points, normals, two_sided, part, rows, share, packed, depth, sheet, image, confidence, gain, unit, alpha, index,
    best, colour, label, sure,
):  # fmt: skip
    """The NumPy reference of kernels_texels.visit_view."""
    view = View(packed, depth)
    for begin in range(0, len(rows), POINT_BLOCK):
        block = rows[begin : begin + POINT_BLOCK]
        hit = see(points[block], normals[block], two_sided[block], view)
        if sheet.size and not alpha:
            at = block[hit.rows]
            rgb, weight = sample_part(image, sheet, part[at], points[at], normals[at], hit, view)
        else:
            rgb, weight = sample_frame(image, hit.u, hit.v)
        kept = (weight > 0) | (alpha and best.size == 0)
        if best.size:
            kept &= hit.cosine.astype(np.float32) > best[block[hit.rows]]
        at = block[hit.rows[kept]]
        value = np.concatenate([rgb[kept] * gain, weight[kept, None]], axis=1) * unit
        if share.size:
            mixed = share[begin + hit.rows[kept], None].astype(np.float64)
            colour[at] = (1.0 - mixed) * colour[at] + mixed * value
            continue
        colour[at], label[at], sure[at] = value, index, 255
        if confidence.size:
            j = np.clip(hit.v[kept].astype(np.int64), 0, confidence.shape[0] - 1)
            i = np.clip(hit.u[kept].astype(np.int64), 0, confidence.shape[1] - 1)
            sure[at] = confidence[j, i]
        if best.size:
            best[at] = hit.cosine[kept]


def _by_label(
    rows: NDArray[np.int64], label: NDArray[np.int16], share: NDArray[np.float32], views: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """`rows` and `share` (n,) (or empty) sorted, stably, by `label` (n,) in 0...views - 1, and where each label begins,
    int64 (views + 1,)."""
    if accel.NUMBA:
        from .kernels_texels import sort_by_label

        return sort_by_label(rows, label, share, views)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(views + 1))
    return rows[order], share[order] if share.size else share, bounds


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
    neighbours = voxel_neighbours(v.coords, v.grid)
    near = np.zeros(len(v), bool)
    for slot in range(6):
        after = neighbours[:, slot]
        near |= (after >= 0) & (labels >= 0) & (labels[after] >= 0) & (labels[after] != labels)
    for _ in range(reach):  # a cube around each seam voxel, one axis at a time
        for slot in range(0, 6, 2):
            grown = neighbours[near][:, slot : slot + 2].reshape(-1)
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
