# SPDX-License-Identifier: GPL-3.0-or-later
"""Unlit pictures of a mesh, from a colour function or from a baked texture, exact to the surface point."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look
from ..texturing.hits import Hits, texture_coordinates
from ..texturing.types import BakedTile, TextureTarget


def render(hits: Hits, colour: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3) of a colour function over white."""
    return hits.picture(colour(hits.point))


def render_texture(
    hits: Hits, mesh: MeshData, target: TextureTarget, tiles: Sequence[BakedTile]
) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3), in 0..1, of baked tiles over white, looked up bilinearly.

    Faces that are not in the target are left white.
    """
    uv = texture_coordinates(mesh, target, hits)
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
