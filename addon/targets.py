# SPDX-License-Identifier: GPL-3.0-or-later
"""What will happen to each mesh that is asked for, remembered between redraws.

Facts that cost nothing (slots, mode, scale) are looked up again when the scene has changed. How a mesh's UV maps can
be used is measured by the pipeline's own `plan_targets`, in a thread, once for each state of the mesh.
"""

from __future__ import annotations

import importlib
import math
import traceback
from dataclasses import dataclass, replace
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..backend.errors import InputError
from . import chosen, threads
from .blocks import BlockRef, ref
from .translations import tr

MAX_UV_MAPS = 8  # of a mesh, in Blender
MOST_TARGETS = 32  # looked at for the panel; a job looks at all
MOST_TRIANGLES = 60_000  # of a mesh whose UVs are measured unasked: reading it takes the main thread 0.06 s


@dataclass(frozen=True)
class UVCheck:
    """What `plan_targets` says about one object. uv_map: the map that is used; new: it is made first."""

    uv_map: str
    new: bool
    tiles: tuple[int, ...]
    textures: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """One mesh that is asked for, or an instance of a collection of meshes.

    problem   why it cannot be textured, empty if it can
    warnings  what the artist should know beforehand
    check     None while it is not known (yet)
    waits     why `check` is None: "" it is being measured; EDIT, LARGE
    has_material  it may have a texture that can be started from
    """

    ref: BlockRef
    name: str
    slots: int
    problem: str = ""
    warnings: tuple[str, ...] = ()
    check: UVCheck | None = None
    waits: str = ""
    has_material: bool = False


@dataclass(frozen=True)
class Overview:
    """The selection, or the objects of the collection that is chosen instead.

    targets   the first MOST_TARGETS meshes of them, or all; more: how many are not among them
    others    number of objects that are not meshes
    problem   why nothing can be generated, with what to do; empty if something can
    """

    targets: tuple[Target, ...] = ()
    others: int = 0
    problem: str = ""
    more: int = 0

    @property
    def usable(self) -> tuple[Target, ...]:
        return tuple(target for target in self.targets if not target.problem)


Helpers = set[bpy.types.Object] | None  # custom shapes of bones, where a collection is chosen and not the selection
Key = tuple[BlockRef, str, str]  # an object, the UV choice, and the atlas

_overview: Overview | None = None
_checks: dict[Key, UVCheck | str] = {}  # a text: why it could not be measured
_measuring: set[Key] = set()
_wanted: list[Key] = []  # those whose turn has not come
_imported = False


def invalidate() -> None:
    """The selection, a mesh or a setting has changed."""
    global _overview
    _overview = None


def overview(context: Any) -> Overview:
    """The selection as it was after the last change. Costs microseconds unless something changed since."""
    global _overview
    if _overview is None or _in_background():
        _overview = _look(context, MOST_TARGETS)
    return _overview


def _in_background() -> bool:
    """A script's change of the selection is not announced before its next step."""
    return bpy.app.background


def usable_objects(context: Any) -> list[bpy.types.Object]:
    """The meshes asked for that can be textured, looked up now. Raises InputError where there is none."""
    found = _look(context)
    if found.problem:
        names = ", ".join(f"'{target.name}'" for target in found.targets)
        raise InputError("selection", f"{names}: {found.problem}" if names else found.problem)
    return [target.ref.resolve() for target in found.usable]


def measure(context: Any, target: Target) -> None:
    """Find out how the target's UV maps can be used, however large it is; redraws when it is known."""
    _start_check(target.ref, *_choices(context))


def _look(context: Any, most: int | None = None) -> Overview:
    collection = context.scene.orbit_painter.collection
    if collection is not None and not chosen.is_in_scene(collection, context.scene):
        text = tr("The collection '{name}' is not in this scene. Link it, or choose another one.", name=collection.name)
        return Overview(problem=text)
    objects = chosen.selected(context) if collection is None else list(collection.all_objects)
    meshes = [obj for obj in objects if chosen.has_surface(obj)]
    others = len(objects) - len(meshes)
    if not meshes:
        return Overview(others=others, problem=_nothing(collection, others))
    choices, helpers = _choices(context), None if collection is None else chosen.bone_shapes()
    found = tuple(_target(context, obj, helpers, *choices) for obj in meshes[:most])
    if all(target.problem for target in found) and len(found) < len(meshes):
        return _look(context)
    problem = "" if any(not target.problem for target in found) else found[0].problem
    return Overview(found, others, problem, len(meshes) - len(found))


def _nothing(collection: bpy.types.Collection | None, others: int) -> str:
    if collection is not None:
        return tr("The collection '{name}' has no mesh. Choose another one.", name=collection.name)
    if not others:
        return tr("No object is selected. Select the mesh that you want to texture.")
    return tr("No mesh is selected. Convert a copy of the object to a mesh (Object > Convert).")


def _choices(context: Any) -> tuple[str, str, str]:
    """UV choice as the pipeline knows it, atlas, and output."""
    settings: Any = context.scene.orbit_painter  # pyright: ignore
    uv = settings.uv_name if settings.uv == "NAMED" else settings.uv.lower()
    return uv, settings.atlas, settings.output


