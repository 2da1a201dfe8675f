# SPDX-License-Identifier: GPL-3.0-or-later
"""What the readers return, and the cutting of polygons into triangles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


class DamagedFileError(Exception):
    """What is wrong with a file, in words that fit into "'x.obj' cannot be read: …"."""


@dataclass(frozen=True, eq=False)
class Material:
    """double_sided: its faces are seen from both sides."""

    name: str
    double_sided: bool = True


@dataclass(frozen=True, eq=False)
class Part:
    """One object of a file.

    vertices  float64 (n, 3), in its own frame; matrix: float64 (4, 4), from there to the world, Z up
    faces     int32 (m, 3); loop: int32 (m, 3), source corner; polygon: int32 (m,), source polygon
    normals   float32 (m, 3, 3), zero where a face is flat; None if all are
    uv        name -> float32 (m, 3, 2), V up
    material  int32 (m,), index into materials, -1 for none
    shares    equal for parts that are one mesh placed several times
    """

    name: str
    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    loop: NDArray[np.int32]
    polygon: NDArray[np.int32]
    normals: NDArray[np.float32] | None = None
    uv: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    material: NDArray[np.int32] | None = None
    materials: tuple[Material, ...] = ()
    matrix: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))
    shares: Hashable = None


def triangulate(
    vertices: NDArray[np.float64], corners: NDArray[np.int32], counts: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Corner indices int32 (m, 3) and polygon int32 (m,) of triangles, in the order of the polygons.

    corners: vertex of each corner (L,); counts: corners of each polygon (P,). Quads are cut from their first corner, or
    the other way where that would fold them; larger polygons by cutting off ears.
    """
    starts = np.cumsum(counts) - counts
    loops = [np.zeros((0, 3), np.int64)]
    owners = [np.zeros(0, np.int64)]
    for count, pattern in ((3, [(0, 1, 2)]), (4, [(0, 1, 2), (0, 2, 3)])):
        polygons = np.flatnonzero(counts == count)
        cut = starts[polygons, None, None] + np.array(pattern)
        if count == 4:
            fold = _folds(vertices[corners[starts[polygons, None] + np.arange(4)]])
            cut[fold] = starts[polygons[fold], None, None] + np.array([(0, 1, 3), (1, 2, 3)])
        loops.append(cut.reshape(-1, 3))
        owners.append(np.repeat(polygons, len(pattern)))
    for polygon in np.flatnonzero(counts > 4):
        ring = np.arange(starts[polygon], starts[polygon] + counts[polygon])
        cut = _cut_ears(vertices[corners[ring]])
        loops.append(ring[cut])
        owners.append(np.full(len(cut), polygon))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return np.concatenate(loops)[order].astype(np.int32), owner[order].astype(np.int32)


def _folds(quads: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the cut from corner 0 to 2 gives triangles that face opposite ways, quads (n, 4, 3)."""
    diagonal = quads[:, 2] - quads[:, 0]
    one, two = np.cross(quads[:, 1] - quads[:, 0], diagonal), np.cross(diagonal, quads[:, 3] - quads[:, 0])
    return (one * two).sum(axis=1) < 0


def _cut_ears(ring: NDArray[np.float64]) -> NDArray[np.intp]:
    """Triangles (n - 2, 3) of one polygon (n, 3), seen along its mean normal (Newell 1972; Meisters 1975)."""
    ahead = np.roll(ring, -1, axis=0)
    normal = np.cross(ring - ring.mean(axis=0), ahead - ring.mean(axis=0)).sum(axis=0)
    flat = ring[:, np.argsort(np.abs(normal))[:2]]
    area = _turn(flat[0], flat, np.roll(flat, -1, axis=0)).sum()
    if area < 0:
        flat = flat * (1, -1)
    left = list(range(len(ring)))
    cut = []
    while len(left) > 3:
        for at in range(len(left)):
            a, b, c = left[at - 1], left[at], left[(at + 1) % len(left)]
            others = [i for i in left if i not in (a, b, c)]
            p = flat[others]
            inside = (
                (_turn(flat[a], flat[b], p) >= 0)
                & (_turn(flat[b], flat[c], p) >= 0)
                & (_turn(flat[c], flat[a], p) >= 0)
            )
            if _turn(flat[a], flat[b], flat[c]) > 0 and not inside.any():
                break
        else:
            at = 0  # crosses itself: any cut is as good
            a, b, c = left[-1], left[0], left[1]
        cut.append((a, b, c))
        del left[at]
    return np.array([*cut, tuple(left)])


def _turn(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any]) -> Any:
    """Twice the signed area of triangles a, b, c (..., 2)."""
    return (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])


def smooth_normals(
    vertices: NDArray[np.float64], corners: NDArray[np.int32], counts: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Vertex normals (n, 3) as if all polygons were smooth: polygon normals weighted by the angle at the corner."""
    ends = np.cumsum(counts)
    ahead = np.arange(1, len(corners) + 1)
    ahead[ends - 1] = ends - counts
    behind = np.empty_like(ahead)
    behind[ahead] = np.arange(len(corners))
    polygon = np.repeat(np.arange(len(counts)), counts)
    points = vertices[corners]
    normal = np.zeros((len(counts), 3))
    np.add.at(normal, polygon, np.cross(points - points[(ends - counts)[polygon]], points[ahead] - points))
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    one, two = points[ahead] - points, points[behind] - points
    angle = np.arctan2(np.linalg.norm(np.cross(one, two), axis=1), (one * two).sum(axis=1))
    total = np.zeros_like(vertices)
    np.add.at(total, corners, normal[polygon] * angle[:, None])
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-300)


def check_indices(index: NDArray[np.integer], count: int) -> None:
    """Raises DamagedFileError for an index outside 0 … count - 1."""
    if len(index) and (index.min() < 0 or index.max() >= count):
        raise DamagedFileError("a face names a vertex that does not exist")


def unsupported(name: str, what: str) -> InputError:
    """For files that are fine but need Blender to be read."""
    return InputError("model-unsupported", f"'{name}' {what}.", "Export it without, or run this with Blender.")
