# SPDX-License-Identifier: GPL-3.0-or-later
"""What the background Blender reads is what the artist sees, and exporting changes nothing."""

import numpy as np
import pytest

pytestmark = pytest.mark.bpy


@pytest.fixture
def carried(empty, tmp_path, snapshot):
    """A function: meshes of the named objects here, and after a trip through the exported file."""
    from orbit_painter.addon import scene_export, scene_open
    from orbit_painter.addon.scene_read import find_objects, read_mesh

    def carry(*names):
        objects = find_objects(names)
        empty.context.view_layer.update()
        here, sources, _ = read_mesh(objects)
        before = snapshot()
        scene_export.export_objects(empty.context, objects, tmp_path)
        assert snapshot() == before
        empty.ops.wm.open_mainfile(filepath=str(tmp_path / scene_export.BLEND), load_ui=False)
        scene_open.open_scene()
        there, there_sources, _ = read_mesh(find_objects(names))
        same = [(s.topology_kept, s.slots, s.polygons) for s in sources]
        assert [(s.topology_kept, s.slots, s.polygons) for s in there_sources] == same
        return here, there

    return carry


def equal(pair):
    here, there = pair
    np.testing.assert_allclose(there.vertices, here.vertices, atol=1e-6)
    np.testing.assert_array_equal(there.faces, here.faces)
    np.testing.assert_allclose(there.corner_normals, here.corner_normals, atol=1e-5)
    assert there.uv.keys() == here.uv.keys()
    for name, uv in here.uv.items():
        np.testing.assert_array_equal(there.uv[name], uv)
    return len(here.faces)


def cube(bpy, name="Cube", **place):
    bpy.ops.mesh.primitive_cube_add(**place)
    bpy.context.object.name = name
    return bpy.context.object


def test_modifiers_with_a_target_and_a_parent(empty, carried):
    target = empty.data.objects.new("Mirror", None)
    target.location = (3, 0, 1)
    parent = empty.data.objects.new("Parent", None)
    parent.scale = (2, 1, 1)
    for helper in (target, parent):
        empty.context.scene.collection.objects.link(helper)
    obj = cube(empty)
    obj.parent = parent
    obj.modifiers.new("Mirror", "MIRROR").mirror_object = target
    obj.modifiers.new("Subdivision", "SUBSURF").levels = 2
    assert equal(carried("Cube")) > 12


def test_a_pose_a_shape_key_and_a_frame(empty, carried):
    rig = empty.data.armatures.new("Rig")
    bones = empty.data.objects.new("Rig", rig)
    empty.context.scene.collection.objects.link(bones)
    empty.context.view_layer.objects.active = bones
    empty.ops.object.mode_set(mode="EDIT")
    bone = rig.edit_bones.new("Bone")
    bone.head, bone.tail = (0, 0, 0), (0, 0, 1)
    empty.ops.object.mode_set(mode="OBJECT")
    obj = cube(empty)
    obj.modifiers.new("Rig", "ARMATURE").object = bones
    obj.vertex_groups.new(name="Bone").add(range(4), 1.0, "REPLACE")
    bones.pose.bones["Bone"].rotation_mode = "XYZ"
    bones.pose.bones["Bone"].rotation_euler = (0.5, 0, 0)
    obj.shape_key_add(name="Basis")
    key = obj.shape_key_add(name="Up")
    key.data[0].co.z += 2
    key.value = 0.0
    key.keyframe_insert("value", frame=1)
    key.value = 1.0
    key.keyframe_insert("value", frame=11)
    empty.context.scene.frame_set(7)
    equal(carried("Cube"))


def test_what_was_changed_without_a_key_and_what_a_script_drives(empty, carried):
    """The other Blender runs no script and would put the object back to its keys."""
    obj, other = cube(empty), cube(empty, "Other")
    obj.keyframe_insert("location", frame=1)
    empty.context.scene.frame_set(5)
    obj.location = (7, 0, 0)
    array = other.modifiers.new("Array", "ARRAY")
    array.fit_type = "FIXED_COUNT"
    driver = array.driver_add("count").driver
    driver.type, driver.expression = "SCRIPTED", "max(2, int(str(4)))"  # not one that Blender can do without Python
    empty.context.preferences.filepaths.use_scripts_auto_execute = True
    driver.expression += " "
    empty.context.view_layer.update()
    here, there = carried("Cube", "Other")
    assert equal((here, there)) == 12 + 48
    assert np.ptp(here.vertices, axis=0)[0] == pytest.approx(1, abs=1e-3)


def test_an_object_in_edit_mode_is_read_as_it_is_there(empty, carried):
    import bmesh

    obj = cube(empty)
    empty.ops.object.mode_set(mode="EDIT")
    edited = bmesh.from_edit_mesh(obj.data)
    next(iter(edited.verts)).co.x += 3
    bmesh.update_edit_mesh(obj.data)
    here, there = carried("Cube")
    equal((here, there))
    sides = np.ptp(here.vertices, axis=0)
    assert sides.max() / sides.min() > 1.4, "the moved vertex"


def test_children_on_faces_and_an_instanced_collection(empty, carried):
    ground = cube(empty, "Ground")
    child = cube(empty, "Child")
    child.scale = (0.1, 0.1, 0.1)
    child.parent = ground
    ground.instance_type = "FACES"
    inside = empty.data.collections.new("Inside")
    inside.objects.link(cube(empty, "Part", location=(9, 0, 0)))
    instance = empty.data.objects.new("Instance", None)
    instance.instance_type, instance.instance_collection = "COLLECTION", inside
    empty.context.scene.collection.objects.link(instance)
    assert equal(carried("Ground", "Instance")) > 24


def test_viewport_simplification(empty, carried):
    obj = cube(empty)
    obj.modifiers.new("Subdivision", "SUBSURF").levels = 4
    render = empty.context.scene.render
    render.use_simplify, render.simplify_subdivision = True, 1
    assert equal(carried("Cube")) == 48


def test_a_linked_library_object(empty, carried, tmp_path):
    cube(empty, "Linked").modifiers.new("Array", "ARRAY").count = 3
    library = tmp_path / "library.blend"
    empty.data.libraries.write(str(library), {empty.data.objects["Linked"]})
    empty.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with empty.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Linked"]
    empty.context.scene.collection.objects.link(wanted.objects[0])
    assert equal(carried("Linked")) == 36


def test_geometry_nodes_with_another_object(empty, carried):
    other = cube(empty, "Other", location=(4, 0, 0))
    obj = cube(empty)
    tree = empty.data.node_groups.new("Nodes", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="INPUT", socket_type="NodeSocketGeometry")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    info = tree.nodes.new("GeometryNodeObjectInfo")
    info.inputs["Object"].default_value = other
    info.transform_space = "RELATIVE"
    join = tree.nodes.new("GeometryNodeJoinGeometry")
    start, end = tree.nodes.new("NodeGroupInput"), tree.nodes.new("NodeGroupOutput")
    tree.links.new(start.outputs[0], join.inputs[0])
    tree.links.new(info.outputs["Geometry"], join.inputs[0])
    tree.links.new(join.outputs[0], end.inputs[0])
    obj.modifiers.new("Nodes", "NODES").node_group = tree
    assert equal(carried("Cube")) == 24
