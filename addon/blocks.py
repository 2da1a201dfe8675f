# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of data-blocks that outlive undo, redo and reloading, where Python references do not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy

RECIPE = "orbit_painter_recipe"  # custom property of images and materials: which job made them
_COLLECTIONS = ("objects", "meshes", "materials", "images", "node_groups")


@dataclass(frozen=True)
class BlockRef:
    """A data-block of the open file. Plain values, so that it can be stored.

    kind: its collection in bpy.data; library: file it is linked from, empty for local data; uid: ID.session_uid
    """

    kind: str
    name: str
    library: str
    uid: int

    def resolve(self) -> Any:
        """The data-block, or None if it is gone. The uid decides, for another may have got its name since; the name
        serves where that uid is of no block, as after loading the file again."""
        blocks = getattr(bpy.data, self.kind)
        named = blocks.get((self.name, self.library or None))
        if not self.uid or (named is not None and session_uid(named) == self.uid):
            return named
        return next((block for block in blocks if session_uid(block) == self.uid), named)


def ref(block: bpy.types.ID) -> BlockRef:
    """`block` is an object, mesh, material, image or node group."""
    for kind in _COLLECTIONS:
        if getattr(bpy.data, kind).get((block.name, block.library.filepath if block.library else None)) == block:
            return BlockRef(kind, block.name, block.library.filepath if block.library else "", session_uid(block))
    raise TypeError(f"{block!r} is not kept in the file")


def session_uid(block: bpy.types.ID) -> int:
    """Unique while the file is open; 0 in a Blender that does not tell."""
    return getattr(block, "session_uid", 0)
