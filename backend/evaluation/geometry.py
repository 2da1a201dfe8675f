# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes built from rectangular grids of points, each with a rectangle of its own in the UV square."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData, normalisation_of, simple_mesh

# A grid of points float64 (rows, columns, 3). Seen from outside, columns run to the right and rows run up.
Patch = NDArray[np.float64]


def bilinear(corners: Sequence[Sequence[float]], rows: int = 8, columns: int = 8) -> Patch:
    """A patch over four corners given counter-clockwise as seen from outside, starting bottom left."""
    a, b, c, d = np.asarray(corners, np.float64)
    v, u = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, columns + 1), indexing="ij")
    u, v = u[..., None], v[..., None]
    return (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)


def hexahedron(bottom: Sequence[Sequence[float]], top: Sequence[Sequence[float]], cuts: int = 8) -> list[Patch]:
    """Six patches around a box-like body; `bottom` and `top` are counter-clockwise as seen from above."""
    a, b = [list(p) for p in bottom], [list(p) for p in top]
    sides = [bilinear([a[i], a[(i + 1) % 4], b[(i + 1) % 4], b[i]], cuts, cuts) for i in range(4)]
    return [*sides, bilinear(b, cuts, cuts), bilinear(a[::-1], cuts, cuts)]


def box(low: Sequence[float], high: Sequence[float], cuts: int = 8) -> list[Patch]:
    """Six patches of an axis-aligned box."""
    (x0, y0, z0), (x1, y1, z1) = low, high
    ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return hexahedron([(*p, z0) for p in ring], [(*p, z1) for p in ring], cuts)


def lathe(profile: Sequence[Sequence[float]] | NDArray[np.floating], segments: int = 64) -> Patch:
    """The polyline `profile` of (radius, z) turned about the Z axis; outside lies to the right of its direction."""
    radius, height = np.asarray(profile, np.float64).T
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    return np.stack([x, y, np.broadcast_to(height[:, None], x.shape)], axis=-1)


def disc(centre: Sequence[float], right: NDArray[np.float64], up: NDArray[np.float64], cuts: int = 8) -> Patch:
    """A flat disc; `right` and `up` are vectors as long as the radius."""
    v, u = np.meshgrid(np.linspace(-1, 1, cuts + 1), np.linspace(-1, 1, cuts + 1), indexing="ij")
    x, y = u * np.sqrt(1 - v**2 / 2), v * np.sqrt(1 - u**2 / 2)
    return np.asarray(centre, np.float64) + x[..., None] * right + y[..., None] * up


def tube(path: NDArray[np.floating], radius: float, segments: int = 16) -> list[Patch]:
    """A capped tube along the points `path` (n, 3)."""
    path = np.asarray(path, np.float64)
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.eye(3)[np.abs(tangent[0]).argmin()]
    rights, ups = [], []
    for t in tangent:  # carried along, so that the tube does not twist
        side = side - t * (side @ t)
        side /= np.linalg.norm(side)
        rights.append(radius * side)
        ups.append(radius * np.cross(t, side))
    right, up = np.array(rights), np.array(ups)
    angle = np.linspace(0, 2 * np.pi, segments + 1)[None, :, None]
    wall = path[:, None] + np.cos(angle) * right[:, None] + np.sin(angle) * up[:, None]
    return [wall, disc(path[-1], right[-1], up[-1]), disc(path[0], -right[0], up[0])]


def line(start: Sequence[float], end: Sequence[float], cuts: int = 12) -> NDArray[np.float64]:
    """Points (cuts + 1, 3) of a straight path."""
    t = np.linspace(0, 1, cuts + 1)[:, None]
    return (1 - t) * np.asarray(start, np.float64) + t * np.asarray(end, np.float64)


def mesh_of(patches: Sequence[Patch], gap: float = 0.004) -> MeshData:
    """One normalised mesh of all patches, with a UV map that has no overlaps and an even texel density.

    gap: distance between the rectangles of neighbouring patches, in UV units.
    """
    points = np.concatenate([p.reshape(-1, 3) for p in patches])
    vertices = normalisation_of(points).apply(points)
    sizes = np.array([_extent(p) for p in patches])
    corners, scale = _packed(sizes, gap)
    faces, uvs, start = [], [], 0
    for patch, size, corner in zip(patches, sizes, corners, strict=True):
        rows, columns = patch.shape[:2]
        index = start + np.arange(rows * columns).reshape(rows, columns)
        start += rows * columns
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
        faces.append(np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=2).reshape(-1, 3))
        v, u = np.meshgrid(_arc(patch, 0), _arc(patch, 1), indexing="ij")
        uvs.append((corner + np.stack([u, v], -1) * size * scale).reshape(-1, 2))
    face = np.concatenate(faces)
    return simple_mesh(vertices, face, np.concatenate(uvs)[face])


def _arc(patch: Patch, axis: int) -> NDArray[np.float64]:
    """Mean distance travelled along one axis of a patch, from 0 to 1."""
    other = 1 - axis
    length = np.linalg.norm(np.diff(patch, axis=axis), axis=-1).mean(axis=other)
    travelled = np.concatenate([[0.0], np.cumsum(length)])
    return travelled / travelled[-1]


def _extent(patch: Patch) -> tuple[float, float]:
    """Mean width and height of a patch."""
    width = np.linalg.norm(np.diff(patch, axis=1), axis=-1).sum(axis=1).mean()
    height = np.linalg.norm(np.diff(patch, axis=0), axis=-1).sum(axis=0).mean()
    return float(width), float(height)


def _packed(sizes: NDArray[np.float64], gap: float) -> tuple[NDArray[np.float64], float]:
    """Lower left corners (n, 2) of rectangles in the unit square, and the scale of their sizes: shelf packing."""
    low, high = 0.0, 1.0 / sizes.max()
    best = np.zeros_like(sizes)
    for _ in range(40):
        scale = (low + high) / 2
        corners = _shelves(sizes * scale, gap)
        if corners is None:
            high = scale
        else:
            low, best = scale, corners
    return best, low


def _shelves(sizes: NDArray[np.float64], gap: float) -> NDArray[np.float64] | None:
    """Corners of rectangles set on shelves of the unit square, tallest first; None where they do not fit."""
    corners = np.zeros_like(sizes)
    x, y, shelf = gap, gap, 0.0
    for i in np.lexsort([np.arange(len(sizes)), -sizes[:, 1]]):
        width, height = sizes[i]
        if x + width + gap > 1:
            x, y, shelf = gap, y + shelf + gap, 0.0
        if x + width + gap > 1 or y + height + gap > 1:
            return None
        corners[i] = x, y
        x += width + gap
        shelf = max(shelf, height)
    return corners
