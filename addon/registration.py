# SPDX-License-Identifier: GPL-3.0-or-later
"""What the extension adds to Blender, as one ordered tuple of modules that each register and unregister themselves."""

from __future__ import annotations

from . import (
    command,
    jobs,
    ops_guide,
    ops_references,
    props,
    targets,
    threads,
    thumbnails,
    translations,
)

MODULES = (
    command,
    translations,
    threads,
    thumbnails,
    props,
    targets,
    jobs,
    ops_references,
    ops_guide,
)


def register() -> None:
    for module in MODULES:
        module.register()


def unregister() -> None:
    for module in reversed(MODULES):
        module.unregister()
