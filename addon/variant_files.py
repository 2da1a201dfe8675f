# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the files of variants where the .blend needs them: beside it once it is saved, back from the trash on undo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..backend.errors import OrbitPainterError
from . import notices, results_store, variants
from .results_store import BESIDE, make_relative, safe_name
from .sentences import said
from .variant_props import results_of


def all_variants() -> list[tuple[bpy.types.Object, Any]]:
    """Every variant of the file with its object."""
    local = [obj for obj in bpy.data.objects if obj.type == "MESH" and obj.library is None]
    return [(obj, variant) for obj in local for variant in results_of(obj).variants]


def gather(blend: str) -> list[Path]:
    """Copy what is in the store beside the .blend `blend` and use the copies; the files that were left behind.

    Packed images stay as they are. Raises OutputError; images that were not reached keep their files.
    """
    left: list[Path] = []
    for obj, variant in all_variants():
        folder = Path(blend).parent / BESIDE / safe_name(obj.name)
        if not variants.is_unsaved(variant):
            continue
        sidecars = [path for path in variants.sidecars_of(variant) if path.is_file()]
        for texture in variant.textures:
            if texture.image is not None and results_store.in_store(variants.image_files(texture.image)[0]):
                left += _move(texture.image, folder)
        for path in sidecars:
            results_store.copy_once(path, folder / path.name)
        variant.folder = str(folder)
        left += sidecars
    return list(dict.fromkeys(left))


def _move(image: Any, folder: Path) -> list[Path]:
    files = variants.image_files(image)
    stem = files[0].name.split(".")[0]
    copies = results_store.copy_in(files, folder, stem)
    first = str(copies[0])
    image.filepath_raw = first if image.source != "TILED" else first.replace(f".{image.tiles[0].number}.", ".<UDIM>.")
    make_relative(image)
    return files


# What happens to the file

_gathered: list[Path] = []  # left behind by the save that is going on


@persistent
def _before_saving(*arguments: Any) -> None:
    """The first time that a file is saved, its results move beside it."""
    blend = next((word for word in arguments if isinstance(word, str) and word), "")
    _gathered.clear()
    if blend and not bpy.data.filepath:
        try:
            _gathered.extend(gather(blend))
        except OrbitPainterError as error:
            notices.show(said(error.message, error.advice))


@persistent
def _after_saving(*_: Any) -> None:
    """What a saved file does not need any more goes to the trash, from where Undo brings it back."""
    left = list(_gathered) if bpy.data.filepath else []
    _gathered.clear()
    try:
        for path in left:
            results_store.discard(path)
    except OrbitPainterError as error:
        notices.show(said(error.message, error.advice))


@persistent
def _after_change(*_: Any) -> None:
    """The removal of a variant was undone, or never saved: its files come back."""
    wanted = {path for _, variant in all_variants() for path in variants.files_of(variant)}
    if wanted:
        try:
            results_store.recover(wanted)
        except OrbitPainterError as error:
            notices.show(said(error.message, error.advice))


HANDLERS = (
    ("save_pre", _before_saving),
    ("save_post", _after_saving),
    ("undo_post", _after_change),
    ("redo_post", _after_change),
    ("load_post", _after_change),
)


def register() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).append(function)


def unregister() -> None:
    for name, function in HANDLERS:
        getattr(bpy.app.handlers, name).remove(function)
