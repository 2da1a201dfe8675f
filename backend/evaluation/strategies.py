# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways of making textures from frames, by the names that `evaluate --bake` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import InputError
from ..mesh import MeshData
from ..painters.base import PaintedFrames
from ..progress import Progress, silent
from ..texturing.fuse import fuse
from ..texturing.types import BakedTile, FuseParams, TextureTarget
from .drift_table import Setting, methods

OURS = "ours"
# name -> what the drift table calls it; `ours` is TextureOptimizer with the job's parameters
BAKES = {
    OURS: "TextureOptimizer",
    "average": "average",
    "cos6": "average cos^6",
    "differentiable": "differentiable",
    "greedy": "greedy voxels",
    "horizontal-first": "horizontal first",
    "mrf": "paper (Eq. 8)",
}
UNTOLD = {"differentiable"}  # bakes that do not tell which texels a view sees


def bake(
    name: str,
    mesh: MeshData,
    targets: Sequence[TextureTarget],
    painted: PaintedFrames,
    params: FuseParams,
    orbit_counts: tuple[int, int],
    progress: Progress = silent,
) -> Mapping[str, Sequence[BakedTile]]:
    """The baked tiles of each target. The baselines get the frames alone, not the registered references; voxel ones
    work at twice params.label_grid. Raises InputError for what a baseline cannot bake."""
    if name == OURS:
        return fuse(mesh, targets, painted, params, orbit_counts, progress).textures
    method = methods(Setting(grid=params.label_grid))[BAKES[name]]
    result = {}
    for number, target in enumerate(targets):
        progress(number / len(targets), f"{name}, {target.name}")
        if name == "differentiable" and target.tiles != (1001,):
            raise InputError(
                "bake-udim", "Differentiable rendering bakes one tile, not UDIMs.", "Leave --bake differentiable away."
            )
        result[target.name] = method(mesh, target, list(painted.frames), orbit_counts)
    return result
