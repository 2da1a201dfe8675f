# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a model file into an emptied Blender file. For background runs: the open file is discarded."""

from __future__ import annotations

import re
from pathlib import Path

import addon_utils
import bpy

from ..backend.errors import InputError, UsageError
from .chosen import bone_shapes
from .compat import current_layer, current_scene
from .import_checks import CHECKS
from .import_probe import crashes
from .quiet import stdout_to_stderr

# operators that import a format, best first: (module of bpy.ops, name, add-on that provides it)
_GLTF = (("import_scene", "gltf", "io_scene_gltf2"),)
_USD = (("wm", "usd_import", ""),)
OPERATORS = {
    ".glb": _GLTF,
    ".gltf": _GLTF,
    ".obj": (("wm", "obj_import", ""),),
    ".ply": (("wm", "ply_import", ""),),
    ".stl": (("wm", "stl_import", ""),),
    ".fbx": (("wm", "fbx_import", ""), ("import_scene", "fbx", "io_scene_fbx")),
    ".usd": _USD,
    ".usda": _USD,
    ".usdc": _USD,
    ".usdz": _USD,
}
FORMATS = (*OPERATORS, ".blend")


def import_file(path: str | Path) -> list[bpy.types.Object]:
    """Open a .blend, or import a model into an empty file; the objects that carry or instance its faces.

    Custom bone shapes that importers add are left out. Scripts in a .blend do not run. Nothing is printed to standard
    output. Raises InputError: file-missing, file-unreadable, format-unknown, format-unavailable, file-damaged,
    file-no-faces, file-empty. Raises UsageError in a Blender with a window, where the open file is the artist's.
    """
    path = Path(path)
    kind = path.suffix.lower()
    _check(path, kind)
    if not bpy.app.background:
        raise UsageError("import-in-window", "Importing discards the open file.", "Run it in a background Blender.")
    if OPERATORS.get(kind) is _USD and crashes(path):
        raise _damaged(path, "Blender's importer crashes on it")
    with stdout_to_stderr():
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        if kind == ".blend":
            _call(path, bpy.ops.wm.open_mainfile, filepath=str(path), load_ui=False, use_scripts=False)
        else:
            _call(path, _operator(kind), filepath=str(path))
        current_layer().update()
    return _result(path)


def _check(path: Path, kind: str) -> None:
    if kind not in FORMATS:
        raise InputError(
            "format-unknown",
            f"'{path.name}' has no known model format.",
            f"Use one of {', '.join(FORMATS)}.",
        )
    if not path.exists():
        raise InputError("file-missing", f"There is no file {path}.", "Check the path.")
    try:
        if not path.is_file():
            raise InputError("file-unreadable", f"{path} is not a file.", "Name the model file itself.")
        if path.stat().st_size == 0:
            raise InputError("file-empty", f"'{path.name}' is empty.", "Export the model again.")
        wrong = CHECKS[kind](path)
    except OSError as error:
        raise InputError(
            "file-unreadable", f"{path} cannot be read ({error.strerror}).", "Check who may read the file."
        ) from error
    if wrong:
        raise _damaged(path, wrong)


def _operator(kind: str):
    for module, name, addon in OPERATORS[kind]:
        group = getattr(bpy.ops, module)
        if name not in dir(group) and addon:
            addon_utils.enable(addon, default_set=False)
        if name in dir(group):
            return getattr(group, name)
    raise InputError(
        "format-unavailable",
        f"This Blender was built without the importer for {kind} files.",
        "Use an official build of Blender, or export the model as .glb.",
    )


def _call(path: Path, operator, **options) -> None:
    try:
        outcome = operator(**options)
    except RuntimeError as error:  # how bpy.ops hands on what an importer reports or raises
        raise _damaged(path, _reason(str(error))) from error
    if "FINISHED" not in outcome:
        raise _damaged(path, "Blender's importer gave up")


def _reason(report: str) -> str:
    """The last thing said, without Blender's own wrapping: places in its scripts, 'Error:', the file's path again."""
    lines = [line.strip() for line in report.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Location:", "Info:", "Warning:"))]
    last = lines[-1].removeprefix("Error: ") if lines else ""
    return last.rsplit("': ", 1)[-1].strip("'").removesuffix(", see console for detail.") or "Blender gives no reason"


def _result(path: Path) -> list[bpy.types.Object]:
    helpers = bone_shapes()
    objects = [o for o in current_scene().objects if o not in helpers]
    if useful := [o for o in objects if o.is_instancer or _has_faces(o)]:
        return useful
    if any(o.type in ("MESH", "CURVE", "CURVES", "POINTCLOUD", "SURFACE", "FONT", "META", "VOLUME") for o in objects):
        raise InputError(
            "file-no-faces",
            f"'{path.name}' holds points or curves, but no faces.",
            "Convert it to a mesh with faces and export it again.",
        )
    raise InputError("file-empty", f"'{path.name}' holds no mesh.", "Export the model again, with its meshes.")


def _has_faces(obj: bpy.types.Object) -> bool:
    return isinstance(obj.data, bpy.types.Mesh) and bool(obj.data.polygons or obj.modifiers)


def _damaged(path: Path, reason: str) -> InputError:
    if unknown := re.search(r"Extension (\w+) is not available", reason):  # Blender's glTF importer
        return InputError(
            "model-unsupported",
            f"'{path.name}' uses {unknown[1]}, which this Blender cannot read.",
            "Export it without that: not compressed, or with Draco compression, and with PNG or JPEG pictures.",
        )
    return InputError(
        "file-damaged",
        f"'{path.name}' cannot be read: {reason.rstrip('.')}.",
        "Open it in the program that wrote it and export it again.",
    )
