# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds UV maps to meshes; maps that exist are never changed (specs/blender-extension.md section 8)."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError

MAX_UV_MAPS = 8


def write_uv_map(obj: bpy.types.Object, name: str, uv: NDArray[np.floating], *, activate: bool = False) -> str:
    """Add a UV map to the object's mesh; the name it got. Existing maps are never changed.

    uv: (loops, 2), V up, one for each face corner of the original mesh. An existing map of that name with the same
    values is used as it is; with other values, the new map gets a number. The maps chosen for editing and rendering
    stay chosen unless `activate`; a first map is chosen for both by Blender itself.

    Raises InputError: object-linked, object-in-edit-mode, uv-maps-full, uv-mismatch.
    """
    mesh: Any = obj.data
    uv = np.ascontiguousarray(uv, np.float32)
    if mesh.library is not None:
        raise linked(obj)
    if obj.mode == "EDIT":
        raise InputError("object-in-edit-mode", f"'{obj.name}' is in Edit Mode.", "Leave Edit Mode and try again.")
    if uv.shape != (len(mesh.loops), 2) or not np.isfinite(uv).all():
        raise InputError(
            "uv-mismatch",
            f"The new UV map does not fit '{obj.name}' any more.",
            "Its faces changed; run the job again.",
        )
    existing = mesh.uv_layers.get(name)
    if existing is not None and np.array_equal(_uv_of(existing), uv):
        layer = existing
    else:
        layer = _new_layer(obj, mesh, name, uv)
    if activate:
        mesh.uv_layers.active, layer.active_render = layer, True
    return layer.name


def linked(obj: bpy.types.Object) -> InputError:
    return InputError(
        "object-linked",
        f"'{obj.name}' is linked from another file and cannot be changed.",
        "Make it local or create a library override (Object > Relations).",
    )


def _new_layer(obj: bpy.types.Object, mesh: Any, name: str, uv: NDArray[np.float32]) -> Any:
    layers = mesh.uv_layers
    active = layers.active.name if layers.active else ""
    rendered = next((layer.name for layer in layers if layer.active_render), "")
    if len(layers) >= MAX_UV_MAPS or (layer := layers.new(name=name, do_init=False)) is None:
        raise InputError(
            "uv-maps-full",
            f"'{obj.name}' has {len(layers)} UV maps, and Blender allows no more.",
            "Remove one that is not needed (Properties > Data > UV Maps).",
        )
    layer.uv.foreach_set("vector", uv.ravel())
    if active:
        layers.active = layers[active]
    if rendered:
        layers[rendered].active_render = True
    mesh.update()
    return layers[layer.name]


def _uv_of(layer: Any) -> NDArray[np.float32]:
    values = np.empty(2 * len(layer.uv), np.float32)
    layer.uv.foreach_get("vector", values)
    return values.reshape(-1, 2)
