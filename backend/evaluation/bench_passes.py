# SPDX-License-Identifier: GPL-3.0-or-later
"""Position and normal passes beside a plain 64-sample Cycles render of the same views."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .bench import Table, case, mib
from .bench_inputs import body, cameras


def measure(triangles: int, views: int, plain_views: int, size: int, samples: int) -> dict[str, Any]:
    """Seconds a view: passes by Cycles over all views, set-up included; plain renders of some of them; our own rays."""
    from ...addon.passes import render_passes  # bpy has to come before numba
    from ...addon.plain_render import render_plain
    from ..orbits.raycast import raycast_passes

    mesh, every = body(triangles), cameras(views, size)
    some = [every[i] for i in np.linspace(0, views - 1, plain_views + 1).round().astype(int)]
    with TemporaryDirectory(prefix="orbit-painter-bench-") as name:
        folder = Path(name)
        begin = time.perf_counter()
        render_passes(mesh, every, folder)
        passes = (time.perf_counter() - begin) / views
        plain = render_plain(mesh, some, folder, samples)
        raycast_passes(mesh, every[:2], folder)
        begin = time.perf_counter()
        raycast_passes(mesh, every, folder)
        rays = (time.perf_counter() - begin) / views
    # The first plain view also builds the scene; the passes pay for theirs too, but over all views.
    return {"passes": passes, "plain": float(np.mean(plain[1:])), "rays": rays, "triangles": len(mesh.faces)}


def tables(quick: bool) -> list[Table]:
    title = "Passes beside a plain Cycles render of the same views, CPU"
    if importlib.util.find_spec("bpy") is None:
        return [Table(title, ["result"], [["not measured: this Python has no bpy module"]])]
    rows = []
    for triangles in (30_000,) if quick else (30_000, 300_000):
        found = case(
            "passes",
            triangles=triangles,
            views=12 if quick else 122,
            plain_views=1 if quick else 4,
            size=512,
            samples=64,
        )
        rows.append(
            [found["triangles"], found["passes"], found["rays"], found["plain"], found["plain"] / found["passes"],
             mib(found["peak"])]
        )  # fmt: skip
    head = ["triangles", "passes, s a view", "without Blender, s a view", "64 samples, s a view", "ratio", "peak, MiB"]
    notes = ["Targets at 30,000 triangles and 512 pixels: at least 40 times, at most 0.15 s a view on two idle cores."]
    return [Table(title, head, rows, notes)]
