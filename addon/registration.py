# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension adds to Blender, as one ordered tuple of modules that each register and unregister themselves."""

from __future__ import annotations

from . import command

MODULES = (command,)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
