# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the `projection` engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...errors import UsageError

SYMMETRIES = ("auto", "off", "x", "y")


SMALLEST_GRID = 32


@dataclass(frozen=True)
class ProjectionOptions:
    """symmetry    mirror planes used for completion: auto (tested on the mesh), off, or x / y (taken as given)
    detail      0 ... 1: how much of the fine texture is continued where no reference shows any (0: plain colours)
    patch       side of the synthesis patch in surface samples: 3, 5 or 7
    grid        surface samples along the object's largest side at the finest level
    background  auto: a reference without useful alpha gets its background removed; keep: it is all object
    pixels      along the longer side of a reference; larger ones are reduced to this (550 bytes of memory a pixel)
    """

    symmetry: str = "auto"
    detail: float = 1.0
    patch: int = 5
    grid: int = 192
    background: str = "auto"
    pixels: int = 2048

    def __post_init__(self) -> None:
        _choice("symmetry", self.symmetry, SYMMETRIES)
        _choice("background", self.background, ("auto", "keep"))
        _choice("patch", self.patch, (3, 5, 7))
        for name, low, high in (("detail", 0.0, 1.0), ("grid", SMALLEST_GRID, 384), ("pixels", 256, 4096)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise UsageError(
                    "option-range", f"The option {name} is {value!r}.", f"Choose a number from {low:g} to {high:g}."
                )

    @staticmethod
    def parse(options: Mapping[str, Any]) -> ProjectionOptions:
        """Checked options from a mapping; unknown names and bad values raise UsageError."""
        known = [field.name for field in fields(ProjectionOptions)]
        for name in options:
            if name not in known:
                raise UsageError(
                    "option-unknown",
                    f"The projection engine has no option named {name!r}.",
                    f"It knows {', '.join(known)}.",
                )
        return ProjectionOptions(**options)


def _choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if isinstance(value, bool) or value not in choices:
        raise UsageError(
            "option-range", f"The option {name} is {value!r}.", f"Choose one of {', '.join(map(str, choices))}."
        )
