# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows any result of an object, or its original look, and removes results (specs/blender-extension.md 10)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import InputError
from . import fingerprint
from .blocks import RECIPE, ref
from .colour_write import activate_colours
from .material_nodes import Attribute, NodeEdit, Picture, Source
from .scene_write import MADE, ORIGIN, Change, MaterialChange, SlotChange, TextureKey, restore, show
from .translations import tr
from .variant_props import results_of
from .variants import can_restore, find, image_files, shown, sidecars_of


def show_variant(objects: Sequence[bpy.types.Object], recipe_id: str) -> list[str]:
    """Show the variant on objects that have it; notes for the artist. Raises InputError; then nothing has changed."""
    notes = [note for obj in objects if (note := _fit(obj, find(obj, recipe_id)))]
    return [*notes, *put_on(objects, recipe_id)]


def put_on(objects: Sequence[bpy.types.Object], recipe_id: str) -> list[str]:
    """`show_variant` without its test that the variant is whole and fits, which reads whole meshes."""
    sources: dict[TextureKey, Source] = {}
    before = {obj: shown(obj) for obj in objects}
    colours = {obj: _colour_choice(obj) for obj in objects}
    found = {obj: find(obj, recipe_id) for obj in objects}
    for obj, variant in found.items():
        if variant.attribute:
            sources[obj.name] = Attribute(variant.attribute)
        for texture in variant.textures:
            if texture.image is not None:
                key = obj.name if texture.slot < 0 else (obj.name, texture.slot)
                sources[key] = Picture(texture.image, variant.uv_map)
    change = show(objects, sources, mode=found[objects[0]].mode, recipe_id=recipe_id)
    for obj, variant in found.items():
        _remember(obj, change, colours[obj])
        if variant.attribute:
            activate_colours(obj.data, variant.attribute)
        if before[obj] != recipe_id:
            results_of(obj).previous = before[obj]
        results_of(obj).active = list(results_of(obj).variants).index(variant)
    return change.notes


def _fit(obj: bpy.types.Object, variant: Any) -> str:
    """A note if the mesh is not the one that the variant was made for. Raises InputError if it cannot be shown."""
    mesh: Any = obj.data
    named, images = variant.attribute, [texture.image for texture in variant.textures]
    if not (named in mesh.color_attributes if named else any(images)):
        raise InputError(
            "variant-lost",
            tr("What '{name}' shows is not in the file any more.", name=variant.name),
            tr("Undo its removal, or remove the variant."),
        )
    if variant.topology and variant.topology != fingerprint.topology(mesh):
        return tr(
            "The faces of '{name}' are others than this variant was made for; see whether it fits.", name=obj.name
        )
    if variant.slots and variant.slots != fingerprint.slots(mesh):
        raise slots_changed(obj)
    return ""


def slots_changed(obj: bpy.types.Object) -> InputError:
    return InputError(
        "result-unfitting",
        tr("Faces of '{name}' are in other material slots now, and each slot has a texture of its own.", name=obj.name),
        tr("Undo the change and apply the result again, or generate a new one."),
    )


def restore_original(objects: Sequence[bpy.types.Object]) -> None:
    """Give the objects the materials back that they had before their first result.

    A slot that the artist has given another material since keeps that. Slots that were moved, added or removed since
    do not matter: what a copy of ours was made from is put back where the copy is.
    """
    for obj in objects:
        results = results_of(obj)
        original = results.originals[0]
        previous = shown(obj)
        change = Change("new_material", "")
        for index, slot in enumerate(obj.material_slots):
            now = slot.material
            if now is None or RECIPE not in now or MADE not in now:
                continue
            change.created += _made_by_us(now)
            if (before := _slot_of(original, index, now)) is not None:
                change.slots.append(
                    SlotChange(ref(obj), index, before.link, _ref(before.material), before.moved, _ref(before.hidden))
                )
        for item in original.materials:
            if item.material is None:
                continue
            if item.edit:
                change.materials.append(MaterialChange(ref(item.material), _edit(item.edit)))
            else:
                change.kept.append(ref(item.material))
        if original.added_slot:
            change.added_slots.append(ref(obj.data))  # pyright: ignore[reportArgumentType]
        change.active.append((ref(obj), original.active_index))
        _choose_colours(obj, original.active_colour, original.render_colour)
        results.originals.clear()
        restore(change)
        results.previous = previous


