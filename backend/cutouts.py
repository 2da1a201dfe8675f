# SPDX-License-Identifier: GPL-3.0-or-later
"""Holes that materials cut into faces, such as the cards of foliage (specs/blender-extension.md section 8).

A mesh that was read with them is seen through where its texture is transparent: by every pass, and by whatever asks
what is seen. A texel counts as a whole, so that all renderers agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5  # alpha from which on a texel is solid, where the material names no other

REACH = 8.0  # how far beyond a face its UVs are continued, in edges


@dataclass(frozen=True, eq=False)
class Cutout:
    """Where the faces of a material are solid.

    solid   bool (h, w), first row at the top; it repeats over the whole UV plane
    uv_map  the map that places it
    """

    solid: NDArray[np.bool_]
    uv_map: str


@dataclass(frozen=True, eq=False)
class Holes:
    """The cut-outs of a mesh, packed for look-ups.

    image  int32 (F,), row of `size` and `start`, -1 for faces without holes
    uv     float64 (F, 3, 2), V up
    size   int64 (n, 2), width and height; start int64 (n,), its first texel in `solid`; solid bool (texels,)
    """

    image: NDArray[np.int32]
    uv: NDArray[np.float64]
    size: NDArray[np.int64]
    start: NDArray[np.int64]
    solid: NDArray[np.bool_]

    def some(self, faces: NDArray[np.integer]) -> Holes:
        """Of these faces (m,), numbered anew."""
        return Holes(self.image[faces], self.uv[faces], self.size, self.start, self.solid)

    def is_solid(self, face: NDArray[np.integer], weights: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Whether places on faces (n,), as barycentric coordinates (n, 3) up to a factor, are solid: bool (n,)."""
        out = np.ones(len(face), bool)
        rows = np.flatnonzero(self.image[face] >= 0)
        if len(rows) == 0:
            return out
        corner, weight, image = self.uv[face[rows]], np.asarray(weights[rows], np.float64), self.image[face[rows]]
        total = weight[:, 0] + weight[:, 1] + weight[:, 2]
        cell = []
        for axis in range(2):
            parts = weight * corner[:, :, axis]
            place = (parts[:, 0] + parts[:, 1] + parts[:, 2]) / np.where(total > 0, total, 1.0)
            length = self.size[image, axis]
            cell.append(np.minimum(((place - np.floor(place)) * length).astype(np.int64), length - 1))
        width, height = self.size[image].T
        out[rows] = self.solid[self.start[image] + (height - 1 - cell[1]) * width + cell[0]]
        return out

    def is_solid_point(
        self,
        face: NDArray[np.integer],
        points: NDArray[np.floating],
        vertices: NDArray[np.floating],
        faces: NDArray[np.integer],
    ) -> NDArray[np.bool_]:
        """The same for points (n, 3) in the planes of faces (n,) of a mesh, also a little beyond their edges."""
        out = np.ones(len(face), bool)
        rows = np.flatnonzero(self.image[face] >= 0)
        corner = np.asarray(vertices[faces[face[rows]]], np.float64)
        a, b, p = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0], points[rows] - corner[:, 0]
        aa, ab, bb = (np.einsum("ij,ij->i", x, y) for x, y in ((a, a), (a, b), (b, b)))
        pa, pb = np.einsum("ij,ij->i", p, a), np.einsum("ij,ij->i", p, b)
        scale = np.maximum(aa * bb - ab * ab, 1e-30)
        v, w = (bb * pa - ab * pb) / scale, (aa * pb - ab * pa) / scale
        v, w = np.clip(v, -REACH, REACH), np.clip(w, -REACH, REACH)
        weights = np.stack([1 - v - w, v, w], axis=1)
        out[rows] = self.is_solid(np.asarray(face)[rows], weights)
        return out


def packed(
    cutouts: Mapping[int, Cutout], face_material: NDArray[np.int32], uv: Mapping[str, NDArray[np.float32]]
) -> Holes | None:
    """The cut-outs of a mesh's materials by number; None where no face has one. Arrays as in MeshData."""
    image = np.full(len(face_material), -1, np.int32)
    corner_uv = np.zeros((len(face_material), 3, 2))
    kept: list[NDArray[np.bool_]] = []
    for material, cutout in cutouts.items():
        placed = uv.get(cutout.uv_map)
        rows = np.flatnonzero(face_material == material)
        if placed is None or cutout.solid.all():
            continue
        rows = rows[np.isfinite(placed[rows]).all(axis=(1, 2))]
        image[rows], corner_uv[rows] = len(kept), placed[rows]
        kept.append(cutout.solid)
    if not (image >= 0).any():
        return None
    size = np.array([solid.shape[::-1] for solid in kept], np.int64)
    start = np.concatenate([[0], np.cumsum(size[:, 0] * size[:, 1])[:-1]]).astype(np.int64)
    return Holes(image, corner_uv, size, start, np.concatenate([solid.ravel() for solid in kept]))
