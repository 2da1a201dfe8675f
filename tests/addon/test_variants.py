# SPDX-License-Identifier: GPL-3.0-or-later
"""Results on objects: applying, switching, comparing, removing, restoring, in the bpy module."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.bpy
RED, BLUE, GREEN = (200, 60, 20), (20, 60, 200), (20, 200, 60)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The user's store, where files are that no saved .blend owns."""
    from orbit_painter.addon import results_store

    monkeypatch.setattr(results_store, "default_root", lambda: tmp_path / "user")
    return tmp_path / "user"


@pytest.fixture
def bl(empty, store):
    """The module bpy with the extension registered and one step to undo to."""
    from orbit_painter.addon import registration

    registration.register()
    empty.context.preferences.edit.use_global_undo = True
    yield empty
    registration.unregister()


@pytest.fixture
def job(tmp_path, finished_job):
    """Makes a finished job's folder; its path as text."""
    numbers = iter(range(100))
    return lambda objects, *words, **options: str(
        finished_job.make(tmp_path / f"job{next(numbers)}", objects, *words, **options)
    )


def cube(bpy, name="Cube", materials=("Paint",)):
    bpy.ops.mesh.primitive_cube_add()
    obj = bpy.context.object
    obj.name = name
    for index, word in enumerate(materials):
        obj.data.materials.append(bpy.data.materials.get(word) or material(bpy, word))
        obj.data.polygons[index].material_index = index
    return obj


def material(bpy, name):
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    return made


def start(bpy):
    bpy.ops.ed.undo_push(message="start")


def apply(bpy, folder, **options):
    return bpy.ops.orbit_painter.apply("EXEC_DEFAULT", True, job_dir=folder, **options)


def fed_by(material):
    """The node that the base colour comes from."""
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    return shader.inputs["Base Color"].links[0].from_node if shader.inputs["Base Color"].links else None


def look(obj):
    """What can be seen of the slots: link, material, where the colour comes from."""
    seen = []
    for slot in obj.material_slots:
        node = fed_by(slot.material) if slot.material else None
        name = None if node is None else Path(node.image.filepath).name if node.type == "TEX_IMAGE" else node.layer_name
        seen.append((slot.link, slot.material and slot.material.name, name))
    return seen


def choose(bpy, *objects):
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj in objects)
    bpy.context.view_layer.objects.active = objects[0]


def changed(before, after, *allowed):
    keys = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {key for key in keys if not any(word in key for word in allowed)}


UNDO = (".node_tree.users", ".particle_edit.object")  # what any undo changes
OURS = (".orbit_painter", ".node_tree.links[")  # our own records; the order of links means nothing


# Applying


def test_a_result_is_one_undo_step(bl, job, snapshot):
    obj = cube(bl)
    folder = job([obj])
    start(bl)
    before = snapshot()
    assert apply(bl, folder) == {"FINISHED"}
    assert [name for _, name, _ in look(obj)] == ["Paint (Orbit Painter)"]
    bl.ops.ed.undo()
    assert changed(before, snapshot(), *UNDO) == set()
    bl.ops.ed.redo()
    assert [name for _, name, _ in look(bl.data.objects["Cube"])] == ["Paint (Orbit Painter)"]


def test_files_lie_beside_a_saved_file(bl, job, tmp_path):
    obj = cube(bl, "Böse/Kiste")
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    folder = job([obj], RED)
    apply(bl, folder)
    image = fed_by(obj.material_slots[0].material).image
    assert image.filepath.startswith("//textures/orbit_painter/Böse_Kiste/Böse_Kiste_base_color_")
    assert Path(bl.path.abspath(image.filepath)).is_file()
    assert image.colorspace_settings.name == "sRGB"
    files = Path(bl.path.abspath(image.filepath)).parent.iterdir()
    assert sorted(path.suffix for path in files) == [".json", ".png", ".png"]


