# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished results on their way onto the objects, and those that could not be put on, with the reason.

A result is applied as soon as its job is done. While a render runs, the artist drags something or is in another mode it
waits, and goes on by itself afterwards. One that does not fit stays here until the artist applies or dismisses it.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import jobs, targets
from .blocks import BlockRef
from .props import settings_of
from .translations import tr

WAITING = ("render-running", "tool-in-use", "other-mode")  # codes of what passes by itself
MODES = ("OBJECT", "POSE")  # in others Blender's undo would not record what is put on
INTERVAL = 0.5  # seconds between attempts


@dataclass(frozen=True)
class Waiting:
    """A result that is not on its objects.

    code, message: why, once it was tried; home: the file of the objects, once another one was opened (None before)
    """

    job_dir: Path
    title: str
    refs: tuple[BlockRef, ...] = ()
    code: str = ""
    message: str = ""
    home: str | None = None

    @property
    def goes_on(self) -> bool:
        """It will be tried again by itself."""
        return not self.code or self.code in WAITING


_items: list[Waiting] = []
_homes: dict[str, str] = {}  # job id -> the file of its objects, for jobs during which another one was opened


def items() -> Sequence[Waiting]:
    return _items


def put(item: Waiting) -> None:
    """Keep a result until it is applied or dismissed."""
    take(item.job_dir)
    _items.append(item)
    if item.goes_on and not bpy.app.background and not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=0.0, persistent=True)
    targets.redraw()


def take(job_dir: Path) -> Waiting | None:
    """Remove a result from the tray; what it was."""
    found = next((item for item in _items if item.job_dir == job_dir), None)
    if found is not None:
        _items.remove(found)
        targets.redraw()
    return found


def refused(job_dir: Path, code: str, message: str) -> None:
    """Applying was tried and did not work: keep the result with the reason."""
    put(replace(take(job_dir) or Waiting(job_dir, job_dir.name), code=code, message=message))


def refs_to_text(refs: Sequence[BlockRef]) -> str:
    """For an operator's property."""
    return json.dumps([[ref.name, ref.library, ref.uid] for ref in refs])


def refs_of_text(text: str) -> list[BlockRef]:
    return [BlockRef("objects", name, library, uid) for name, library, uid in json.loads(text or "[]")]


def job_done(view: jobs.JobView) -> None:
    """Called when a job has ended: its result is applied in the next tick, or now where there are no timers."""
    home = _homes.pop(view.id, None)
    if view.state != "done" or not view.has_result:
        return
    put(Waiting(view.out, view.title, view.objects, home=home))
    if bpy.app.background:
        _pump()


def apply_now(view: jobs.JobView) -> Waiting | None:
    """Put the result of a job that this Blender has waited for on its objects; why not, if that is so."""
    put(Waiting(view.out, view.title, view.objects))
    attempt(view.out)
    return next((item for item in _items if item.job_dir == view.out), None)


def _pump() -> float | None:
    for item in [item for item in _items if item.goes_on]:
        if item.home is None or item.home == bpy.data.filepath != "":
            _attempt(item)
        else:  # a result must not land on another object of the same name by itself
            refused(
                item.job_dir,
                "other-file",
                tr("Another file was opened before the result was ready. Apply puts it on objects of the same name."),
            )
    return INTERVAL if any(item.goes_on for item in _items) else None


def attempt(job_dir: Path) -> None:
    """Try again to put a result on, whatever was said before."""
    for item in [item for item in _items if item.job_dir == job_dir]:
        _attempt(item)


def _attempt(item: Waiting) -> None:
    """One undo step for one result. The window is named, as a timer has none."""
    context: Any = bpy.context
    window = context.window or next(iter(context.window_manager.windows), None)
    settings = settings_of(window.scene if window else context.scene)
    mode = "image_only" if settings.output == "IMAGE_ONLY" else settings.material_mode.lower()
    words = {"job_dir": str(item.job_dir), "targets": refs_to_text(item.refs)}
    with context.temp_override(window=window):
        apply: Any = bpy.ops.orbit_painter.apply  # pyright: ignore[reportAttributeAccessIssue]
        try:
            apply("EXEC_DEFAULT", True, **words, mode=mode, storage=settings.storage)
        except RuntimeError:  # an error of ours: said here, for Blender would drop the timer that others wait for
            traceback.print_exc()
            text = tr("An error in Orbit Painter kept this result from being applied. The system console says more.")
            refused(item.job_dir, "internal", text)


@persistent
def _before_load(*_: Any) -> None:
    """Remember which file the objects of unfinished work are in."""
    _items[:] = [replace(item, home=bpy.data.filepath) if item.home is None else item for item in _items]
    for view in jobs.jobs():
        _homes.setdefault(view.id, bpy.data.filepath)


def register() -> None:
    jobs.on_done.append(job_done)
    bpy.app.handlers.load_pre.append(_before_load)


def unregister() -> None:
    jobs.on_done.remove(job_done)
    bpy.app.handlers.load_pre.remove(_before_load)
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    _items.clear()
    _homes.clear()
