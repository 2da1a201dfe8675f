# SPDX-License-Identifier: GPL-3.0-or-later
"""What needs a GPU: passes by Cycles on the graphics card, beside the processor's, and whether they are the same."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..errors import EngineMissingError
from .bench import Table, case
from .bench_inputs import body, cameras


def measure(triangles: int, views: int, size: int) -> dict[str, Any]:
    """Seconds a view on each device, and the share of object pixels whose positions differ by more than 1e-4."""
    from ...addon.passes import render_passes  # bpy has to come before numba
    from ..orbits.exr import read_exr
    from ..orbits.files import LAYER, view_name

    mesh, every = body(triangles), cameras(views, size)
    seconds: dict[str, float] = {}
    with TemporaryDirectory(prefix="orbit-painter-bench-") as name:
        for device in ("cpu", "gpu"):
            folder = Path(name) / device
            folder.mkdir()
            begin = time.perf_counter()
            try:
                render_passes(mesh, every, folder, engine="cycles", device=device)
            except EngineMissingError as error:
                return {"missing": f"{error.message} {error.advice}"}
            seconds[device] = (time.perf_counter() - begin) / views
        differing = []
        for index in range(views):
            a, b = (read_exr(Path(name) / device / view_name(index)) for device in ("cpu", "gpu"))
            inside = (a[f"{LAYER}.Combined.A"] > 0.5) & (b[f"{LAYER}.Combined.A"] > 0.5)
            off = np.max([np.abs(a[f"{LAYER}.Position.{x}"] - b[f"{LAYER}.Position.{x}"]) for x in "XYZ"], axis=0)
            differing.append(float((off[inside] > 1e-4).mean()))
    return {**seconds, "differing": max(differing)}


def tables(quick: bool) -> list[Table]:
    title = "Passes by Cycles on the GPU"
    if importlib.util.find_spec("bpy") is None:
        return [Table(title, ["result"], [["not measured: this Python has no bpy module"]])]
    found = case("gpu", triangles=30_000, views=12 if quick else 122, size=512)
    if "missing" in found:
        return [Table(title, ["result"], [[f"not measured: {found['missing']}"]])]
    head = ["CPU, s a view", "GPU, s a view", "ratio", "pixels that differ, worst view"]
    ratio = found["cpu"] / found["gpu"]
    return [Table(title, head, [[found["cpu"], found["gpu"], ratio, f"{100 * found['differing']:.3f} %"]])]
