# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a textured surface without light: a second's work where a render takes minutes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .host import TextureFiles
from .mesh import MeshData
from .orbits.cameras import Camera, orbit_cameras
from .png import read_png
from .texturing.hits import Hits, cast
from .texturing.uv_raster import sample_tile

STILL_SIZE = 1024  # pixels
Images = Sequence[Sequence[NDArray[np.integer]]]  # one per tile of each texture


def flat_still(mesh: MeshData, textures: Sequence[TextureFiles], size: int = STILL_SIZE) -> NDArray[np.uint8]:
    """The object from the front, a little from its side: uint8 (size, size, 4), straight alpha."""
    return textured_view(mesh, textures, read_textures(textures), orbit_cameras("H", 12, size)[1])


def read_textures(textures: Sequence[TextureFiles]) -> Images:
    """Raises InputError for a file that cannot be read."""
    return [[read_png(path) for path in texture.files] for texture in textures]


def textured_view(
    mesh: MeshData,
    textures: Sequence[TextureFiles],
    images: Images,
    camera: Camera,
) -> NDArray[np.uint8]:
    """The textured surface without light, uint8 (h, w, 4), straight alpha. images: one per tile of each texture."""
    hits = cast(mesh, camera)
    colour = np.ones((len(hits.index), 4), np.float32)
    colour[:, :3] = surface_colour(mesh, hits, textures, images)
    picture = hits.picture(colour, 0.0)
    alpha = picture[..., 3:]
    picture[..., :3] /= np.maximum(alpha, 1e-6)
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def surface_colour(mesh: MeshData, hits: Hits, textures: Sequence[TextureFiles], images: Images) -> NDArray[np.float32]:
    """The textures' colour at each hit, float32 (n, 3) in 0..1, looked up bilinearly; black where there is none."""
    colour = np.zeros((len(hits.index), 3), np.float32)
    for texture, tiles in zip(textures, images, strict=True):
        inside = np.isin(mesh.face_object[hits.triangle], texture.objects)
        if texture.material >= 0:
            inside &= mesh.face_material[hits.triangle] == texture.material
        rows = np.flatnonzero(inside)
        corner_uv = mesh.uv[texture.uv_map][hits.triangle[rows]]
        uv = np.einsum("nk,nkc->nc", hits.weights[rows], corner_uv)
        cell = np.floor(uv).astype(int)
        number = 1001 + cell[:, 0] + 10 * cell[:, 1]
        for tile, image in zip(texture.tiles, tiles, strict=True):
            there = number == tile if len(texture.tiles) > 1 else np.ones(len(rows), bool)
            colour[rows[there]] = sample_tile(image, uv[there] - cell[there])
    return colour
