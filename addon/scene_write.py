# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts textures onto objects, and takes them off again (specs/blender-extension.md section 10).

Nothing but pixels is touched: objects, vertices, UVs, slots, per-face indices, modifiers, rigs and shape keys stay.
A result is new image data-blocks, and new materials in the slots that faces use.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError
from . import compat
from .blocks import BlockRef, ref
from .material_nodes import NodeEdit, can_feed_in_place, feed_colour, feed_in_place, new_material, undo_feed

Mode = Literal["new_material", "add_to_existing", "image_only"]
SUFFIX = " (Orbit Painter)"  # of the materials we make
RECIPE = "orbit_painter_recipe"  # custom property of images and materials: which job made them
MAX_UV_MAPS = 8
_TILE = re.compile(r"\.(1\d{3})\.[^.]+$")

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
    material: BlockRef
    edit: NodeEdit


@dataclass
class Change:
    """What `apply_textures` changed, in order, for `restore`. Plain values only."""

    mode: Mode
    recipe_id: str
    slots: list[SlotChange] = field(default_factory=list)
    added_slots: list[BlockRef] = field(default_factory=list)  # meshes that had no slot
    materials: list[MaterialChange] = field(default_factory=list)
    kept: list[BlockRef] = field(default_factory=list)  # materials that we gave a fake user
    created: list[BlockRef] = field(default_factory=list)
    active: list[tuple[BlockRef, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class _Place:
    """A slot to be given a texture."""

    obj: bpy.types.Object
    index: int
    files: tuple[str, ...]
    uv_map: str

    @property
    def texture(self) -> tuple[tuple[str, ...], str]:
        return self.files, self.uv_map


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
    mode     new_material: slots get copies of their materials, of which only the base colour differs; the artist's
             materials stay in the file. add_to_existing: the artist's materials themselves are changed; where others
             use them too, copies as before. image_only: images are loaded, nothing shows them
    recipe_id  stored on every image and material that is made

    Slots that no face uses are left alone. Equal files are loaded once, and objects that shared a material go on
    sharing one where they also share files and UV map. Objects whose mesh is linked, or is used by objects that do not
    get the same texture, get the material in a slot of their own. A mesh without slots gets one.

    Returns what `restore` needs, with notes for the artist. Raises InputError (object-linked, object-no-slot,
    texture-unreadable, uv-map-missing); then nothing has changed.
    """
    change = Change(mode, recipe_id)
    try:
        _apply(change, objects, images, uv_maps)
    except BaseException:
        restore(change)
        raise
    return change


def restore(change: Change) -> None:
    """Put back what `apply_textures` changed and remove what it made, unless someone uses it by now."""
    for slot in reversed(change.slots):
        _restore_slot(slot)
    for mesh in reversed(change.added_slots):
        if (found := mesh.resolve()) is not None and len(found.materials) == 1:
            _remove_only_slot(found)
    for item in reversed(change.materials):
        if (found := item.material.resolve()) is not None:
            undo_feed(found, item.edit)
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
            if not bpy.data.user_map(subset=[found])[found]:  # .users is too high for images in copied materials in 4.2
                getattr(bpy.data, created.kind).remove(found)


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
        raise _linked(obj)
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


# Applying


def _apply(
    change: Change,
    objects: Sequence[bpy.types.Object],
    images: Mapping[TextureKey, Sequence[str | Path]],
    uv_maps: Mapping[str, str],
) -> None:
    known = {obj.name for obj in objects}
    if stray := [key for key in images if (key if isinstance(key, str) else key[0]) not in known]:
        raise ValueError(f"textures for objects that were not given: {stray}")
    if change.mode == "image_only":
        for files in {tuple(map(str, files)): None for files in images.values()}:
            _load(change, files).use_fake_user = True  # nobody else holds it
        return
    places = [place for obj in objects for place in _places(change, obj, images, uv_maps)]
    loaded = {files: _load(change, files) for files in dict.fromkeys(place.files for place in places)}
    before = {(place.obj, place.index): _material_of(place) for place in places}
    in_place = _editable_materials(change, places) if change.mode == "add_to_existing" else set()
    made: dict[Any, bpy.types.Material] = {}
    for place in places:
        old = before[place.obj, place.index]
        if old in in_place:
            if old not in made:
                edit = feed_in_place(old, loaded[place.files], place.uv_map)
                change.materials.append(MaterialChange(ref(old), edit))
                made[old] = old
            continue
        key = old, place.texture
        if key not in made:
            made[key] = _new_material(change, old, place, loaded[place.files])
        _set_slot(change, place, made[key], _own_slot(place, places))
    for material in dict.fromkeys(before.values()):
        if material is not None and material.library is None and material.users == 0:
            change.kept.append(ref(material))
            material.use_fake_user = True


def _places(
    change: Change,
    obj: bpy.types.Object,
    images: Mapping[TextureKey, Sequence[str | Path]],
    uv_maps: Mapping[str, str],
) -> Iterator[_Place]:
    mesh: Any = obj.data
    if obj.library is not None:
        raise _linked(obj)
    if len(obj.material_slots) == 0 and mesh.library is not None:
        raise InputError(
            "object-no-slot",
            f"'{obj.name}' has no material slot, and its mesh is linked from another file.",
            "Make the mesh local (Object > Relations > Make Local).",
        )
    uv_map = uv_maps[obj.name]
    used, from_nodes = _used_slots(obj, uv_map)
    if from_nodes:
        change.notes.append(
            f"Modifiers of '{obj.name}' give it the material {from_nodes[0]}, which stays; faces that have it do not "
            "show the texture."
        )
    change.active.append((ref(obj), obj.active_material_index or 0))
    for index in used:
        files = images.get((obj.name, index), images.get(obj.name))
        if files is not None:
            yield _Place(obj, index, tuple(map(str, files)), uv_map)


def _used_slots(obj: bpy.types.Object, uv_map: str) -> tuple[list[int], list[str]]:
    """Slots that faces use, before or after modifiers; names of materials that come from modifiers."""
    mesh: Any = obj.data
    count = max(len(obj.material_slots), 1)
    evaluated = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    shape = evaluated.to_mesh()
    try:
        if uv_map not in shape.uv_layers and uv_map not in mesh.uv_layers:
            raise InputError(
                "uv-map-missing", f"'{obj.name}' has no UV map named {uv_map}.", "It was renamed or removed; run again."
            )
        used = {int(i) for i in np.clip(np.unique([*_slot_indices(mesh), *_slot_indices(shape)]), 0, count - 1)}
        own = {slot.material.name_full for slot in obj.material_slots if slot.material}
        foreign = [m.name_full for m in shape.materials if m is not None and m.name_full not in own]
    finally:
        evaluated.to_mesh_clear()
    return sorted(used), foreign


def _slot_indices(mesh: Any) -> NDArray[np.int32]:
    values = np.zeros(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", values)
    return np.unique(values)


def _material_of(place: _Place) -> Any:
    slots = place.obj.material_slots
    return slots[place.index].material if place.index < len(slots) else None


def _editable_materials(change: Change, places: Sequence[_Place]) -> set[bpy.types.Material]:
    """Materials that only our places show, all with one texture, and whose shaders can be fed where they are."""
    mine = {(place.obj, place.index): place.texture for place in places}
    result = set()
    for material in dict.fromkeys(_material_of(place) for place in places):
        if material is None:
            continue
        uses = [
            (o, i) for o in bpy.data.objects for i, slot in enumerate(o.material_slots) if slot.material == material
        ]
        textures = {mine.get(use) for use in uses}  # None for a slot that is not ours
        if material.library is None and len(textures) == 1 and None not in textures and can_feed_in_place(material):
            result.add(material)
        else:
            change.notes.append(
                f"The material '{material.name}' is linked, used elsewhere too, or not made of plain shaders; "
                "a copy of it shows the texture."
            )
    return result


def _new_material(
    change: Change, old: bpy.types.Material | None, place: _Place, image: bpy.types.Image
) -> bpy.types.Material:
    """A copy of `old` (or a plain material) that shows the image."""
    name = place.obj.name if old is None else old.name
    name = re.sub(r"\.\d{3}$", "", name).removesuffix(SUFFIX) + SUFFIX
    if old is None:
        material = new_material(name)
    else:
        material = old.copy()
        material.name = name
    change.created.append(ref(material))
    material[RECIPE] = change.recipe_id
    material.use_fake_user = False
    if material.asset_data is not None:
        material.asset_clear()
    groups, replaced = feed_colour(material, image, place.uv_map)
    change.created += [ref(group) for group in groups]
    if replaced and old is not None:
        change.notes.append(
            f"The material '{old.name}' has no shader with a colour of its own; a Principled BSDF shows the texture."
        )
    return material


def _load(change: Change, files: Sequence[str]) -> bpy.types.Image:
    """A new image data-block of one file, or of UDIM tiles."""
    first = Path(files[0])
    tiles = [int(match[1]) for file in files if (match := _TILE.search(Path(file).name))]
    for file in files:
        if not Path(file).is_file():
            raise _unreadable(file)
    try:
        image: Any = bpy.data.images.load(str(first.absolute()), check_existing=False)
    except RuntimeError as error:
        raise _unreadable(first) from error
    change.created.append(ref(image))
    if 0 in image.size:
        raise _unreadable(first)
    if len(tiles) == len(files) and (len(files) > 1 or tiles != [1001]):
        image.source = "TILED"  # finds all files that differ in the number alone
        for tile in [tile for tile in image.tiles if tile.number not in tiles]:
            image.tiles.remove(tile)
        missing = sorted(set(tiles) - {tile.number for tile in image.tiles})
        if missing:
            raise _unreadable(files[tiles.index(missing[0])])
    elif len(files) > 1:
        raise ValueError(f"several files that are not named as UDIM tiles: {files}")
    image[RECIPE] = change.recipe_id
    compat.set_colour_space(image.colorspace_settings, "sRGB", "sRGB - Texture", "Utility - sRGB - Texture")
    image.alpha_mode = "NONE"  # alpha only says where faces are
    if bpy.data.filepath:
        with contextlib.suppress(ValueError):  # another drive
            image.filepath_raw = bpy.path.relpath(image.filepath_raw)
    return image


def _unreadable(file: str | Path) -> InputError:
    return InputError("texture-unreadable", f"The texture {file} cannot be read.", "Run the job again.")


# Slots


def _set_slot(change: Change, place: _Place, material: bpy.types.Material, own: bool) -> None:
    obj = place.obj
    mesh: Any = obj.data
    if len(obj.material_slots) == 0:
        mesh.materials.append(None)
        change.added_slots.append(ref(mesh))
    slot: Any = obj.material_slots[place.index]
    if slot.material == material:  # a linked duplicate that came first has set it
        return
    before = None if slot.material is None else ref(slot.material)
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
    same = {p.obj for p in places if p.index == place.index and p.texture == place.texture}
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


def _linked(obj: bpy.types.Object) -> InputError:
    return InputError(
        "object-linked",
        f"'{obj.name}' is linked from another file and cannot be changed.",
        "Make it local or create a library override (Object > Relations).",
    )


# UV maps


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