def test_other_files_are_not_overwritten(bl, job, tmp_path):
    obj = cube(bl)
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    first = job([obj], RED)
    apply(bl, first)
    path = Path(bl.path.abspath(fed_by(obj.material_slots[0].material).image.filepath))
    bl.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    path.write_bytes(b"something of the artist's own")
    apply(bl, first)
    new = bl.path.abspath(fed_by(bl.data.objects["Cube"].material_slots[0].material).image.filepath)
    assert path.read_bytes() == b"something of the artist's own"
    assert Path(new) == path.with_name(path.stem + "_2.png")


def test_files_of_an_unsaved_file_move_when_it_is_saved(bl, job, tmp_path, store):
    from orbit_painter.addon import variants

    obj = cube(bl)
    apply(bl, job([obj]))
    variant = obj.orbit_painter.variants[0]
    assert variants.is_unsaved(variant)
    (old,) = variants.image_files(fed_by(obj.material_slots[0].material).image)
    assert old.is_relative_to(store)
    (tmp_path / "deep").mkdir()
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "deep" / "scene.blend"))
    assert not variants.is_unsaved(variant)
    bl.ops.wm.open_mainfile(filepath=str(tmp_path / "deep" / "scene.blend"))
    (image,) = bl.data.images
    assert image.filepath.replace("\\", "/").startswith("//textures/orbit_painter/Cube/")
    assert Path(bl.path.abspath(image.filepath)).is_file()
    assert not old.exists()  # in the trash
    assert all(path.is_file() for path in variants.files_of(bl.data.objects["Cube"].orbit_painter.variants[0]))


def test_saving_a_copy_of_an_unsaved_file_leaves_the_open_one_whole(bl, job, tmp_path):
    from orbit_painter.addon import variants

    obj = cube(bl)
    apply(bl, job([obj]))
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "copy.blend"), copy=True)
    assert bl.data.filepath == ""
    assert all(path.is_file() for path in variants.files_of(obj.orbit_painter.variants[0]))


def test_packed(bl, job, tmp_path):
    obj = cube(bl)
    folder = job([obj])
    apply(bl, folder, storage="PACKED")
    image = fed_by(obj.material_slots[0].material).image
    assert image.packed_file is not None
    from orbit_painter.addon import variants

    assert not variants.is_unsaved(obj.orbit_painter.variants[0])


@pytest.mark.parametrize("atlas", ["object", "slot", "shared"])
def test_restore_original_is_exact(bl, job, snapshot, atlas):
    objects = [cube(bl, name, ("Paint", "Metal")) for name in ("A", "B")]
    objects[0].active_material_index = 1
    folder = job(objects, atlas=atlas)
    choose(bl, *objects)
    before = snapshot()
    apply(bl, folder)
    images = {Path(slot[2]).name for obj in objects for slot in look(obj)}
    assert len(images) == {"object": 2, "slot": 4, "shared": 1}[atlas]
    bl.ops.orbit_painter.restore_original("EXEC_DEFAULT", True)
    after = snapshot()
    # the variants are kept, with their images
    assert changed(before, after, "data.images", "images[", *OURS) - {"data.materials"} == set()
    assert [m.name for m in bl.data.materials if m.name.startswith(("Paint", "Metal"))] == ["Metal", "Paint"]
    assert not any(m.use_fake_user for m in bl.data.materials)


def test_add_to_existing_and_back(bl, job):
    obj = cube(bl)
    before = look(obj)
    apply(bl, job([obj], RED), mode="add_to_existing")
    assert look(obj)[0][1] == "Paint"
    apply(bl, job([obj], BLUE), mode="add_to_existing")
    nodes = [node.type for node in obj.material_slots[0].material.node_tree.nodes]
    assert nodes.count("TEX_IMAGE") == 1
    bl.ops.orbit_painter.restore_original()
    assert look(obj) == before
    assert len(obj.material_slots[0].material.node_tree.nodes) == 2


