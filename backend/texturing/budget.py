# SPDX-License-Identifier: GPL-3.0-or-later
"""What TextureOptimizer will need in memory, and a voxel grid that fits (specs/texture-optimizer.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import MemoryLimitError
from ..memory import available_bytes
from ..mesh import MeshData, face_normals
from ..painters.base import Frame
from .atlas import BLOCK_TEXELS
from .depth import CACHE_BYTES
from .types import FuseParams, TextureTarget

MIB = 2**20
SHARE = 0.7  # of the free memory, where no limit is given
LOWEST_GRID = 64
TOUCHED = 1.5  # voxels per voxel face of surface: the mean of |nx| + |ny| + |nz| over directions
WORKING = 100 * MIB  # blocks of the raster, of the flow and of the like, whatever the sizes


@dataclass(frozen=True)
class Budget:
    """Parameters that fit, the room left for kept depth maps, and sentences on what had to give."""

    params: FuseParams
    depth_cache: int
    planned: int
    warnings: tuple[str, ...] = ()


def fitting(
    mesh: MeshData,
    targets: Sequence[TextureTarget],
    views: Sequence[Frame],
    params: FuseParams,
    limit: int | None = None,
) -> Budget:
    """Lower what can be lowered until the plan stays below the limit: first kept depth maps, then the voxel grids.

    limit  bytes on top of what the process already holds; default: params.memory GiB, or where that is 0, 70 % of the
           memory that is free now; no limit where the system does not tell.
    Raises MemoryLimitError where the textures and frames alone are too much.
    """
    if limit is None:
        limit = int(params.memory * 2**30) if params.memory > 0 else int(SHARE * available_bytes())
    whole_cache = min(CACHE_BYTES, _depth_bytes(params, views))
    wanted = planned_bytes(mesh, targets, views, params)
    if limit <= 0 or wanted + whole_cache <= limit:
        return Budget(params, CACHE_BYTES, wanted + whole_cache)
    chosen = params
    while wanted > limit and chosen.grid > LOWEST_GRID:
        grid = max(LOWEST_GRID, chosen.grid * 3 // 4)
        chosen = replace(chosen, grid=grid, label_grid=min(chosen.label_grid, grid))
        wanted = planned_bytes(mesh, targets, views, chosen)
    if wanted > limit:
        raise MemoryLimitError(
            "memory-limit",
            f"Baking needs about {wanted / 2**30:.1f} GB of memory and {limit / 2**30:.1f} GB may be used.",
            "Use smaller textures or fewer views, or close other programs.",
        )
    warnings = ()
    if chosen.grid != params.grid:
        warnings = (
            f"The voxel grid was lowered from {params.grid} to {chosen.grid}, because {limit / 2**30:.1f} GB of memory "
            "may be used.",
        )
    room = min(CACHE_BYTES, limit - wanted)
    return Budget(chosen, room, wanted + min(_depth_bytes(chosen, views), room), warnings)


def planned_bytes(mesh: MeshData, targets: Sequence[TextureTarget], views: Sequence[Frame], params: FuseParams) -> int:
    """The most that `fuse` holds at any time on top of its arguments, without kept depth maps: an upper estimate.

    Voxels are counted as 1.5 area / voxel face. View selection: 22 K + 300 bytes a voxel; the voxel texture: 130 bytes
    a voxel and grid^3 / 5; textures: 7 bytes a texel (11 at 16 bit) for all, 22 more for the one in work.
    """
    area = float(np.nan_to_num(face_normals(mesh.vertices, mesh.faces)[1]).sum())
    one_map = max([_map_bytes(params, view) for view in views], default=0)
    coarse = TOUCHED * area * params.label_grid**2
    fine = TOUCHED * area * params.grid**2 if params.grid != params.label_grid else 0.0
    selection = (22 * params.candidates + 300) * coarse + params.label_grid**3 / 5
    texels = [target.size**2 for target in targets for _ in target.tiles]
    kept = (11 if params.bits == 16 else 7) * sum(texels)
    baking = 22 * max(texels, default=0) + 150 * min(BLOCK_TEXELS, max(texels, default=0))
    aligned = sum(view.image.nbytes for view in views) + 90 * MIB if params.alignment else 0
    sheets = sum(2 * view.image.shape[0] * view.image.shape[1] for view in views)
    always = 100 * coarse + aligned + sheets + 3 * one_map + 60 * len(mesh.faces) + WORKING
    return int(always + max(selection, kept + baking, kept + 130 * fine + params.grid**3 / 5))


def _map_bytes(params: FuseParams, view: Frame) -> int:
    longer = max(view.camera.width, view.camera.height)
    size = params.depth_map_size
    return round(4 * size * size * min(view.camera.width, view.camera.height) / longer)


def _depth_bytes(params: FuseParams, views: Sequence[Frame]) -> int:
    return sum(_map_bytes(params, view) for view in views)
