# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the result of a finished job onto the artist's objects: a new variant, which is shown.

All or nothing: whatever goes wrong, the file is as it was before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy

from ..backend.errors import InputError, OutputError
from ..backend.files import load_npz
from ..backend.job import Job, load_recipe
from . import compat, fingerprint, results_store, variants
from .blocks import RECIPE, BlockRef
from .colour_write import Domain, write_colours
from .image_load import load_image
from .placement import FOLDER, PlacedObject, Placement, read_placement
from .scene_write import Mode
from .translations import tr
from .tray import MODES
from .uv_write import linked, write_uv_map
from .variant_props import results_of
from .variant_show import put_on, remove_layer, slots_changed

Storage = Literal["BESIDE", "PACKED"]


@dataclass(frozen=True)
class Options:
    """How a result is put onto objects. domain: of colour attributes."""

    mode: Mode = "new_material"
    storage: Storage = "BESIDE"
    domain: Domain = "POINT"


def apply_result(job_dir: Path, refs: Sequence[BlockRef], options: Options) -> list[str]:
    """Add the result as a variant to every object that it was made for, and show it; notes for the artist.

    refs: the objects as they were when the job started, so that renamed ones are found; others are found by name.
    Objects that are gone or do not fit any more are left out with a note as long as another one remains. A result
    that is on the objects already is shown again. A linked object cannot have variants: in the mode image_only its
    images come into the file, and nothing else.

    Raises InputError: render-running, tool-in-use, other-mode (see tray.WAITING), result-unreadable, object-gone,
    object-linked, result-unfitting, texture-unreadable, uv-maps-full, uv-map-missing, object-no-slot; OutputError.
    """
    refuse_at_bad_moments()
    placement, job = read_placement(job_dir), load_recipe(job_dir / "recipe.json")
    pairs, notes = _objects(placement, refs, options)
    with ExitStack() as undo:
        images = _images(job_dir, placement, options, undo)
        for obj, placed in pairs:
            if obj.library is not None:
                notes.append(tr("'{name}' is linked, so its images are in this file without a variant.", name=obj.name))
                continue
            uv_map = _uv_map(job_dir, obj, placed, undo)
            attribute = _attribute(job_dir, obj, placed, placement, options, undo)
            if variants.find(obj, placement.recipe_id) is None:
                _add(obj, placed, placement, job, job_dir, options, undo)
            variant = variants.find(obj, placement.recipe_id)
            variant.uv_map, variant.made_uv, variant.attribute = uv_map, bool(placed.new_uv), attribute
            variant.textures.clear()
            for texture in () if attribute else placed.textures:
                item = variant.textures.add()
                item.slot, item.image = texture.slot, images[texture.files]
        if options.mode != "image_only":
            notes += put_on([obj for obj, _ in pairs], placement.recipe_id)
        undo.pop_all()
    return list(dict.fromkeys(notes))


def refuse_at_bad_moments() -> None:
    """Raises InputError while the file must not be changed (see tray.WAITING)."""
    if compat.is_rendering():
        raise InputError(
            "render-running", tr("A render is running."), tr("The result will be put on when it has ended.")
        )
    if compat.tool_in_use():
        raise InputError("tool-in-use", tr("A tool is in use."), tr("The result will be put on when it has ended."))
    if bpy.context.mode not in MODES:
        later = tr("The result will be put on when you are back in Object Mode.")
        advice = tr("Go to Object Mode first.") if bpy.app.background else later  # no timer runs there
        raise InputError("other-mode", tr("Blender is not in Object Mode."), advice)


# Finding the objects again


def _objects(
    placement: Placement, refs: Sequence[BlockRef], options: Options
) -> tuple[list[tuple[bpy.types.Object, PlacedObject]], list[str]]:
    pairs: list[tuple[bpy.types.Object, PlacedObject]] = []
    refused: list[InputError] = []
    for placed in placement.objects:
        try:
            pairs.append((_object(placed, refs, options), placed))
        except InputError as error:
            refused.append(error)
    if not pairs:
        raise refused[0]
    return pairs, [error.message for error in refused]


def _object(placed: PlacedObject, refs: Sequence[BlockRef], options: Options) -> bpy.types.Object:
    given = next((ref for ref in refs if ref.name == placed.name), None)
    if given is not None:
        obj = given.resolve()
    else:
        same = [o for o in bpy.data.objects if o.name == placed.name]
        same.sort(key=lambda o: (o.library is not None, _library(o) != placed.library))  # an override comes first
        obj = same[0] if same else None
    if obj is None:
        raise InputError(
            "object-gone",
            tr("'{name}' is not in the file any more.", name=placed.name),
            tr("Undo its removal, or open the file that holds it, and apply the result again."),
        )
    if obj.library is not None and (options.mode != "image_only" or placed.new_uv or placed.colours):
        raise linked(obj)
    mesh = obj.data
    fits = isinstance(mesh, bpy.types.Mesh) and fingerprint.topology(mesh) == placed.topology
    if not fits:
        raise InputError(
            "result-unfitting",
            tr("The faces of '{name}' have changed since the job started, so its result does not fit.", name=obj.name),
            tr("Undo the change and apply the result again, or generate a new one."),
        )
    assert isinstance(mesh, bpy.types.Mesh)
    if placed.slots and fingerprint.slots(mesh) != placed.slots:
        raise slots_changed(obj)
    if placed.uv and fingerprint.uv(mesh, placed.uv_map) != placed.uv:
        raise InputError(
            "result-unfitting",
            tr("The UV map {map} of '{name}' has changed since the job started.", map=placed.uv_map, name=obj.name),
            tr("Undo the change and apply the result again, or generate a new one."),
        )
    return obj