@pytest.mark.parametrize("change", ["moved", "added", "removed", "replaced"])
def test_restore_original_follows_the_slots(bl, job, change):
    """Slots that the artist has changed since the result: each face gets back what it had."""
    obj = cube(bl, materials=("Paint", "Metal"))
    for face in obj.data.polygons:
        face.material_index = face.index % 2

    def of_faces():
        return [obj.material_slots[face.material_index].material.name for face in obj.data.polygons]

    before = of_faces()
    first = job([obj], RED)
    apply(bl, first)
    apply(bl, job([obj], BLUE))
    choose(bl, obj)
    if change == "moved":
        obj.active_material_index = 0
        bl.ops.object.material_slot_move(direction="DOWN")
    elif change == "added":
        obj.data.materials.append(material(bl, "New"))
        obj.active_material_index = 2
        for _ in range(2):
            bl.ops.object.material_slot_move(direction="UP")
    elif change == "removed":
        obj.active_material_index = 0
        bl.ops.object.material_slot_remove()
        before = ["Metal"] * len(before)
    else:
        obj.material_slots[0].material = material(bl, "New")
        before = [name.replace("Paint", "New") for name in before]
    bl.ops.orbit_painter.variant_show(recipe_id=obj.orbit_painter.variants[0].recipe_id)
    assert all(picture for _, name, picture in look(obj) if name != "New")
    bl.ops.orbit_painter.restore_original()
    assert of_faces() == before
    assert not any(mat.name.endswith("(Orbit Painter)") for mat in bl.data.materials if mat.users)
    apply(bl, first)
    bl.ops.orbit_painter.restore_original()
    assert of_faces() == before


def test_textures_of_slots_do_not_go_to_other_faces(bl, job):
    from orbit_painter.addon import tray

    obj = cube(bl, materials=("Paint", "Metal"))
    first, second = job([obj], RED, atlas="slot"), job([obj], BLUE, atlas="slot")
    apply(bl, first)
    obj.active_material_index = 0
    bl.ops.object.material_slot_move(direction="DOWN")
    assert apply(bl, second) == {"CANCELLED"}
    (item,) = tray.items()
    assert "slots" in item.message
    bl.ops.orbit_painter.restore_original()
    with pytest.raises(RuntimeError, match="slots"):
        bl.ops.orbit_painter.variant_show()
    assert [picture for _, _, picture in look(obj)] == [None, None]


def test_a_variant_of_other_faces_says_so(bl, job, capfd):
    obj = cube(bl)
    apply(bl, job([obj]))
    bl.ops.orbit_painter.restore_original()
    modifier = obj.modifiers.new("Finer", "SUBSURF")
    bl.ops.object.modifier_apply(modifier=modifier.name)
    capfd.readouterr()
    assert bl.ops.orbit_painter.variant_show() == {"FINISHED"}
    assert "'Cube' are others" in "".join(capfd.readouterr())


@pytest.mark.parametrize("kind", ["textures", "colours"])
def test_a_variant_that_was_removed_from_the_file_is_not_shown(bl, job, kind):
    obj = cube(bl)
    apply(bl, job([obj], **({"colours": {"Cube": RED}} if kind == "colours" else {})))
    bl.ops.orbit_painter.restore_original()
    before = look(obj)
    for image in list(bl.data.images):
        bl.data.images.remove(image)
    for layer in list(obj.data.color_attributes):
        obj.data.color_attributes.remove(layer)
    with pytest.raises(RuntimeError, match="not in the file any more"):
        bl.ops.orbit_painter.variant_show()
    assert look(obj) == before


def test_image_only_shows_nothing(bl, job):
    obj = cube(bl)
    before = look(obj)
    apply(bl, job([obj]), mode="image_only")
    assert look(obj) == before
    assert [image.use_fake_user for image in bl.data.images] == [True]
    bl.ops.orbit_painter.variant_show()
    assert look(obj) != before


def test_udim(bl, job):
    obj = cube(bl)
    layer = obj.data.uv_layers[0]
    for loop in obj.data.polygons[0].loop_indices:
        layer.uv[loop].vector.x += 1
    apply(bl, job([obj], tiles=(1001, 1002)))
    image = fed_by(obj.material_slots[0].material).image
    assert image.source == "TILED"
    assert [tile.number for tile in image.tiles] == [1001, 1002]


