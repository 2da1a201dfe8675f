# SPDX-License-Identifier: GPL-3.0-or-later
"""The voxel colourings that Ink3D compares: greedy, horizontal orbit first, and its Markov random field (Eq. 8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...mesh import MeshData
from ...painters.base import Frame, PaintedFrames
from ...progress import Progress, silent
from ..fuse import fuse
from ..types import BakedTile, FuseParams, TextureTarget


def greedy_voxels(
    mesh: MeshData,
    target: TextureTarget,
    frames: Sequence[Frame],
    orbit_counts: tuple[int, int],
    grid: int = 512,
    progress: Progress = silent,
) -> list[BakedTile]:
    """Each voxel takes the view that looks at it most squarely; texels take the colours of voxels."""
    return _voxels(mesh, target, frames, orbit_counts, grid, {"smoothness": 0.0, "lock": 0.0}, progress)


def horizontal_first_voxels(
    mesh: MeshData,
    target: TextureTarget,
    frames: Sequence[Frame],
    orbit_counts: tuple[int, int],
    grid: int = 512,
    progress: Progress = silent,
) -> list[BakedTile]:
    """As greedy_voxels, but a view of the vertical orbit only where no horizontal one sees the voxel."""
    changes = {"smoothness": 0.0, "lock": 0.0, "priority": "strict"}
    return _voxels(mesh, target, frames, orbit_counts, grid, changes, progress)


def mrf_voxels(
    mesh: MeshData,
    target: TextureTarget,
    frames: Sequence[Frame],
    orbit_counts: tuple[int, int],
    grid: int = 512,
    progress: Progress = silent,
    *,
    solver: Literal["fast", "exact"] = "exact",
) -> list[BakedTile]:
    """The published method: the paper preset at a grid of choice.

    solver: fast needs a ninth of the time at grid 512, for an energy within 2 % and the same SSIM on held-out views
    within 0.002.
    """
    return _voxels(mesh, target, frames, orbit_counts, grid, {"lock": 0.0, "solver": solver}, progress)


def _voxels(
    mesh: MeshData,
    target: TextureTarget,
    frames: Sequence[Frame],
    orbit_counts: tuple[int, int],
    grid: int,
    changes: dict[str, object],
    progress: Progress,
) -> list[BakedTile]:
    params = FuseParams.preset("paper").replaced({"label_grid": grid, "grid": grid, **changes})
    result = fuse(mesh, [target], PaintedFrames(frames), params, orbit_counts, progress)
    return list(result.textures[target.name])
