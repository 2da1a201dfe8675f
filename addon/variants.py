# SPDX-License-Identifier: GPL-3.0-or-later
"""The variants of an object: which it has, which it shows, and where their files are. Needs no NumPy.

Which variant is shown is asked of the materials, never stored: undo, linked duplicates and the artist's own changes
cannot make it wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from . import results_store
from .blocks import RECIPE
from .variant_props import results_of


def find(obj: bpy.types.Object, recipe_id: str) -> Any:
    """The object's variant, or None."""
    return next((variant for variant in results_of(obj).variants if variant.recipe_id == recipe_id), None)


def made_for(name: str, recipe_id: str, rather: bpy.types.Object | None = None) -> bpy.types.Object | None:
    """The object that was called `name` in the job of a result: one that has it, `rather` if that is one; else the
    object that has the name now; None if it is gone."""
    mine = [o for o in bpy.data.objects if (found := find(o, recipe_id)) is not None and found.made_for == name]
    if rather in mine:
        return rather
    named = bpy.data.objects.get((name, None)) or bpy.data.objects.get(name)
    return named if named in mine or not mine else mine[0]


def shown(obj: bpy.types.Object) -> str:
    """The recipe id of the result that the object's materials show; empty for none."""
    for slot in obj.material_slots:
        if slot.material is not None and (found := slot.material.get(RECIPE)):
            return found
    return ""


def can_restore(obj: bpy.types.Object) -> bool:
    return len(results_of(obj).originals) > 0


# Files


def image_files(image: bpy.types.Image) -> list[Path]:
    """The file of an image, or of each of its tiles, absolute."""
    path = bpy.path.abspath(image.filepath_raw, library=image.library)
    if image.source != "TILED":
        return [Path(path)]
    return [Path(path.replace("<UDIM>", str(tile.number))) for tile in image.tiles]


def folder_of(variant: Any) -> Path:
    """Where the variant's picture and recipe are: beside its textures, which Blender keeps track of."""
    for texture in variant.textures:
        if texture.image is not None:
            return image_files(texture.image)[0].parent
    return Path(bpy.path.abspath(variant.folder))


def sidecars_of(variant: Any) -> list[Path]:
    """The picture of the variant, and its recipe."""
    folder = folder_of(variant)
    return [folder / f"{variant.recipe_id[:8]}.png", folder / f"{variant.recipe_id[:8]}.json"]


def files_of(variant: Any) -> list[Path]:
    """All files of a variant, absolute."""
    images = dict.fromkeys(t.image for t in variant.textures if t.image is not None)
    return [*(path for image in images for path in image_files(image)), *sidecars_of(variant)]


def is_unsaved(variant: Any) -> bool:
    """Its textures are neither in the .blend nor beside it, so that copying the .blend would lose them."""
    return any(
        texture.image is not None
        and texture.image.packed_file is None
        and not texture.image.packed_files
        and results_store.in_store(image_files(texture.image)[0])
        for texture in variant.textures
    )
