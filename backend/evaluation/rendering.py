# SPDX-License-Identifier: GPL-3.0-or-later
"""Unlit pictures of a mesh, from a colour function or from a baked texture, exact to the surface point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look
from ..texturing.depth import depth_map
from ..texturing.types import BakedTile, TextureTarget


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
    """First hits of a regular grid of supersample^2 rays a pixel. Square pictures only."""
    fine = camera.resized(camera.width * supersample, camera.height * supersample)
    _, triangle = depth_map(mesh.vertices, mesh.faces, fine, fine.width)
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


def render(hits: Hits, colour: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3) of a colour function over white."""
    return hits.picture(colour(hits.point))


def render_texture(
    hits: Hits, mesh: MeshData, target: TextureTarget, tiles: Sequence[BakedTile]
) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3), in 0..1, of baked tiles over white, looked up bilinearly.

    Faces that are not in the target are left white.
    """
    corner_uv = np.full((len(mesh.faces), 3, 2), np.nan, np.float32)
    corner_uv[target.faces] = target.uv
    uv = np.einsum("ij,ijk->ik", hits.weights, corner_uv[hits.triangle])
    colour = np.ones((len(uv), 3), np.float32)
    whole = np.floor(uv)
    for tile in tiles:
        origin = np.array([(tile.tile - 1001) % 10, (tile.tile - 1001) // 10])
        inside = (whole == origin).all(axis=1)
        colour[inside] = sample_tile(tile.rgba, uv[inside] - origin)
    return hits.picture(colour)


def sample_tile(image: NDArray[np.integer], uv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Bilinear lookup of an image (S, S, 3 or 4), row 0 at V = 1, at uv (n, 2) in 0..1: float32 (n, 3) in 0..1."""
    size = image.shape[0]
    x = np.clip(uv[:, 0] * size - 0.5, 0, size - 1)
    y = np.clip((1 - uv[:, 1]) * size - 0.5, 0, size - 1)
    column, row = np.minimum(x.astype(int), size - 2), np.minimum(y.astype(int), size - 2)
    fx, fy = (x - column)[:, None], (y - row)[:, None]
    rgb = image[..., :3].astype(np.float32) / np.iinfo(image.dtype).max
    top = (1 - fx) * rgb[row, column] + fx * rgb[row, column + 1]
    bottom = (1 - fx) * rgb[row + 1, column] + fx * rgb[row + 1, column + 1]
    return ((1 - fy) * top + fy * bottom).astype(np.float32)


def held_out_cameras(size: int = 512, count: int = 20) -> list[Camera]:
    """Views that are on neither orbit: even azimuths, 7 degrees off, elevations cycling -50 -30 -15 15 30 50."""
    cameras = []
    for i in range(count):
        azimuth = np.deg2rad(360 * i / count + 7 - 90)
        elevation = np.deg2rad((-50, -30, -15, 15, 30, 50)[i % 6])
        position = DISTANCE * np.array(
            [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)]
        )
        matrix = look(position.tolist(), (0, 0, 1))
        cameras.append(Camera(matrix, size, size, FOCAL_PER_WIDTH * size, (size / 2, size / 2)))
    return cameras
