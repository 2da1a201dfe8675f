# SPDX-License-Identifier: GPL-3.0-or-later
"""What the registered references say about the surface, packed into one image that everything samples.

The references stand one above the other in an *atlas*; a place in any of them is one pair of atlas coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...orbits.cameras import Camera
from ...texturing import accel
from .gbuffer import GeometryBuffer
from .sampling import bilinear, bleed, local_maximum, local_minimum, nearest_index
from .surface import tangent_frame

GRAZING = (0.01, 0.03)  # cosine range over which a reference fades in, so that a side two pixels wide keeps its own
FIRM = (0.10, 0.26)  # cosine range over which it becomes something to continue from
SOURCE_COSINE = 0.3  # steeper places only are copied from
THIN, THIN_PIXELS = 0.02, 200  # share of source pixels below which a kind of surface counts as thin; pixels it needs
EDGE = 0.012  # depth step of an occlusion, unit lengths
PLANE = 0.002  # distance between a point and the surface seen at a pixel, unit lengths
MIRROR_SLACK = 0.008  # the same for mirror images: no mesh is exactly symmetric
SHEET = 2e-4  # the two sides of a sheet without thickness are one surface


@dataclass(frozen=True, eq=False)
class Picture:
    """A registered reference: colour (h, w, 3) and alpha (h, w) float32 0 ... 1, and the geometry behind it."""

    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]
    buffer: GeometryBuffer


@dataclass(frozen=True, eq=False)
class Evidence:
    """The atlas, height H and width W.

    cameras, rows    per reference: its camera and its first row in the atlas
    colour     float32 (H, W, 3), continued beyond the part of the surface that is shown well
    trust      float32 (H, W): how much the colour may be taken for that of the surface seen there
    source     bool (H, W): good enough to continue texture from
    position, normal  float32 (H, W, 3); object, material int32 (H, W), -1 outside
    jacobian   float32 (H, W, 2, 2): pixels per unit length along the surface's right and down
    """

    cameras: Sequence[Camera]
    rows: Sequence[int]
    colour: NDArray[np.float32]
    trust: NDArray[np.float32]
    source: NDArray[np.bool_]
    position: NDArray[np.float32]
    normal: NDArray[np.float32]
    object: NDArray[np.int32]
    material: NDArray[np.int32]
    jacobian: NDArray[np.float32]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the atlas."""
        return self.trust.shape[1], self.trust.shape[0]

    def look(
        self, reference: int, points: NDArray[np.floating], normals: NDArray[np.floating], slack: float = PLANE
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Atlas coordinates (n, 2) of `points` (n, 3) in a reference, and the trust in what is there (n,), 0 ... 1.

        Visible is what lies on the surface that the surrounding pixels see (a distance to their tangent planes, so
        slopes need no tolerance) and faces the camera. `normals` decide the side only.
        """
        camera, row = self.cameras[reference], self.rows[reference]
        uv, depth = camera.project(points)
        inside = (depth > 1e-6) & (uv >= 0).all(axis=1) & (uv[:, 0] < camera.width) & (uv[:, 1] < camera.height)
        facing = (camera.towards(points) * normals).sum(axis=1) > 0.02
        atlas = (uv + np.array([0, row])).astype(np.float32)
        trust = np.zeros(len(points), np.float32)
        at = np.flatnonzero(inside)
        # Five pixels at the point's depth; what is much farther than that from the surface seen there is hidden.
        limit = 5.0 / (camera.focal if camera.orthographic else camera.focal / np.maximum(depth[at], 1e-6))
        away = points[at] - self.position.reshape(-1, 3)[nearest_index(atlas[at], *self.size)]
        near = (away * away).sum(axis=1) < (5 * limit) ** 2
        at, limit = at[near], np.broadcast_to(limit, len(at))[near]
        if len(at) == 0:
            return atlas, trust
        visible = self._visible(reference, uv[at], points[at].astype(np.float32), facing[at], limit, slack)
        trust[at] = visible * bilinear(self.trust, atlas[at])
        return atlas, trust

    def _visible(
        self,
        reference: int,
        uv: NDArray[np.float64],
        points: NDArray[np.float32],
        front: NDArray[np.bool_],
        limit: NDArray[np.float64],
        slack: float,
    ) -> NDArray[np.float32]:
        """Share (n,) of the four pixels around uv (n, 2) whose surface the points lie on; `limit` is five pixels."""
        camera, row = self.cameras[reference], self.rows[reference]
        position, normal = self.position.reshape(-1, 3), self.normal.reshape(-1, 3)
        part = self.object.ravel()
        if accel.NUMBA:
            from .kernels import visible_share

            out = np.empty(len(uv), np.float32)
            size = (camera.width, camera.height, row, self.size[0])
            visible_share(uv, points, front, limit, position, normal, part, *size, slack, SHEET, out)
            return out
        corner = np.floor(uv - 0.5)
        fraction = uv - 0.5 - corner
        passed, possible = np.zeros(len(uv), np.float32), np.zeros(len(uv), np.float32)
        for dj in (0, 1):
            for di in (0, 1):
                i = np.clip(corner[:, 0] + di, 0, camera.width - 1).astype(np.int64)
                j = np.clip(corner[:, 1] + dj, 0, camera.height - 1).astype(np.int64) + row
                flat = j * self.size[0] + i
                weight = np.abs(1 - di - fraction[:, 0]) * np.abs(1 - dj - fraction[:, 1])
                weight = (weight * (part[flat] >= 0)).astype(np.float32)
                away = points - position[flat]
                length = np.sqrt((away * away).sum(axis=1))
                plane = np.abs((away * normal[flat]).sum(axis=1))
                same = (plane < slack + 0.08 * length) & (length < limit * 4) & (front | (plane < SHEET))
                passed += weight * same
                possible += weight
        return np.where(possible > 0.05, passed / np.maximum(possible, 0.05), 0).astype(np.float32)


def gather(pictures: Sequence[Picture]) -> Evidence:
    """Pack registered references."""
    width = max(p.alpha.shape[1] for p in pictures)
    parts = [_examine(p) for p in pictures]

    def packed(k: int, fill: float = 0) -> NDArray:
        rows = []
        for part in parts:
            image = part[k]
            pad = [(0, 0), (0, width - image.shape[1])] + [(0, 0)] * (image.ndim - 2)
            rows.append(np.pad(image, pad, constant_values=fill))
        return np.ascontiguousarray(np.concatenate(rows))

    heights = [p.alpha.shape[0] for p in pictures]
    return Evidence(
        [p.buffer.camera for p in pictures],
        [int(sum(heights[:k])) for k in range(len(heights))],
        packed(0),
        packed(1),
        packed(2),
        packed(3),
        packed(4),
        packed(5, -1),
        packed(6, -1),
        packed(7),
    )


def _examine(picture: Picture) -> tuple[NDArray, ...]:
    """The atlas layers of one reference, in the order of Evidence's fields from `colour` on."""
    buffer, alpha = picture.buffer, picture.alpha
    camera = buffer.camera
    opaque = np.clip((alpha - 0.5) / 0.4, 0, 1)
    cosine = buffer.cosine
    steep = np.clip((cosine - GRAZING[0]) / (GRAZING[1] - GRAZING[0]), 0, 1)
    # Occlusion edges: the far side carries some of the near side's colour.
    depth = np.where(buffer.mask, buffer.depth, np.float32(9.0))
    pixel = 1.0 / (
        camera.focal if camera.orthographic else camera.focal / max(float(np.median(depth[buffer.mask])), 1e-6)
    )
    slope = np.sqrt(np.maximum(1 - cosine**2, 0)) / np.maximum(cosine, 0.1)
    scale = max(1, round(max(alpha.shape) / 640))
    step = EDGE + 2.0 * scale * pixel * np.minimum(slope, 8)
    hidden = depth - local_minimum(depth, scale) > step
    hiding = buffer.mask & (local_maximum(np.where(buffer.mask, depth, -9.0), scale) - depth > step)
    trust = (steep * opaque * buffer.mask * ~hidden).astype(np.float32)
    inner = local_minimum((alpha > 0.9).astype(np.float32), 2 * scale) > 0
    rim = local_maximum((hidden | hiding).astype(np.float32), scale) > 0
    same = buffer.material * 4096 + buffer.object
    mixed = local_maximum(same.astype(np.float32), 1) != local_minimum(same.astype(np.float32), 1)
    source = buffer.mask & inner & (cosine > SOURCE_COSINE) & ~rim & ~mixed
    if source.sum() < 50:  # very thin things: take what there is
        source = buffer.mask & (alpha > 0.5)
    else:
        source |= _thin(same, source, buffer.mask & (alpha > 0.5) & (cosine > SOURCE_COSINE))
    shown = trust > 0.3
    if not shown.any():  # surface seen from its edge
        shown = alpha > 0.5
    colour = bleed(picture.colour, shown.astype(np.float32))
    right, down = tangent_frame(buffer.normal)
    at = camera.project(buffer.position)[0]
    small = 1e-3
    columns = [(camera.project(buffer.position + small * t)[0] - at) / small for t in (right, down)]
    jacobian = np.where(buffer.mask[..., None, None], np.stack(columns, axis=-1), 0).astype(np.float32)
    return (
        colour.astype(np.float32),
        trust,
        source,
        buffer.position,
        buffer.normal,
        buffer.object,
        buffer.material,
        jacobian,
    )


def _thin(kind: NDArray[np.int32], source: NDArray[np.bool_], shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is `shown` of kinds of surface, int (h, w), that have nearly no source: a tree's leaves, not its trunk."""
    kinds, index = np.unique(kind[shown], return_inverse=True)
    count = np.bincount(index, minlength=len(kinds))
    good = np.bincount(index, weights=source[shown], minlength=len(kinds))
    thin = np.zeros(kind.shape, bool)
    thin[shown] = ((count > THIN_PIXELS) & (good < THIN * count))[index]
    return thin


def see(
    evidence: Evidence, points: NDArray[np.floating], normals: NDArray[np.floating], slack: float = PLANE
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """The best view of each point: atlas coordinates (n, 2), reference index (n,), -1 where unseen, and the trust (n,)
    in it as something to continue from, which steep views lose first. Order: place, trust, index.
    """
    best = np.zeros(len(points), np.float32)
    place = np.zeros((len(points), 2), np.float32)
    which = np.full(len(points), -1, np.int32)
    for k, camera in enumerate(evidence.cameras):
        uv, trust = evidence.look(k, points, normals, slack)
        facing = np.abs((camera.towards(points) * normals).sum(axis=1)).astype(np.float32)
        score = trust * (0.05 + facing)
        better = score > best
        place[better], which[better] = uv[better], k
        best[better] = score[better]
    at = which >= 0
    facing = np.zeros(len(points), np.float32)
    facing[at] = np.abs(_facing(evidence, points[at], normals[at], which[at]))
    firm = np.clip((facing - FIRM[0]) / (FIRM[1] - FIRM[0]), 0, 1)
    return place, firm * best / (0.05 + facing), which


def _facing(
    evidence: Evidence, points: NDArray[np.floating], normals: NDArray[np.floating], which: NDArray[np.int32]
) -> NDArray[np.float32]:
    result = np.zeros(len(points), np.float32)
    for k, camera in enumerate(evidence.cameras):
        at = which == k
        result[at] = (camera.towards(points[at]) * normals[at]).sum(axis=1)
    return result


def jacobian_at(evidence: Evidence, uv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Jacobian (n, 2, 2) at atlas coordinates (n, 2)."""
    width, height = evidence.size
    return evidence.jacobian.reshape(-1, 2, 2)[nearest_index(uv, width, height)]
