# SPDX-License-Identifier: GPL-3.0-or-later
"""What state the engine is in, from a few small files: quick enough to be asked from Blender's window."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from ..whole_files import hold
from .devices import RECIPES, platform_name
from .layout import Layout, python_of
from .locks import engine_name
from .records import CurrentRecord, EngineRecord, ProgressRecord, complete_engine, read
from .states import BUSY, State

_INTERRUPTED = ProgressRecord(
    State.FAILED, "install", "", "interrupted", "The last installation was interrupted.", "Install again to continue."
)


@dataclass(frozen=True)
class EngineStatus:
    """The state, and what can be used now.

    python is given whenever an engine can be used: in READY and OUTDATED, and while or after another one is
    installed beside it. code, message and advice are for the artist; code is "" where there is nothing to explain.
    """

    state: State
    python: Path | None = None
    device: str = ""
    version: str = ""
    message: str = ""
    advice: str = ""
    code: str = ""
    previous: str = ""


def status(root: Path | str, installing: bool | None = None) -> EngineStatus:
    """The state of the engine below `root`. installing: an installer runs; None: look whether one does."""
    layout = Layout(Path(root))
    current = read(layout.current, CurrentRecord)
    engine = complete_engine(layout, current.engine) if current else None
    python = python_of(layout.engine(engine.name)) if engine else None
    previous = current.previous if current and complete_engine(layout, current.previous) else ""
    return observed(
        engine=engine,
        named=current is not None,
        python=python if python is not None and os.path.exists(python) else None,
        previous=previous,
        progress=read(layout.progress, ProgressRecord),
        installing=is_installing(layout) if installing is None else installing,
        wanted=_wanted(engine),
    )


def observed(
    *,
    engine: EngineRecord | None,
    named: bool,
    python: Path | None,
    previous: str,
    progress: ProgressRecord | None,
    installing: bool,
    wanted: str,
) -> EngineStatus:
    """The status that these facts mean. Pure.

    engine      the complete engine that current.json names, if it is there; named: current.json names one
    wanted      name of the engine that this version of the extension asks for on the same device
    """
    if progress is not None and progress.state in BUSY and not installing:
        progress = _INTERRUPTED
    found = EngineStatus(State.READY, python)
    if engine is not None:
        found = replace(found, device=engine.device, version=engine.version, previous=previous)
    if progress is not None and (progress.state in BUSY or progress.state is State.FAILED):
        explained = {"message": progress.message, "advice": progress.advice, "code": progress.code}
        return replace(found, state=progress.state, **explained)
    if engine is None and not named:
        return EngineStatus(
            State.MISSING, message="No engine is installed.", advice="Install it here, or with 'environment install'."
        )
    if engine is None or python is None:
        return replace(
            found,
            state=State.FAILED,
            code="engine-damaged",
            message="The engine is damaged.",
            advice="Press Repair, or run 'environment repair'.",
        )
    if engine.name != wanted:
        return replace(
            found,
            state=State.OUTDATED,
            code="engine-outdated",
            message="The engine was installed for another version of Orbit Painter.",
            advice="Press Update; the old engine works until the new one is ready.",
        )
    return found


def is_installing(layout: Layout) -> bool:
    """An installer runs now, in whatever Blender."""
    if not layout.lock.exists():
        return False
    try:
        os.close(hold(layout.lock))
    except BlockingIOError:
        return True
    except PermissionError:  # somebody else's folder: not ours to install in
        return False
    return False


def _wanted(engine: EngineRecord | None) -> str:
    recipe = RECIPES.get((platform_name(), engine.device)) if engine else None
    return engine_name(recipe) if recipe else ""
