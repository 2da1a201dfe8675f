# SPDX-License-Identifier: GPL-3.0-or-later
"""What an installation is asked to do, and the tools it works with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from .advice import explain
from .devices import PYTHON, Recipe, recipe_for
from .drivers import best_device
from .layout import Layout
from .process import run
from .source import Source


@dataclass(frozen=True)
class Request:
    """Where, for which device, and from where.

    source       a bundle or a folder of wheels: then no connection is made
    online       the program allows connections (in Blender: Allow Online Access)
    uv, python   the user's own; else they are found, or fetched
    index        replaces the default package index; torch_index (an address or a folder) the one of torch
    """

    root: Path
    device: str = "auto"
    source: Source | None = None
    online: bool = True
    uv: Path | None = None
    python: str = PYTHON
    index: str = ""
    torch_index: str = ""

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    def chosen(self) -> Recipe:
        """The recipe, with `auto` decided. Raises UsageError."""
        device = self.source.device if self.device == "auto" and self.source else self.device
        return recipe_for(best_device() if device in ("auto", "") else device)


@dataclass(frozen=True)
class Workshop:
    """The running installation: its request, log and lock, and how it is told to stop."""

    request: Request
    log: TextIO
    lock: int
    check: Callable[[], None]

    def call(
        self,
        tool: str,
        command: list[str | Path],
        on_line: Callable[[str], None] = lambda line: None,
        on_tick: Callable[[], None] = lambda: None,
    ) -> list[str]:
        """Run a tool in the root folder; its lines. Raises the error of the advice table unless it ends with 0."""
        status, lines = run(
            command,
            cwd=self.request.root,
            log=self.log,
            check=self.check,
            environment=self._variables(),
            on_line=on_line,
            on_tick=on_tick,
            lock=self.lock,
        )
        if status != 0:
            raise explain(tool, status, lines, Path(self.log.name))
        return lines

    def _variables(self) -> dict[str, str]:
        layout, offline = self.request.layout, self.request.source is not None
        return {
            "UV_CACHE_DIR": str(layout.cache),
            "UV_PYTHON_INSTALL_DIR": str(layout.pythons),
            "UV_PYTHON_DOWNLOADS": "never" if offline else "automatic",
            "UV_NO_PROGRESS": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "NO_COLOR": "1",
        }
