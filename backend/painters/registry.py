# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines by name. An engine's module is imported when it is asked for, not before."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from .base import Painter

# name -> (module relative to this package, class)
ENGINES: dict[str, tuple[str, str]] = {
    "projection": (".projection.engine", "ProjectionPainter"),
    "orbitpainter": (".orbitpainter.engine", "OrbitPainterPainter"),
}


EMBEDDED = frozenset({"projection"})  # engines that need nothing but what Blender ships


def needs_engine(name: str) -> bool:
    """The painter runs in the managed environment, not in Blender's own Python."""
    return name not in EMBEDDED


def engine_names() -> list[str]:
    """Names of all engines, whether or not what they need is installed."""
    return list(ENGINES)


def create_painter(name: str) -> Painter:
    """A new engine of that name. Raises UsageError for an unknown name."""
    if name not in ENGINES:
        raise UsageError(
            "engine-unknown", f"There is no engine named {name!r}.", f"Choose one of {', '.join(engine_names())}."
        )
    module, attribute = ENGINES[name]
    return getattr(import_module(module, __package__), attribute)()
