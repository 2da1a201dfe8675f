# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that a job may be for: the selection, or the objects of a collection and of those nested in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .compat import current_layer


def selected(context: Any) -> list[Any]:
    """The selected objects; in the modes that hide the selection, the ones in that mode."""
    chosen = list(getattr(context, "selected_objects", None) or ())
    active = context.view_layer.objects.active if context.view_layer else None
    if active is not None and active.mode != "OBJECT" and active not in chosen:
        chosen.append(active)
    return chosen


def has_surface(obj: bpy.types.Object) -> bool:
    """A mesh, or what shows meshes as instances, such as an instance of a collection."""
    return obj.type == "MESH" or obj.is_instancer


def surfaces(obj: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """The meshes that get the textures of a chosen object: itself, or those of the collection that it instances."""
    if obj.type == "MESH":
        yield obj
    if obj.instance_type == "COLLECTION" and obj.instance_collection is not None:
        for inner in obj.instance_collection.all_objects:
            yield from surfaces(inner)


def is_in_scene(collection: bpy.types.Collection, scene: bpy.types.Scene) -> bool:
    """The collection is the scene's own, or nested in it."""
    return collection == scene.collection or collection in scene.collection.children_recursive


def is_hidden(obj: bpy.types.Object) -> bool:
    """The viewport does not show it."""
    return not obj.visible_get(view_layer=current_layer())


def bone_shapes() -> set[bpy.types.Object]:
    """Objects that only serve as custom shapes of bones, such as the glTF importer's Icosphere."""
    rigs = (o.pose for o in bpy.data.objects if o.type == "ARMATURE" and o.pose is not None)
    return {bone.custom_shape for pose in rigs for bone in pose.bones if bone.custom_shape is not None}
