# SPDX-License-Identifier: GPL-3.0-or-later
"""`register` and `unregister` of modules that only add classes to Blender."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy


def registration_of(classes: Sequence[type]) -> tuple[Callable[[], None], Callable[[], None]]:
    """The two functions; classes are registered in their order, and unregistered in reverse."""
    return bpy.utils.register_classes_factory(classes)  # pyright: ignore[reportReturnType]  the stubs say None
