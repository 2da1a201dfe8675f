# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel says about the selection, and why nothing can be generated."""

import pytest
from orbit_painter.backend.errors import InputError


def overview(bpy):
    from orbit_painter.addon import targets

    return targets.overview(bpy.context)


def problem(bpy):
    """The sentence, which is also what a script gets."""
    from orbit_painter.addon import targets

    found = overview(bpy).problem
    assert found.endswith((".", ")", "."))
    with pytest.raises(InputError) as caught:
        targets.usable_objects(bpy.context)
    assert found in caught.value.message
    assert not bpy.ops.orbit_painter.guide_export.poll()
    return found


def measured(bpy):
    from orbit_painter.addon import targets

    for target in overview(bpy).targets:
        targets.measure(bpy.context, target)
    return overview(bpy).targets


def test_nothing_selected(extension):
    assert "No object is selected" in problem(extension)


def test_no_mesh(extension):
    extension.ops.object.text_add()
    assert "Convert" in problem(extension)


def test_other_objects_beside_a_mesh_are_counted(extension):
    extension.ops.object.text_add()
    extension.ops.mesh.primitive_cube_add()
    extension.data.objects["Text"].select_set(True)
    found = overview(extension)
    assert (len(found.targets), found.others, found.problem) == (1, 1, "")


def test_no_faces(extension):
    bpy = extension
    obj = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.collection.objects.link(obj)
    obj.select_set(True)
    bpy.context.view_layer.update()
    assert "no faces" in problem(bpy)


@pytest.mark.parametrize(("scale", "said"), [((0, 1, 1), "scale of zero"), ((float("nan"), 1, 1), "broken transform")])
def test_unusable_transforms(extension, scale, said):
    extension.ops.mesh.primitive_cube_add()
    extension.context.object.scale = scale
    extension.context.view_layer.update()
    assert said in problem(extension)


def test_hidden(extension):
    extension.ops.mesh.primitive_cube_add()
    extension.context.object.hide_viewport = True
    extension.context.view_layer.update()
    assert problem(extension)  # Blender deselects what is hidden; either sentence is right


def test_edit_mode_is_left_as_it_is(extension):
    extension.ops.mesh.primitive_cube_add()
    extension.ops.object.mode_set(mode="EDIT")
    (target,) = overview(extension).targets
    assert target.waits == "EDIT"
    assert "Edit Mode" in target.warnings[0]
    assert extension.context.object.mode == "EDIT"


def test_a_linked_object_can_only_get_an_image(extension, tmp_path):
    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, into):
        into.objects = ["Cube"]
    bpy.context.collection.objects.link(into.objects[0])
    bpy.data.objects["Cube"].select_set(True)
    bpy.context.view_layer.update()
    assert "linked" in problem(bpy)
    bpy.context.scene.orbit_painter.output = "IMAGE_ONLY"
    assert overview(bpy).problem == ""


def test_the_uv_map_that_will_be_used(extension):
    extension.ops.mesh.primitive_cube_add()
    (target,) = measured(extension)
    assert (target.check.uv_map, target.check.new, target.check.tiles) == ("UVMap", False, (1001,))
    extension.context.scene.orbit_painter.uv = "NEW"
    (target,) = measured(extension)
    assert target.check.new


def test_overlapping_uvs_are_announced(extension):
    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    for item in bpy.context.object.data.uv_layers[0].uv:
        item.vector = (item.vector[0] * 0.01, 0.5)
    (target,) = measured(bpy)
    assert target.check.new
    assert "UVMap" in target.warnings[0]


def test_all_uv_maps_taken(extension):
    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    layers = bpy.context.object.data.uv_layers
    while len(layers) < 8:
        layers.new(name=f"Map{len(layers)}", do_init=False)
    bpy.context.scene.orbit_painter.uv = "NEW"
    measured(bpy)
    assert "8 UV maps" in problem(bpy)


def test_an_unknown_map_name(extension):
    extension.ops.mesh.primitive_cube_add()
    extension.context.scene.orbit_painter.uv = "NAMED"
    extension.context.scene.orbit_painter.uv_name = "Nothing"
    measured(extension)
    assert "Nothing" in problem(extension)


def test_a_changed_mesh_is_measured_again(extension):
    bpy = extension
    bpy.ops.mesh.primitive_cube_add()
    assert measured(bpy)[0].check is not None
    bpy.context.object.data.vertices[0].co.x = 3
    bpy.context.object.data.update()
    bpy.context.view_layer.update()
    assert overview(bpy).targets[0].check is None


def test_a_job_takes_more_objects_than_the_panel_looks_at(extension):
    bpy = extension
    for _ in range(40):
        bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.select_all(action="SELECT")
    from orbit_painter.addon import targets

    found = overview(bpy)
    assert len(found.targets) + found.more == 40
    assert found.more > 0
    assert len(targets.usable_objects(bpy.context)) == 40


def test_polling_looks_once_while_nothing_changes(extension, monkeypatch):
    """With many objects selected, as the interface polls many times a second."""
    bpy = extension
    for _ in range(200):
        bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.select_all(action="SELECT")
    from orbit_painter.addon import targets

    looks = []
    look = targets._look
    monkeypatch.setattr(targets, "_look", lambda context, most=None: looks.append(1) or look(context, most))
    monkeypatch.setattr(targets, "_in_background", lambda: False)
    first = overview(bpy)
    for _ in range(100):
        assert overview(bpy) is first
    assert len(looks) == 1
