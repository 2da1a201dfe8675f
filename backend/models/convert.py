# SPDX-License-Identifier: GPL-3.0-or-later
"""`models convert`: every part of OrbitPainter, in whatever layout, into one folder in diffusers' layout.

Reading and writing tensors is the engine's (backend/painters/orbitpainter/convert.py) and needs torch: where this
Python has none, the engine's own Python runs the same command.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..console import Console, stage_progress
from ..environment.process import run
from ..environment.status import status
from ..errors import EngineMissingError, InputError, MemoryLimitError, OrbitPainterError, OutputError
from .catalogue import CONVERTED, model_named
from .store import ModelStore

_PARTS = ("high", "low", "high_lora", "low_lora", "vae", "text_encoder", "tokenizer")
_NEEDED = ("high", "low", "vae")
PROGRAM = Path(__file__).resolve().parents[1] / "cli.py"


def add_conversion(action: argparse.ArgumentParser) -> None:
    """Add the options of `models convert`."""
    action.add_argument("--out", type=Path, metavar="FOLDER", help="a new folder (default: in the model store)")
    action.add_argument("--channels", type=int, choices=(48, 68), help="inputs of the network (default: as stored)")
    for name in _PARTS:
        flag = f"--{name.replace('_', '-')}"
        action.add_argument(flag, type=Path, metavar="PATH", help="instead of the model store's")


def convert_models(store: ModelStore, options: argparse.Namespace, console: Console, check: Callable[[], None]) -> Path:
    """Convert and use the result; its folder. Raises InputError, OutputError, EngineMissingError, CancelledError."""
    model = model_named(CONVERTED, store.catalogue)
    out = (options.out or store.home(model) / "diffusers").absolute()
    parts = _parts(store, options)
    if importlib.util.find_spec("torch") is None:
        _in_the_engine(store, parts, out, options.channels, console, check)
        return out
    from ..painters.orbitpainter.checkpoints import ExpertFiles
    from ..painters.orbitpainter.convert import ModelFiles, convert

    files = ModelFiles(
        ExpertFiles(parts["high"], parts.get("high_lora")),
        ExpertFiles(parts["low"], parts.get("low_lora")),
        parts["vae"],
        parts.get("text_encoder"),
        parts.get("tokenizer"),
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with stage_progress(console, "converting", check) as report:
        notes = convert(files, out, in_channels=options.channels, progress=report)
    for note in notes:
        console.note(note)
    store.add(out)
    return out


def _parts(store: ModelStore, options: argparse.Namespace) -> dict[str, Path]:
    """What is converted: what was named, else what the store has. A named expert takes no LoRA unless one is named."""
    named = {name: getattr(options, name).absolute() for name in _PARTS if getattr(options, name) is not None}
    stored = {
        role: state.folder / path
        for state in store.statuses("orbitpainter")
        if state.folder is not None and state.model.name != CONVERTED
        for role, path in state.model.roles.items()
    }
    for expert in ("high", "low"):
        if expert in named:
            stored.pop(f"{expert}_lora", None)
    parts = {**stored, **named}
    missing = [name for name in _NEEDED if name not in parts]
    if missing:
        raise InputError(
            "model-parts-missing",
            f"There is no {' and no '.join(missing)} to convert.",
            "Download or add the models first, or name the files (see 'models convert --help').",
        )
    return parts


def _in_the_engine(
    store: ModelStore,
    parts: dict[str, Path],
    out: Path,
    channels: int | None,
    console: Console,
    check: Callable[[], None],
) -> None:
    """Run the same command with the engine's Python and pass on what it says."""
    python = status(store.folder.parent).python
    if python is None:
        raise EngineMissingError("engine-missing", "Converting needs the engine.", "Run 'environment install' first.")
    command: list[str | Path] = [python, "-I", PROGRAM, "models", "convert", "--json", "--root", store.folder.parent]
    command += ["--out", out, *(["--channels", str(channels)] if channels else [])]
    command += [word for name, path in parts.items() for word in (f"--{name.replace('_', '-')}", path)]
    failure: list[dict[str, Any]] = []

    with stage_progress(console, "converting", check) as report, tempfile.TemporaryFile("w+") as log:

        def line(text: str) -> None:
            event = json.loads(text) if text.startswith("{") else {}
            if event.get("type") == "progress":
                report(float(event["done"]), str(event["detail"]))
            elif event.get("type") == "log":
                console.note(str(event["message"]))
            elif event.get("type") == "error":
                failure.append(event)

        code, lines = run(command, cwd=store.folder.parent, log=log, check=check, on_line=line)
    if failure:
        kinds = {kind.exit_status: kind for kind in (InputError, OutputError, EngineMissingError, MemoryLimitError)}
        kind = kinds.get(code, OrbitPainterError)
        raise kind(failure[0]["code"], failure[0]["message"], failure[0]["advice"])
    if code != 0:
        raise OrbitPainterError("internal", f"Converting ended with status {code}: {lines[-1:]}.", "Please report it.")
