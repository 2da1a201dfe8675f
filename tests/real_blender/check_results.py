# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside a Blender that has the extension: one result on all kinds of objects, from Generate to Disable.

blender -b -P check_results.py -- FOLDER
"""

import sys
import time
from pathlib import Path

import addon_utils
import bpy
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "addon")]
from leftovers import leftovers  # noqa: E402
from state_guard import snapshot  # noqa: E402

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
SETTINGS = {
    "quality": "CUSTOM",
    "views_horizontal": 5,
    "views_vertical": 5,
    "frame_size": 96,
    "label_grid": 48,
    "grid": 64,
    "surface_grid": 48,
    "texture_size": 128,
    "combine": "TOGETHER",
}
OURS = (
    ".orbit_painter",
    ".override_library.",
    "materials[",
    "images[",
    "node_groups[",
    ".node_tree.links[",
    ".node_tree.users",
)
UNDONE = (".node_tree.users", ".is_library_indirect", "images[guide.png].resolution")
PASSING = (".particle_edit.object", "bound_box", ".dimensions")  # what any undo or evaluation changes


def main():
    _library(FOLDER / "library.blend")
    _scene(FOLDER / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "shot.blend"))
    _paint_guide(FOLDER / "guide.png")
    bpy.ops.wm.save_mainfile()
    names = [obj.name for obj in _objects()]
    assert len(names) == 3, names

    bpy.context.view_layer.update()
    before, looks = snapshot(), _looks()
    bpy.ops.ed.undo_push(message="start")
    start = time.monotonic()
    assert bpy.ops.orbit_painter.generate("EXEC_DEFAULT", True) == {"FINISHED"}
    print("generated in", round(time.monotonic() - start, 1), "s")
    _equal_but_for(before, snapshot(), *OURS, "data.", "material", "meshes[", *PASSING)
    shown = _looks()
    assert all(image for look in shown.values() for _, _, image in look), shown
    assert {link for link, _, _ in shown["Prop"]} == {"OBJECT"}, shown  # its mesh belongs to the library
    tiles = next(n.image for n in _nodes(bpy.data.objects["Tiles"]) if n.type == "TEX_IMAGE")
    assert (tiles.source, len(tiles.tiles)) == ("TILED", 2)
    assert [round(v, 5) for v in bpy.data.objects["Hero"].matrix_world.translation] == [0, 0, 0]

    _in_window(bpy.ops.ed.undo)
    assert _looks() == looks
    _equal_but_for(before, snapshot(), *PASSING, *UNDONE)
    _in_window(bpy.ops.ed.redo)
    assert _looks() == shown

    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "shot.blend"))
    assert _looks() == shown
    folder = FOLDER / "textures" / "orbit_painter"
    pictures = [bpy.path.abspath(image.filepath) for image in bpy.data.images if "orbit_painter_recipe" in image]
    assert pictures
    assert all(Path(path.replace("<UDIM>", "1001")).is_relative_to(folder) for path in pictures), pictures

    # another variant: the same views, baked larger
    _choose("Hero", "Tiles", "Prop")
    bpy.context.scene.orbit_painter.texture_size = 64
    assert bpy.ops.orbit_painter.rebake() == {"FINISHED"}
    hero = bpy.data.objects["Hero"]
    first, second = hero.orbit_painter.variants
    other = _looks()
    assert other != shown
    _choose("Hero", "Tiles", "Prop")
    for _ in range(2):
        start = time.perf_counter()
        bpy.ops.orbit_painter.variant_show("EXEC_DEFAULT", True, recipe_id=first.recipe_id)
        print("switched in", round(1000 * (time.perf_counter() - start), 1), "ms")
        assert _looks() == shown
        bpy.ops.orbit_painter.variant_compare("EXEC_DEFAULT", True)
        assert _looks() == other
    _render(FOLDER / "variant.png")

    bpy.ops.orbit_painter.restore_original("EXEC_DEFAULT", True)
    assert _looks() == looks, (_looks(), looks)
    after = snapshot()
    reopened = (".session_uid", ".users", "data.images", "data.libraries")
    _equal_but_for(before, after, *OURS, *PASSING, *reopened, "texture_size", "meshes[Sphere]")
    uv_maps = bpy.data.objects["Hero"].data.uv_layers
    assert [layer.name for layer in uv_maps] == ["UVMap", "OrbitPainter"]  # variants need the second
    assert uv_maps.active.name == "UVMap"

    package = next(name for name in sys.modules if name.startswith("bl_ext.") and name.endswith(".orbit_painter"))
    bpy.ops.orbit_painter.variant_show(recipe_id=second.recipe_id)
    for _ in range(3):
        addon_utils.disable(package)
        assert not leftovers(package), leftovers(package)
        assert _looks() == other  # what was made stays, without the extension
        addon_utils.enable(package)
        assert len(bpy.data.objects["Hero"].orbit_painter.variants) == 2
    bpy.ops.wm.save_mainfile()
    print("RESULTS OK")


def _in_window(operator):
    """Undo wants a window, which background Blender has but does not use."""
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, screen=window.screen):
        assert operator() == {"FINISHED"}


def _library(path):
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_cube_add(size=1)
    prop = bpy.context.object
    prop.name = "Prop"
    prop.data.materials.append(_material("Wood", (0.5, 0.3, 0.1, 1)))
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def _scene(library):
    """A rigged, mirrored and subdivided object with two materials, one on UDIM tiles, and an override."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_uv_sphere_add(segments=16, ring_count=8)
    hero = bpy.context.object
    hero.name = "Hero"
    for name, colour in (("Skin", (0.8, 0.2, 0.1, 1)), ("Cloth", (0.1, 0.2, 0.8, 1))):
        hero.data.materials.append(_material(name, colour))
    for polygon in hero.data.polygons:
        polygon.material_index = polygon.center.z > 0
    hero.active_material_index = 1
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    hero.modifiers.new("Rig", "ARMATURE").object = rig
    hero.modifiers.new("Mirror", "MIRROR").use_axis = (True, False, False)
    hero.modifiers.new("Subdivision", "SUBSURF").levels = 1
    hero.shape_key_add(name="Basis")
    hero.shape_key_add(name="Tall").value = 0.5

    bpy.ops.mesh.primitive_cube_add(size=1, location=(2, 0, 0))
    tiles = bpy.context.object
    tiles.name = "Tiles"
    layer = tiles.data.uv_layers[0]
    for loop in tiles.data.polygons[0].loop_indices:
        layer.uv[loop].vector.x += 1
    tiles.data.materials.append(_material("Stone", (0.3, 0.3, 0.3, 1)))

    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Prop"]
    (linked,) = wanted.objects
    bpy.context.scene.collection.objects.link(linked)
    override = linked.override_create(remap_local_usages=True)
    override.location.x = -2
    _choose("Hero", "Tiles", "Prop")
    for name, value in SETTINGS.items():
        setattr(bpy.context.scene.orbit_painter, name, value)


