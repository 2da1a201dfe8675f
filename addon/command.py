# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `blender -c orbit_painter ...`."""

from __future__ import annotations

from typing import Any

import bpy

_commands: list[Any] = []


def register() -> None:
    if hasattr(bpy.utils, "register_cli_command"):  # absent from the bpy module's oldest versions
        _commands.append(bpy.utils.register_cli_command("orbit_painter", _run))


def unregister() -> None:
    while _commands:
        bpy.utils.unregister_cli_command(_commands.pop())


def _run(words: list[str]) -> int:
    """The same program as backend/cli.py; Blender ends with the status that it returns."""
    from ..backend.commands import main
    from .host import BlenderHost

    return main(words, BlenderHost)
