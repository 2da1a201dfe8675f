# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures with strokes that are in no file yet: another Blender, which reads files, would not see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from ..backend.errors import InputError
from .chosen import surfaces
from .translations import tr


def require_saved_pictures(objects: Iterable[bpy.types.Object]) -> None:
    """Raises InputError (picture-unsaved) if a material of the objects, or of what they instance, has one."""
    slots = (slot for obj in objects for surface in surfaces(obj) for slot in surface.material_slots)
    for material in dict.fromkeys(slot.material for slot in slots if slot.material is not None):
        for image in _pictures(material.node_tree):
            if image.is_dirty:
                raise InputError(
                    "picture-unsaved",
                    tr(
                        "The picture '{name}' of '{material}' has unsaved changes, which a job in the background would "
                        "not see.",
                        name=image.name,
                        material=material.name,
                    ),
                    tr("Save it in the Image Editor (Image > Save), or choose Run: In This Blender under Advanced."),
                )


def _pictures(tree: Any) -> Iterator[bpy.types.Image]:
    """Of a node tree and of the groups in it."""
    for node in tree.nodes if tree is not None else ():
        if getattr(node, "image", None) is not None:
            yield node.image
        elif node.type == "GROUP":
            yield from _pictures(node.node_tree)
