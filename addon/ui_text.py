# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a panel: broken into lines that fit its width."""

from __future__ import annotations

import textwrap
from functools import lru_cache
from typing import Any

from .sentences import said

PIXELS = 6.2  # of an average character at scale 1
USUAL_WIDTH = 290  # pixels
INDENT = 70  # of the panel's frame, scroll bar, and icon


def columns(context: Any) -> int:
    """Characters that fit into one line of the region."""
    scale = context.preferences.system.ui_scale or 1.0  # 0 without a window
    width = context.region.width if context.region else USUAL_WIDTH
    return max(16, int((width / scale - INDENT) / PIXELS))


def sentence(layout: Any, context: Any, text: str, icon: str = "NONE", alert: bool = False) -> None:
    """The text as labels, one a line, the icon in front of the first. Sentences of the backend are translated."""
    column = layout.column(align=True)
    column.alert = alert
    column.scale_y = 0.8
    for number, line in enumerate(_lines(said(text), columns(context))):
        shown = icon if number == 0 else ("BLANK1" if icon != "NONE" else "NONE")
        column.label(text=line, icon=shown, translate=False)


@lru_cache(maxsize=256)
def _lines(text: str, width: int) -> tuple[str, ...]:
    kept = text.replace(" %", "\N{NO-BREAK SPACE}%")  # a number and its unit stay together
    return tuple(textwrap.wrap(kept, width, break_on_hyphens=False)) or ("",)


@lru_cache(maxsize=64)
def clock(seconds: int) -> str:
    """95 -> 1:35"""
    return f"{seconds // 60}:{seconds % 60:02d}"