def test_color_attribute_of_a_mesh_without_uv(bl, job, snapshot):
    obj = cube(bl)
    obj.data.uv_layers.remove(obj.data.uv_layers[0])
    other = obj.data.color_attributes.new("Mine", "BYTE_COLOR", "CORNER")
    obj.data.color_attributes.active_color = other
    folder = job([obj], colours={"Cube": RED})
    before = snapshot()
    assert apply(bl, folder) == {"FINISHED"}
    layer = obj.data.color_attributes.active_color
    assert (layer.domain, layer.name) == ("POINT", obj.orbit_painter.variants[0].attribute)
    assert [round(255 * c) for c in layer.data[0].color_srgb] == [*RED, 255]
    assert fed_by(obj.material_slots[0].material).layer_name == layer.name
    bl.ops.orbit_painter.restore_original()
    assert obj.data.color_attributes.active_color.name == "Mine"
    bl.ops.orbit_painter.variant_remove()
    assert changed(before, snapshot(), *OURS) == set()


def test_color_attribute_under_a_mirror(bl, job):
    obj = cube(bl)
    obj.modifiers.new("Mirror", "MIRROR").use_axis = (True, False, False)
    obj.location = (4, 1, 0)
    assert apply(bl, job([obj], colours={"Cube": RED}), domain="CORNER") == {"FINISHED"}
    layer = obj.data.color_attributes.active_color
    assert layer.domain == "CORNER"
    assert {tuple(round(255 * c) for c in value.color_srgb) for value in layer.data} == {(*RED, 255)}


# What does not fit


def refusal(bpy, folder, **options):
    from orbit_painter.addon import tray

    assert apply(bpy, folder, **options) == {"CANCELLED"}
    (item,) = tray.items()
    assert item.message
    assert item.message.endswith(".")
    return item.code


def test_what_cannot_be_applied_stays_in_the_tray(bl, job, snapshot):
    from orbit_painter.addon import tray
    from orbit_painter.addon.blocks import ref

    obj = cube(bl)
    folder = job([obj])
    targets = tray.refs_to_text([ref(obj)])
    start(bl)
    bl.ops.object.mode_set(mode="EDIT")
    assert refusal(bl, folder) == "other-mode"
    bl.ops.object.mode_set(mode="OBJECT")
    before = snapshot()
    corner = obj.data.uv_layers[0].uv[0]
    old = corner.vector.x
    corner.vector.x += 0.25
    assert refusal(bl, folder) == "result-unfitting"
    # Looked up again: from 5.1 on the evaluated mesh keeps the array that it shared, and the mesh gets another.
    obj.data.uv_layers[0].uv[0].vector.x = old
    obj.data.uv_layers[0].name = "Other"
    assert refusal(bl, folder) == "result-unfitting"
    obj.data.uv_layers[0].name = "UVMap"
    assert changed(before, snapshot()) == set()
    obj.name = "Renamed"
    assert refusal(bl, folder) == "object-gone"  # nothing says which object it was
    assert apply(bl, folder, targets=targets) == {"FINISHED"}
    assert tray.items() == []


def test_changed_faces_and_removed_objects(bl, job):
    objects = [cube(bl, "A"), cube(bl, "B")]
    folder = job(objects)
    choose(bl, objects[1])
    bl.ops.object.mode_set(mode="EDIT")
    bl.ops.mesh.select_all(action="SELECT")
    bl.ops.mesh.subdivide()
    bl.ops.object.mode_set(mode="OBJECT")
    apply(bl, folder)
    assert look(objects[0])[0][2]
    assert len(objects[1].orbit_painter.variants) == 0  # left out, with a note
    bl.data.objects.remove(bl.data.objects["A"])
    assert refusal(bl, folder) in ("object-gone", "result-unfitting")


