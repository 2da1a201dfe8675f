# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing exactly what the installer made."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from ..console import Console
from ..errors import InputError
from ..progress import Progress, part
from ..whole_files import output_errors
from .layout import ENGINE_NAME, KNOWN, MODELS, OURS, Layout
from .machine import Machine, locked, running
from .records import CurrentRecord, complete_engine, read, write
from .states import Event
from .status import EngineStatus, status

_FILES = ("current.json", "install.json")


def remove(root: Path, console: Console, check: Callable[[], None], models: bool = False) -> EngineStatus:
    """Delete engines, caches, tools and logs, and the models too if asked; the folder itself if it is empty then.

    What we did not make stays, and a note tells of it. Raises InputError, before anything is deleted, for a folder
    that is not marked as ours or has a link where a folder of ours would be.
    """
    layout = Layout(root)
    if not root.exists():
        return status(root)
    names = (*OURS, *MODELS) if models else OURS
    _refuse_unexpected(layout, names)
    with output_errors(root), locked(layout):
        machine = Machine(layout, Event.REMOVE, status(root).device, console, check)
        with running(machine):
            layout.current.unlink(missing_ok=True)  # from here on there is no engine, whatever happens
            for index, name in enumerate(names):
                _delete(layout, name, part(machine.report, index / len(names), (index + 1) / len(names)))
            machine.finish(Event.REMOVED)
    left = _tidy(layout)
    if left:
        console.note(f"Left in place, because the installer did not make it: {', '.join(left)}.")
    return status(root)


def remove_previous(root: Path) -> EngineStatus:
    """Delete the engine that was kept for going back."""
    layout = Layout(root)
    _refuse_unexpected(layout, ("engine",))
    with output_errors(root), locked(layout):
        current = read(layout.current, CurrentRecord)
        if current is not None and complete_engine(layout, current.previous) is not None:
            write(layout.current, CurrentRecord(current.engine))
            shutil.rmtree(layout.engine(current.previous))
    return status(root)


def _refuse_unexpected(layout: Layout, names: tuple[str, ...]) -> None:
    links = [name for name in (*names, "cache") if (layout.root / name).is_symlink()]
    if layout.engines.is_dir():
        links += [path.name for path in layout.engines.iterdir() if path.is_symlink()]
    if layout.root.is_symlink() or not layout.marker.is_file() or links:
        raise InputError(
            "folder-foreign",
            f"{layout.root} is not a folder that the installer made, or has links that lead elsewhere.",
            "Nothing was deleted; delete it yourself if you are sure.",
        )


def _delete(layout: Layout, name: str, report: Progress) -> None:
    folder = layout.root / name
    if not folder.is_dir():
        return
    report(0.0, name)
    if name != "engine":
        shutil.rmtree(folder)
        return
    for path in folder.iterdir():
        report(0.5, path.name)
        if ENGINE_NAME.fullmatch(path.name):
            shutil.rmtree(path)


def _tidy(layout: Layout) -> list[str]:
    """Remove what is empty now; names of what is left."""
    for name in _FILES:
        (layout.engines / name).unlink(missing_ok=True)
    for folder in (layout.engines, layout.cache.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    left = [path for path in layout.root.iterdir() if path not in (layout.marker, layout.lock)]
    if not left:
        layout.marker.unlink(missing_ok=True)
        layout.lock.unlink(missing_ok=True)
        layout.root.rmdir()
    foreign = [path.name for path in left if path.name not in KNOWN]
    return foreign + ([f"engine/{path.name}" for path in layout.engines.iterdir()] if layout.engines.is_dir() else [])
