# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that travel with a scene: `Scene.orbit_painter`.

Files made by an older version are brought up to date when they are loaded (`migrate`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import chosen, engine_state, targets
from .quality import PRESETS

SCHEMA = 1

SIDES = [
    ("front", "Front", "The picture shows the front of the object: its -Y side"),
    ("right", "Right", "The picture shows the +X side of the object"),
    ("back", "Back", "The picture shows the back of the object: its +Y side"),
    ("left", "Left", "The picture shows the -X side of the object"),
    ("top", "Top", "The picture shows the object from above"),
    ("bottom", "Bottom", "The picture shows the object from below"),
]


def _changed(settings: Any, context: Any) -> None:
    targets.invalidate()


def _in_scene(settings: Any, collection: bpy.types.Collection) -> bool:
    return chosen.is_in_scene(collection, settings.id_data)


def _quality_changed(settings: Any, context: Any) -> None:
    """The numbers of a preset are shown, and are what Custom starts from."""
    preset = PRESETS.get(settings.quality)
    if preset is not None:
        for name, value in preset.items():
            setattr(settings, name, value)


class ORBIT_PAINTER_PG_reference(bpy.types.PropertyGroup):
    """A picture of the object, and how it was taken."""

    image: bpy.props.PointerProperty(
        type=bpy.types.Image,
        name="Picture",
        description="Picture of the object that the texture is painted after",
        update=_changed,
    )
    view: bpy.props.EnumProperty(
        items=SIDES, name="Shows", description="Side of the object that the picture shows", update=_changed
    )
    camera: bpy.props.StringProperty(
        name="Guide Camera", description="Camera of the guide that the picture was painted over, as JSON", maxlen=4096
    )
    guide_objects: bpy.props.StringProperty(
        name="Guide Objects", description="Names of the objects that the guide shows, as JSON", maxlen=0
    )
    guide_digest: bpy.props.StringProperty(
        name="Guide Digest", description="Checksum of the bare guide, which tells whether it has been painted over"
    )


class ORBIT_PAINTER_PG_settings(bpy.types.PropertyGroup):
    """What Generate Texture does."""

    schema: bpy.props.IntProperty(name="Schema", description="Version of these settings", default=0, min=0)

    # What is painted

    collection: bpy.props.PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="Texture the meshes of this collection and of those nested in it, instead of the selected ones",
        poll=_in_scene,
        update=_changed,
    )
    references: bpy.props.CollectionProperty(
        type=ORBIT_PAINTER_PG_reference, name="References", description="Pictures of the object"
    )
    active_reference: bpy.props.IntProperty(
        name="Active Reference", description="Reference whose settings are shown", default=0, min=0
    )
    combine: bpy.props.EnumProperty(
        name="Several Objects",
        description="What is done with several objects",
        items=[
            ("TOGETHER", "Together", "The objects are painted as one model; the references show them together"),
            ("EACH", "One by One", "Each object is painted by itself and waits its turn; references show one object"),
        ],
        update=_changed,
    )
    engine: bpy.props.EnumProperty(
        name="Engine", description="What paints the frames", items=engine_state.items, update=_changed
    )
    seed: bpy.props.IntProperty(
        name="Seed",
        description="The same seed gives the same texture; another one continues the unseen parts differently",
        default=0,
        min=0,
    )

    # Quality

    quality: bpy.props.EnumProperty(
        name="Quality",
        description="How many views are painted and how finely",
        items=[
            ("DRAFT", "Draft", "Few small views, to see whether the references fit"),
            ("STANDARD", "Standard", "The full orbits at 512 pixels"),
            ("HIGH", "High", "The full orbits at 768 pixels, on a finer grid"),
            ("CUSTOM", "Custom", "The numbers below"),
        ],
        default="STANDARD",
        update=_quality_changed,
    )
    views_horizontal: bpy.props.IntProperty(
        name="Views Around",
        description="Views of the horizontal orbit; 61 and 121 close the loop",
        default=61,
        min=0,
        max=125,
        soft_min=9,
    )
    views_vertical: bpy.props.IntProperty(
        name="Over the Top",
        description="Views of the vertical orbit; 61 and 121 close the loop",
        default=61,
        min=0,
        max=125,
        soft_min=9,
    )
    frame_size: bpy.props.IntProperty(
        name="Frame Size",
        description="Width and height of a painted view",
        default=512,
        min=16,
        max=2048,
        soft_min=128,
        soft_max=1024,
        subtype="PIXEL",
    )
    label_grid: bpy.props.IntProperty(
        name="View Grid",
        description="Voxels along the object on which the best view of each place is chosen",
        default=256,
        min=16,
        max=1024,
        soft_min=64,
    )
    grid: bpy.props.IntProperty(
        name="Colour Grid",
        description="Voxels along the object that carry the colours of hidden places",
        default=512,
        min=16,
        max=1024,
        soft_min=64,
    )
    surface_grid: bpy.props.IntProperty(
        name="Synthesis Grid",
        description="Surface samples along the object on which texture is continued where no reference shows any",
        default=192,
        min=32,
        max=384,
    )

    # UV and output

    output: bpy.props.EnumProperty(
        name="Output",
        description="What the result becomes",
        items=[
            ("TEXTURES", "Textures", "Image textures on the materials of the objects"),
            ("COLOR_ATTRIBUTE", "Color Attribute", "A colour for each vertex, for sculpts"),
            ("IMAGE_ONLY", "Image Only", "Image data-blocks that no material uses yet, to wire by hand"),
        ],
        update=_changed,
    )
    material_mode: bpy.props.EnumProperty(
        name="Material",
        description="How the materials of the objects get the texture",
        items=[
            ("NEW_MATERIAL", "New Material", "Copies of the materials show the texture; the old ones stay in the file"),
            ("ADD_TO_EXISTING", "Add to Existing", "The base colour of the materials themselves gets the texture"),
        ],
    )
    storage: bpy.props.EnumProperty(
        name="Images",
        description="Where the images are kept",
        items=[
            (
                "BESIDE",
                "Beside the File",
                "In the folder textures beside the .blend; in the user's data folder until it is saved",
            ),
            ("PACKED", "Packed", "Inside the .blend"),
        ],
    )
    texture_size: bpy.props.IntProperty(
        name="Texture Size",
        description="Width and height of each texture or UDIM tile",
        default=2048,
        min=16,
        max=8192,
        soft_min=256,
        subtype="PIXEL",
    )
    uv: bpy.props.EnumProperty(
        name="UV Map",
        description="The UV map that textures are laid out in; maps are never edited",
        items=[
            ("AUTO", "Automatic", "The map that renders if it is usable, else another one, else a new one"),
            ("KEEP", "Active", "The map that renders, whatever its state; where parts overlap the first one wins"),
            ("NEW", "New", "A new map named OrbitPainter"),
            ("NAMED", "By Name", "The map with the name below"),
        ],
        update=_changed,
    )
    uv_name: bpy.props.StringProperty(
        name="Map Name", description="Name of the UV map", default="UVMap", maxlen=63, update=_changed
    )
    atlas: bpy.props.EnumProperty(
        name="Atlas",
        description="Which faces share a texture",
        items=[
            ("object", "Per Object", "One texture for each object"),
            ("slot", "Per Material Slot", "One texture for each material slot"),
            ("shared", "Shared", "One texture for all objects of the job"),
        ],
        update=_changed,
    )

    # Advanced

    process: bpy.props.EnumProperty(
        name="Run",
        description="Where the work is done",
        items=[
            ("BACKGROUND", "In the Background", "In a Blender of its own; you go on working"),
            ("IN_PROCESS", "In This Blender", "The window waits until the texture is done"),
        ],
    )
    pose: bpy.props.EnumProperty(
        name="Painted Pose",
        description="In which pose armatures and shape keys are read. The rig stays as it is",
        items=[
            ("evaluated", "As Shown", "As the scene shows the objects now"),
            ("rest", "At Rest", "Armatures at rest, shape keys at their basis, so that views see what the pose hides"),
        ],
    )
    alpha: bpy.props.EnumProperty(
        name="Transparency",
        description="Whether views see through what materials cut out, such as the cards of foliage",
        items=[
            ("opaque", "Taken as Solid", "Faces are seen as a whole, whatever their materials make of them"),
            ("sample", "Seen Through", "What a picture in the alpha of a material cuts out is not there for the views"),
        ],
    )
    renderer: bpy.props.EnumProperty(
        name="Pass Renderer",
        description="What renders the position and normal passes",
        items=[
            ("cycles", "Cycles", "Works everywhere"),
            ("eevee", "EEVEE", "Needs a graphics card"),
            ("embree", "Ray Casting", "Without a render engine"),
        ],
    )
    device: bpy.props.EnumProperty(
        name="Pass Device",
        description="Where Cycles renders the passes",
        items=[("cpu", "CPU", "On the processor"), ("gpu", "GPU", "On the graphics card set in the preferences")],
    )
    use_existing: bpy.props.BoolProperty(
        name="Start from Existing Texture",
        description="Where no reference shows the surface, keep of the texture it has as much as Strength leaves",
        default=False,
    )
    existing: bpy.props.FloatProperty(
        name="Strength",
        description="How much of the existing texture is painted anew: 0 keeps it, 1 does not look at it",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    supersample: bpy.props.IntProperty(
        name="Supersampling",
        description="Passes are rendered this many times larger than the frames; 0 is the engine's own choice",
        default=0,
        min=0,
        max=4,
    )
    symmetry: bpy.props.EnumProperty(
        name="Symmetry",
        description="Mirror planes that carry the references to places they do not show",
        items=[
            ("auto", "Detect", "Where the mesh is symmetric"),
            ("off", "Off", "None"),
            ("x", "X", "Left and right are taken as mirrored"),
            ("y", "Y", "Front and back are taken as mirrored"),
        ],
    )
    detail: bpy.props.FloatProperty(
        name="Detail",
        description="How much fine texture is continued where no reference shows any; 0 leaves plain colours",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    keep_background: bpy.props.BoolProperty(
        name="Keep Background",
        description="Take all of a picture without transparency as object, instead of removing a plain background",
        default=False,
    )
    speed: bpy.props.EnumProperty(
        name="Speed",
        description="What a neural engine may leave out to be faster",
        items=[
            ("best", "Best Quality", "Nothing is left out"),
            ("balanced", "Balanced", "Fewer steps, and steps that reuse what changes little"),
            ("fast", "Fast", "For trying out"),
        ],
    )
    memory: bpy.props.EnumProperty(
        name="Graphics Memory",
        description="How much memory of the graphics card a neural engine plans with",
        items=[
            ("auto", "What Is Free", "What the graphics card has free when the job starts"),
            ("80", "80 GB", "Everything stays on the card"),
            ("48", "48 GB", "Plan for 48 GB"),
            ("24", "24 GB", "Plan for 24 GB"),
            ("16", "16 GB", "Plan for 16 GB"),
            ("12", "12 GB", "Plan for 12 GB"),
            ("8", "8 GB", "Plan for 8 GB"),
            ("8-disk", "8 GB, from Disk", "Plan for 8 GB, and read the model from the disk where there is little RAM"),
            ("cpu", "Processor", "Without a graphics card, very slowly"),
        ],
    )
    engine_options: bpy.props.StringProperty(
        name="Engine Options", description="Further options of the engine, as NAME=VALUE with spaces between"
    )
    fuse_preset: bpy.props.EnumProperty(
        name="Fusing",
        description="Parameters of TextureOptimizer",
        items=[
            ("default", "Default", "Sharp and fast"),
            ("paper", "As Published", "The parameters of the Ink3D paper; slower"),
        ],
    )
    smoothness: bpy.props.FloatProperty(
        name="Smoothness",
        description="Higher values take larger connected patches from one view, with fewer seams between views",
        default=1.0,
        min=0.0,
        max=100.0,
        soft_max=10.0,
    )
    margin: bpy.props.IntProperty(
        name="Margin",
        description="How far colours reach beyond the borders of UV islands",
        default=16,
        min=0,
        max=1024,
        soft_max=64,
        subtype="PIXEL",
    )
    fuse_options: bpy.props.StringProperty(
        name="Fuse Options",
        description="Further parameters of TextureOptimizer, as NAME=VALUE with spaces between",
    )
    turntable: bpy.props.BoolProperty(
        name="Turntable Video", description="Also render a turntable video into the job's folder", default=False
    )
    vxz: bpy.props.BoolProperty(
        name="Sparse Voxel File",
        description="Also write the voxel texture as .vxz into the job's folder",
        default=False,
    )


def settings_of(scene: bpy.types.Scene) -> Any:
    return scene.orbit_painter  # pyright: ignore[reportAttributeAccessIssue]


def belongs_to(reference: Any, objects: Sequence[str]) -> bool:
    """The reference shows these objects; a plain picture is taken to show any."""
    return not reference.camera or sorted(guide_objects(reference)) == sorted(objects)


def guide_objects(reference: Any) -> list[str]:
    """Names of the objects that a guide shows."""
    return json.loads(reference.guide_objects) if reference.guide_objects else []


# Older files


def migrate(settings: Any) -> None:
    """Bring one scene's settings to SCHEMA. A scene that never had any has schema 0 and default values."""
    if settings.schema >= SCHEMA:
        return
    settings.schema = SCHEMA


@persistent
def _after_load(*_: Any) -> None:
    for scene in bpy.data.scenes:
        if scene.library is None:
            migrate(settings_of(scene))


CLASSES = (ORBIT_PAINTER_PG_reference, ORBIT_PAINTER_PG_settings)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    scene: Any = bpy.types.Scene
    scene.orbit_painter = bpy.props.PointerProperty(type=ORBIT_PAINTER_PG_settings)
    bpy.app.handlers.load_post.append(_after_load)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_after_load)
    scene: Any = bpy.types.Scene
    del scene.orbit_painter
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
