# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole job, from a mesh and a reference picture to a textured model and its pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..errors import OrbitPainterError
from ..files import write_png
from ..mesh_formats.obj_writer import write_obj
from ..orbits.cameras import orthographic_front
from ..texturing.hits import cast
from .bench import CLI, Table, mib
from .bench_inputs import SCENES

ROOT = CLI.parent.parent
ASSETS = ROOT.parent / "shared" / "assets"
MOST_SECONDS, MOST_MEMORY = 180, 4 * 2**30


def tables(quick: bool) -> list[Table]:
    with TemporaryDirectory(prefix="orbit-painter-bench-") as name:
        inputs = _inputs(Path(name), 1 if quick else 3)
        stages: list[list[object]] = []
        whole: list[list[object]] = []
        for label, mesh, reference in inputs:
            out = Path(name) / "out" / label
            options = (
                ["--views", "9,9", "--size", "128", "--texture-size", "512", "--still", "flat", "--no-turntable"]
                if quick
                else []
            )
            wall, cpu, peak = _generate(mesh, reference, out, options)
            report = json.loads((out / "report.json").read_text(encoding="utf-8"))
            for stage, record in report["stages"].items():
                stages.append([label, stage, record["seconds"], record["peak_mb"]])
            whole.append([label, wall, cpu, mib(peak)])
    setting = "2 x 9 views at 128, texture 512" if quick else "2 x 61 views at 512, texture 2048"
    notes = [f"Targets on two idle cores: {MOST_SECONDS} s and {mib(MOST_MEMORY):,} MiB."]
    return [
        Table(f"The main job, {setting}", ["asset", "seconds", "CPU seconds", "peak, MiB"], whole, notes),
        Table("Its stages", ["asset", "stage", "seconds", "peak, MB"], stages),
    ]


def _generate(mesh: Path, reference: Path, out: Path, options: list[str]) -> tuple[float, float, int]:
    """Run `generate`; wall seconds, CPU seconds and peak bytes of its process (0 where the system does not tell)."""
    command = [sys.executable, str(CLI), "generate", "--mesh", str(mesh), "--reference", str(reference)]
    out.parent.mkdir(parents=True, exist_ok=True)
    begin = time.perf_counter()
    with (out.parent / f"{out.name}.log").open("w") as log:
        process = subprocess.Popen([*command, "--out", str(out), "--json", *options], stdout=log, stderr=log)
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        else:
            process.wait()
            cpu, peak = float("nan"), 0
    if process.returncode != 0:
        raise OrbitPainterError("bench-failed", f"generate of {mesh.name} ended with status {process.returncode}.")
    return time.perf_counter() - begin, cpu, peak


def _inputs(folder: Path, count: int) -> list[tuple[str, Path, Path]]:
    """Name, mesh and reference: the largest test models where they are, else the sample and procedural scenes."""
    found = [p.parent for p in sorted(ASSETS.glob("*/ref.png"))] if ASSETS.is_dir() else []
    found = [p for p in found if (p / "model.glb").is_file() or (p / "model.obj").is_file()]
    if len(found) >= count:
        found = sorted(found, key=lambda p: -sum(f.stat().st_size for f in p.glob("model.*")))[:count]
        return [(p.name, next(p.glob("model.[go][lb][bj]")), p / "ref.png") for p in found]
    inputs = [("sample", ROOT / "examples" / "sample.glb", ROOT / "examples" / "reference.png")]
    for name in ("tent", "vase")[: count - 1]:
        scene = SCENES[name]()
        write_obj(folder / f"{name}.obj", scene.mesh)
        hits = cast(scene.mesh, orthographic_front(512))
        picture = np.zeros((512, 512, 4), np.uint8)
        picture[..., :3] = np.rint(hits.picture(scene.colour(hits.point)) * 255)
        picture[..., 3] = np.where(hits.mask(), 255, 0)
        write_png(folder / f"{name}.png", picture)
        inputs.append((name, folder / f"{name}.obj", folder / f"{name}.png"))
    return inputs
