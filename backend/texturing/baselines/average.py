# SPDX-License-Identifier: GPL-3.0-or-later
"""Blending: every texel is the weighted mean of all views that see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData, face_normals
from ...painters.base import Frame
from ...progress import Progress, silent
from ..atlas import texel_points
from ..depth import DepthSource
from ..margin import fill_margin
from ..types import UNOBSERVED, UNOWNED, BakedTile, FuseParams, TextureTarget
from ..uv_raster import claim_texels
from ..visibility import sample_frame, visible

VOXEL = 1 / 256  # unit of the visibility tolerance


def average_texture(
    mesh: MeshData, target: TextureTarget, frames: Sequence[Frame], power: float = 0.0, progress: Progress = silent
) -> list[BakedTile]:
    """Mean of the views' colours with weights cos^power of the viewing angle; power 0 is the uniform average.

    Labels are 0 where any view sees the texel. Unseen texels get the nearest seen colour in the atlas.
    Memory: 60 bytes an owned texel.
    """
    params = FuseParams()
    cameras = [frame.camera for frame in frames]
    depth = DepthSource(mesh.vertices, mesh.faces, cameras, params.depth_size, holes=mesh.holes)
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    corners = mesh.triangles[target.faces].astype(np.float64)
    tiles = []
    for number, tile in enumerate(target.tiles):
        owner = claim_texels(target.uv, target.size, tile)
        texels = np.flatnonzero(owner >= 0)
        triangle = owner.reshape(-1)[texels]
        points = texel_points(target.uv.astype(np.float64), corners, triangle, texels, target.size)
        normal = normals[target.faces[triangle]].astype(np.float32)
        total, weight = np.zeros((len(texels), 3)), np.zeros(len(texels))
        for view, frame in enumerate(frames):
            progress((number + view / len(frames)) / len(target.tiles), f"averaging view {view + 1}")
            map_, camera = depth.depth(view)
            sees, cosine, uv = visible(
                points, normal, frame.camera, map_, camera, VOXEL, params,
                tolerance_voxels=3, double_sided=True, alpha=frame.image[..., 3],
            )  # fmt: skip
            rows = np.flatnonzero(sees)
            colour, _ = sample_frame(frame.image, uv[rows, 0], uv[rows, 1])
            share = cosine[rows].astype(np.float64) ** power
            total[rows] += share[:, None] * colour[:, :3]
            weight[rows] += share
        seen = weight > 0
        tiles.append(tile_of(tile, owner, texels[seen], total[seen] / weight[seen, None]))
    return tiles


def tile_of(tile: int, owner: NDArray[np.int32], texels: NDArray[np.int64], colour: NDArray[np.floating]) -> BakedTile:
    """A tile from colours (n, 3) in 0..255 of some texels (flat indices); all others get the nearest of them.

    owner int32 (S, S): triangle of each texel, -1 for none.
    """
    size = len(owner)
    label = np.where(owner >= 0, UNOBSERVED, UNOWNED).astype(np.int16)
    label.reshape(-1)[texels] = 0
    rgba = np.zeros((size, size, 4), np.float32)
    rgba.reshape(-1, 4)[texels, :3] = colour
    fill_margin(rgba, np.where(label == 0, owner, -1), size)
    rgba[..., 3] = 255
    confidence = np.where(label == 0, 255, 0).astype(np.uint8)
    return BakedTile(tile, np.clip(np.rint(rgba), 0, 255).astype(np.uint8), label, confidence)
