# SPDX-License-Identifier: GPL-3.0-or-later
"""What an object knows about its results: `Object.orbit_painter`.

Everything is a property of the object, so that undo, duplicating, renaming, appending and linking carry it along:
images and materials are pointers, which Blender keeps right.
"""

from __future__ import annotations

from typing import Any

import bpy

# An override of a linked object may have results of its own.
ONE: Any = {"LIBRARY_OVERRIDABLE"}
MANY: Any = {"LIBRARY_OVERRIDABLE", "USE_INSERTION"}


class ORBIT_PAINTER_PG_variant_texture(bpy.types.PropertyGroup):
    """A texture of a variant. slot: the material slot it is for, -1 for all."""

    slot: bpy.props.IntProperty(name="Slot", description="Material slot, -1 for all", default=-1, min=-1, override=ONE)
    image: bpy.props.PointerProperty(
        type=bpy.types.Image, name="Image", description="Texture of this variant", override=ONE
    )


class ORBIT_PAINTER_PG_variant(bpy.types.PropertyGroup):
    """One result. `name` is what the list shows."""

    recipe_id: bpy.props.StringProperty(name="Result", description="Checksum of everything that decided the result")
    created: bpy.props.StringProperty(name="Created", description="When the result was made")
    seed: bpy.props.StringProperty(name="Seed", description="Seed of the result")
    engine: bpy.props.StringProperty(name="Engine", description="What painted the result")
    favourite: bpy.props.BoolProperty(name="Favourite", description="Mark this variant with a star", override=ONE)
    recipe: bpy.props.StringProperty(name="Recipe", description="The job that made the result, as JSON", maxlen=0)
    job_dir: bpy.props.StringProperty(
        name="Job Folder", description="Folder that the result was made in", subtype="DIR_PATH"
    )
    folder: bpy.props.StringProperty(
        name="Folder", description="Folder of the picture and the recipe of this variant", subtype="DIR_PATH"
    )
    mode: bpy.props.EnumProperty(
        name="Material",
        description="How materials show the variant",
        items=[
            ("new_material", "New Material", "Copies of the materials show the variant"),
            ("add_to_existing", "Add to Existing", "The materials themselves show the variant"),
        ],
    )
    uv_map: bpy.props.StringProperty(name="UV Map", description="UV map that the textures are laid out in")
    made_uv: bpy.props.BoolProperty(
        name="Made UV Map", description="The UV map was made for this variant, and goes with the last that needs it"
    )
    attribute: bpy.props.StringProperty(
        name="Color Attribute", description="Color attribute that holds the variant; empty for textures"
    )
    made_for: bpy.props.StringProperty(name="Made For", description="Name of the object in the job of the result")
    topology: bpy.props.StringProperty(
        name="Topology", description="Checksum of the faces that the result was made for"
    )
    slots: bpy.props.StringProperty(
        name="Slots", description="Checksum of the faces' material slots, where each slot has a texture of its own"
    )
    textures: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_variant_texture, name="Textures", description="Textures of this variant", override=MANY
    )


class ORBIT_PAINTER_PG_original_slot(bpy.types.PropertyGroup):
    """A material slot as it was before the first result."""

    index: bpy.props.IntProperty(name="Slot", description="Which material slot", min=0)
    origin: bpy.props.StringProperty(name="Origin", description="What the material that we put there is marked with")
    link: bpy.props.StringProperty(name="Link", description="Whether the material belonged to the object or its data")
    material: bpy.props.PointerProperty(type=bpy.types.Material, name="Material", description="Material of the slot")
    moved: bpy.props.BoolProperty(name="Moved", description="The slot was changed to belong to the object")
    hidden: bpy.props.PointerProperty(
        type=bpy.types.Material, name="Hidden Material", description="Material that the slot of the data had hidden"
    )


class ORBIT_PAINTER_PG_original_material(bpy.types.PropertyGroup):
    """A material that was kept with a fake user (no edit), or changed where it is (edit)."""

    material: bpy.props.PointerProperty(type=bpy.types.Material, name="Material", description="Material of the artist")
    edit: bpy.props.StringProperty(name="Edit", description="What was added to its nodes, as JSON", maxlen=0)


class ORBIT_PAINTER_PG_original(bpy.types.PropertyGroup):
    """What Restore Original puts back."""

    slots: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_original_slot, name="Slots", description="Slots as they were", override=MANY
    )
    materials: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_original_material, name="Materials", description="Materials as they were", override=MANY
    )
    added_slot: bpy.props.BoolProperty(name="Added Slot", description="The mesh had no material slot", override=ONE)
    active_index: bpy.props.IntProperty(
        name="Active Slot", description="Material slot that was chosen", min=0, override=ONE
    )
    active_colour: bpy.props.StringProperty(
        name="Active Color", description="Color attribute that was chosen for painting", override=ONE
    )
    render_colour: bpy.props.StringProperty(
        name="Render Color", description="Color attribute that was chosen for rendering", override=ONE
    )


class ORBIT_PAINTER_PG_object(bpy.types.PropertyGroup):
    """Results of an object."""

    variants: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_variant, name="Variants", description="All results of this object", override=MANY
    )
    active: bpy.props.IntProperty(
        name="Active Variant", description="Variant that is selected in the list", min=0, override=ONE
    )
    previous: bpy.props.StringProperty(
        name="Previous Variant", description="Result that was shown before this one", override=ONE
    )
    # One item while there is something to restore. A pointer would not survive in overrides: 5.0 does not save it.
    originals: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_original, name="Original", description="The object before its first result", override=MANY
    )


CLASSES = (
    ORBIT_PAINTER_PG_variant_texture,
    ORBIT_PAINTER_PG_variant,
    ORBIT_PAINTER_PG_original_slot,
    ORBIT_PAINTER_PG_original_material,
    ORBIT_PAINTER_PG_original,
    ORBIT_PAINTER_PG_object,
)


def results_of(obj: bpy.types.Object) -> Any:
    return obj.orbit_painter  # pyright: ignore[reportAttributeAccessIssue]


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    owner: Any = bpy.types.Object
    owner.orbit_painter = bpy.props.PointerProperty(
        type=ORBIT_PAINTER_PG_object, name="Orbit Painter", description="Results of this object", override=ONE
    )


def unregister() -> None:
    owner: Any = bpy.types.Object
    del owner.orbit_painter
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
