# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality under drift beside other ways of making a texture (specs/texture-optimizer.md, A9 to A13)."""

from __future__ import annotations

import importlib.util

from .drift_table import Setting, drift_table, markdown, methods
from .scenes import scenes


def tables(quick: bool) -> list[str]:
    """All scenes and drifts; quick: one scene, one drift, small."""
    setting = Setting(13, 128, 256, 4, 64) if quick else Setting()
    chosen = methods(setting, torch=importlib.util.find_spec("torch") is not None)
    rows = drift_table(scenes()[:1] if quick else scenes(), (2.0,) if quick else (0.0, 1.0, 2.0, 4.0), chosen, setting)
    return [f"### Quality on held-out views, means over scenes\n\n{markdown(rows)}"]
