# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of an open Blender file that a job must leave as it was (specs/blender-extension.md section 9)."""

from __future__ import annotations

import hashlib

import bpy
import numpy as np

DEPTH = 6
SKIPPED = {"rna_type", "preview", "asset_data", "original", "keyconfigs", "is_dirty"}
SKIPPED |= {"depsgraph", "tag"}  # caches and marks of Blender's own
SKIPPED |= {"pixels", "uv_sculpt"}  # slow; crashes Blender 4.3


def snapshot() -> dict[str, str]:
    """Path of each value -> its text. Compare two snapshots with ==; pytest then shows what differs."""
    values: dict[str, str] = {}
    for prop in bpy.data.bl_rna.properties:
        if prop.type != "COLLECTION" or prop.identifier == "all_ids":  # from 5.2 on: all the others together
            continue
        blocks = getattr(bpy.data, prop.identifier)
        values[f"data.{prop.identifier}"] = repr([(block.name, _users(block)) for block in blocks])
    for scene in bpy.data.scenes:
        _dump(values, f"scene[{scene.name}]", scene, 0)
        for layer in scene.view_layers:
            chosen = [(o.name, o.select_get(view_layer=layer), o.hide_get(view_layer=layer)) for o in layer.objects]
            values[f"scene[{scene.name}].{layer.name}.objects"] = repr(chosen)
            values[f"scene[{scene.name}].{layer.name}.active"] = repr(
                layer.objects.active and layer.objects.active.name_full
            )
    for name in ("worlds", "objects", "materials", "cameras", "lights", "images"):
        for block in getattr(bpy.data, name):
            _dump(values, f"{name}[{block.name}]", block, 0)
    for mesh in bpy.data.meshes:
        values[f"meshes[{mesh.name}]"] = _mesh_hash(mesh)
    _dump(values, "preferences", bpy.context.preferences, 0)
    values["mode"] = bpy.context.mode
    values["scene"] = bpy.context.scene.name
    handlers = {name: getattr(bpy.app.handlers, name) for name in dir(bpy.app.handlers)}
    values["handlers"] = repr({name: list(h) for name, h in handlers.items() if isinstance(h, list)})
    return values


def _users(block) -> int | None:
    """Until 4.2, copying a material counts the users of its images and node groups twice."""
    miscounted = bpy.app.version < (4, 3) and isinstance(block, bpy.types.Image | bpy.types.NodeTree)
    return None if miscounted else getattr(block, "users", None)


def _dump(values: dict[str, str], path: str, struct, depth: int) -> None:
    for prop in struct.bl_rna.properties:
        key = prop.identifier
        if key in SKIPPED or (key == "users" and _users(struct) is None):
            continue
        where = f"{path}.{key}"
        try:
            value = getattr(struct, key)
        except (AttributeError, TypeError, ValueError) as error:
            values[where] = type(error).__name__
            continue
        if prop.type == "POINTER":
            if value is None or isinstance(value, bpy.types.ID):
                values[where] = "None" if value is None else f"{type(value).__name__} {value.name_full}"
            if value is not None and depth < DEPTH and (not isinstance(value, bpy.types.ID) or value.is_embedded_data):
                _dump(values, where, value, depth + 1)
        elif prop.type == "COLLECTION":
            values[f"{where}.length"] = str(len(value))
            if depth < 3 and len(value) <= 64:
                for index, item in enumerate(value):
                    if isinstance(item, bpy.types.ID):
                        values[f"{where}[{index}]"] = item.name
                    elif item is not None:
                        _dump(values, f"{where}[{index}]", item, depth + 2)
        elif getattr(prop, "is_array", False):
            values[where] = repr(np.array(value).tolist())
        else:
            values[where] = repr(value)


def _mesh_hash(mesh: bpy.types.Mesh) -> str:
    digest = hashlib.sha256()
    for items, name, dtype, width in (
        (mesh.vertices, "co", np.float32, 3),
        (mesh.loops, "vertex_index", np.int32, 1),
        (mesh.polygons, "loop_start", np.int32, 1),
        (mesh.polygons, "material_index", np.int32, 1),
        *((layer.uv, "vector", np.float32, 2) for layer in mesh.uv_layers),
    ):
        array = np.empty(len(items) * width, dtype)
        items.foreach_get(name, array)
        digest.update(array.tobytes())
    attributes = [(a.name, a.domain, a.data_type) for a in mesh.attributes]
    names = [layer.name for layer in mesh.uv_layers]
    return f"{digest.hexdigest()} {attributes} {names} {[m and m.name for m in mesh.materials]} {mesh.users}"
