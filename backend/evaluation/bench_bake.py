# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds of texel sampling, margins included."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..texturing.atlas import bake_target
from ..texturing.candidates import collect_candidates
from ..texturing.depth import DepthSource
from ..texturing.fuse import chosen_colours
from ..texturing.neighbours import voxel_neighbours
from ..texturing.problem import build_problem
from ..texturing.targets import plan_targets
from ..texturing.texel_sampling import SurfaceSampler
from ..texturing.types import FuseParams
from ..texturing.view_selection import select_views
from ..texturing.voxels import surface_voxels
from .bench import Table, case, mib
from .bench_inputs import load, saved_frames


def measure(scene: str, path: str, sizes: list[int]) -> dict[str, Any]:
    """Bake with the labels that view selection gives; seconds of each size, kernels loaded, depth maps made before."""
    mesh, painted, _ = load(scene, path)
    params = FuseParams()
    depth = DepthSource.of_mesh(mesh, [frame.camera for frame in painted.frames], params)
    voxels = surface_voxels(mesh.vertices, mesh.faces, params.label_grid)
    found = collect_candidates(voxels, painted.frames, depth, params, double_sided=False)
    problem = build_problem(voxels, found, voxel_neighbours(voxels.coords, voxels.grid), params)
    labels, _ = select_views(problem, voxels.coords)
    sampler = SurfaceSampler(voxels, labels, chosen_colours(found, labels), painted.frames, depth, params)
    bake_target(mesh, plan_targets(mesh, size=256).targets[0], sampler)  # large enough to have margins
    results = {}
    for size in sizes:
        target = plan_targets(mesh, size=size).targets[0]
        begin, processor = time.perf_counter(), time.process_time()
        tile = bake_target(mesh, target, sampler)[0]
        wall, cpu = time.perf_counter() - begin, time.process_time() - processor
        results[str(size)] = [wall, cpu, int((tile.label > -2).sum()), int(np.unique(tile.label).size)]
    return {"sizes": results}


def tables(quick: bool) -> list[Table]:
    rows = []
    for scene in ("bumpy-sphere",) if quick else ("bumpy-sphere", "assembly"):
        with saved_frames(scene, 20 if quick else 122, 256 if quick else 512) as path:
            found = case("bake", scene=scene, path=path, sizes=[1024, 2048] if quick else [1024, 2048, 4096])
        for size, (wall, cpu, owned, _) in found["sizes"].items():
            rows.append([scene, int(size), owned, wall, cpu, 1e9 * cpu / owned, mib(found["peak"])])
    head = ["scene", "texture", "texels owned", "seconds", "CPU seconds", "CPU ns a texel", "peak, MiB"]
    notes = ["Targets on two idle cores: 0.6 s at 2048, 2 s at 4096. Feather, best-view search and margins included."]
    return [Table("UV bake", head, rows, notes)]
