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
from ..texturing.uv_raster import sample_tile


def render(hits: Hits, colour: Callable[[NDArray[np.floating]], NDArray[np.floating]]) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3) of a colour function over white."""
    return hits.picture(colour(hits.point))


def render_texture(
    hits: Hits,
    mesh: MeshData,
    target: TextureTarget,
    tiles: Sequence[BakedTile],
    uv: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Picture float32 (height, width, 3), in 0..1, of baked tiles over white, looked up bilinearly.

    Faces that are not in the target are left white. uv: what `texture_coordinates` gives, where it is known already.
    """
    uv = texture_coordinates(mesh, target, hits) if uv is None else uv
    colour = np.ones((len(uv), 3), np.float32)
    whole = np.floor(uv)
    for tile in tiles:
        origin = np.array([(tile.tile - 1001) % 10, (tile.tile - 1001) // 10])
        inside = (whole == origin).all(axis=1)
        colour[inside] = sample_tile(tile.rgba, uv[inside] - origin)
    return hits.picture(colour)


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