def _library(obj: bpy.types.Object) -> str:
    return Path(bpy.path.abspath(obj.library.filepath)).name if obj.library else ""


# Bringing in what the result consists of


def _images(
    job_dir: Path, placement: Placement, options: Options, undo: ExitStack
) -> dict[tuple[str, ...], bpy.types.Image]:
    """Files of a texture in the job folder -> its image."""
    wanted = {t.files: t.name for placed in placement.objects if not placed.colours for t in placed.textures}
    folder = _folder(placement, options)
    images = {}
    for files, name in wanted.items():
        stem = f"{results_store.safe_name(name)}_base_color_{placement.short_id}"
        try:
            copies = results_store.copy_in([job_dir / file for file in files], folder, stem)
        except OutputError as error:
            if options.storage == "PACKED" or error.code == "disk-full":
                raise
            advice = tr(
                "Choose Packed under UV and Output > Images, or save the file in another folder. Then apply again."
            )
            raise OutputError(error.code, error.message, advice) from error
        image = _loaded(copies, placement.recipe_id)
        if image is None:
            image = load_image(copies, placement.recipe_id)
            undo.callback(bpy.data.images.remove, image)
        image.use_fake_user = options.mode == "image_only"  # else the variant holds it
        if options.storage == "PACKED" and image.packed_file is None:
            image.pack()
        images[files] = image
    return images


def _folder(placement: Placement, options: Options) -> Path:
    name = placement.objects[0].name
    if options.storage == "PACKED":
        return results_store.store() / results_store.safe_name(name)
    return results_store.folder_for(name)


def _loaded(files: Sequence[Path], recipe_id: str) -> Any:
    """The image of an earlier time that the same result was applied."""
    for image in bpy.data.images:
        if image.get(RECIPE) == recipe_id and variants.image_files(image) == list(files):
            return image
    return None


def _uv_map(job_dir: Path, obj: bpy.types.Object, placed: PlacedObject, undo: ExitStack) -> str:
    """The UV map that the textures are laid out in, which is added where the job made it."""
    if not placed.new_uv:
        return placed.uv_map
    mesh: Any = obj.data
    before = set(mesh.uv_layers.keys())
    name = write_uv_map(obj, placed.uv_map, load_npz(job_dir / FOLDER / placed.new_uv)["uv"])
    if name not in before:
        undo.callback(remove_layer, mesh.uv_layers, name)
    return name


def _attribute(
    job_dir: Path, obj: bpy.types.Object, placed: PlacedObject, placement: Placement, options: Options, undo: ExitStack
) -> str:
    """The colour attribute of the result; empty if it consists of textures."""
    if not placed.colours:
        return ""
    mesh: Any = obj.data
    name = f"OrbitPainter {placement.short_id}"
    known = name in mesh.color_attributes
    name = write_colours(obj, name, load_npz(job_dir / FOLDER / placed.colours)["colour"], options.domain)
    if not known:
        undo.callback(remove_layer, mesh.color_attributes, name)
    return name


# The variant


def _add(
    obj: bpy.types.Object,
    placed: PlacedObject,
    placement: Placement,
    job: Job,
    job_dir: Path,
    options: Options,
    undo: ExitStack,
) -> None:
    results = results_of(obj)
    names = {variant.name for variant in results.variants}
    numbered: Callable[[int], str] = lambda number: tr("Variant {number}", number=number)  # noqa: E731
    variant = results.variants.add()
    undo.callback(_remove_variant, obj, placement.recipe_id)
    variant.name = next(numbered(n) for n in range(len(names) + 1, 10**6) if numbered(n) not in names)
    variant.recipe_id = placement.recipe_id
    variant.created = time.strftime("%Y-%m-%d %H:%M")
    variant.seed, variant.engine = str(job.seed), job.engine
    variant.recipe = json.dumps(job.to_json())
    variant.job_dir = str(job_dir)
    variant.mode = "new_material" if options.mode == "image_only" else options.mode
    variant.made_for, variant.topology, variant.slots = placed.name, placed.topology, placed.slots
    folder = _folder(placement, options)
    variant.folder = str(folder)
    for source, ending in (("still.png", ".png"), ("recipe.json", ".json")):
        if (job_dir / source).is_file():
            results_store.copy_once(job_dir / source, folder / f"{placement.short_id}{ending}")


def _remove_variant(obj: bpy.types.Object, recipe_id: str) -> None:
    results = results_of(obj)
    results.variants.remove([variant.recipe_id for variant in results.variants].index(recipe_id))
