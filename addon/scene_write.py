# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts textures onto objects, and takes them off again (specs/blender-extension.md section 10).

Nothing but pixels is touched: objects, vertices, UVs, slots, per-face indices, modifiers, rigs and shape keys stay.
A result is new image data-blocks, and new materials in the slots that faces use.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError
from .blocks import RECIPE, BlockRef, ref
from .image_load import load_image
from .material_nodes import (
    NodeEdit,
    Picture,
    Source,
    can_feed_in_place,
    change_source,
    feed_colour,
    feed_in_place,
    new_material,
    shown_source,
    undo_feed,
)
from .uv_write import linked

Mode = Literal["new_material", "add_to_existing", "image_only"]
SUFFIX = " (Orbit Painter)"  # of the materials we make
MADE = "orbit_painter_made"  # custom property of the materials and node groups that we made
ORIGIN = "orbit_painter_origin"  # of the materials among them: text that is recorded with what the copy stands for

TextureKey = str | tuple[str, int]  # object name: all slots; object name and slot index: that slot


@dataclass(frozen=True)
class SlotChange:
    """A slot before the change. `hidden`: the object's own material, which its mesh's one had hidden."""

    obj: BlockRef
    index: int
    link: str
    material: BlockRef | None
    moved: bool = False  # the slot now belongs to the object instead of the mesh
    hidden: BlockRef | None = None


@dataclass(frozen=True)
class MaterialChange:
    """An artist's material that was fed where it is."""

    material: BlockRef
    edit: NodeEdit


@dataclass(frozen=True)
class SourceChange:
    """A material that showed an earlier result. `shown`: what its nodes showed; `recipe`: of which job."""

    material: BlockRef
    shown: Source
    recipe: str


