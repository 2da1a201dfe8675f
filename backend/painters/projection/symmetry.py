# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirror symmetry of the surface, found on its geometry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .surface import SurfacePoints

SHARE = 0.8  # of the surface must have a counterpart
MAX_POINTS = 20_000


@dataclass(frozen=True)
class MirrorPlane:
    """The plane p[axis] = offset; score: share of the surface that has a counterpart facing the mirrored way."""

    axis: int
    offset: float
    score: float

    def reflect(self, points: NDArray[np.floating]) -> NDArray[np.floating]:
        """Mirror images of points (..., 3)."""
        result = np.array(points)
        result[..., self.axis] = 2 * self.offset - result[..., self.axis]
        return result


def mirror_planes(surface: SurfacePoints, choice: str = "auto") -> list[MirrorPlane]:
    """Planes x = c and y = c that map the surface onto itself, x (left-right) first.

    choice auto: those with a score of at least SHARE, tried at the middle and around it; off: none; x, y: that one,
    taken as given at its best offset.
    """
    if choice == "off":
        return []
    result = []
    for axis, name in ((0, "x"), (1, "y")):
        if choice not in ("auto", name):
            continue
        middle = float(surface.point[:, axis].min() + surface.point[:, axis].max()) / 2
        centroid = float(surface.point[:, axis].mean())
        offsets = sorted({round(v, 6) for v in (middle, centroid, 0.0)} | {middle + k * 0.003 for k in (-2, -1, 1, 2)})
        planes = [MirrorPlane(axis, c, _score(surface, MirrorPlane(axis, c, 0.0))) for c in offsets]
        best = _settled(surface, max(planes, key=lambda plane: (plane.score, -abs(plane.offset - middle))))
        if choice == name or best.score >= SHARE:
            result.append(best)
    return result


def _settled(surface: SurfacePoints, plane: MirrorPlane) -> MirrorPlane:
    """The plane moved to the middle between the points and their counterparts, where that is better."""
    for _ in range(4):
        points, match, good = _counterparts(surface, plane)
        if not good.any():
            break
        middle = 0.5 * np.median((points + surface.point[match])[good, plane.axis])
        moved = MirrorPlane(plane.axis, float(middle), 0.0)
        plane = max(plane, MirrorPlane(plane.axis, moved.offset, _score(surface, moved)), key=lambda p: p.score)
    return plane


def _score(surface: SurfacePoints, plane: MirrorPlane) -> float:
    return float(_counterparts(surface, plane)[2].mean())


def _counterparts(
    surface: SurfacePoints, plane: MirrorPlane
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.bool_]]:
    """Some points (n, 3), the points (n,) nearest to their mirror images, and whether these are counterparts (n,)."""
    step = max(1, len(surface) // MAX_POINTS)
    points, normals = surface.point[::step], surface.normal[::step].copy()
    mirrored = plane.reflect(points)
    normals[:, plane.axis] *= -1
    match = surface.nearest(mirrored)
    distance = np.linalg.norm(surface.point[match] - mirrored, axis=1)
    facing = (surface.normal[match] * normals).sum(axis=1)
    return points, match, (match >= 0) & (distance < 2.0 * surface.spacing) & (facing > 0.6)
