# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the engine and the models: what is there, and the one task that changes it, in a process of its own.

The task is `backend/cli.py environment ...` or `models ...` in a background Blender; it ends with this Blender. What
the preferences show is kept in memory: `refresh` reads it again, never while something is drawn.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.environment.layout import default_root
from ..backend.painters.registry import engine_names, needs_engine
from . import engine_state
from .translations import tr

if TYPE_CHECKING:
    from ..backend.environment.status import EngineStatus
    from ..backend.models.catalogue import Model
    from ..backend.models.store import ModelStatus
    from ..backend.process import Child

PERIOD = 0.1  # seconds between two looks at what the process says
PATIENCE = 5.0  # seconds between two steps of ending it
PROGRAM = Path(__file__).resolve().parent.parent / "backend" / "cli.py"


@dataclass
class Task:
    """Something that runs, or how it ended. fraction: of the stage, 0 to 1."""

    title: str
    stage: str = ""
    fraction: float = 0.0
    detail: str = ""
    state: str = "running"  # done | failed | cancelled
    message: str = ""
    advice: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """What was there when it was last looked at. lacking: by neural engine the models that it still needs."""

    root: Path
    engine: EngineStatus
    models: tuple[ModelStatus, ...]
    lacking: Mapping[str, Sequence[Model]] = field(default_factory=dict)


_task: Task | None = None
_child: Child | None = None
_asked_at = 0.0  # when it was asked to end
_finished: Callable[[], None] | None = None
_snapshot: Snapshot | None = None


def root() -> Path:
    """The folder for engines and models: the one of the preferences, else the user's default."""
    chosen = getattr(preferences(), "root", "")
    return Path(bpy.path.abspath(chosen)) if chosen else default_root()


def preferences() -> bpy.types.AddonPreferences | None:
    """Our preferences; None where the add-on was registered without being enabled (scripts)."""
    package = (__package__ or "").rpartition(".")[0]
    chosen: Any = bpy.context.preferences
    addons = chosen.addons if chosen else {}
    return addons[package].preferences if package in addons else None


def snapshot() -> Snapshot | None:
    """What is known now; None before the first look, which is then taken soon."""
    if _snapshot is None and not bpy.app.timers.is_registered(_look):
        bpy.app.timers.register(_look, first_interval=0.0)
    return _snapshot


def refresh() -> Snapshot:
    """Look again: a few small files."""
    from ..backend.environment.status import status  # not needed while enabling
    from ..backend.models.store import ModelStore

    global _snapshot
    place = root()
    store = ModelStore(place)
    statuses = tuple(store.statuses())
    lacking = {name: store.missing(name, statuses) for name in engine_names() if needs_engine(name)}
    _snapshot = Snapshot(place, status(place), statuses, lacking)
    engine_state.refresh()
    _redraw()
    return _snapshot


def task() -> Task | None:
    """The running task, or the last one."""
    return _task


def busy() -> bool:
    return _child is not None


def start(
    title: str,
    *words: str | Path,
    program: Sequence[str | Path] = (),
    finished: Callable[[], None] | None = None,
) -> Task:
    """Run a command of the program; in background mode to its end before this returns.

    program: what runs it; nothing: a background Blender, which is told the folder for engines and models. finished:
    called when the command has done its work. Raises OSError if it cannot be started.
    """
    from ..backend.process import Child, child_environment  # not while enabling

    global _task, _child, _asked_at, _finished
    log = root() / "logs" / "preferences.log"
    if not log.parent.is_dir():  # a folder that is not ours yet is left alone
        log = Path(bpy.app.tempdir) / "orbit_painter.log"
    line = [*program, *words] if program else [*_program(), *words, "--root", root()]
    command = [*line, "--json", "--parent-pipe"]
    environment = child_environment(also=("BLENDER_", "UV_", "PIP_", "HF_"))
    _child = Child(command, PROGRAM.parent, log, environment, behind=True)
    _task, _asked_at, _finished = Task(title), 0.0, finished
    if bpy.app.background:
        while _tick() is not None:
            time.sleep(PERIOD)
    elif not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=PERIOD, persistent=True)
    return _task


def _program() -> list[str | Path]:
    """The command line's program, in a background Blender with the same right to go online; or in the bpy module's."""
    if not bpy.app.binary_path:
        return [sys.executable, PROGRAM]
    access = "--online-mode" if bpy.app.online_access else "--offline-mode"
    words = ["--background", "--factory-startup", access, "--python-exit-code", "10"]
    return [bpy.app.binary_path, *words, "-P", PROGRAM, "--"]


def cancel() -> None:
    """Ask the task to end; what it has fetched is kept."""
    global _asked_at
    if _child is not None and not _asked_at:
        _asked_at = time.monotonic()
        _child.close_input()


def dismiss() -> None:
    """Forget how the last task ended."""
    global _task
    if not busy():
        _task = None


def _look() -> None:
    refresh()


def _pump() -> float | None:
    """One tick; never raises, for Blender would drop the timer."""
    try:
        return _tick()
    except Exception:  # shown where Blender shows such things
        traceback.print_exc()
        return PERIOD if busy() else None


def _tick() -> float | None:
    global _child
    if _child is None or _task is None:
        return None
    changed = False
    while (event := _child.event()) is not None:
        _take(_task, event)
        changed = True
    if _asked_at and time.monotonic() - _asked_at > 2 * PATIENCE:
        _child.kill()
    elif _asked_at and time.monotonic() - _asked_at > PATIENCE:
        _child.terminate()
    if not _child.ended:
        if changed:
            _redraw()
        return PERIOD
    if _task.state == "running":  # it ended without a word
        _task.state = "cancelled" if _asked_at else "failed"
        _task.message = tr("The process ended unexpectedly (status {status}).", status=_child.status)
        _task.advice = tr("The log is {log}.", log=_child.log)
    _child = None
    refresh()
    if _task.state == "done" and _finished is not None:
        _finished()
    return None


def _take(running: Task, event: dict) -> None:
    kind = event["type"]
    if kind == "progress":
        running.stage, running.detail = str(event["stage"]), str(event["detail"])
        running.fraction = float(event["done"])
    elif kind == "log":
        running.notes.append(str(event["message"]))
    elif kind == "result":
        running.state = "done"
    elif kind == "cancelled":
        running.state = "cancelled"
    elif kind == "error":
        running.state, running.message, running.advice = "failed", str(event["message"]), str(event["advice"])


def _redraw() -> None:
    """The preferences, in whichever window they are open."""
    manager: Any = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type in ("PREFERENCES", "VIEW_3D"):
                area.tag_redraw()


def register() -> None:
    pass


def unregister() -> None:
    """Also called when Blender quits: the task ends, and can be gone on with."""
    global _child, _task, _snapshot
    for timer in (_pump, _look):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    if _child is not None:
        _child.close()
    _child = _task = _snapshot = None
