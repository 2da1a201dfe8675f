# SPDX-License-Identifier: GPL-3.0-or-later
"""Continuation of texture over the part of the surface that no reference shows.

Guided PatchMatch (Barnes et al. 2009) in the manner of image completion (Wexler et al. 2007), from the references
onto surface points, coarse to fine. Every unseen point is given a place in the atlas; a patch on the surface is
compared with the picture around that place through the tangent frames of both, so foreshortening and curvature are
accounted for, and neighbouring points that continue each other reproduce the reference at its full resolution.
All points are updated at once from the state before (Jacobi order): the result depends on the seed alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...progress import Progress, part
from ...texturing import accel
from .appearance import Appearance, appearance
from .counterparts import counterparts
from .diffusion import diffuse
from .evidence import MIRROR_SLACK, Evidence, jacobian_at, see
from .salience import Ordinariness
from .sampling import bilinear, masked_gaussian, nearest_index
from .surface import SurfacePoints, neighbours, patch_taps
from .symmetry import MirrorPlane

SEEN = 0.5  # trust from which a point counts as seen
TABLE = 512  # points that are compared with all of a sample of the source at once
BLOCK = 16_384  # points whose patches are compared at once
PLAIN = 0.6  # ordinariness from which a place may be mirrored
INVALID_TAP = 0.12  # cost of a patch tap that leaves the usable part of the picture
INCOHERENT = 0.02  # cost of a place that continues none of its neighbours
WEIGHTS = {"height": 2.0, "side": 0.5, "normal": 0.03, "part": 0.4, "object": 0.2, "unique": 0.4, "colour": 0.3}
SAME_TONE = 0.12  # difference of colour within which a counterpart may take the place of what was found
EITHER = 0.15  # difference in probability up to which neither of two mixtures of colours is unlikely
LIKE = 0.05  # scale of guide costs within which places count as alike
UPHILL = 4.0  # how much harder the expectation of colours spreads upwards or downwards than round the object


@dataclass(frozen=True, eq=False)
class Texture:
    """A place in the atlas for every surface point, and what to add to the colour found there.

    place     float32 (N, 2), atlas coordinates; jacobian float32 (N, 2, 2), pixels per unit length along right, down
    change    float32 (N, 3), smooth colour correction, 0 where seen
    seen      float32 (N,), trust in the point's own view; mirrored bool (N,)
    image     float32 (H, W, 3), what the places refer to: the atlas, with as much of its detail as is wanted
    """

    surface: SurfacePoints
    place: NDArray[np.float32]
    jacobian: NDArray[np.float32]
    change: NDArray[np.float32]
    seen: NDArray[np.float32]
    mirrored: NDArray[np.bool_]
    image: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Guide:
    """What source places and surface points are compared by besides colour."""

    features: NDArray[np.float32]  # (H W, f) of atlas pixels
    object: NDArray[np.int32]
    material: NDArray[np.int32]
    plain: NDArray[np.float32]  # (H W,), see salience.Ordinariness
    texture: NDArray[np.float32]  # (H W,)
    source: NDArray[np.bool_]
    mend: NDArray[np.float32]  # (H W, 3)
    look: Appearance


def features(
    position: NDArray[np.float32], normal: NDArray[np.float32], planes: list[MirrorPlane]
) -> NDArray[np.float32]:
    """Weighted geometric features (n, f): height, distance to the mirror planes, direction up to mirroring."""
    columns = [np.sqrt(WEIGHTS["height"]) * position[:, 2]]
    for axis in (0, 1):
        plane = next((p for p in planes if p.axis == axis), None)
        if plane is not None:
            columns.append(np.sqrt(WEIGHTS["side"]) * np.abs(position[:, axis] - plane.offset))
        else:
            columns.append(np.sqrt(WEIGHTS["side"] * 0.5) * position[:, axis])
    w = np.sqrt(WEIGHTS["normal"])
    columns += [w * 1.5 * normal[:, 2], w * np.abs(normal[:, 0]), w * np.abs(normal[:, 1])]
    return np.stack(columns, axis=1).astype(np.float32)


class Level:
    """One resolution of the completion."""

    def __init__(
        self,
        surface: SurfacePoints,
        evidence: Evidence,
        guide: Guide,
        planes: list[MirrorPlane],
        pixels_per_unit: float,
        patch: int,
    ) -> None:
        self.surface, self.evidence, self.guide = surface, evidence, guide
        self.width, self.height = evidence.size
        self.blur = 0.45 * pixels_per_unit * surface.spacing
        self.image = masked_gaussian(evidence.colour, (evidence.trust > 0.3).astype(np.float32), self.blur)
        self.flat = self.image.reshape(-1, 3)
        self.place, self.seen, _ = see(evidence, surface.point, surface.normal)
        self.jacobian = jacobian_at(evidence, self.place)
        self.mirrored = np.zeros(len(surface), bool)
        self.sign = np.ones((len(surface), 2), np.float32)  # -1: the picture is continued backwards there
        self._mirror(planes)
        self.known = (self.seen >= SEEN) | self.mirrored
        self.index = np.flatnonzero(~self.known).astype(np.int32)
        self.colour = np.zeros((len(surface), 3), np.float32)
        self.colour[self.known] = bilinear(self.image, self.place[self.known])
        self.tap, self.offset = patch_taps(surface, self.index, patch)
        self.features = features(surface.point[self.index], surface.normal[self.index], planes)
        self.counterpart = counterparts(evidence, surface, self.index, guide.mend)
        self.rows = np.flatnonzero(self.counterpart.pixel >= 0)  # of the unseen points that have one
        self.features[self.rows] = guide.features[self.counterpart.pixel[self.rows]]
        self.reach = np.float32(pixels_per_unit * surface.spacing)  # pixels between neighbours
        self.continued = np.zeros((len(self.index), 8, 2), np.float32)  # places that neighbours continue onto a point
        self.unlikely = np.zeros((len(self.index), len(guide.look.typical)), np.float32)

    def _mirror(self, planes: list[MirrorPlane]) -> None:
        """Give unseen points the place of their mirror image where that is seen and ordinary."""
        surface, evidence = self.surface, self.evidence
        for plane in planes:
            at = np.flatnonzero((self.seen < SEEN) & ~self.mirrored)
            normals = surface.normal[at].copy()
            normals[:, plane.axis] *= -1
            points = plane.reflect(surface.point[at])
            uv, trust, which = see(evidence, points, normals, MIRROR_SLACK)
            flat = nearest_index(uv, self.width, self.height)
            good = (trust >= SEEN) & (self.guide.plain[flat] >= PLAIN) & self.guide.source[flat]
            self.place[at[good]] = uv[good]
            self.mirrored[at[good]] = True
            self.sign[at[good], 0] = -1.0
            small = 1e-3
            for column, tangent in enumerate((surface.right, surface.down)):
                ahead = plane.reflect(surface.point[at] + small * tangent[at])
                for k, camera in enumerate(evidence.cameras):
                    use = good & (which == k)
                    step = (camera.project(ahead[use])[0] - camera.project(points[use])[0]) / small
                    self.jacobian[at[use], :, column] = step

    def guide_cost(self, flat: NDArray[np.int32], rows: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.float32]:
        """Cost of the atlas pixels `flat` (m,) for the unseen points `rows` by everything but their patches."""
        guide, own = self.guide, self.index[rows]
        delta = guide.features[flat] - self.features[rows]
        cost = (delta * delta).sum(axis=1)
        at = np.arange(len(self.index))[rows]
        cost += WEIGHTS["colour"] * self.unlikely[at, guide.look.kind[flat]]
        cost += WEIGHTS["part"] * (guide.material[flat] != self.surface.material[own])
        cost += WEIGHTS["object"] * (guide.object[flat] != self.surface.object[own])
        cost += WEIGHTS["unique"] * (1 - guide.texture[flat]) ** 2
        return cost + 10.0 * ~guide.source[flat]

    def guide_costs(self, some: NDArray[np.integer]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float32]]]:
        """guide_cost of all atlas pixels `some` (m,) of the source for all unseen points: rows (n,), costs (n, m)."""
        guide = self.guide
        own = np.float32(WEIGHTS["unique"]) * (1 - guide.texture[some]) ** 2
        for start in range(0, len(self.index), TABLE):
            rows = np.arange(start, min(start + TABLE, len(self.index)))
            cost = np.repeat(own[None], len(rows), axis=0)
            for here, there in zip(self.features[rows].T, guide.features[some].T, strict=True):
                cost += (here[:, None] - there) ** 2
            cost += np.float32(WEIGHTS["colour"]) * self.unlikely[rows][:, guide.look.kind[some]]
            for weight, of, at in (
                ("part", self.surface.material, guide.material),
                ("object", self.surface.object, guide.object),
            ):
                cost += np.float32(WEIGHTS[weight]) * (of[self.index[rows], None] != at[some])
            yield rows, cost

    def cost(self, uv: NDArray[np.float32], sign: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Cost (m,) of atlas places uv (m, 2) for the unseen points `rows`: patch difference and guides."""
        return self.patch_cost(uv, sign, rows) + self.guide_cost(nearest_index(uv, self.width, self.height), rows)

    def patch_cost(
        self, uv: NDArray[np.float32], sign: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Mean squared colour difference (m,) between the patches of `rows` and the atlas around uv (m, 2), read
        backwards along right or down where `sign` (m, 2) is negative, and the price for not continuing neighbours."""
        costs = self._compiled_patch_cost if accel.NUMBA else self._patch_cost
        blocks = [np.s_[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
        parts = accel.mapped(lambda block: costs(uv[block], sign[block], rows[block]), blocks)
        return np.concatenate([uv[:0, 0], *parts])

    def _compiled_patch_cost(
        self, uv: NDArray[np.float32], sign: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        from .kernels import patch_costs

        out = np.empty(len(rows), np.float32)
        patch_costs(
            uv,
            sign,
            rows,
            self.tap,
            self.offset,
            self.evidence.jacobian.reshape(-1, 2, 2),
            self.flat,
            self.guide.source,
            self.colour,
            self.known,
            self.continued,
            self.reach,
            self.width,
            self.height,
            np.float32(INVALID_TAP),
            np.float32(INCOHERENT / 8),
            out,
        )
        return out

    def _patch_cost(
        self, uv: NDArray[np.float32], sign: NDArray[np.float32], rows: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """The same, in the order of the kernel's sums."""
        total, weight, apart = (np.zeros(len(rows), np.float32) for _ in range(3))
        u, v = uv[:, 0], uv[:, 1]
        jacobian = jacobian_at(self.evidence, uv)
        for k in range(self.tap.shape[1]):
            tap = self.tap[rows, k]
            x, y = (self.offset[rows, k] * sign).T
            along = jacobian[:, 0, 0] * x + jacobian[:, 0, 1] * y, jacobian[:, 1, 0] * x + jacobian[:, 1, 1] * y
            flat = nearest_index(np.stack([u + along[0], v + along[1]], axis=1), self.width, self.height)
            square = (self.flat[flat] - self.colour[tap]) ** 2
            difference = square[:, 0] + square[:, 1] + square[:, 2]
            invalid = np.float32(INVALID_TAP) + np.float32(0.3) * difference
            difference = np.where(self.guide.source[flat], difference, invalid)
            share = np.where(tap >= 0, np.where(self.known[tap], np.float32(2), np.float32(1)), np.float32(0))
            total += difference * share
            weight += share
        for k in range(self.continued.shape[1]):
            x, y = ((self.continued[rows, k] - uv) / self.reach).T
            apart += np.minimum(x * x + y * y, np.float32(1))
        return total / weight + np.float32(INCOHERENT / 8) * apart

    def start_from_guides(self, random: np.random.Generator) -> None:
        """First places: the counterpart where it may be continued, else the best of a sample of the source by guides
        alone, a little shaken by the seed."""
        source = np.flatnonzero(self.guide.source.ravel())
        some = source[np.sort(random.permutation(len(source))[:2000])]
        for rows, cost in self.guide_costs(some):
            cost += 0.004 * random.random(cost.shape, np.float32)
            self._put(rows, some[cost.argmin(axis=1)])
        rows, _ = self.usable_counterparts()
        self.place[self.index[rows]] = self.counterpart.place[rows]
        self.sign[self.index[rows]] = self.counterpart.sign[rows]
        self._jacobians()

    def usable_counterparts(self) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
        """The unseen points whose counterpart is not one of a kind, and the atlas pixels of these."""
        pixel = self.counterpart.pixel[self.rows]
        usable = self.guide.texture[pixel] >= PLAIN
        return self.rows[usable], pixel[usable]

    def _put(self, rows: NDArray[np.intp], flat: NDArray[np.integer]) -> None:
        self.place[self.index[rows], 0] = flat % self.width + 0.5
        self.place[self.index[rows], 1] = flat // self.width + 0.5

    def start_from(self, coarse: Level) -> None:
        """Places of the next coarser level, carried to the finer points; the counterpart where its colour is the same,
        so that what the coarser level was too coarse to see is whole."""
        parent = coarse.surface.nearest(self.surface.point[self.index])
        parent = np.where(parent < 0, 0, parent)
        self.place[self.index] = coarse.carried(parent, self.surface.point[self.index])
        self.sign[self.index] = coarse.sign[parent]
        rows, _ = self.usable_counterparts()
        there = self.counterpart.place[rows]
        mixture = masked_gaussian(self.guide.look.mixture, (self.evidence.trust > 0.3).astype(np.float32), coarse.blur)
        step = bilinear(mixture, there) - bilinear(mixture, self.place[self.index[rows]])
        like = (step * step).sum(axis=1) < SAME_TONE
        self.place[self.index[rows[like]]] = there[like]
        self.sign[self.index[rows[like]]] = self.counterpart.sign[rows[like]]
        self._jacobians()

    def _jacobians(self) -> None:
        self.jacobian[self.index] = jacobian_at(self.evidence, self.place[self.index]) * self.sign[self.index][:, None]

    def carried(self, of: NDArray[np.int32], points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Where `points` (..., 3) lie in the atlas if they continue the surface points `of` (...)."""
        delta = points - self.surface.point[of]
        along = np.stack([(delta * self.surface.right[of]).sum(-1), (delta * self.surface.down[of]).sum(-1)], axis=-1)
        return (self.place[of] + np.einsum("...ij,...j->...i", self.jacobian[of], along)).astype(np.float32)

    def vote(self, taps: NDArray[np.intp]) -> None:
        """Recolour the unseen points: the mean of what their neighbours `taps` would continue onto them."""
        total = np.zeros((len(self.index), 3), np.float32)
        weight = np.zeros(len(self.index), np.float32)
        own = self.surface.point[self.index]
        for k in taps:
            j = self.tap[:, k]
            exists = (j >= 0).astype(np.float32)
            uv = self.carried(j, own)
            total += exists[:, None] * bilinear(self.image, uv)
            weight += exists
        self.colour[self.index] = total / np.maximum(weight, 1e-6)[:, None]

    def improve(self, iterations: int, random: np.random.Generator, progress: Progress) -> None:
        """PatchMatch sweeps: propagation along the patch's inner ring, then random search."""
        if len(self.index) == 0:
            return
        side = round(self.tap.shape[1] ** 0.5)
        middle = side // 2
        ring = [(middle + j) * side + middle + i for j in (-1, 0, 1) for i in (-1, 0, 1)]
        own = self.surface.point[self.index]
        source = np.flatnonzero(self.guide.source.ravel())
        self.vote(np.array(ring))
        everyone = np.arange(len(self.index))
        around = [k for k in ring if k != middle * side + middle]
        for sweep in range(iterations):
            for number, k in enumerate(around):
                uv = self.carried(self.tap[:, k], own)
                self.continued[:, number] = np.where(self.tap[:, k, None] >= 0, uv, -1e6)
            best = _Best(self, self.place[self.index], self.sign[self.index])
            if sweep == 0:
                best.offer(self.counterpart.place[self.rows], self.counterpart.sign[self.rows], self.rows)
            # Propagation: a neighbour's place, continued to here.
            for number, k in enumerate(around):
                progress((sweep + number / 12) / iterations, "continuing the texture")
                j = self.tap[:, k]
                usable = np.flatnonzero(j >= 0)
                uv = self.continued[usable, number]
                news = np.abs(uv - best.place[usable]).max(axis=1) > 0.3
                best.offer(uv[news], self.sign[j[usable[news]]], usable[news])
            # Random search: anywhere in the source, then around the best place in shrinking windows.
            flat = source[random.integers(0, len(source), len(self.index))]
            uv = np.stack([flat % self.width + 0.5, flat // self.width + 0.5], axis=1).astype(np.float32)
            best.offer(uv, best.sign, everyone)
            radius = 0.25 * max(self.width, self.height)
            while radius > 1.5:
                progress((sweep + 0.75) / iterations, "continuing the texture")
                jump = (random.random(best.place.shape, np.float32) * 2 - 1) * np.float32(radius)
                best.offer(best.place + jump, best.sign, everyone)
                radius /= 3.5
            progress((sweep + 0.95) / iterations, "continuing the texture")
            self.place[self.index], self.sign[self.index] = best.place, best.sign
            self._jacobians()
            self.vote(np.array(ring))


class _Best:
    """The cheapest place offered so far for each unseen point of a level, and the direction it is continued in."""

    def __init__(self, level: Level, place: NDArray[np.float32], sign: NDArray[np.float32]) -> None:
        self._level, self.place, self.sign = level, place, sign
        self._cost = level.cost(place, sign, np.arange(len(place)))

    def offer(self, uv: NDArray[np.float32], sign: NDArray[np.float32], rows: NDArray[np.intp]) -> None:
        """Take the places uv (m, 2) where they suit the points `rows` (m,) better."""
        level = self._level
        inside = level.guide.source.ravel()[nearest_index(uv, level.width, level.height)]
        rows, uv, sign = rows[inside], uv[inside], sign[inside]
        if len(rows) == 0:
            return
        cost = level.cost(uv, sign, rows)
        better = cost < self._cost[rows]
        self._cost[rows[better]] = cost[better]
        self.place[rows[better]], self.sign[rows[better]] = uv[better], sign[better]


def complete(
    surfaces: list[SurfacePoints],
    evidence: Evidence,
    ordinary: Ordinariness,
    planes: list[MirrorPlane],
    pixels_per_unit: float,
    patch: int,
    detail: float,
    seed: int,
    progress: Progress,
) -> Texture:
    """Places for all points of the finest of `surfaces` (coarse first)."""
    random = np.random.default_rng(seed)
    guide = Guide(
        features(evidence.position.reshape(-1, 3), evidence.normal.reshape(-1, 3), planes),
        evidence.object.ravel(),
        evidence.material.ravel(),
        ordinary.plain.ravel(),
        ordinary.texture.ravel(),
        evidence.source.ravel(),
        ordinary.mend.reshape(-1, 3),
        appearance(evidence, ordinary, pixels_per_unit),
    )
    shares = np.cumsum([0.0] + [4.0**k for k in range(len(surfaces))])
    shares /= shares[-1]
    previous: Level | None = None
    unlikely = np.zeros((0, 0), np.float32)
    for k, surface in enumerate(surfaces):
        report = part(progress, shares[k], shares[k + 1])
        report(0.0, "continuing the texture")
        level = Level(surface, evidence, guide, planes, pixels_per_unit, patch)
        if previous is None:
            unlikely = expected_classes(level, report)
            level.unlikely = unlikely[level.index]
            level.start_from_guides(random)
        else:
            level.unlikely = _interpolated(surfaces[0], unlikely, surface.point[level.index])
            level.start_from(previous)
        level.improve((8, 5, 3)[min(k, 2)], random, part(report, 0.1, 1.0))
        previous = level
    assert previous is not None
    return Texture(
        previous.surface,
        previous.place,
        previous.jacobian,
        _levelled(previous),
        previous.seen,
        previous.mirrored,
        _with_detail(evidence, detail, pixels_per_unit / 40),
    )


def _with_detail(evidence: Evidence, detail: float, sigma: float) -> NDArray[np.float32]:
    """The atlas with a share `detail`, 0 ... 1, of what is finer than `sigma` pixels."""
    if detail >= 1:
        return evidence.colour
    smooth = masked_gaussian(evidence.colour, (evidence.trust > 0.3).astype(np.float32), sigma)
    return (smooth + np.float32(detail) * (evidence.colour - smooth)).astype(np.float32)


def expected_classes(level: Level, progress: Progress) -> NDArray[np.float32]:
    """How little each typical mixture of colours is to be expected at each point, (N, c) 0 ... 1.

    The seen points' mixtures diffuse over the surface (a random walker), so that at a border between two
    colours the unseen side expects one or the other and not their mixture.
    """
    surface, guide = level.surface, level.guide
    near = neighbours(surface)
    flat = nearest_index(level.place, level.width, level.height)
    chance = np.zeros((len(surface), len(guide.look.typical)), np.float32)
    at = np.flatnonzero(level.known)
    chance[at, guide.look.kind[flat[at]]] = 1.0
    trusted = level.known * np.maximum(level.seen, SEEN) ** 2 * (0.05 + guide.texture[flat] ** 2)
    ways = _level_ways(surface, guide, near)
    report = part(progress, 0.0, 0.03)
    chance, arrived = diffuse(near, chance, trusted.astype(np.float32), 72, 0.97, ways, report)

    progress(0.03, "continuing the colours")
    usual = np.quantile(trusted[at], 0.5) if len(at) else 0.0  # a reference may show no point of this level
    far = 0.3 / (0.3 + arrived[level.index, None] / np.maximum(usual, 1e-3))
    chance[level.index] = (1 - far) * chance[level.index] + far * _likeness(level, progress)
    rows, pixel = level.usable_counterparts()
    chance[level.index[rows]] *= 0.5
    chance[level.index[rows], guide.look.kind[pixel]] += 0.5
    delta = guide.look.typical[:, None] - guide.look.typical
    apart = np.minimum((delta * delta).sum(axis=2) ** 2 / 0.015, 1.0)
    against = chance @ apart  # like mixtures count together
    unlikely = np.clip(3 * (against - against.min(axis=1, keepdims=True) - EITHER), 0, 1)
    return unlikely.astype(np.float32)


def _interpolated(
    surface: SurfacePoints, values: NDArray[np.float32], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Mean of the values (N, c) of the surface points around each of `points` (n, 3): no steps from voxel to voxel."""
    total = np.zeros((len(points), values.shape[1]), np.float32)
    count = np.zeros((len(points), 1), np.float32)
    for corner in np.ndindex(2, 2, 2):
        j = surface.nearest(points + (np.array(corner, np.float32) - 0.5) * surface.spacing)
        exists = (j >= 0)[:, None]
        total += values[j] * exists
        count += exists
    return total / np.maximum(count, 1)


def _likeness(level: Level, progress: Progress) -> NDArray[np.float32]:
    """Colour classes (u, c) of the source places that are most like the unseen points by geometry."""
    guide = level.guide
    source = np.flatnonzero(guide.source)
    some = source[np.linspace(0, len(source) - 1, min(1500, len(source))).astype(np.int64)]
    classes = np.zeros((len(some), len(guide.look.typical)), np.float32)
    classes[np.arange(len(some)), guide.look.kind[some]] = 1.0
    result = np.zeros((len(level.index), len(guide.look.typical)), np.float32)
    for rows, cost in level.guide_costs(some):
        progress(0.03 + 0.03 * rows[0] / len(level.index), "continuing the colours")
        alike = np.exp(-(cost - cost.min(axis=1, keepdims=True)) / LIKE)
        alike *= 0.02 + guide.texture[some]
        result[rows] = (alike @ classes) / alike.sum(axis=1, keepdims=True)
    return result


def _level_ways(surface: SurfacePoints, guide: Guide, near: NDArray[np.int32]) -> NDArray[np.float32]:
    """Conductance of the edges (N, m): colours spread round an object sooner than up, and hardly to other materials."""
    rise = np.abs(surface.point[near, 2] - surface.point[:, 2, None]) / surface.spacing
    shown = np.isin(surface.material, guide.material[guide.source])
    other = (surface.material[near] != surface.material[:, None]) & shown[near] & shown[:, None]
    return ((1 - 0.98 * other) / (1 + UPHILL * np.minimum(rise, 1) ** 2)).astype(np.float32)


def _levelled(level: Level, reach: int = 20) -> NDArray[np.float32]:
    """A smooth correction (N, 3) that closes the step between seen and continued colours and dies out away from it."""
    near = neighbours(level.surface)
    change = np.zeros((len(level.surface), 3), np.float32)
    border = level.known & ((near >= 0) & ~level.known[near]).any(axis=1)
    at = np.flatnonzero(border)
    if len(at) == 0 or len(level.index) == 0:
        return change
    total, count = np.zeros((len(at), 3), np.float32), np.zeros(len(at), np.float32)
    for column in range(near.shape[1]):
        j = near[at, column]
        use = (j >= 0) & ~level.known[j]
        uv = level.carried(j, level.surface.point[at])
        total += use[:, None] * (level.colour[at] - bilinear(level.image, uv))
        count += use
    step = total / np.maximum(count, 1)[:, None]
    size = np.abs(step).max(axis=1, keepdims=True)
    step *= np.clip((0.3 - size) / 0.15, 0, 1)  # a larger step is an edge of the pattern, not a change of tone
    values = np.zeros((len(level.surface), 3), np.float32)
    values[at] = step
    weight = np.zeros(len(level.surface), np.float32)
    weight[at] = 1.0
    weight[level.known & ~border] = 1e-9
    spread, strength = diffuse(near, values, weight, reach, keep=0.97)
    change[level.index] = (spread * np.clip(strength, 0, 1)[:, None])[level.index]
    return change
