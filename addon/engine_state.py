# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines for the menu: which there are, whether each can run, and what to do if it cannot.

Asking an engine imports modules and reads files, so the answer is kept; `refresh` asks again. The first question comes
while the panel is drawn and is answered beside the main thread.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..backend.errors import EngineMissingError
from ..backend.painters.registry import engine_names
from . import launching, targets, threads
from .translations import marked, tr


@dataclass(frozen=True)
class EngineState:
    """label, description: as the menu shows them; message: why it cannot run, empty if it can; advice: what to do"""

    label: str
    description: str
    message: str = ""
    advice: str = ""


INSTALL = marked("Install it in the preferences.")
EMBEDDED = ("projection",)  # engines that need nothing but what the extension brings
_TEXTS = {
    "projection": (
        marked("Projection"),
        marked("Carries the references to the surface they show and continues their texture; needs only a processor"),
    ),
    "orbitpainter": (
        marked("OrbitPainter"),
        marked("Paints all views with a video diffusion model; needs its weights and a graphics card"),
    ),
}
_states: dict[str, EngineState] = {}
_items: list[tuple[str, str, str, str, int]] = []  # kept, because Blender does not keep texts of dynamic menus


def state(name: str) -> EngineState:
    """What is known about the engine since the last `refresh`; one that was not asked yet counts as able to run. A file
    of another version may name one that is not here, as an empty text."""
    if not _states:
        _ask_beside()
    return _states.get(name) or EngineState(
        name, "", tr("The engine that this file asks for is not in this version."), tr("Choose another one.")
    )


def refresh() -> None:
    """Ask all engines again."""
    _keep(_missing_of_all())


def _ask_beside() -> None:
    def known(missing: Mapping[str, tuple[str, str]]) -> None:
        _keep(missing)
        targets.redraw()

    _keep({})
    threads.start(_missing_of_all, known, traceback.print_exception)


def _keep(missing: Mapping[str, tuple[str, str]]) -> None:
    """missing: what `_missing` says of each engine that was asked."""
    _states.clear()
    _items.clear()
    for number, name in enumerate(engine_names()):
        label, description = _TEXTS.get(name, (name, ""))
        found = EngineState(label, description, *missing.get(name, ()))
        icon = "ERROR" if found.message else "CHECKMARK" if name in missing else "NONE"
        _states[name] = found
        _items.append((name, label, description, icon, number))
    if any(not missing[name][0] for name in missing if name not in EMBEDDED):
        from . import forecast  # needs this module

        forecast.ask()


def require(name: str) -> None:
    """Raises EngineMissingError if the engine cannot run."""
    refresh()
    found = state(name)
    if found.message:
        raise EngineMissingError("engine-missing", found.message, found.advice)


def items(self: Any, context: Any) -> list[tuple[str, str, str, str, int]]:
    """For the menu."""
    if not _items:
        _ask_beside()
    return _items


def _missing_of_all() -> dict[str, tuple[str, str]]:
    return {name: _missing(name) for name in engine_names()}


def _missing(name: str) -> tuple[str, str]:
    """What keeps the engine from running, and what to do, in English; touches no bpy."""
    if name in EMBEDDED:
        return "", ""
    from ..backend.environment.status import status
    from ..backend.models.store import find

    root = launching.settings.root
    environment = status(root)
    if environment.python is None:
        return environment.message, INSTALL
    try:
        find(name, root)
    except EngineMissingError as error:
        return error.message, INSTALL
    return "", ""