@dataclass
class Change:
    """What `apply_textures` or `show` changed, in order, for `restore`. Only `sources` do not outlive undo."""

    mode: Mode
    recipe_id: str
    slots: list[SlotChange] = field(default_factory=list)
    added_slots: list[BlockRef] = field(default_factory=list)  # meshes that had no slot
    materials: list[MaterialChange] = field(default_factory=list)
    sources: list[SourceChange] = field(default_factory=list)
    kept: list[BlockRef] = field(default_factory=list)  # materials that we gave a fake user
    created: list[BlockRef] = field(default_factory=list)
    active: list[tuple[BlockRef, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Place:
    """A slot to be given a colour."""

    obj: bpy.types.Object
    index: int
    source: Source


def apply_textures(
    objects: Sequence[bpy.types.Object],
    images: Mapping[TextureKey, Sequence[str | Path]],
    uv_maps: Mapping[str, str],
    *,
    mode: Mode = "new_material",
    recipe_id: str = "",
) -> Change:
    """Show image files as the base colour of objects.

    images   object name, or object name and slot index -> files; several files are UDIM tiles, first tile first
    uv_maps  object name -> UV map that the images are laid out in
    mode     as for `show`; image_only: images are loaded, nothing shows them
    recipe_id  stored on every image and material that is made

    Equal files are loaded once. Otherwise as `show`. Raises also InputError (texture-unreadable).
    """
    change = Change(mode, recipe_id)
    try:
        loaded: dict[tuple[str, ...], bpy.types.Image] = {}
        for files in dict.fromkeys(tuple(map(str, files)) for files in images.values()):
            loaded[files] = load_image(files, recipe_id)
            change.created.append(ref(loaded[files]))
        if mode == "image_only":
            for image in loaded.values():
                image.use_fake_user = True  # nobody else holds it
            return change
        sources: dict[TextureKey, Source] = {}
        for key, files in images.items():
            image = loaded[tuple(map(str, files))]
            sources[key] = Picture(image, uv_maps[key if isinstance(key, str) else key[0]])
        _apply(change, objects, sources)
    except BaseException:
        restore(change)
        raise
    return change


def show(
    objects: Sequence[bpy.types.Object],
    sources: Mapping[TextureKey, Source],
    *,
    mode: Mode = "new_material",
    recipe_id: str = "",
) -> Change:
    """Show images or colour attributes that are in the file as the base colour of objects.

    sources  object name, or object name and slot index -> what is shown there
    mode     new_material: slots get copies of their materials, of which only the base colour differs; the artist's
             materials stay in the file. add_to_existing: the artist's materials themselves are changed; where others
             use them too, copies as before
    recipe_id  stored on every material that is made or fed

    Slots that no face uses are left alone. Objects that shared a material go on sharing one where they also share the
    source. A material that shows an earlier result, and that nobody else uses, shows the new one instead; nothing
    else of it changes. Objects whose mesh is linked, or is used by objects that do not get the same source, get the
    material in a slot of their own. A mesh without slots gets one.

    Returns what `restore` needs, with notes for the artist. Raises InputError (object-linked, object-no-slot,
    uv-map-missing); then nothing has changed.
    """
    change = Change(mode, recipe_id)
    try:
        _apply(change, objects, sources)
    except BaseException:
        restore(change)
        raise
    return change


def restore(change: Change) -> None:
    """Put back what was changed and remove what was made, unless someone uses it by now."""
    for slot in reversed(change.slots):
        _restore_slot(slot)
    for mesh in reversed(change.added_slots):
        if (found := mesh.resolve()) is not None and len(found.materials) == 1:
            _remove_only_slot(found)
    for item in reversed(change.materials):
        if (found := item.material.resolve()) is not None:
            undo_feed(found, item.edit)
            found.pop(RECIPE, None)
    for item in change.sources:
        if (found := item.material.resolve()) is not None:
            change_source(found, item.shown)
            found[RECIPE] = item.recipe
    for kept in change.kept:
        if (found := kept.resolve()) is not None:
            found.use_fake_user = False
    for obj, index in change.active:
        if (found := obj.resolve()) is not None and found.active_material_index != index:
            found.active_material_index = index
    for created in sorted(change.created, key=lambda r: ("materials", "node_groups", "images").index(r.kind)):
        found = created.resolve()
        if found is not None:
            found.use_fake_user = False
            remove_unused(found)


def remove_unused(block: Any) -> None:
    """Remove a data-block that nobody uses."""
    if not bpy.data.user_map(subset=[block])[block]:  # .users is too high for images in copied materials in 4.2
        getattr(bpy.data, ref(block).kind).remove(block)


# Applying


def _apply(change: Change, objects: Sequence[bpy.types.Object], sources: Mapping[TextureKey, Source]) -> None:
    known = {obj.name for obj in objects}
    if stray := [key for key in sources if (key if isinstance(key, str) else key[0]) not in known]:
        raise ValueError(f"textures for objects that were not given: {stray}")
    places = [place for obj in objects for place in _places(change, obj, sources)]
    before = {(place.obj, place.index): _material_of(place) for place in places}
    in_place = _editable_materials(change, places)
    made: dict[Any, bpy.types.Material] = {}
    for place in places:
        old = before[place.obj, place.index]
        if old in in_place:
            if old not in made:
                made[old] = _feed(change, old, place.source)
            continue
        key = old, place.source
        if key not in made:
            made[key] = _new_material(change, old, place)
        _set_slot(change, place, old, made[key], _own_slot(place, places))
    for material in dict.fromkeys(before.values()):
        if material is None or material.library is not None or material.users > 0:
            continue
        if MADE in material:
            bpy.data.materials.remove(material)  # it showed an earlier result
        else:
            change.kept.append(ref(material))
            material.use_fake_user = True


def _places(change: Change, obj: bpy.types.Object, sources: Mapping[TextureKey, Source]) -> Iterator[_Place]:
    mesh: Any = obj.data
    if obj.library is not None:
        raise linked(obj)
    if len(obj.material_slots) == 0 and mesh.library is not None:
        raise InputError(
            "object-no-slot",
            f"'{obj.name}' has no material slot, and its mesh is linked from another file.",
            "Make the mesh local (Object > Relations > Make Local).",
        )
    mine = {key: source for key, source in sources.items() if (key if isinstance(key, str) else key[0]) == obj.name}
    used, from_nodes = _used_slots(obj, {source.uv_map for source in mine.values() if isinstance(source, Picture)})
    if from_nodes:
        change.notes.append(
            f"Modifiers of '{obj.name}' give it the material {from_nodes[0]}, which stays; faces that have it do not "
            "show the texture."
        )
    change.active.append((ref(obj), obj.active_material_index or 0))
    for index in used:
        source = mine.get((obj.name, index), mine.get(obj.name))
        if source is not None:
            yield _Place(obj, index, source)


def _used_slots(obj: bpy.types.Object, uv_maps: set[str]) -> tuple[list[int], list[str]]:
    """Slots that faces use, before or after modifiers; names of materials that come from modifiers. The UV maps must
    exist."""
    mesh: Any = obj.data
    count = max(len(obj.material_slots), 1)
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    shape = evaluated.to_mesh()
    try:
        for name in uv_maps:
            if name not in shape.uv_layers and name not in mesh.uv_layers:
                raise InputError(
                    "uv-map-missing",
                    f"'{obj.name}' has no UV map named {name}.",
                    "It was renamed or removed; run again.",
                )
        used = {int(i) for i in np.clip(np.unique([*_slot_indices(mesh), *_slot_indices(shape)]), 0, count - 1)}
        own = {slot.material.name_full for slot in obj.material_slots if slot.material}
        foreign = [m.name_full for m in shape.materials if m is not None and m.name_full not in own]
    finally:
        evaluated.to_mesh_clear()
    return sorted(used), foreign


def _slot_indices(mesh: Any) -> NDArray[np.int32]:
    stored = mesh.attributes.get("material_index")  # absent where all faces use the first slot
    values = np.zeros(len(mesh.polygons), np.int32)
    if stored is not None:
        stored.data.foreach_get("value", values)
    return np.unique(values)


def _material_of(place: _Place) -> Any:
    slots = place.obj.material_slots
    return slots[place.index].material if place.index < len(slots) else None


def _editable_materials(change: Change, places: Sequence[_Place]) -> set[bpy.types.Material]:
    """Materials to change where they are. Only our places show them, all with one source; and they show an earlier
    result, or are asked to be fed and can be."""
    mine = {(place.obj, place.index): place.source for place in places}
    wanted = {material for place in places if (material := _material_of(place)) is not None}
    shown_as: dict[Any, set[Source | None]] = {material: set() for material in wanted}  # None: a slot that is not ours
    for obj in bpy.data.objects:
        for index, slot in enumerate(obj.material_slots):
            if slot.material in wanted:
                shown_as[slot.material].add(mine.get((obj, index)))
    result = set()
    for material, sources in shown_as.items():
        source = next(iter(sources)) if len(sources) == 1 else None
        if source is not None and material.library is None and type(shown_source(material)) is type(source):
            result.add(material)
        elif change.mode != "add_to_existing":
            continue
        elif source is not None and material.library is None and can_feed_in_place(material):
            result.add(material)
        else:
            change.notes.append(
                f"The material '{material.name}' is linked, used elsewhere too, or not made of plain shaders; "
                "a copy of it shows the texture."
            )
    return result


def _feed(change: Change, material: bpy.types.Material, source: Source) -> bpy.types.Material:
    """Let a material that may be changed show the source."""
    shown = shown_source(material)
    if type(shown) is type(source):
        assert shown is not None
        change.sources.append(SourceChange(ref(material), shown, material.get(RECIPE, "")))
        change_source(material, source)
    else:
        change.materials.append(MaterialChange(ref(material), feed_in_place(material, source)))
    material[RECIPE] = change.recipe_id
    return material


def _new_material(change: Change, old: bpy.types.Material | None, place: _Place) -> bpy.types.Material:
    """A copy of `old` (or a plain material) that shows the source."""
    name = place.obj.name if old is None else old.name
    name = re.sub(r"\.\d{3}$", "", name).removesuffix(SUFFIX) + SUFFIX
    if old is None:
        material = new_material(name)
    else:
        material = old.copy()
        material.name = name
    change.created.append(ref(material))
    material[RECIPE], material[MADE] = change.recipe_id, True
    if old is None or MADE not in old:  # a copy of a copy stands for the same
        material[ORIGIN] = uuid.uuid4().hex
    material.use_fake_user = False
    if material.asset_data is not None:
        material.asset_clear()
    groups, replaced = feed_colour(material, place.source)
    for group in groups:
        group[MADE] = True
        change.created.append(ref(group))
    if replaced and old is not None:
        change.notes.append(
            f"The material '{old.name}' has no shader with a colour of its own; a Principled BSDF shows the texture."
        )
    return material


# Slots


def _set_slot(
    change: Change, place: _Place, old: bpy.types.Material | None, material: bpy.types.Material, own: bool
) -> None:
    obj = place.obj
    mesh: Any = obj.data
    if len(obj.material_slots) == 0:
        mesh.materials.append(None)
        change.added_slots.append(ref(mesh))
    slot: Any = obj.material_slots[place.index]
    before = None if old is None else ref(old)
    if slot.material == material:  # a linked duplicate that came first has set it
        change.slots.append(SlotChange(ref(obj), place.index, slot.link, before))
        return
    if slot.link == "OBJECT" or not own:
        change.slots.append(SlotChange(ref(obj), place.index, slot.link, before))
    else:
        slot.link = "OBJECT"
        hidden = None if slot.material is None else ref(slot.material)
        change.slots.append(SlotChange(ref(obj), place.index, "DATA", before, True, hidden))
    slot.material = material


def _own_slot(place: _Place, places: Sequence[_Place]) -> bool:
    """The mesh's slot cannot be used: the mesh is linked, or other objects see it that do not get this texture."""
    mesh = place.obj.data
    assert mesh is not None
    if mesh.library is not None:
        return True
    same = {p.obj for p in places if p.index == place.index and p.source == place.source}
    return any(
        obj not in same
        and not (place.index < len(obj.material_slots) and obj.material_slots[place.index].link == "OBJECT")
        for obj in bpy.data.objects
        if obj.data == mesh
    )


def _restore_slot(change: SlotChange) -> None:
    obj = change.obj.resolve()
    if obj is None or change.index >= len(obj.material_slots):
        return
    slot = obj.material_slots[change.index]
    shown = change.hidden if change.moved else change.material
    material = shown.resolve() if shown else None
    if material is not None or shown is None:
        slot.material = material
    if change.moved:
        slot.link = change.link


def _remove_only_slot(mesh: Any) -> None:
    """Clearing the slots renumbers faces; they get their numbers back. (pop() would leave a slot on the objects.)"""
    values = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", values)
    mesh.materials.clear()
    mesh.polygons.foreach_set("material_index", values)
