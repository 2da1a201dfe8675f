# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a result is put on, nothing but pixels changes, and one undo step gives back all of it."""

import pytest

pytestmark = pytest.mark.bpy

MADE = ("data.images", "data.materials", "data.node_groups", "images[Cube", "materials[", "node_groups[")
RECORDS = (".orbit_painter",)
SHOWN = (".material_slots[", "active_material", ".node_tree.links[", ".node_tree.users")
PASSING = (
    ".particle_edit.object",
    ".bound_box",
    ".dimensions",
    ".is_runtime_data",
)  # what any undo or evaluation changes


@pytest.fixture
def bl(extension):
    extension.context.preferences.edit.use_global_undo = True
    return extension


def plain(bl):
    """Blender as an artist's file has it: a world, a camera, another object, frame 7."""
    scene = bl.context.scene
    scene.world = bl.data.worlds.new("Dusk")
    scene.frame_set(7)
    scene.render.engine, scene.view_settings.exposure = "CYCLES", 0.5
    bl.ops.object.camera_add(location=(0, -8, 0))
    scene.camera = bl.context.object
    bl.ops.mesh.primitive_monkey_add(location=(4, 0, 0))
    bl.ops.mesh.primitive_cube_add()
    obj = bl.context.object
    for index, name in enumerate(("Paint", "Metal")):
        material = bl.data.materials.new(name)
        material.use_nodes = True
        obj.data.materials.append(material)
        obj.data.polygons[index].material_index = index
    obj.active_material_index = 1
    obj.lock_location[0] = True
    bl.data.objects["Suzanne"].select_set(True)
    return obj


def linked_duplicate(bl, obj):
    other = obj.copy()
    other.location.x = -4
    bl.context.collection.objects.link(other)


def slots_of_the_object(bl, obj):
    for slot in obj.material_slots:
        material, slot.link = slot.material, "OBJECT"
        slot.material = material


def rigged(bl, obj):
    rig = bl.data.objects.new("Rig", bl.data.armatures.new("Rig"))
    bl.context.collection.objects.link(rig)
    obj.modifiers.new("Rig", "ARMATURE").object = rig
    obj.shape_key_add(name="Basis")
    obj.shape_key_add(name="Tall").value = 0.5


def sheared(bl, obj):
    parent = bl.data.objects.new("Parent", None)
    bl.context.collection.objects.link(parent)
    parent.scale, parent.rotation_euler = (-3, 1, 1), (0.3, 0.5, 0.2)
    obj.parent, obj.rotation_euler = parent, (0.7, 0.2, 0.9)


def without_uv(bl, obj):
    obj.data.uv_layers.remove(obj.data.uv_layers[0])
    obj.data.update()


def without_slots(bl, obj):
    obj.data.materials.clear()


@pytest.mark.parametrize(
    ("change", "made", "how", "also"),
    [
        (None, {}, {}, SHOWN),
        (None, {"atlas": "slot"}, {}, SHOWN),
        (None, {"tiles": (1001, 1002)}, {}, SHOWN),
        (None, {}, {"storage": "PACKED"}, SHOWN),
        (None, {}, {"mode": "image_only"}, ()),
        (None, {}, {"mode": "add_to_existing"}, (".node_tree",)),
        (linked_duplicate, {}, {}, SHOWN),
        (slots_of_the_object, {}, {}, SHOWN),
        (rigged, {}, {}, SHOWN),
        (sheared, {}, {}, SHOWN),
        (without_uv, {"uv_maps": {"Cube": "OrbitPainter"}}, {}, (*SHOWN, "meshes[Cube]")),
        (without_slots, {}, {}, (*SHOWN, "meshes[Cube]", "objects[Cube]")),
        (without_uv, {"colours": {"Cube": (9, 200, 30)}}, {}, (*SHOWN, "meshes[Cube]")),
    ],
)
def test_nothing_but_pixels_changes(bl, snapshot, finished_job, tmp_path, change, made, how, also):
    obj = plain(bl)
    if change is not None:
        change(bl, obj)
    bl.context.view_layer.update()
    if "uv_maps" in made:
        folder = _with_a_new_map(obj, finished_job, tmp_path, made)
    else:
        folder = finished_job.make(tmp_path / "job", [obj], **made)
    bl.ops.ed.undo_push(message="start")
    before = snapshot()
    assert bl.ops.orbit_painter.apply("EXEC_DEFAULT", True, job_dir=str(folder), **how) == {"FINISHED"}
    after = snapshot()
    assert changed(before, after) != set()
    assert changed(before, after, *MADE, *RECORDS, *also, "meshes[Cube]") == set()
    if "meshes[Cube]" not in also:
        assert shape(before) == shape(after)
    assert bl.context.scene.frame_current == 7
    bl.ops.ed.undo()
    assert changed(before, snapshot(), *PASSING, ".node_tree.users") == set()


def _with_a_new_map(obj, finished_job, tmp_path, made):
    """The job's own copy of the object has the map that it made; the artist's has none."""
    import numpy as np
    from orbit_painter.addon.uv_write import write_uv_map

    write_uv_map(obj, "OrbitPainter", np.random.default_rng(0).random((24, 2)))
    folder = finished_job.make(tmp_path / "job", [obj], **made)
    without_uv(None, obj)
    return folder


def shape(values):
    """The cube's mesh, but for the materials of its slots, which show the result."""
    return values["meshes[Cube]"].rpartition(" [")[0]


def changed(before, after, *allowed):
    keys = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {key for key in keys if not any(word in key for word in allowed)}
