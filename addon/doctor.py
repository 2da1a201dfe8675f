# SPDX-License-Identifier: GPL-3.0-or-later
"""What could keep Orbit Painter from working here, and a report of it for a bug tracker. Says nothing about pictures,
names of objects, or anything else of the open file."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bpy
import numpy as np

from ..backend.errors import OrbitPainterError
from ..backend.files import check_writable, output_errors
from ..backend.memory import available_bytes
from ..backend.painters.registry import engine_names
from ..backend.version import VERSION
from . import compat, engine_state, job_folder, jobs, targets
from .sentences import said
from .translations import tr

ACCELERATORS = ("numba", "maxflow", "cv2", "scipy", "xatlas", "embreex", "PIL")
NEEDED = 2 << 30  # bytes of disk and of memory that a job of standard quality takes


@dataclass(frozen=True)
class Finding:
    """level: ok, note (it works, with a limit), problem"""

    level: Literal["ok", "note", "problem"]
    text: str


def examine(context: Any) -> list[Finding]:
    """Look at everything. Takes a fraction of a second."""
    checks = (_program, _cycles, _folder, _memory, _engines, _selection, _last_job, _speed)
    return [finding for check in checks for finding in check(context)]


def report(findings: Sequence[Finding]) -> str:
    """The findings and the versions of everything, as text."""
    lines = [
        f"Orbit Painter {VERSION}",
        f"Blender {bpy.app.version_string}, Python {sys.version.split()[0]}, NumPy {np.__version__}",
        f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Accelerators: " + (", ".join(_accelerators()) or "none"),
        "",
        *(f"[{finding.level}] {finding.text}" for finding in findings),
    ]
    return "\n".join(lines)


def _program(context: Any) -> Iterator[Finding]:
    version = ".".join(map(str, bpy.app.version))
    yield Finding("ok", tr("Orbit Painter {version} in Blender {blender}.", version=VERSION, blender=version))
    if not bpy.app.binary_path:
        yield Finding("problem", tr("Blender does not know its own program, so no job can run in the background."))


def _cycles(context: Any) -> Iterator[Finding]:
    if "cycles" not in context.preferences.addons:  # pyright: ignore
        yield Finding(
            "problem",
            tr("Cycles is switched off. Enable it in Preferences > Add-ons, or use another pass renderer."),
        )


def _folder(context: Any) -> Iterator[Finding]:
    root = job_folder.root()
    try:
        with output_errors(root):
            root.mkdir(parents=True, exist_ok=True)
        check_writable(root)
    except OrbitPainterError as error:
        yield Finding("problem", said(error.message, error.advice))
        return
    free = shutil.disk_usage(root).free
    level = "ok" if free > NEEDED else "problem"
    yield Finding(level, tr("{free} GB are free for jobs in {folder}.", free=f"{free / 1e9:.1f}", folder=root))


def _memory(context: Any) -> Iterator[Finding]:
    free = available_bytes()
    level = "ok" if free > NEEDED else "note"
    yield Finding(level, tr("{free} GB of memory are free.", free=f"{free / 1e9:.1f}"))


def _engines(context: Any) -> Iterator[Finding]:
    engine_state.refresh()
    for name in engine_names():
        found = engine_state.state(name)
        if found.message:
            yield Finding("note", f"{tr(found.label)}: {said(found.message, found.advice)}")
        else:
            yield Finding("ok", tr("The engine {name} can run.", name=found.label))


def _selection(context: Any) -> Iterator[Finding]:
    problem = targets.overview(context).problem
    if problem:
        yield Finding("note", problem)


def _last_job(context: Any) -> Iterator[Finding]:
    for view in jobs.jobs():
        if view.state == "failed":
            text = tr("A job failed: {reason}", reason=f"{said(view.message, view.advice)} [{view.code}]")
            yield Finding("problem", f"{text} {view.log or ''}".strip())
    if compat.is_rendering():
        yield Finding("note", tr("Blender is rendering; results are applied when it is done."))


def _speed(context: Any) -> Iterator[Finding]:
    found = _accelerators()
    if not {"numba", "maxflow"} & set(found):
        yield Finding("ok", tr("NumPy alone does the work; numba or PyMaxflow would make it faster."))


def _accelerators() -> list[str]:
    found: Callable[[str], object] = importlib.util.find_spec
    return [name for name in ACCELERATORS if found(name) is not None]