def test_moved_vertices_still_fit(bl, job):
    obj = cube(bl)
    folder = job([obj])
    obj.data.vertices[0].co.x += 0.5
    assert apply(bl, folder) == {"FINISHED"}


def test_a_failure_on_the_way_leaves_nothing(bl, job, snapshot, store):
    objects = [cube(bl, "A"), cube(bl, "B")]
    folder = job(objects)
    (Path(folder) / "textures" / "B.png").write_bytes(b"not a picture")
    before = snapshot()
    assert refusal(bl, folder) == "texture-unreadable"
    assert changed(before, snapshot()) == set()
    assert all(len(obj.orbit_painter.variants) == 0 for obj in objects)


def test_an_error_of_ours_on_the_way_loses_nothing(bl, job, snapshot, monkeypatch):
    from orbit_painter.addon import apply_result, scene_write

    objects = [cube(bl, "A"), cube(bl, "B")]
    folder = job(objects)
    before = snapshot()

    def broken(*words, **options):
        raise ValueError("no luck")

    for owner, name in ((apply_result, "put_on"), (scene_write, "_apply"), (apply_result, "load_image")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            with pytest.raises(RuntimeError, match="no luck"):
                apply(bl, folder)
        assert changed(before, snapshot()) == set(), name
    assert apply(bl, folder) == {"FINISHED"}


def test_where_nothing_can_be_written_beside_the_file_it_can_be_packed(bl, job, snapshot, tmp_path):
    from orbit_painter.addon import tray

    obj = cube(bl)
    folder = job([obj])
    (tmp_path / "shot").mkdir()
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot" / "shot.blend"))
    (tmp_path / "shot" / "textures").write_text("in the way")
    before = snapshot()
    assert apply(bl, folder) == {"CANCELLED"}
    (item,) = tray.items()
    assert item.code == "output-failed"
    assert "Packed" in item.message
    assert changed(before, snapshot()) == set()
    assert apply(bl, folder, storage="PACKED") == {"FINISHED"}
    assert not tray.items()
    assert look(obj)[0][2].endswith(".png")


def test_a_folder_without_a_result(bl, tmp_path):
    assert refusal(bl, str(tmp_path)) == "result-unreadable"


# Linked data


@pytest.fixture
def library(bl, tmp_path):
    """A file with a rigged cube; opens a new file that links it."""
    obj = cube(bl)
    bl.ops.object.armature_add()
    obj.modifiers.new("Rig", "ARMATURE").object = bl.context.object
    path = tmp_path / "library.blend"
    bl.ops.wm.save_as_mainfile(filepath=str(path))
    bl.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bl.data.libraries.load(str(path), link=True) as (_, wanted):
        wanted.objects = ["Cube"]
    (linked,) = wanted.objects
    bl.context.scene.collection.objects.link(linked)
    return linked


def test_a_linked_object_is_refused(bl, library, job):
    assert refusal(bl, job([library])) == "object-linked"


def test_a_linked_object_gets_images_if_it_gets_nothing_else(bl, library, job, snapshot):
    """Image Only is what the panel offers for it."""
    before = look(library), library.data.name_full
    assert apply(bl, job([library]), mode="image_only") == {"FINISHED"}
    (image,) = (image for image in bl.data.images if "orbit_painter_recipe" in image)
    assert image.use_fake_user
    assert (look(library), library.data.name_full) == before
    assert not library.orbit_painter.variants, "it would be gone when the file is opened again"


def test_an_override_shows_results_in_slots_of_its_own(bl, library, job, tmp_path):
    folder = job([library])
    mine = library.override_create(remap_local_usages=True)
    choose(bl, mine)
    before = look(mine)
    assert apply(bl, folder) == {"FINISHED"}
    assert look(mine)[0][0] == "OBJECT"
    bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bl.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    mine = next(obj for obj in bl.data.objects if obj.override_library)
    assert look(mine)[0][0] == "OBJECT"
    assert look(mine)[0][2].endswith(".png")
    assert [variant.name for variant in mine.orbit_painter.variants] == ["Variant 1"]
    choose(bl, mine)
    bl.ops.orbit_painter.restore_original()
    assert look(mine) == before


def test_a_local_object_with_a_linked_mesh(bl, library, job):
    local = bl.data.objects.new("Mine", library.data)
    bl.context.scene.collection.objects.link(local)
    choose(bl, local)
    before = look(local)
    assert apply(bl, job([local])) == {"FINISHED"}
    assert look(local)[0][0] == "OBJECT"
    assert look(library)[0][1] == "Paint"
    bl.ops.orbit_painter.restore_original()
    assert look(local) == before


# Variants


@pytest.fixture
def two(bl, job):
    """A cube that has a red and a blue variant, and shows the blue one."""
    obj = cube(bl)
    apply(bl, job([obj], RED, seed=3))
    apply(bl, job([obj], BLUE, seed=4))
    choose(bl, obj)
    return obj


def test_variants_switch_in_one_step(bl, two):
    red, blue = (variant.recipe_id for variant in two.orbit_painter.variants)
    material = two.material_slots[0].material
    material.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.125
    assert look(two)[0][2].startswith("Cube_base_color")
    start(bl)
    bl.ops.orbit_painter.variant_show("EXEC_DEFAULT", True, recipe_id=red)
    assert two.material_slots[0].material == material  # with what the artist changed of it
    assert red[:8] in look(two)[0][2]
    bl.ops.ed.undo()
    two = bl.data.objects["Cube"]
    assert blue[:8] in look(two)[0][2]
    bl.ops.ed.redo()
    assert red[:8] in look(bl.data.objects["Cube"])[0][2]
    assert len(bl.data.materials) == 2


def test_compare_goes_back_and_forth(bl, two):
    shown = [look(two)]
    for _ in range(3):
        bl.ops.orbit_painter.variant_compare()
        shown.append(look(two))
    assert shown[0] == shown[2]
    assert shown[1] == shown[3]
    assert shown[0] != shown[1]
    bl.ops.orbit_painter.restore_original()
    original = look(two)
    bl.ops.orbit_painter.variant_compare()
    assert look(two) == shown[3]
    bl.ops.orbit_painter.variant_compare()
    assert look(two) == original


def test_a_duplicate_has_variants_of_its_own(bl, two):
    red, blue = (variant.recipe_id for variant in two.orbit_painter.variants)
    bl.ops.object.duplicate()
    copy = bl.context.object
    bl.ops.orbit_painter.variant_show(recipe_id=red)
    assert red[:8] in look(copy)[0][2]
    assert blue[:8] in look(two)[0][2]
    bl.ops.orbit_painter.restore_original()
    assert look(copy)[0][1] == "Paint"
    assert blue[:8] in look(two)[0][2]


def test_a_linked_duplicate_has_slots_of_its_own(bl, two):
    red, blue = (variant.recipe_id for variant in two.orbit_painter.variants)
    bl.ops.object.duplicate(linked=True)
    copy = bl.context.object
    bl.ops.orbit_painter.variant_show(recipe_id=red)
    assert red[:8] in look(copy)[0][2]
    assert blue[:8] in look(two)[0][2]


def test_an_object_that_took_the_name_of_another_is_left_alone(bl, job):
    from orbit_painter.addon import tray
    from orbit_painter.addon.blocks import ref

    obj = cube(bl)
    targets = tray.refs_to_text([ref(obj)])
    folder = job([obj])
    obj.name = "First"
    other = cube(bl)
    apply(bl, folder, targets=targets)
    assert look(obj)[0][2] is not None
    assert look(other) == [("DATA", "Paint", None)]


def test_renamed_things_are_found(bl, two):
    two.name = "Other"
    two.material_slots[0].material.name = "Mine"
    bl.data.materials["Paint"].name = "Coat"
    bl.ops.orbit_painter.variant_compare()
    bl.ops.orbit_painter.restore_original()
    assert look(two) == [("DATA", "Coat", None)]


def test_a_slot_that_the_artist_changed_stays(bl, two):
    two.material_slots[0].material = material(bl, "Later")
    bl.ops.orbit_painter.restore_original()
    assert two.material_slots[0].material.name == "Later"


def test_removing_and_undoing_moves_the_files(bl, two, store):
    from orbit_painter.addon import results_store, variants

    red, blue = two.orbit_painter.variants
    files, blue_id = variants.files_of(red), blue.recipe_id
    start(bl)
    bl.ops.orbit_painter.variant_remove("EXEC_DEFAULT", True, recipe_id=red.recipe_id)
    assert [variant.recipe_id for variant in two.orbit_painter.variants] == [blue_id]
    assert not any(path.exists() for path in files)
    assert results_store.trash_size()[0] == len(files) == 3
    assert len(bl.data.images) == 1
    bl.ops.ed.undo()
    assert all(path.is_file() for path in files)
    assert results_store.trash_size() == (0, 0)
    two = bl.data.objects["Cube"]
    bl.ops.orbit_painter.variant_remove(recipe_id=two.orbit_painter.variants[0].recipe_id)
    bl.ops.orbit_painter.empty_trash("EXEC_DEFAULT")
    assert results_store.trash_size() == (0, 0)
    assert not any(path.exists() for path in files)


def test_nothing_is_removed_while_a_render_uses_it(bl, two, monkeypatch):
    from orbit_painter.addon import compat

    monkeypatch.setattr(compat, "is_rendering", lambda: True)
    with pytest.raises(RuntimeError, match="poll"):
        bl.ops.orbit_painter.variant_remove()
    assert len(two.orbit_painter.variants) == len(bl.data.images) == 2


def test_removing_what_is_shown_shows_the_original(bl, two):
    for variant in list(two.orbit_painter.variants)[::-1]:
        bl.ops.orbit_painter.variant_remove(recipe_id=variant.recipe_id)
    assert look(two) == [("DATA", "Paint", None)]
    assert len(bl.data.images) == 0


def test_a_file_that_others_show_stays(bl, two):
    from orbit_painter.addon import variants

    blue = two.orbit_painter.variants[1]
    files = variants.files_of(blue)
    bl.ops.object.duplicate()
    bl.ops.orbit_painter.variant_remove(recipe_id=blue.recipe_id)
    assert all(path.is_file() for path in files)


def test_variants_survive_saving_and_travel_to_other_files(bl, two, tmp_path):
    two.orbit_painter.variants[0].favourite = True
    two.orbit_painter.variants[0].name = "Best"
    path = tmp_path / "scene.blend"
    bl.ops.wm.save_as_mainfile(filepath=str(path))
    bl.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bl.data.libraries.load(str(path), link=False) as (_, wanted):
        wanted.objects = ["Cube"]
    (obj,) = wanted.objects
    bl.context.scene.collection.objects.link(obj)
    choose(bl, obj)
    first = obj.orbit_painter.variants[0]
    assert (first.name, first.favourite) == ("Best", True)
    bl.ops.orbit_painter.variant_show(recipe_id=first.recipe_id)
    assert first.recipe_id[:8] in look(obj)[0][2]
    bl.ops.orbit_painter.restore_original()
    assert look(obj) == [("DATA", "Paint", None)]


def test_a_new_uv_map_goes_with_the_last_variant(bl, job, finished_job, snapshot, tmp_path):
    import numpy as np
    from orbit_painter.addon.uv_write import write_uv_map

    obj = cube(bl)
    before = snapshot()
    uv = np.random.default_rng(0).random((24, 2))
    write_uv_map(obj, "OrbitPainter", uv)
    folders = [job([obj], colour, uv_maps={"Cube": "OrbitPainter"}) for colour in (RED, BLUE)]
    obj.data.uv_layers.remove(obj.data.uv_layers["OrbitPainter"])
    assert changed(before, snapshot()) == set()
    for folder in folders:
        assert apply(bl, folder) == {"FINISHED"}
    layer = obj.data.uv_layers["OrbitPainter"]
    assert np.allclose([tuple(item.vector) for item in layer.uv], uv)
    assert obj.data.uv_layers.active.name == "UVMap"
    bl.ops.orbit_painter.variant_remove()
    assert "OrbitPainter" in obj.data.uv_layers
    bl.ops.orbit_painter.variant_remove()
    assert changed(before, snapshot(), *OURS) == set()


def test_copy_settings_gives_the_same_job(bl, two):
    from orbit_painter.addon import job_settings

    settings = bl.context.scene.orbit_painter
    bl.ops.orbit_painter.variant_copy_settings(recipe_id=two.orbit_painter.variants[0].recipe_id)
    recipe = json.loads(two.orbit_painter.variants[0].recipe)
    assert settings.seed == recipe["seed"] == 3
    assert job_settings.fuse_of(settings) == recipe["fuse"]
    assert job_settings.engine_options_of(settings)["detail"] == 0.5


def test_the_same_result_again_is_the_same_variant(bl, two, job):
    folder = job([two], RED, seed=3)
    apply(bl, folder)
    assert len(two.orbit_painter.variants) == 2
    assert len(bl.data.images) == 2


# Results on their way


def view(folder, obj, state="done"):
    from types import SimpleNamespace

    from orbit_painter.addon.blocks import ref

    return SimpleNamespace(id="1", out=Path(folder), title=obj.name, objects=(ref(obj),), state=state, has_result=True)


def test_a_job_that_is_done_puts_its_result_on(bl, job):
    from orbit_painter.addon import tray

    obj = cube(bl)
    folder = job([obj])
    tray.job_done(view(folder, obj, "failed"))
    assert look(obj)[0][2] is None
    bl.ops.object.mode_set(mode="EDIT")
    tray.job_done(view(folder, obj))
    assert [(item.code, item.goes_on) for item in tray.items()] == [("other-mode", True)]
    bl.ops.object.mode_set(mode="OBJECT")
    obj.name = "Renamed"
    tray._pump()
    assert look(obj)[0][2]
    assert tray.items() == []


def test_a_result_waits_while_something_is_dragged(bl, job, monkeypatch):
    from orbit_painter.addon import compat, tray

    obj = cube(bl)
    monkeypatch.setattr(compat, "tool_in_use", lambda: True)
    tray.job_done(view(job([obj]), obj))
    assert [(item.code, item.goes_on) for item in tray.items()] == [("tool-in-use", True)]
    assert look(obj)[0][2] is None
    monkeypatch.undo()
    tray._pump()
    assert look(obj)[0][2]
    assert tray.items() == []


def test_settings_decide_how_it_is_put_on(bl, job):
    from orbit_painter.addon import tray

    obj = cube(bl)
    settings = bl.context.scene.orbit_painter
    settings.material_mode, settings.storage = "ADD_TO_EXISTING", "PACKED"
    tray.job_done(view(job([obj]), obj))
    assert look(obj)[0][1] == "Paint"
    assert all(image.packed_file for image in bl.data.images)


@pytest.mark.parametrize("same", [True, False])
def test_a_file_opened_meanwhile(bl, job, tmp_path, same):
    """The same file again: the result lands. Another one with a cube of that name: only on request."""
    from orbit_painter.addon import jobs, tray

    obj = cube(bl)
    folder = job([obj])
    for name in ("a.blend", "b.blend"):
        bl.ops.wm.save_as_mainfile(filepath=str(tmp_path / name))
    done = view(folder, obj)
    jobs_before, jobs.jobs = jobs.jobs, lambda: [done]
    try:
        bl.ops.wm.open_mainfile(filepath=str(tmp_path / ("b.blend" if same else "a.blend")))
    finally:
        jobs.jobs = jobs_before
    tray.job_done(done)
    assert [item.code for item in tray.items()] == ([] if same else ["other-file"])
    bl.ops.orbit_painter.apply_waiting(job_dir=folder)
    assert look(bl.data.objects["Cube"])[0][2]
