# SPDX-License-Identifier: GPL-3.0-or-later
"""Saves the textured scene as a .blend that opens anywhere, and objects as .glb. The open file stays as it is."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import EngineMissingError, InputError, OutputError
from ..backend.files import atomic_path, check_writable
from . import import_checks
from .blocks import RECIPE
from .compat import current_layer
from .glb_tidy import tidy
from .quiet import stdout_to_stderr


def save_blend(path: str | Path, *, pack_all: bool = False) -> None:
    """Write a compressed copy of the open file. Our images are packed into it (with `pack_all`, all that can be);
    other relative paths are rewritten to hold from there. Nothing is printed. Raises OutputError.
    """
    path = Path(path)
    check_writable(path.parent)
    with atomic_path(path) as temporary, _packed(pack_all), stdout_to_stderr():
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(temporary.absolute()), copy=True, compress=True)
        except RuntimeError as error:
            raise _failed(path, error) from error
        if not temporary.is_file() or import_checks.blend(temporary):
            raise _failed(path, "no file came out")


def shown_beside(objects: Sequence[bpy.types.Object]) -> list[bpy.types.Object]:
    """What else the scene shows, and a .glb of the whole scene holds: lights, cameras, empties and rigs."""
    layer: Any = current_layer()
    kinds = ("ARMATURE", "CAMERA", "EMPTY", "LIGHT")
    return [o for o in layer.objects if o.type in kinds and o not in objects and o.visible_get(view_layer=layer)]


def export_glb(
    path: str | Path, objects: Sequence[bpy.types.Object], *, beside: Sequence[bpy.types.Object] = ()
) -> None:
    """Write objects, with the armatures and parents that they hang on, their animations, UVs, slots, shape keys,
    attributes and custom properties; and those `beside` them.

    Modifiers are applied in the file where there are any besides armatures, unless that would lose shape keys. The
    selection is used and put back. Nothing is printed to standard output. Raises OutputError, EngineMissingError
    (exporter-missing), InputError (object-hidden).
    """
    path = Path(path)
    check_writable(path.parent)  # the exporter would make the folder
    if "gltf" not in dir(bpy.ops.export_scene):
        import addon_utils  # the bpy module can find it only once bpy has been imported

        addon_utils.enable("io_scene_gltf2", default_set=False)
    if "gltf" not in dir(bpy.ops.export_scene):
        raise EngineMissingError(
            "exporter-missing",
            "This Blender has no exporter for .glb files.",
            "Enable 'glTF 2.0 format' in Preferences > Add-ons.",
        )
    with (
        atomic_path(path) as temporary,
        _selected(objects, beside) as selected,
        _pose_kept(selected),
        stdout_to_stderr(),
    ):
        try:
            bpy.ops.export_scene.gltf(
                filepath=str(temporary.absolute()),
                export_format="GLB",
                use_selection=True,
                use_active_scene=True,
                export_apply=_needs_modifiers(objects),
                export_yup=True,
                export_cameras=True,
                export_lights=True,
                export_extras=True,
                export_attributes=True,
                check_existing=False,
            )
        except RuntimeError as error:
            raise _failed(path, error) from error
        if temporary.is_file():
            tidy(temporary, _playing(objects))
        problem = import_checks.gltf(temporary) if temporary.is_file() else "no file came out"
        if problem or not _mesh_count(temporary):
            raise _failed(path, problem or "the exporter left out the mesh")


def _playing(objects: Sequence[bpy.types.Object]) -> set[str]:
    """Names of the actions that the objects and what they hang on play at the moment, and of tracks that hold them."""
    owners = {supported for obj in objects for supported in _with_supports(obj)}
    data = (owner.animation_data for owner in owners)
    playing = [(found, found.action) for found in data if found is not None and found.action is not None]
    tracks = [
        track for found, action in playing for track in found.nla_tracks for s in track.strips if s.action == action
    ]
    return {action.name for _, action in playing} | {track.name for track in tracks}  # 4.2 exports the tracks' names


def _failed(path: Path, reason: object) -> OutputError:
    lines = [line for line in str(reason).strip().splitlines() if line and not line.startswith("Location:")]
    return OutputError(
        "model-not-written",
        f"{path.name} could not be written: {lines[-1].strip().rstrip('.') if lines else 'Blender gives no reason'}.",
        "See the log; another folder or format may work.",
    )


def _mesh_count(path: Path) -> int:
    with path.open("rb") as file:
        length = struct.unpack("<I", file.read(16)[12:])[0]
        file.seek(20)
        return len(json.loads(file.read(length)).get("meshes", ()))


def _needs_modifiers(objects: Sequence[bpy.types.Object]) -> bool:
    shaping = any(modifier.type != "ARMATURE" and modifier.show_viewport for o in objects for modifier in o.modifiers)
    keyed = any(getattr(o.data, "shape_keys", None) is not None for o in objects)
    return shaping and not keyed


@contextmanager
def _packed(everything: bool) -> Iterator[None]:
    """While inside, images made by us (or all that come from files) are packed."""
    packed = []
    try:
        for image in bpy.data.images:
            from_file = image.source in ("FILE", "TILED") and image.packed_file is None and not image.packed_files
            if not from_file or image.library is not None or not (everything or RECIPE in image):
                continue
            try:
                image.pack()
            except RuntimeError:
                continue  # its file went before: the artist's, or an earlier result's that was moved beside its .blend
            packed.append(image)
        yield
    finally:
        for image in packed:
            image.unpack(method="REMOVE")  # the path is what it was


@contextmanager
def _selected(
    objects: Sequence[bpy.types.Object], beside: Sequence[bpy.types.Object]
) -> Iterator[list[bpy.types.Object]]:
    """While inside, exactly these objects and what they hang on are selected."""
    layer: Any = current_layer()
    wanted = dict.fromkeys(o for obj in (*objects, *beside) for o in _with_supports(obj))
    before = [(o, o.select_get(view_layer=layer)) for o in layer.objects]
    active = layer.objects.active
    locked = [o for o in wanted if o.hide_select]
    try:
        for obj, _ in before:
            obj.select_set(False, view_layer=layer)
        for obj in locked:
            obj.hide_select = False
        layer.objects.active = objects[0]
        for obj in wanted:
            if obj.name in layer.objects:
                obj.select_set(True, view_layer=layer)
        if unseen := [o.name for o in objects if not o.select_get(view_layer=layer)]:
            raise InputError(
                "object-hidden", f"'{unseen[0]}' is hidden.", "Show it and its collections in the viewport."
            )
        yield list(wanted)
    finally:
        for obj in locked:
            obj.hide_select = True
        for obj, selected in before:
            obj.select_set(selected, view_layer=layer)
        layer.objects.active = active


@contextmanager
def _pose_kept(objects: Sequence[bpy.types.Object]) -> Iterator[None]:
    """The exporter plays all actions and leaves bones that none of them moves in their rest position."""
    names = ("location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")
    bones: list[Any] = [bone for obj in objects if obj.pose is not None for bone in obj.pose.bones]
    before = [[tuple(getattr(bone, name)) for name in names] for bone in bones]
    try:
        yield
    finally:
        for bone, values in zip(bones, before, strict=True):
            for name, value in zip(names, values, strict=True):
                setattr(bone, name, value)
        current_layer().update()


def _with_supports(obj: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """The object, its parents, and the armatures that deform it."""
    yield obj
    for modifier in obj.modifiers:
        if modifier.type == "ARMATURE" and (rig := getattr(modifier, "object", None)) is not None:
            yield from _with_supports(rig)
    if obj.parent is not None:
        yield from _with_supports(obj.parent)
