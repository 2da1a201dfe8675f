# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by the background Blender before the command line: makes a scene of what scene_export.py wrote.

blender -b scene.blend -P addon/scene_open.py -P backend/cli.py -- ...
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy

NOTE = "scene.json"  # beside the .blend, as scene_export.py names it


def open_scene() -> None:
    """Link the exported objects into the scene and take over frame and simplification.

    Blender has written the values that animation and drivers last gave, or that the artist has set since, into the
    data-blocks. Without their animation the blocks keep them, so an unkeyed pose stays, and no driver needs a script.
    """
    _freeze()
    note = json.loads(Path(bpy.data.filepath).with_name(NOTE).read_text(encoding="utf-8"))
    scene: Any = bpy.context.scene
    for entry in note["objects"]:
        obj = _find(entry["name"], entry["library"])
        if obj is not None and obj.name not in scene.collection.objects:
            scene.collection.objects.link(obj)
    for name, value in note["simplify"].items():
        setattr(scene.render, name, value)
    whole = int(note["frame"] // 1)
    scene.frame_set(whole, subframe=note["frame"] - whole)


def _freeze() -> None:
    """Take the animation and the drivers off all local data-blocks, before anything is evaluated."""
    for prop in bpy.data.bl_rna.properties:
        if prop.type == "COLLECTION":
            for block in getattr(bpy.data, prop.identifier):
                owners: tuple[Any, ...] = (block, getattr(block, "node_tree", None))
                for owner in owners:
                    if getattr(owner, "animation_data", None) is not None and block.library is None:
                        owner.animation_data_clear()


def _find(name: str, library: str) -> Any:
    """The object of that name: exported, or linked from its library again."""
    if not library:
        return bpy.data.objects.get((name, None))  # pyright: ignore[reportArgumentType, reportCallIssue]
    libraries: Any = bpy.data.libraries
    with libraries.load(library, link=True) as (there, wanted):
        wanted.objects = [name] if name in there.objects else []
    return wanted.objects[0] if wanted.objects else None


if __name__ == "__main__":
    open_scene()
