# SPDX-License-Identifier: GPL-3.0-or-later
"""`bench`: speed and memory figures as Markdown tables, each claim a ratio of two things measured in one run.

Every case runs in a process of its own, so that its peak memory is its own: the command line starts itself with
`bench --case MODULE '{"argument": value}'`, which calls `measure` of bench_MODULE.py and prints what it returns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..errors import OrbitPainterError, UsageError
from ..memory import peak_bytes

# Each is bench_<name>.py with tables(quick) -> Table or str, any number, printed as they come; those that start cases
# also have measure(**arguments) -> dict.
BENCHMARKS = {
    "main_job": "the whole job, time and memory of each stage",
    "passes": "position and normal passes beside a plain render of the same views",
    "gpu": "passes by Cycles on a GPU",
    "network": "OrbitPainter's networks: seconds, memory, GASA, switches, whole runs; at full size on a GPU",
    "voxels": "voxelization",
    "visibility": "precision and recall against ray casting",
    "bake": "texel sampling",
    "stage": "TextureOptimizer as a whole",
    "growth": "how cost grows with voxels, views and texels",
    "view_selection": "view selection beside a dense table of all labels",
    "frames": "quality against the number of frames and their resolution",
    "drift": "quality with drifting frames beside other ways of making a texture",
}
CLI = Path(__file__).resolve().parent.parent / "cli.py"


@dataclass(frozen=True)
class Table:
    """One table: rows of cells, each a text or a number."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: Sequence[str] = field(default_factory=tuple)

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", _line(self.head), _line(["---"] * len(self.head))]
        lines += [_line(row) for row in self.rows]
        if self.notes:
            lines += ["", *self.notes]
        return "\n".join(lines) + "\n"


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if not np.isfinite(value) else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def run(options: argparse.Namespace, out: TextIO) -> None:
    """The sub-command: print the tables of the benchmarks named (default: all)."""
    if options.case is not None:
        name, arguments = options.case
        print(json.dumps(measure_here(name, json.loads(arguments))), file=out, flush=True)
        return
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        raise UsageError("bench-unknown", f"There is no benchmark named {unknown[0]}.", f"Use {', '.join(BENCHMARKS)}.")
    print(f"## {time.strftime('%Y-%m-%d')}, {hardware()}\n", file=out, flush=True)
    for name in options.names or BENCHMARKS:
        if not (CLI.parent / "evaluation" / f"bench_{name}.py").exists():
            raise UsageError(
                "bench-missing", f"The benchmark {name} is not part of this copy.", "Use the whole project."
            )
        start = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        begin = time.perf_counter()
        module = importlib.import_module(f".bench_{name}", __package__)
        for table in module.tables(options.quick):
            print(table.markdown() if isinstance(table, Table) else table, file=out, flush=True)
        end = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        took = time.perf_counter() - begin
        print(f"*{name}: {took:.0f} s; load average {start:.1f} before, {end:.1f} after*\n", file=out, flush=True)


def measure_here(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Run one case in this process; its peak memory and, where `measure` does not give its own, its seconds."""
    module = importlib.import_module(f".bench_{name}", __package__)
    begin, processor = time.perf_counter(), time.process_time()
    result = module.measure(**arguments)
    wall, cpu = time.perf_counter() - begin, time.process_time() - processor
    return {"wall": wall, "cpu": cpu, "peak": peak_bytes(), **result}


def case(name: str, environment: Mapping[str, str] | None = None, **arguments: object) -> dict[str, Any]:
    """Run `measure` of a benchmark in a process of its own. Raises OrbitPainterError with what it said if it fails."""
    command = [sys.executable, str(CLI), "bench", "--case", name, json.dumps(arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **(environment or {})}, check=False
    )
    if done.returncode != 0:
        words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise OrbitPainterError("bench-failed", f"The benchmark {name} failed: {words}")
    return json.loads(done.stdout.splitlines()[-1])


def hardware() -> str:
    """Cores, processor and memory of this machine, in a phrase."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    memory = 0
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {model}, {memory / 2**30:.0f} GB, {platform.system()}, Python {platform.python_version()}"


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Slope of log cost over log size by least squares: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(costs, 1e-9)), 1)[0])


def mib(size: float) -> int:
    return round(size / 2**20)