def remove(obj: bpy.types.Object, recipe_id: str) -> list[Path]:
    """Take a variant off the object, which shows its original look if it showed this one; files that nobody needs now.

    The caller moves them to the trash when everything else is done.
    """
    results = results_of(obj)
    if shown(obj) == recipe_id and can_restore(obj):
        restore_original([obj])
    variant = find(obj, recipe_id)
    images = list(dict.fromkeys(t.image for t in variant.textures if t.image is not None))
    attribute, sidecars = variant.attribute, sidecars_of(variant)
    made_uv = variant.uv_map if variant.made_uv else ""
    results.variants.remove(list(results.variants).index(variant))
    results.active = min(results.active, max(len(results.variants) - 1, 0))
    if results.previous == recipe_id:
        results.previous = ""
    files: list[Path] = []
    for image in images:
        needed = bpy.data.user_map(subset=[image])[image]
        if not needed and image.library is None:
            files += image_files(image)
            bpy.data.images.remove(image)
    if not any(find(o, recipe_id) is not None for o in _meshes()):
        files += sidecars
    mesh: Any = obj.data
    if mesh.library is None:
        left = [variant for o in _meshes() if o.data == mesh for variant in results_of(o).variants]
        if attribute and all(variant.attribute != attribute for variant in left):
            remove_layer(mesh.color_attributes, attribute)
        if made_uv and all(variant.uv_map != made_uv for variant in left):
            remove_layer(mesh.uv_layers, made_uv)
    return files


def _meshes() -> list[bpy.types.Object]:
    return [obj for obj in bpy.data.objects if obj.type == "MESH"]


def remove_layer(layers: Any, name: str) -> None:
    """Of UV maps or colour attributes, if it is there."""
    if name in layers:
        layers.remove(layers[name])


# What Restore Original needs


def _remember(obj: bpy.types.Object, change: Change, colours: tuple[str, str]) -> None:
    """Record what a change did to the object, as far as nothing is recorded yet."""
    originals = results_of(obj).originals
    original = originals[0] if originals else None
    if original is None:
        original = originals.add()
        original.active_colour, original.render_colour = colours
        original.active_index = next(i for r, i in change.active if r.resolve() == obj)
    for slot in change.slots:
        shown = obj.material_slots[slot.index].material if slot.obj.resolve() == obj else None
        if shown is None or _slot_of(original, slot.index, shown) is not None:
            continue
        item = original.slots.add()
        item.index, item.link, item.moved, item.origin = slot.index, slot.link, slot.moved, shown.get(ORIGIN, "")
        item.material = None if slot.material is None else slot.material.resolve()
        item.hidden = None if slot.hidden is None else slot.hidden.resolve()
    mine = {slot.material for slot in obj.material_slots}
    for fed in change.materials:
        if (material := fed.material.resolve()) in mine:
            item = original.materials.add()
            item.material, item.edit = material, json.dumps(asdict(fed.edit))
    recorded = {slot.material for slot in original.slots}
    for kept in change.kept:
        if (material := kept.resolve()) in recorded:
            original.materials.add().material = material
    if any(mesh.resolve() == obj.data for mesh in change.added_slots):
        original.added_slot = True


def _slot_of(original: Any, index: int, material: bpy.types.Material) -> Any:
    """What is recorded of the slot that a copy of ours stands in now, wherever it was; None for nothing."""
    origin = material.get(ORIGIN, "")
    same = [slot for slot in original.slots if slot.origin == origin]
    here = [slot for slot in same if slot.index == index]
    return next(iter(here or (same if origin else ())), None)


def _edit(text: str) -> NodeEdit:
    data = json.loads(text)
    return NodeEdit(tuple(data["nodes"]), tuple(tuple(link) for link in data["links"]), data["active"])


def _ref(material: bpy.types.Material | None) -> Any:
    return None if material is None else ref(material)


def _made_by_us(material: bpy.types.Material) -> list[Any]:
    """The material and its node groups, as far as they are copies that we made."""
    if MADE not in material or material.node_tree is None:
        return []
    groups, waiting = {}, [material.node_tree]
    while waiting:
        for node in waiting.pop().nodes:
            tree = getattr(node, "node_tree", None)
            if tree is not None and MADE in tree and tree not in groups:
                groups[tree] = None
                waiting.append(tree)
    return [ref(material), *map(ref, groups)]


def _colour_choice(obj: bpy.types.Object) -> tuple[str, str]:
    """Names of the colour attributes for painting and for rendering."""
    mesh: Any = obj.data
    layers = mesh.color_attributes
    names = [layer.name for layer in layers]
    active, rendered = layers.active_color_index, layers.render_color_index
    return tuple(names[i] if 0 <= i < len(names) else "" for i in (active, rendered))  # pyright: ignore[reportReturnType]


def _choose_colours(obj: bpy.types.Object, active: str, rendered: str) -> None:
    mesh: Any = obj.data
    if mesh.library is not None:
        return
    for name, choice in ((active, "active_color_index"), (rendered, "render_color_index")):
        index = mesh.color_attributes.find(name) if name else -1
        if index >= 0 and getattr(mesh.color_attributes, choice) != index:
            setattr(mesh.color_attributes, choice, index)
