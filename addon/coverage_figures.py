# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of the surface references and views show, before a bake and after it, as a sentence for the artist."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from .translations import tr


def planned_figures(folder: Path) -> str:
    """Of a look ahead; an empty text where its report cannot be read."""
    facts = _facts(folder, "coverage")
    if not facts:
        return ""
    shares = _percent(facts["coverage"])
    if not has_references(folder):
        return tr("The planned views will show {painted} % of the surface, and {unseen} % is seen by none.", **shares)
    return tr(
        "References will show {reference} % of the surface, other views {painted} %, and {unseen} % is seen by none.",
        **shares,
    )


def has_references(folder: Path) -> bool:
    """A look ahead had references to look from."""
    return bool((_facts(folder, "coverage") or {}).get("references"))


def baked_figures(folder: Path) -> str:
    """Of a finished job; an empty text where its report cannot be read."""
    facts = _facts(folder, "bake")
    if not facts:
        return ""
    return tr(
        "{reference} % of the texture is from references, {painted} % was continued, and {unseen} % no view sees.",
        **_percent(facts["coverage"]),
    )


def _percent(shares: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{100 * share:.0f}" for name, share in shares.items()}


@lru_cache(maxsize=16)
def _facts(folder: Path, stage: str) -> dict | None:
    """What a stage left in the report. Read once: the panel is drawn from memory."""
    try:
        facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))[stage]
    except (OSError, ValueError, KeyError):  # the folder is gone or of another version; there is no more to say then
        return None
    return facts if "coverage" in facts else None
