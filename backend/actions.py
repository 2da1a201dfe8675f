# SPDX-License-Identifier: GPL-3.0-or-later
"""What the commands that have commands of their own share: `environment`, `models`, `dataset`, `train`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def add_actions(
    commands: Any, parser_class: type[argparse.ArgumentParser], name: str, about: str, actions: Mapping[str, str]
) -> dict[str, argparse.ArgumentParser]:
    """Add the command `name`; the parsers of its actions (name -> what it does), each with --json."""
    top = commands.add_parser(name, help=about)
    choices = top.add_subparsers(dest="action", required=True, metavar="ACTION", parser_class=parser_class)
    parsers = {action: choices.add_parser(action, help=text, allow_abbrev=False) for action, text in actions.items()}
    for parser in parsers.values():
        parser.add_argument("--json", action="store_true", help="one event per line on standard output")
    return parsers


def add_root(action: argparse.ArgumentParser) -> None:
    """Add what an action on engines and models takes besides."""
    action.add_argument("--root", type=Path, metavar="FOLDER", help="engines and models (default: one per user)")
    action.add_argument("--parent-pipe", action="store_true", help="stop when standard input closes")
