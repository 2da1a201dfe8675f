# SPDX-License-Identifier: GPL-3.0-or-later
"""How cost grows: exponents fitted to CPU seconds over voxels, views and texels. 1 is linear."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..painters.base import Frame
from ..texturing.atlas import bake_target
from ..texturing.candidates import collect_candidates
from ..texturing.depth import DepthSource
from ..texturing.neighbours import voxel_neighbours
from ..texturing.problem import build_problem
from ..texturing.targets import plan_targets
from ..texturing.texel_sampling import SurfaceSampler
from ..texturing.types import FuseParams
from ..texturing.view_selection import select_views
from ..texturing.voxels import surface_voxels
from .bench import Table, case, exponent
from .bench_inputs import load, saved_frames

GRIDS = (96, 128, 192, 256, 384)
VIEWS = (15, 31, 61, 122)
SIZES = (512, 1024, 2048, 4096)


def measure(scene: str, path: str, grids: list[int], views: list[int], sizes: list[int]) -> dict[str, Any]:
    """CPU seconds of the steps over one growing size at a time. Depth maps are made before the clock starts."""
    mesh, painted, _ = load(scene, path)
    frames = painted.frames
    depth = DepthSource.of_mesh(mesh, [frame.camera for frame in frames], FuseParams())
    for index in range(len(frames)):
        depth.depth(index)
    rows: list[tuple[str, str, float, float]] = []
    sampler = None
    for grid in (32, *grids):  # the first loads the kernels
        params = FuseParams(label_grid=grid, grid=grid)
        voxels, seconds = _timed(lambda n=grid: surface_voxels(mesh.vertices, mesh.faces, n))
        found, collecting = _timed(
            lambda v=voxels, p=params: collect_candidates(v, frames, depth, p, double_sided=False)
        )

        def solve(v=voxels, c=found, p=params):
            neighbours = voxel_neighbours(v.coords, v.grid)
            return select_views(build_problem(v, c, neighbours, p), v.coords)[0]

        labels, solving = _timed(solve)
        sampler = SurfaceSampler(voxels, labels, found.colour[:, 0], frames, depth, params)
        if grid == 32:
            bake_target(mesh, plan_targets(mesh, size=64).targets[0], sampler)
            continue
        count = float(len(voxels))
        rows += [("voxelization", "voxels", count, seconds), ("candidates", "voxels", count, collecting)]
        rows.append(("view selection", "voxels", count, solving))
    assert sampler is not None
    voxels = surface_voxels(mesh.vertices, mesh.faces, grids[-1])
    for count in views:
        some: list[Frame] = [*frames[:count]]
        _, seconds = _timed(lambda f=some: collect_candidates(voxels, f, depth, FuseParams(), double_sided=False))
        rows.append(("candidates", "views", float(count), seconds))
    for size in sizes:
        target = plan_targets(mesh, size=size).targets[0]
        tiles, seconds = _timed(lambda t=target: bake_target(mesh, t, sampler))
        rows.append(("UV bake", "texels", float((tiles[0].label > -2).sum()), seconds))
    return {"rows": rows}


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.process_time()
    result = work()
    return result, time.process_time() - begin


def tables(quick: bool) -> list[Table]:
    views = VIEWS[:2] if quick else VIEWS
    grids, sizes = (list(GRIDS[:2]), list(SIZES[:2])) if quick else (list(GRIDS), list(SIZES))
    with saved_frames("bumpy-sphere", max(views), 128 if quick else 512) as path:
        found = case("growth", scene="bumpy-sphere", path=path, grids=grids, views=list(views), sizes=sizes)
    series: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for step, over, size, seconds in found["rows"]:
        series.setdefault((step, over), []).append((size, seconds))
    rows = [
        [step, over, f"{points[0][0]:,.0f} to {points[-1][0]:,.0f}", points[0][1], points[-1][1],
         round(exponent(*zip(*points, strict=True)), 2)]
        for (step, over), points in series.items()
    ]  # fmt: skip
    head = ["step", "over", "from, to", "CPU seconds at first", "at last", "exponent"]
    return [Table("Growth of cost (1 is linear)", head, rows)]
