# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines for the menu: which there are, whether each can run, and what to do if it cannot.

Asking an engine may read files, so the answer is kept; `refresh` asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..backend.errors import EngineMissingError
from ..backend.painters.registry import engine_names
from . import launching
from .translations import marked, tr


@dataclass(frozen=True)
class EngineState:
    """label, description: as the menu shows them; message: why it cannot run, empty if it can; advice: what to do"""

    label: str
    description: str
    message: str = ""
    advice: str = ""


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
    """What is known about the engine since the last `refresh`. A file of another version may name one that is not here,
    as an empty text."""
    if name not in _states:
        refresh()
    return _states.get(name) or EngineState(
        name, "", tr("The engine that this file asks for is not in this version."), tr("Choose another one.")
    )


def refresh() -> None:
    """Ask all engines again."""
    _states.clear()
    for name in engine_names():
        label, description = _TEXTS.get(name, (name, ""))
        _states[name] = EngineState(label, description, *_missing(name))
    _items[:] = [
        (name, found.label, found.description, "ERROR" if found.message else "CHECKMARK", number)
        for number, (name, found) in enumerate(_states.items())
    ]


def require(name: str) -> None:
    """Raises EngineMissingError if the engine cannot run."""
    refresh()
    found = state(name)
    if found.message:
        raise EngineMissingError("engine-missing", found.message, found.advice)


def items(self: Any, context: Any) -> list[tuple[str, str, str, str, int]]:
    """For the menu."""
    if not _items:
        refresh()
    return _items


def _missing(name: str) -> tuple[str, str]:
    """What keeps the engine from running, and what to do."""
    if name in EMBEDDED:
        return "", ""
    from ..backend.environment.status import status
    from ..backend.models.store import find

    root = launching.settings.root
    environment = status(root)
    if environment.python is None:
        return environment.message, tr("Install it in the preferences.")
    try:
        find(name, root)
    except EngineMissingError as error:
        return error.message, tr("Install it in the preferences.")
    from . import forecast  # needs this module

    forecast.ask()
    return "", ""
