# SPDX-License-Identifier: GPL-3.0-or-later
"""Time and memory of the whole of TextureOptimizer (specs/texture-optimizer.md, A5 and A6)."""

from __future__ import annotations

import time
from typing import Any

from ..texturing.fuse import fuse
from ..texturing.targets import plan_targets
from ..texturing.types import FuseParams
from .bench import Table, case, mib
from .bench_inputs import load, saved_frames

# Name, changes to the parameters, texture size, environment, target seconds, target MiB.
NO_NUMBA = {"ORBIT_PAINTER_NO_NUMBA": "1"}
CASES: list[tuple[str, dict[str, Any], int, dict[str, str], float, int]] = [
    ("grid 512, no alignment", {"alignment": False}, 2048, {}, 15, 1536),
    ("grid 512, with alignment", {}, 2048, {}, 30, 1536),
    ("labels only (256), no alignment", {"grid": 256, "alignment": False}, 2048, {}, 7, 1229),
    ("the same with NumPy alone", {"grid": 256, "alignment": False}, 2048, NO_NUMBA, 20, 1229),
    ("grid 1024, no alignment", {"grid": 1024, "alignment": False}, 4096, {}, 50, 4096),
]


def measure(scene: str, path: str, params: dict[str, Any], size: int) -> dict[str, Any]:
    """One call of `fuse`, after a tiny one that loads the kernels."""
    mesh, painted, counts = load(scene, path)
    tiny = FuseParams(label_grid=32, grid=48, depth_size=64).replaced({"alignment": params.get("alignment", True)})
    few_mesh, few, few_counts = load(scene, path, 4)
    fuse(few_mesh, plan_targets(few_mesh, size=64).targets, few, tiny, few_counts)
    targets = plan_targets(mesh, size=size).targets
    begin, processor = time.perf_counter(), time.process_time()
    result = fuse(mesh, targets, painted, FuseParams().replaced(params), counts)
    return {
        "wall": time.perf_counter() - begin,
        "cpu": time.process_time() - processor,
        "seconds": result.report["seconds"],
        "voxels": len(result.voxels),
        "planned": result.report["planned_bytes"],
    }


def tables(quick: bool) -> list[Table]:
    rows, steps = [], []
    scene = "bumpy-sphere"
    with saved_frames(scene, 20 if quick else 122, 256 if quick else 512) as path:
        for name, params, size, environment, seconds, memory in CASES[:4] if quick else CASES:
            found = case("stage", environment, scene=scene, path=path, params=params, size=size)
            rows.append(
                [name, size, found["voxels"], found["wall"], found["cpu"], seconds, mib(found["peak"]), memory,
                 mib(found["planned"])]
            )  # fmt: skip
            steps += [[name, step, value] for step, value in found["seconds"].items()]
    views = "20 views at 256" if quick else "122 views at 512"
    head = [
        "case",
        "texture",
        "voxels",
        "seconds",
        "CPU seconds",
        "target, s",
        "peak, MiB",
        "target, MiB",
        "planned, MiB",
    ]
    notes = [
        "Targets are for 122 views on two idle cores. Peak: of the whole process, frames and libraries included; "
        "planned: what the memory budget reckoned with, on top of mesh and frames."
    ]
    return [
        Table(f"TextureOptimizer as a whole, {scene}, {views}", head, rows, notes),
        Table("Its steps", ["case", "step", "seconds"], steps),
    ]
