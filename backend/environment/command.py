# SPDX-License-Identifier: GPL-3.0-or-later
"""`environment ...` on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..actions import add_actions, add_root
from ..console import Console
from ..errors import OutputError
from .bundle import make_bundle
from .devices import DEVICES, PYTHON
from .installer import install, repair, roll_back
from .layout import default_root
from .removal import remove, remove_previous
from .request import Request
from .source import read_source
from .states import Event
from .status import EngineStatus, status

_HELP = {
    "status": "say which engine is installed and what state it is in",
    "install": "make the engine that neural painters run in; a stopped installation is continued",
    "update": "make the engine of this version; the old one works until the new one does",
    "repair": "compare all files with their hashes and install bad packages again",
    "rollback": "use the engine before again",
    "remove": "delete what the installer made",
    "bundle": "make a folder to install from without a connection",
}


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `environment` and its own commands."""
    about = "install and keep the engine of the neural painters"
    for name, action in add_actions(commands, parser_class, "environment", about, _HELP).items():
        add_root(action)
        if name in ("install", "update", "repair", "bundle"):
            _add_source(action)
        if name == "bundle":
            action.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new or empty folder")
        if name == "remove":
            action.add_argument("--models", action="store_true", help="delete the models too")
            action.add_argument("--previous", action="store_true", help="only the engine kept for going back")


def _add_source(action: argparse.ArgumentParser) -> None:
    action.add_argument("--device", choices=("auto", *DEVICES), default="auto", help="default: what the drivers allow")
    if not action.prog.endswith("bundle"):
        action.add_argument(
            "--from", type=Path, dest="source", metavar="FOLDER", help="a bundle; no connection is made"
        )
    action.add_argument("--uv", type=Path, metavar="PROGRAM", help="the installer uv (default: found, or fetched)")
    action.add_argument("--python", default=PYTHON, metavar="PROGRAM", help=f"a Python {PYTHON} (default: found)")
    action.add_argument("--index", default="", metavar="URL", help="instead of the default package index")
    action.add_argument("--torch-index", default="", metavar="URL|FOLDER", help="instead of PyTorch's own index")


def run_command(options: argparse.Namespace, online: bool, console: Console, check: Callable[[], None]) -> None:
    """Run one action. Raises OrbitPainterErrors."""
    root = (options.root or default_root()).absolute()
    if options.action == "status":
        found = status(root)
    elif options.action == "rollback":
        found = roll_back(root)
    elif options.action == "remove":
        found = remove_previous(root) if options.previous else remove(root, console, check, options.models)
    elif options.action == "bundle":
        folder = make_bundle(_request(options, root, online), options.out.absolute(), console, check)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        console.result(str(folder), {"folder": str(folder), "size": f"{size / 1e9:.2f} GB"})
        return
    elif options.action == "repair":
        found = repair(_request(options, root, online), console, check)
    else:
        found = install(_request(options, root, online), console, check, Event(options.action))
    console.result("", summary(found, root))


def _request(options: argparse.Namespace, root: Path, online: bool) -> Request:
    folder = getattr(options, "source", None)
    if folder is not None and not folder.is_dir():
        raise OutputError("bundle-missing", f"There is no folder {folder}.", "Check the path.")
    source = read_source(folder.absolute()) if folder is not None else None
    program = options.uv.absolute() if options.uv else None
    return Request(root, options.device, source, online, program, options.python, options.index, options.torch_index)


def summary(found: EngineStatus, root: Path) -> dict[str, str]:
    """The status as the command prints it."""
    pairs = {
        "state": found.state.value,
        "device": found.device,
        "version": found.version,
        "python": str(found.python or ""),
        "previous": found.previous,
        "folder": str(root),
        "message": f"{found.message} {found.advice}".strip(),
    }
    return {name: value for name, value in pairs.items() if value}
