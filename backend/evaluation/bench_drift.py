# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality under drift beside other ways of making a texture (specs/texture-optimizer.md, A9 to A13)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .drift_table import Setting, csv_text, drift_table, markdown, methods
from .scenes import scenes

FOLDER = Path("out/tables")  # finished rows, from which a run goes on; the table; pictures side by side


def tables(quick: bool) -> list[str]:
    """All scenes and drifts, going on where a run before was stopped; quick: one scene, one drift, small."""
    torch = importlib.util.find_spec("torch") is not None
    if quick:
        setting = Setting(13, 128, 256, 4, 64)
        rows = drift_table(scenes()[:1], (2.0,), methods(setting, torch), setting)
    else:
        setting = Setting()
        kept = FOLDER / "rows.jsonl"
        for drifts in ((2.0,), (0.0, 1.0, 2.0, 4.0)):  # what the targets speak of first; it is not done again
            rows = drift_table(scenes(), drifts, methods(setting, torch), setting, FOLDER, kept=kept)
        (FOLDER / "drift.csv").write_text(csv_text(rows))
    return [f"### Quality on held-out views, means over scenes\n\n{markdown(rows)}"]
