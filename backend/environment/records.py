# SPDX-License-Identifier: GPL-3.0-or-later
"""The small JSON files that say which engine is in use and how the last installation ended."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from ..whole_files import write_json
from .layout import Layout
from .states import State

Record = TypeVar("Record", "EngineRecord", "CurrentRecord", "ProgressRecord")


@dataclass(frozen=True)
class EngineRecord:
    """`engine.json`, the last file written into an engine: with it the engine is complete.

    lock: digest of everything that was installed (locks.py); facts: what the self-test said.
    """

    name: str
    device: str
    version: str
    lock: str
    created: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class CurrentRecord:
    """`current.json`: the engine in use, and the one before, kept for going back."""

    engine: str
    previous: str = ""


@dataclass(frozen=True)
class ProgressRecord:
    """`install.json`: the installer's state; a busy state without a running installer means that it was interrupted."""

    state: State
    action: str = "install"
    device: str = ""
    code: str = ""
    message: str = ""
    advice: str = ""


def read(path: Path, kind: type[Record]) -> Record | None:
    """The record in a file; None if it is not there or not one of ours (then it is as if it were not there)."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = {field.name for field in fields(kind)}
        record = kind(**{name: value for name, value in data.items() if name in known})
        if isinstance(record, ProgressRecord):
            return ProgressRecord(**{**asdict(record), "state": State(record.state)})
        return record
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write(path: Path, record: EngineRecord | CurrentRecord | ProgressRecord) -> None:
    """Replace a record in one step. Raises OutputError."""
    write_json(path, asdict(record))


def complete_engine(layout: Layout, name: str) -> EngineRecord | None:
    """The record of a complete engine of that name."""
    return read(layout.engine(name) / "engine.json", EngineRecord) if name else None