def _target(context: Any, obj: bpy.types.Object, helpers: Helpers, uv: str, atlas: str, output: str) -> Target:
    meshes: list[Any] = [surface.data for surface in chosen.surfaces(obj)]
    linked = any(mesh.library is not None for mesh in meshes)
    slots = [slot for surface in chosen.surfaces(obj) for slot in surface.material_slots]
    target = Target(ref(obj), obj.name, len(slots), has_material=any(slot.material is not None for slot in slots))
    problem = _problem(context, obj, helpers, output)
    if problem:
        return replace(target, problem=problem)
    warnings = []
    if obj.mode == "EDIT":
        warnings.append(tr("In Edit Mode: its shape at the moment you press Generate is used."))
        return replace(target, warnings=tuple(warnings), waits="EDIT")
    if linked:
        warnings.append(tr("Its mesh is linked, so the texture goes into material slots of the object."))
    check = _checks.get((target.ref, uv, atlas))
    if isinstance(check, str):
        return replace(target, problem=check)
    if check is None:
        large = _triangles(context, obj) > MOST_TRIANGLES
        if not large:
            _measure_later((target.ref, uv, atlas))
        return replace(target, warnings=tuple(warnings), waits="LARGE" if large else "")
    if check.new and any(len(mesh.uv_layers) >= MAX_UV_MAPS for mesh in meshes):
        full = tr("It has {count} UV maps and needs a new one. Remove a map that is not needed.", count=MAX_UV_MAPS)
        return replace(target, problem=full, check=check)
    if check.new and linked:
        local = tr("It needs a new UV map, but its mesh is linked. Make the mesh local (Object > Relations).")
        return replace(target, problem=local, check=check)
    return replace(target, warnings=(*warnings, *check.notes), check=check)


def _problem(context: Any, obj: bpy.types.Object, helpers: Helpers, output: str) -> str:
    if output != "IMAGE_ONLY" and any(block.library is not None for block in (obj, *chosen.surfaces(obj))):
        return tr(
            "It is linked from another file. Make it local or override it (Object > Relations), or choose Image Only."
        )
    if chosen.is_hidden(obj):
        return tr("It is hidden. Show it and its collections in the viewport.")
    if helpers is not None:
        if obj.hide_render:
            return tr("It is disabled in renders. Enable it there, or select it instead of choosing its collection.")
        if obj in helpers:
            return tr("It is the custom shape of a bone. Select it instead of choosing its collection.")
    if obj.mode != "EDIT" and _triangles(context, obj) == 0:
        return tr("It has no faces. Choose an object that has some.")
    if not all(math.isfinite(value) for row in obj.matrix_world for value in row):
        return tr("It has a broken transform. Clear its location and scale.")
    scale = obj.matrix_world.to_scale()
    if min(abs(value) for value in scale) <= 1e-7 * max(abs(value) for value in scale):
        return tr("It has a scale of zero. Give it a scale (Item tab of this sidebar).")
    return ""


def _triangles(context: Any, obj: bpy.types.Object) -> int:
    """Of the evaluated mesh, from its counts alone; an instancer may have no mesh, or an empty one."""
    if obj.type != "MESH":
        return 1
    depsgraph = context.view_layer.depsgraph if context.view_layer else None
    shown: Any = obj if depsgraph is None else obj.evaluated_get(depsgraph)
    count = max(len(shown.data.loops) - 2 * len(shown.data.polygons), 0)
    return max(count, 1) if obj.is_instancer or obj.modifiers else count


# UV maps


def _measure_later(key: Key) -> None:
    """Not now: this is called while the panel is drawn. One mesh after the other, so that the window never stalls."""
    if key in _measuring or bpy.app.background:
        return
    _measuring.add(key)
    _wanted.append(key)
    if not bpy.app.timers.is_registered(_measure_next):
        bpy.app.timers.register(_measure_next, first_interval=0.1)


def _measure_next() -> float | None:
    global _imported
    if not _imported:
        _imported = True
        threads.start(_import_for_later, lambda done: None, _import_failed)
        return 0.05
    if _wanted and not threads.busy():
        _start_check(*_wanted.pop(0))
    return 0.05 if _wanted else None


def _import_for_later() -> None:
    """NumPy and our modules that need it, in a thread: the first press of the button must not hold the window up."""
    for name in (".uv_check", ".job_settings", ".scene_export", ".apply_result", "..backend.process"):
        importlib.import_module(name, __package__)


def _import_failed(error: Exception) -> None:
    traceback.print_exception(error)  # whoever needs the module says so again, to the artist


def _start_check(block: BlockRef, uv: str, atlas: str, output: str = "") -> None:
    from .uv_check import start_check

    key = block, uv, atlas
    _measuring.add(key)

    def known(check: UVCheck | str) -> None:
        _measuring.discard(key)
        _checks[key] = check
        invalidate()
        redraw()

    obj = block.resolve()
    if obj is None:
        _measuring.discard(key)
    else:
        start_check(obj, uv, atlas, known)


def redraw() -> None:
    """The sidebars of all 3D viewports."""
    manager: Any = bpy.context.window_manager
    for window in manager.windows if manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


# Changes


@persistent
def _scene_changed(scene: bpy.types.Scene, depsgraph: Any) -> None:
    invalidate()
    if not _checks:
        return
    changed = {update.id.name for update in depsgraph.updates if update.is_updated_geometry}
    for key in [key for key in _checks if key[0].name in changed]:
        del _checks[key]


@persistent
def _file_changed(*_: Any) -> None:
    invalidate()
    _checks.clear()
    _measuring.clear()
    _wanted.clear()


_HANDLERS = (
    ("depsgraph_update_post", _scene_changed),
    ("load_post", _file_changed),
    ("undo_post", _file_changed),
    ("redo_post", _file_changed),
)


def register() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    if bpy.app.timers.is_registered(_measure_next):
        bpy.app.timers.unregister(_measure_next)
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    _file_changed()
