# SPDX-License-Identifier: GPL-3.0-or-later
"""New UVs by Blender's own unwrapping, for whole polygons; used where xatlas is missing or would tear polygons."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError, UsageError
from . import leftovers
from .quiet import no_stdout

PREFIX = ".orbit_painter_unwrap"  # of every temporary data-block
ANGLE = math.radians(66)  # polygons of one island turn from its direction by less
MARGIN = 0.004  # between islands, in parts of the texture: 4 texels of 1024


def unwrap_objects(
    objects: Sequence[bpy.types.Object], *, together: bool = False, margin: float = MARGIN
) -> dict[str, NDArray[np.float32]]:
    """UVs for the original (unmodified) meshes: object name -> float32 (loops, 2), V up, in [0, 1].

    Smart UV Project on copies in a scene of their own; the objects themselves are not changed. Objects that share a
    mesh get equal UVs. Strongly curved parts may fold over themselves (2 % of the surface of a torus knot).
    together: all objects share one texture, each at its size in the world; otherwise each fills its own.
    Raises InputError (mesh-empty, unwrap-failed), UsageError where a window shows a mode that must not be left.

    Memory: about 1 kB per polygon.
    """
    if bpy.context.mode != "OBJECT" and not bpy.app.background:
        raise UsageError("not-object-mode", "Blender is not in Object Mode.", "Leave the current mode and try again.")
    meshes = {obj.data: obj for obj in reversed(objects)}
    for obj in meshes.values():
        obj.update_from_editmode()
        if len(_mesh(obj).polygons) == 0:
            raise InputError("mesh-empty", f"'{obj.name}' has no faces.", "Choose an object that has faces.")
    groups = [list(meshes.values())] if together else [[obj] for obj in meshes.values()]
    found: dict[Any, NDArray[np.float32]] = {}
    for group in groups:
        for obj, uv in zip(group, _unwrap(group, margin), strict=True):
            found[obj.data] = uv
    return {obj.name: found[obj.data] for obj in objects}


def _unwrap(group: Sequence[bpy.types.Object], margin: float) -> list[NDArray[np.float32]]:
    with _copies(group) as (scene, copies), _current(scene), no_stdout():
        layer = scene.view_layers[0]
        for copy in copies:
            copy.select_set(True, view_layer=layer)
        layer.objects.active = copies[0]
        selected = {"active_object": copies[0], "object": copies[0], "selected_objects": list(copies)}
        with bpy.context.temp_override(scene=scene, view_layer=layer, **selected):
            bpy.ops.object.mode_set(mode="EDIT")
            try:
                bpy.ops.mesh.reveal(select=True)
                bpy.ops.mesh.select_all(action="SELECT")
                bpy.ops.uv.smart_project(
                    angle_limit=ANGLE,
                    island_margin=margin,
                    area_weight=0.0,
                    correct_aspect=False,
                    scale_to_bounds=False,
                )
            finally:
                bpy.ops.object.mode_set(mode="OBJECT")
        return [_read(copy, obj) for copy, obj in zip(copies, group, strict=True)]


@contextmanager
def _copies(group: Sequence[bpy.types.Object]) -> Iterator[tuple[bpy.types.Scene, list[bpy.types.Object]]]:
    """Bare copies of the meshes at their size in the world, in a new scene; all removed again."""
    try:
        scene = bpy.data.scenes.new(PREFIX)
        copies = []
        for obj in group:
            copy = bpy.data.objects.new(PREFIX, _bare_copy(_mesh(obj), np.array(obj.matrix_world, np.float64)[:3, :3]))
            scene.collection.objects.link(copy)
            copies.append(copy)
        yield scene, copies
    finally:
        leftovers.remove(PREFIX)


def _bare_copy(mesh: Any, linear: NDArray[np.float64]) -> bpy.types.Mesh:
    """The polygons in order, with corners joined that lie at one point: files often store each polygon for itself."""
    co = np.nan_to_num(_get(mesh.vertices, "co", np.float32, 3).astype(np.float64) @ linear.T)
    starts = _get(mesh.polygons, "loop_start", np.int32)
    co, corners = _joined(co, _get(mesh.loops, "vertex_index", np.int32), starts)
    copy: Any = bpy.data.meshes.new(PREFIX)
    for items, name, values in (
        (copy.vertices, "co", co.astype(np.float32)),
        (copy.loops, "vertex_index", corners),
        (copy.polygons, "loop_start", starts),
    ):
        items.add(len(values))
        items.foreach_set(name, values.ravel())
    copy.update(calc_edges=True)
    copy.uv_layers.new(name="UVMap")
    return copy


def _joined(
    co: NDArray[np.float64], corners: NDArray[np.int32], starts: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Positions (n, 3) and the vertex of each corner, one vertex a place.

    Polygons that touch themselves keep corners of their own, because Edit Mode drops polygons that use a vertex twice.
    """
    extent = np.ptp(co, axis=0).max() or 1.0
    _, first, same = np.unique(
        np.round((co - co.min(axis=0)) * (1e6 / extent)), axis=0, return_index=True, return_inverse=True
    )
    corners = same.reshape(-1)[corners].astype(np.int32)
    polygon = np.repeat(np.arange(len(starts)), np.diff([*starts, len(corners)]))
    order = np.lexsort((corners, polygon))
    again = (np.diff(corners[order]) == 0) & (np.diff(polygon[order]) == 0)
    touching = np.isin(polygon, polygon[order][1:][again])
    places = np.concatenate([co[first], co[first][corners[touching]]])
    corners[touching] = len(first) + np.arange(touching.sum(), dtype=np.int32)
    return places, corners


@contextmanager
def _current(scene: bpy.types.Scene) -> Iterator[None]:
    """Operators that change the mode work on the scene that a window shows."""
    window: Any = bpy.context.window
    if window is None:
        yield
        return
    before, layer = window.scene, window.view_layer
    window.scene = scene
    try:
        yield
    finally:
        window.scene = before
        window.view_layer = layer


def _read(copy: bpy.types.Object, obj: bpy.types.Object) -> NDArray[np.float32]:
    uv = np.clip(_get(_mesh(copy).uv_layers[0].uv, "vector", np.float32, 2), 0, 1)
    if len(uv) != len(_mesh(obj).loops) or not np.isfinite(uv).all() or not np.ptp(uv, axis=0).any():
        raise InputError("unwrap-failed", f"Blender could not unwrap '{obj.name}'.", "Unwrap it by hand (UV > Unwrap).")
    return uv


def _get(items: Any, name: str, kind: Any, width: int = 1) -> Any:
    values = np.empty(len(items) * width, kind)
    items.foreach_get(name, values)
    return values if width == 1 else values.reshape(-1, width)


def _mesh(obj: bpy.types.Object) -> Any:
    assert isinstance(obj.data, bpy.types.Mesh)
    return obj.data
