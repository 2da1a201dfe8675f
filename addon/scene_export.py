# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands objects over to a background Blender: a .blend with what they depend on, and a note of what the scene adds.

The objects go as they are at this moment, not evaluated: modifiers and their targets, rigs and poses, shape keys, node
groups and links to libraries come along as data-blocks that they use, so the other Blender sees what the viewport
shows, and UV maps made there fit the originals. Nothing in the open file changes, and nothing else of the scene is
written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import OutputError
from ..backend.whole_files import write_json

BLEND, NOTE = "scene.blend", "scene.json"
_SIMPLIFY = ("use_simplify", "simplify_subdivision", "simplify_child_particles")


def export_objects(context: Any, objects: Sequence[bpy.types.Object], folder: Path) -> None:
    """Write BLEND and NOTE into `folder`; scene_open.py makes a scene of them. Raises OutputError."""
    wanted = _with_children(objects)
    for obj in wanted:
        obj.update_from_editmode()  # what is being edited; the mode stays
    local: Any = {obj for obj in wanted if obj.library is None}  # linked ones are linked again there
    try:
        bpy.data.libraries.write(str(folder / BLEND), local, path_remap="ABSOLUTE", fake_user=False)
    except (RuntimeError, OSError) as error:
        raise OutputError(
            "scene-unwritable", f"The objects could not be written to {folder} ({error}).", "Choose another folder."
        ) from error
    scene = context.scene
    note = {
        "objects": [{"name": obj.name, "library": _library(obj)} for obj in wanted],
        "frame": scene.frame_current_final,
        "simplify": {name: getattr(scene.render, name) for name in _SIMPLIFY},
    }
    write_json(folder / NOTE, note)


def _library(obj: bpy.types.Object) -> str:
    """Absolute path of the file that a linked object comes from, empty for a local one."""
    return bpy.path.abspath(obj.library.filepath) if obj.library is not None else ""


def _with_children(objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """The objects, and the children that they put on their vertices or faces, which do not come along by themselves."""
    found: dict[bpy.types.Object, None] = dict.fromkeys(objects)
    for obj in list(found):
        if obj.instance_type in ("VERTS", "FACES"):
            found.update(dict.fromkeys(obj.children_recursive))
    return list(found)