def _material(name, colour):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    material.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = colour
    return material


def _paint_guide(path):
    """Export the guide of the front view, paint stripes over it, and use it."""
    assert bpy.ops.orbit_painter.guide_export(filepath=str(path), view="front", size=256) == {"FINISHED"}
    image = bpy.data.images.load(str(path), check_existing=True)
    pixels = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(pixels)
    pixels = pixels.reshape(image.size[1], image.size[0], 4)
    pixels[::16, :, :3] = (0.9, 0.5, 0.1)
    pixels[..., 1] *= np.linspace(0.3, 1, image.size[0])
    image.pixels.foreach_set(pixels.ravel())
    image.save()


def _objects():
    return [obj for obj in bpy.context.selected_objects if obj.type == "MESH"]


def _choose(*names):
    local = {obj.name: obj for obj in bpy.data.objects if obj.library is None}
    for obj in bpy.context.view_layer.objects:
        obj.select_set(False)
    for name in names:
        local[name].select_set(True)
    bpy.context.view_layer.objects.active = local[names[0]]


def _nodes(obj):
    return [node for slot in obj.material_slots if slot.material for node in slot.material.node_tree.nodes]


def _looks():
    """Name of each object -> link, material and image of each slot."""
    looks = {}
    for obj in sorted((o for o in bpy.data.objects if o.type == "MESH" and o.library is None), key=lambda o: o.name):
        looks[obj.name] = []
        for slot in obj.material_slots:
            images = [n.image.name for n in slot.material.node_tree.nodes if n.type == "TEX_IMAGE"]
            looks[obj.name].append((slot.link, slot.material.name, images[0] if images else None))
    return looks


def _equal_but_for(before, after, *allowed):
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    wrong = {key: (before.get(key), after.get(key)) for key in changed if not any(word in key for word in allowed)}
    assert not wrong, dict(list(wrong.items())[:12])


def _render(path):
    """A look at the result, for people."""
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy = 3
    sun.rotation_euler = (0.6, 0.2, 0)
    for obj in (camera, sun):
        scene.collection.objects.link(obj)
    camera.location, camera.rotation_euler = (0, -8, 2), (1.35, 0, 0)
    kept = scene.camera, scene.render.engine, scene.render.filepath, scene.cycles.samples, scene.cycles.use_denoising
    sizes = scene.render.resolution_x, scene.render.resolution_y
    scene.camera, scene.render.engine, scene.render.filepath = camera, "CYCLES", str(path)
    scene.cycles.samples, scene.cycles.use_denoising = 8, False
    scene.render.resolution_x, scene.render.resolution_y = 480, 200
    bpy.ops.render.render(write_still=True)
    scene.camera, scene.render.engine, scene.render.filepath, scene.cycles.samples, scene.cycles.use_denoising = kept
    scene.render.resolution_x, scene.render.resolution_y = sizes
    for obj in (camera, sun):
        data = obj.data
        bpy.data.objects.remove(obj)
        (bpy.data.cameras if isinstance(data, bpy.types.Camera) else bpy.data.lights).remove(data)


main()
