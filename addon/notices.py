# SPDX-License-Identifier: GPL-3.0-or-later
"""One sentence that the panel shows until it is dismissed: what was found out after the button was pressed."""

from __future__ import annotations

from . import targets

_notice = ""


def show(message: str) -> None:
    global _notice
    _notice = message
    targets.redraw()


def current() -> str:
    return _notice


def clear() -> None:
    show("")
