# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporary data-blocks: each kind of temporary scene has a prefix, by which what it made is found and removed.

What a crash, or an undo step that was taken meanwhile, may have left in a file is removed when the file is loaded, when
undo brings it back, and before the file is saved.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import compat

ALL = ".orbit_painter_"
_KINDS = ("objects", "meshes", "cameras", "lights", "worlds", "materials", "images", "node_groups", "armatures")
_in_use = 0


class InUse:
    """While inside, temporary data-blocks are at work, and none is taken for left over."""

    def __enter__(self) -> None:
        global _in_use
        _in_use += 1

    def __exit__(self, *_: object) -> None:
        global _in_use
        _in_use -= 1


def remove(prefix: str) -> int:
    """Remove the data-blocks with this prefix, users before what they use; how many there were."""
    count = 0
    for scene in [s for s in bpy.data.scenes if s.name.startswith(prefix)]:
        scene.render.use_persistent_data = False  # frees the renderer's copy of the scene
        bpy.data.scenes.remove(scene)
        count += 1
    for kind in _KINDS:
        blocks: Any = getattr(bpy.data, kind)
        for block in [b for b in blocks if b.name.startswith(prefix)]:
            blocks.remove(block)
            count += 1
    return count


@persistent
def _tidy(*_: Any) -> None:
    if not _in_use and not compat.is_rendering():
        remove(ALL)


_HANDLERS = ("load_post", "undo_post", "redo_post", "save_pre")


def register() -> None:
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).append(_tidy)


def unregister() -> None:
    for name in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(_tidy)
