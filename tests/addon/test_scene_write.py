# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.files import write_png

pytestmark = pytest.mark.bpy

MODELS = ["spot", "fox", "sheen-chair", "tea-set", "leafy-tree"]
MODELS += ["nasty-degenerate", "nasty-shared-mirrored", "nasty-udim"]


@pytest.fixture
def picture(tmp_path):
    """Writes a picture of one colour; its path."""

    def write(name="paint.png", colour=(200, 60, 20, 255), size=16):
        path = tmp_path / name
        write_png(path, np.broadcast_to(np.uint8(colour), (size, size, 4)).copy())
        return path

    return write


@pytest.fixture
def load(empty, assets):
    """Opens one of the shared models; its meshes by name."""

    def opened(name):
        from orbit_painter.addon.import_file import import_file

        path = next(
            path for path in (assets / name).iterdir() if path.stem == "model" and path.suffix in (".glb", ".obj")
        )
        return {obj.name: obj for obj in import_file(path)}

    return opened


def maps(objects):
    return {obj.name: obj.data.uv_layers[0].name for obj in objects}


def apply(objects, images, uv_maps=None, **options):
    from orbit_painter.addon.scene_write import apply_textures

    return apply_textures(objects, images, uv_maps or maps(objects), **options)


def undo(change):
    from orbit_painter.addon.scene_write import restore

    restore(change)


def cube(bpy, name="Cube", mesh=None, material="Paint"):
    if mesh is None:
        bpy.ops.mesh.primitive_cube_add()
        obj = bpy.context.object
        obj.name = name
        if material:
            obj.data.materials.append(bpy.data.materials.get(material) or nodes(bpy, material))
        return obj
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    return obj


def nodes(bpy, name):
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    return material


def shader(material):
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


def fed(material):
    """(image, UV map) of the material's base colour."""
    (link,) = shader(material).inputs["Base Color"].links
    texture = link.from_node
    (uv,) = texture.inputs["Vector"].links
    return texture.image, uv.from_node.uv_map


