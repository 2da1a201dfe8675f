# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds and memory of voxelization."""

from __future__ import annotations

import time
from typing import Any

from ..texturing.voxels import surface_voxels
from .bench import Table, case, mib
from .bench_inputs import SCENES, body

TARGET = "Target at 512: at most 0.5 s with surface points, for 50,000 to 100,000 triangles."


def measure(shape: str, grid: int) -> dict[str, Any]:
    """Voxelize twice (the first call compiles or loads kernels); seconds of the second."""
    mesh = body(80_000) if shape == "body" else SCENES[shape]().mesh
    vertices, faces = mesh.vertices, mesh.faces
    surface_voxels(vertices, faces, 32)
    begin, processor = time.perf_counter(), time.process_time()
    voxels = surface_voxels(vertices, faces, grid)
    return {
        "wall": time.perf_counter() - begin,
        "cpu": time.process_time() - processor,
        "voxels": len(voxels),
        "triangles": len(faces),
    }


def tables(quick: bool) -> list[Table]:
    rows = []
    for shape, grid in [("body", 512), ("tent", 512)] if quick else [
        ("body", 128), ("body", 256), ("body", 512), ("body", 1024), ("tent", 512), ("assembly", 512)
    ]:  # fmt: skip
        found = case("voxels", shape=shape, grid=grid)
        rows.append([shape, found["triangles"], grid, found["voxels"], found["wall"], found["cpu"], mib(found["peak"])])
    head = ["mesh", "triangles", "grid", "voxels", "seconds", "CPU seconds", "peak of the process, MiB"]
    return [Table("Voxelization, with surface points and normals", head, rows, [TARGET])]
