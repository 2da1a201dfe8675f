# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface points behind the samples of a picture, with the triangles they lie on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import Camera
from .depth import depth_map
from .types import TextureTarget


@dataclass(frozen=True, eq=False)
class Hits:
    """What the samples of a picture hit, `supersample`^2 samples a pixel in row order of the finer picture.

    camera    of the picture itself
    index     int64 (n,), samples that hit a triangle, in the finer picture of (s * height) x (s * width)
    triangle  int32 (n,)
    weights   float32 (n, 3), barycentric
    point     float32 (n, 3)
    """

    camera: Camera
    supersample: int
    index: NDArray[np.int64]
    triangle: NDArray[np.int32]
    weights: NDArray[np.float32]
    point: NDArray[np.float32]

    def picture(self, colour: NDArray[np.floating], background: float = 1.0) -> NDArray[np.float32]:
        """Box-filtered picture float32 (height, width, channels) of one colour per hit over a plain background."""
        s, height, width = self.supersample, self.camera.height, self.camera.width
        fine = np.full((height * s * width * s, colour.shape[1]), background, np.float32)
        fine[self.index] = colour
        return fine.reshape(height, s, width, s, -1).mean(axis=(1, 3))

    def mask(self) -> NDArray[np.bool_]:
        """Pixels of which at least half the samples hit the object, bool (height, width)."""
        return self.picture(np.ones((len(self.index), 1), np.float32), 0.0)[..., 0] >= 0.5


def cast(mesh: MeshData, camera: Camera, supersample: int = 2) -> Hits:
    """First hits of a regular grid of supersample^2 rays a pixel."""
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    _, triangle = depth_map(mesh.vertices, mesh.faces, fine, holes=mesh.holes)
    index = np.flatnonzero(triangle >= 0)
    hit = triangle.reshape(-1)[index].astype(np.int32)
    pixels = np.stack([index % fine.width + 0.5, index // fine.width + 0.5], axis=-1)
    origin, direction = fine.rays(pixels)
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces[hit]].astype(np.float64), 1, 0)
    # Moeller-Trumbore with the triangle known; clipped, because a pixel centre may lie a rounding error outside.
    p = np.cross(direction, c - a)
    scale = np.einsum("ij,ij->i", b - a, p)
    scale = np.where(np.abs(scale) > 1e-15, scale, 1e-15)
    offset = origin - a
    u = np.einsum("ij,ij->i", offset, p) / scale
    v = np.einsum("ij,ij->i", direction, np.cross(offset, b - a)) / scale
    weights = np.clip(np.stack([1 - u - v, u, v], axis=-1), 0, 1)
    weights /= weights.sum(axis=1, keepdims=True)
    point = weights[:, :1] * a + weights[:, 1:2] * b + weights[:, 2:] * c
    return Hits(camera, supersample, index, hit, weights.astype(np.float32), point.astype(np.float32))


def texture_coordinates(mesh: MeshData, target: TextureTarget, hits: Hits) -> NDArray[np.float32]:
    """UV float32 (n, 2) of each hit; not a number on faces that the target does not have."""
    corner_uv = np.full((len(mesh.faces), 3, 2), np.nan, np.float32)
    corner_uv[target.faces] = target.uv
    return np.einsum("ij,ijk->ik", hits.weights, corner_uv[hits.triangle])