def wiring(material):
    """The links of a material, in no order."""
    ends = (
        (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
        for link in material.node_tree.links
    )
    return sorted(ends)


def untouched(before, after, *allowed):
    """Only values whose path contains one of `allowed` differ."""
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return {key for key in changed if not any(word in key for word in allowed)}


# What may change


@pytest.mark.assets
@pytest.mark.parametrize("mode", ["new_material", "add_to_existing", "image_only"])
@pytest.mark.parametrize(
    "name",
    ["nasty-degenerate", "nasty-shared-mirrored", "nasty-udim", "spot", "fox", "sheen-chair", "tea-set", "leafy-tree"],
)
def test_restore_puts_everything_back(bpy, load, picture, snapshot, name, mode):
    objects = [obj for obj in load(name).values() if obj.type == "MESH"]
    links = [wiring(material) for material in bpy.data.materials]
    before = snapshot()
    change = apply(objects, {obj.name: [picture()] for obj in objects}, mode=mode, recipe_id="abc")
    during = snapshot()
    kept = ("data.materials", "data.images", "materials[", "images[", "data.node_groups", ".material", "meshes[")
    assert {key for key in untouched(before, during, *kept) if not key.endswith(".active_material")} == set()
    shapes = {key: value.split()[0] for key, value in before.items() if key.startswith("meshes[")}
    assert shapes == {key: value.split()[0] for key, value in during.items() if key.startswith("meshes[")}
    undo(change)
    assert untouched(before, snapshot(), ".node_tree.links[") == set()  # the order of links means nothing
    assert links == [wiring(material) for material in bpy.data.materials]


def test_every_slot_that_faces_use_shows_the_picture(load, picture):
    (chair,) = (obj for obj in load("sheen-chair").values() if obj.type == "MESH")
    old = [slot.material for slot in chair.material_slots]
    change = apply([chair], {chair.name: [picture()]}, recipe_id="r1")
    new = [slot.material for slot in chair.material_slots]
    assert len(set(new)) == len(old) == 4
    assert not set(new) & set(old)
    for material, original in zip(new, old, strict=True):
        image, uv_map = fed(material)
        assert uv_map == chair.data.uv_layers[0].name
        assert image.colorspace_settings.name == "sRGB"
        assert image.alpha_mode == "NONE"
        assert image["orbit_painter_recipe"] == material["orbit_painter_recipe"] == "r1"
        assert original.use_fake_user
        # everything but the base colour is as the artist made it
        ours = [link for link in wiring(material) if link[2].startswith("Orbit Painter") or link[3] == "Base Color"]
        assert set(wiring(material)) - set(ours) == {link for link in wiring(original) if link[3] != "Base Color"}
    assert len({fed(material)[0] for material in new}) == 1
    assert change.notes == []


def test_one_slot_of_several(empty, picture):
    obj = cube(empty)
    obj.data.materials.append(nodes(empty, "Other"))
    obj.data.polygons.foreach_set("material_index", [0, 1, 1, 1, 0, 0])
    apply([obj], {("Cube", 1): [picture()]})
    assert obj.material_slots[0].material.name == "Paint"
    assert fed(obj.material_slots[1].material)[1] == "UVMap"
    assert [p.material_index for p in obj.data.polygons] == [0, 1, 1, 1, 0, 0]


def test_slots_without_faces_stay(empty, picture):
    obj = cube(empty)
    obj.data.materials.append(nodes(empty, "Spare"))
    obj.data.materials.append(None)
    apply([obj], {"Cube": [picture()]})
    assert obj.material_slots[0].material.name == "Paint (Orbit Painter)"
    assert obj.material_slots[1].material.name == "Spare"
    assert obj.material_slots[2].material is None


def test_a_slot_that_only_modified_faces_use(empty, picture):
    obj = cube(empty)
    obj.data.materials.append(nodes(empty, "Inside"))
    solidify = obj.modifiers.new("Solidify", "SOLIDIFY")
    solidify.material_offset = 1
    apply([obj], {"Cube": [picture()]})
    assert obj.material_slots[1].material.name == "Inside (Orbit Painter)"


def test_an_object_without_slots(empty, picture, snapshot):
    obj = cube(empty, material="")
    obj.data.polygons[3].material_index = 2  # points nowhere
    before = snapshot()
    change = apply([obj], {"Cube": [picture()]})
    assert fed(obj.material_slots[0].material)[1] == "UVMap"
    assert obj.data.polygons[3].material_index == 2
    undo(change)
    assert len(obj.material_slots) == 0
    assert untouched(before, snapshot()) == set()


def test_an_empty_slot_gets_a_material(empty, picture):
    obj = cube(empty, material="")
    obj.data.materials.append(None)
    apply([obj], {"Cube": [picture()]})
    assert fed(obj.material_slots[0].material)[1] == "UVMap"


# Shared meshes and materials


def test_linked_duplicates_share_one_material(empty, picture):
    first = cube(empty, "First")
    second = cube(empty, "Second", first.data)
    path = picture()
    apply([first, second], {"First": [path], "Second": [path]})
    assert first.data == second.data
    assert first.material_slots[0].link == second.material_slots[0].link == "DATA"
    assert first.material_slots[0].material == second.material_slots[0].material
    assert len(empty.data.images) == 1


def test_a_duplicate_that_is_not_painted_stays(empty, picture, snapshot):
    first = cube(empty, "First")
    second = cube(empty, "Second", first.data)
    before = snapshot()
    change = apply([first], {"First": [picture()]})
    assert first.data == second.data
    assert second.material_slots[0].material.name == "Paint"
    assert first.material_slots[0].link == "OBJECT"
    assert fed(first.material_slots[0].material)[1] == "UVMap"
    undo(change)
    assert untouched(before, snapshot()) == set()


def test_duplicates_with_pictures_of_their_own(empty, picture):
    first = cube(empty, "First")
    second = cube(empty, "Second", first.data)
    apply([first, second], {"First": [picture("a.png")], "Second": [picture("b.png")]})
    shown = [fed(obj.material_slots[0].material)[0].name for obj in (first, second)]
    assert shown == ["a.png", "b.png"]


def test_a_duplicate_without_slots_gets_an_empty_one(empty, picture):
    first = cube(empty, "First", material="")
    second = cube(empty, "Second", first.data)
    change = apply([first], {"First": [picture()]})
    assert second.material_slots[0].material is None
    assert fed(first.material_slots[0].material)[0].name == "paint.png"
    undo(change)
    assert len(second.material_slots) == 0


def test_slots_of_objects_keep_what_they_hide(empty, picture):
    first = cube(empty, "First")
    cube(empty, "Second", first.data)
    hidden = nodes(empty, "Hidden")
    first.material_slots[0].link = "OBJECT"
    first.material_slots[0].material = hidden
    first.material_slots[0].link = "DATA"
    change = apply([first], {"First": [picture()]})
    undo(change)
    assert first.material_slots[0].link == "DATA"
    assert first.material_slots[0].material.name == "Paint"
    first.material_slots[0].link = "OBJECT"
    assert first.material_slots[0].material == hidden


@pytest.mark.assets
def test_objects_that_shared_a_material_go_on_sharing(load, picture):
    objects = list(load("tea-set").values())
    path = picture()
    apply(objects, {obj.name: [path] for obj in objects})
    assert len({obj.material_slots[0].material for obj in objects}) == 1


def test_a_linked_library(empty, picture, tmp_path, snapshot):
    cube(empty, "Far", material="Paint")
    library = tmp_path / "library.blend"
    empty.ops.wm.save_as_mainfile(filepath=str(library), copy=True)
    empty.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with empty.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Far"]
    far = wanted.objects[0]
    empty.context.scene.collection.objects.link(far)
    with pytest.raises(InputError, match="linked") as error:
        apply([far], {"Far": [picture()]})
    assert error.value.code == "object-linked"
    near = cube(empty, "Near", far.data)
    before = snapshot()
    change = apply([near], {"Near": [picture()]})
    assert near.material_slots[0].link == "OBJECT"
    assert near.data.library is not None
    assert far.material_slots[0].material.library is not None
    assert near.material_slots[0].material.library is None
    undo(change)
    assert untouched(before, snapshot()) == set()


def test_an_override_of_a_linked_object(empty, picture, tmp_path):
    cube(empty, "Far", material="Paint")
    library = tmp_path / "library.blend"
    empty.ops.wm.save_as_mainfile(filepath=str(library), copy=True)
    empty.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with empty.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["Far"]
    mine = wanted.objects[0].override_create()
    empty.context.scene.collection.objects.link(mine)
    apply([mine], {mine.name: [picture()]})
    assert mine.material_slots[0].link == "OBJECT"
    assert fed(mine.material_slots[0].material)[0].name == "paint.png"


# Adding to the artist's material


def test_add_to_existing_changes_the_material_itself(empty, picture, snapshot):
    obj = cube(empty)
    material = obj.material_slots[0].material
    old = material.node_tree.nodes.new("ShaderNodeRGB")
    material.node_tree.links.new(old.outputs[0], shader(material).inputs["Base Color"])
    before = snapshot()
    change = apply([obj], {"Cube": [picture()]}, mode="add_to_existing")
    assert obj.material_slots[0].material == material
    assert fed(material)[1] == "UVMap"
    assert material.node_tree.nodes["Orbit Painter"].type == "FRAME"
    undo(change)
    (link,) = shader(material).inputs["Base Color"].links
    assert link.from_node == old
    assert untouched(before, snapshot()) == set()


def test_add_to_existing_copies_what_others_use(empty, picture):
    obj = cube(empty)
    other = cube(empty, "Other")
    change = apply([obj], {"Cube": [picture()]}, mode="add_to_existing")
    assert not shader(other.material_slots[0].material).inputs["Base Color"].links
    assert fed(obj.material_slots[0].material)[1] == "UVMap"
    assert "Paint" in change.notes[0]


# Materials of all kinds


def test_a_second_result_replaces_the_first(empty, picture):
    obj = cube(empty)
    apply([obj], {"Cube": [picture("first.png")]})
    apply([obj], {"Cube": [picture("second.png")]})
    material = obj.material_slots[0].material
    assert material.name.startswith("Paint (Orbit Painter)")
    assert material.name.count("Orbit") == 1
    assert fed(material)[0].name == "second.png"
    assert [node.type for node in material.node_tree.nodes].count("FRAME") == 1
    assert len(material.node_tree.nodes) == 5


def test_shaders_inside_groups(empty, picture):
    obj = cube(empty)
    other = cube(empty, "Other")
    tree = other.material_slots[0].material.node_tree
    group = empty.data.node_groups.new("Shading", "ShaderNodeTree")
    group.interface.new_socket("Shader", in_out="OUTPUT", socket_type="NodeSocketShader")
    inner, end = group.nodes.new("ShaderNodeBsdfPrincipled"), group.nodes.new("NodeGroupOutput")
    group.links.new(inner.outputs[0], end.inputs[0])
    tree.nodes.remove(shader(other.material_slots[0].material))
    node = tree.nodes.new("ShaderNodeGroup")
    node.node_tree = group
    tree.links.new(node.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    change = apply([obj], {"Cube": [picture()]})
    (mine,) = (n for n in obj.material_slots[0].material.node_tree.nodes if n.type == "GROUP")
    assert mine.node_tree != group
    (link,) = next(n for n in mine.node_tree.nodes if n.type == "BSDF_PRINCIPLED").inputs["Base Color"].links
    assert link.from_node.image.name == "paint.png"
    assert not inner.inputs["Base Color"].links
    undo(change)
    assert list(empty.data.node_groups) == [group]


@pytest.mark.parametrize(
    ("kind", "fed_input"),
    [("ShaderNodeBsdfDiffuse", "Color"), ("ShaderNodeEmission", "Color"), ("ShaderNodeBsdfGlass", None)],
)
def test_materials_without_principled(empty, picture, kind, fed_input):
    obj = cube(empty)
    material = obj.material_slots[0].material
    tree = material.node_tree
    tree.nodes.remove(shader(material))
    node = tree.nodes.new(kind)
    tree.links.new(node.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
    name = node.name
    change = apply([obj], {"Cube": [picture()]})
    shown = obj.material_slots[0].material.node_tree
    source = shown.nodes["Material Output"].inputs["Surface"].links[0].from_node
    assert source.inputs[fed_input or "Base Color"].links[0].from_node.image.name == "paint.png"
    assert (source.name == name) == (fed_input is not None)
    assert bool(change.notes) == (fed_input is None)


def test_a_material_without_nodes(empty, picture):
    obj = cube(empty, material="")
    plain = empty.data.materials.new("Plain")
    plain.use_nodes = False
    if plain.node_tree is not None and plain.use_nodes:
        pytest.skip("materials are always made of nodes in this Blender")
    plain.metallic, plain.roughness = 0.75, 0.25
    obj.data.materials.append(plain)
    apply([obj], {"Cube": [picture()]})
    material = obj.material_slots[0].material
    assert fed(material)[0].name == "paint.png"
    assert shader(material).inputs["Metallic"].default_value == 0.75
    assert shader(material).inputs["Roughness"].default_value == 0.25


@pytest.mark.assets
def test_alpha_of_leaves_stays(load, picture):
    objects = list(load("leafy-tree").values())
    before = {obj.name: obj.material_slots[0].material for obj in objects}
    apply(objects, {obj.name: [picture()] for obj in objects})
    cut = 0
    for obj in objects:
        material, old = obj.material_slots[0].material, before[obj.name]
        links = shader(material).inputs["Alpha"].links
        assert len(links) == len(shader(old).inputs["Alpha"].links)
        cut += len(links)
        assert fed(material)[0].name == "paint.png"
        assert material.surface_render_method == old.surface_render_method
    assert cut > 0


# Images


def test_udim_tiles(empty, picture):
    obj = cube(empty)
    files = [picture(f"tiles.{n}.png", (n % 256, 0, 0, 255)) for n in (1001, 1002, 1011)]
    picture("tiles.1003.png")  # of an older result
    apply([obj], {"Cube": files})
    image = fed(obj.material_slots[0].material)[0]
    assert image.source == "TILED"
    assert [tile.number for tile in image.tiles] == [1001, 1002, 1011]
    assert image.filepath.endswith("tiles.<UDIM>.png")


def test_one_tile_that_is_not_the_first(empty, picture):
    obj = cube(empty)
    apply([obj], {"Cube": [picture("tiles.1012.png")]})
    image = fed(obj.material_slots[0].material)[0]
    assert [tile.number for tile in image.tiles] == [1012]


def test_relative_paths_in_a_saved_file(empty, picture, tmp_path):
    obj = cube(empty)
    empty.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    apply([obj], {"Cube": [picture()]})
    image = fed(obj.material_slots[0].material)[0]
    assert image.filepath == "//paint.png"
    assert tuple(image.size) == (16, 16)


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\nbroken"])
def test_a_picture_that_cannot_be_read_changes_nothing(empty, picture, tmp_path, snapshot, content):
    first, second = cube(empty, "First"), cube(empty, "Second")
    bad = tmp_path / "bad.png"
    if content is not None:
        bad.write_bytes(content)
    before = snapshot()
    with pytest.raises(InputError) as error:
        apply([first, second], {"First": [picture()], "Second": [bad]})
    assert error.value.code == "texture-unreadable"
    assert untouched(before, snapshot()) == set()


def test_a_missing_uv_map(empty, picture):
    obj = cube(empty)
    with pytest.raises(InputError) as error:
        apply([obj], {"Cube": [picture()]}, {"Cube": "Elsewhere"})
    assert error.value.code == "uv-map-missing"


# UV maps


def write_map(obj, name, uv, **options):
    from orbit_painter.addon.uv_write import write_uv_map

    return write_uv_map(obj, name, uv, **options)


def random_uv(obj, seed=0):
    return np.random.default_rng(seed).random((len(obj.data.loops), 2), np.float32)


def read_map(obj, name):
    values = np.empty(2 * len(obj.data.loops), np.float32)
    obj.data.uv_layers[name].uv.foreach_get("vector", values)
    return values.reshape(-1, 2)


def test_a_new_uv_map(empty):
    obj = cube(empty)
    first = read_map(obj, "UVMap")
    obj.data.uv_layers.new(name="Second")
    obj.data.uv_layers["Second"].active_render = True
    obj.data.uv_layers.active = obj.data.uv_layers["UVMap"]
    uv = random_uv(obj)
    assert write_map(obj, "OrbitPainter", uv) == "OrbitPainter"
    assert np.array_equal(read_map(obj, "OrbitPainter"), uv)
    assert np.array_equal(read_map(obj, "UVMap"), first)
    assert obj.data.uv_layers.active.name == "UVMap"
    assert [layer.name for layer in obj.data.uv_layers if layer.active_render] == ["Second"]
    assert write_map(obj, "OrbitPainter", uv) == "OrbitPainter"  # the same again
    assert len(obj.data.uv_layers) == 3
    other = random_uv(obj, 1)
    assert write_map(obj, "OrbitPainter", other, activate=True) == "OrbitPainter.001"
    assert np.array_equal(read_map(obj, "OrbitPainter"), uv)
    assert obj.data.uv_layers.active.name == "OrbitPainter.001"
    assert [layer.name for layer in obj.data.uv_layers if layer.active_render] == ["OrbitPainter.001"]


def test_a_mesh_with_eight_uv_maps(empty, snapshot):
    obj = cube(empty)
    for index in range(7):
        obj.data.uv_layers.new(name=f"Map {index}")
    before = snapshot()
    with pytest.raises(InputError) as error:
        write_map(obj, "OrbitPainter", random_uv(obj))
    assert error.value.code == "uv-maps-full"
    assert untouched(before, snapshot()) == set()


def test_uvs_that_do_not_fit(empty):
    obj = cube(empty)
    for uv in (random_uv(obj)[1:], np.full((24, 2), np.nan)):
        with pytest.raises(InputError) as error:
            write_map(obj, "OrbitPainter", uv)
        assert error.value.code == "uv-mismatch"


@pytest.mark.real_blender
def test_in_a_real_blender(real_blender, tmp_path):
    """Apply, restore, save, export, still and turntable of the sample."""
    sample = Path(__file__).resolve().parents[2] / "examples" / "sample.glb"
    assert "WRITING OK" in real_blender("check_writing.py", str(tmp_path), str(sample))
