# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything of the artist's file is in the textured .glb again: what changes are materials and their pictures."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.files import write_png
from orbit_painter.backend.host import TextureFiles
from orbit_painter.backend.job import Job
from orbit_painter.backend.progress import silent

pytestmark = pytest.mark.bpy
PAINT = (200, 60, 20, 255)


def contents(path):
    """The JSON part of a .glb."""
    data = path.read_bytes()
    return json.loads(data[20 : 20 + struct.unpack_from("<I", data, 12)[0]])


def rich_scene(bpy):
    """A skinned, keyed, animated, coloured body with two slots and two UV maps, and things beside it."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=8, ring_count=5)
    body = bpy.context.object
    body.name, body.data.name = "Body Ä", "BodyMesh"
    body.data.uv_layers.new(name="second")
    body.data.color_attributes.new("Col", "FLOAT_COLOR", "CORNER")
    heat = body.data.attributes.new("_HEAT", "FLOAT", "POINT")
    heat.data.foreach_set("value", np.linspace(0, 1, len(body.data.vertices)))
    for name in ("skin", "cloth"):
        body.data.materials.append(bpy.data.materials.new(name))
        body.data.materials[-1]["note"] = f"keep {name}"
    for polygon in body.data.polygons:
        polygon.material_index = polygon.index % 2
    body.shape_key_add(name="Basis")
    smile = body.shape_key_add(name="Smile")
    for frame, value in ((1, 0.0), (20, 1.0)):
        smile.value = value
        smile.keyframe_insert("value", frame=frame)
    body["price"], body.data["sku"] = 12.5, "abc"
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("root")
    bone.head, bone.tail = (0, 0, -1), (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    body.vertex_groups.new(name="root").add(range(len(body.data.vertices)), 1, "REPLACE")
    body.parent = rig
    body.modifiers.new("Armature", "ARMATURE").object = rig
    bpy.ops.object.empty_add(location=(1, 2, 3))
    bpy.context.object.name = "Locator"
    bpy.context.object["tag"] = "t"
    bpy.ops.object.light_add(type="POINT", location=(2, 2, 4))
    bpy.ops.object.camera_add(location=(0, -6, 0))


def textured(source, tmp_path, **changes):
    """The .glb that the host writes for the model file, with one picture for each object."""
    from orbit_painter.addon.host import BlenderHost

    host = BlenderHost()
    mesh = host.load(Job(str(tmp_path), mesh=str(source), **changes)).mesh
    (tmp_path / "model").mkdir()
    write_png(tmp_path / "paint.png", np.tile(np.array(PAINT, np.uint8), (8, 8, 1)))
    textures = [
        TextureFiles(f"t{i}", (i,), mesh.active_uv[i], (tmp_path / "paint.png",), (1001,))
        for i in range(len(mesh.object_names))
    ]
    (_, glb), _ = host.write_model(mesh, textures, "recipe", tmp_path / "model", source.stem, silent)
    return contents(glb)


def names(document, what):
    return sorted((entry.get("name"), json.dumps(entry.get("extras"))) for entry in document[what])


@pytest.mark.parametrize("kind", ["glb", "blend"])
def test_what_is_not_painted_stays(empty, tmp_path, kind):
    rich_scene(empty)
    exported = tmp_path / "in.glb"
    empty.ops.export_scene.gltf(
        filepath=str(exported), export_extras=True, export_attributes=True, export_cameras=True, export_lights=True
    )
    before = contents(exported)
    source = tmp_path / f"in.{kind}"
    if kind == "blend":
        empty.ops.wm.save_as_mainfile(filepath=str(source), copy=True)
    after = textured(source, tmp_path)
    for what in ("nodes", "skins", "animations", "cameras"):
        assert names(after, what) == names(before, what)
    assert after["extensions"].keys() == before["extensions"].keys()  # the light
    (old,), (new,) = (d["meshes"] for d in (before, after))
    assert new["extras"] == old["extras"]
    for one, two in zip(old["primitives"], new["primitives"], strict=True):
        kept = {name for name in one["attributes"] if not name.startswith("COLOR_")}
        assert kept <= two["attributes"].keys()
        assert any("COLOR_" in name for name in two["attributes"])
        assert len(two["targets"]) == 1
        for name in kept:
            index = two["attributes"][name], one["attributes"][name]
            assert after["accessors"][index[0]]["count"] == before["accessors"][index[1]]["count"]
    used = {primitive["material"] for primitive in new["primitives"]}
    assert {after["materials"][m]["extras"]["note"] for m in used} == {"keep skin", "keep cloth"}
    assert all("baseColorTexture" in after["materials"][m]["pbrMetallicRoughness"] for m in used)
    assert "orbit_painter" not in json.dumps(after)


def test_a_gltf_file_is_itself_but_for_the_materials(empty, tmp_path):
    rich_scene(empty)
    source = tmp_path / "in.glb"
    empty.ops.export_scene.gltf(filepath=str(source), export_extras=True, export_attributes=True)
    before = contents(source)
    after = textured(source, tmp_path)
    for what in ("asset", "scene", "scenes", "nodes", "skins", "animations"):
        assert after[what] == before[what]
    assert after["materials"][: len(before["materials"])] == before["materials"]
    assert after["accessors"] == before["accessors"]


def edited(bpy, tmp_path, change):
    """A .gltf of a cube with a picture, its JSON changed by `change`."""
    bpy.ops.mesh.primitive_cube_add()
    source = tmp_path / "cube.gltf"
    bpy.ops.export_scene.gltf(filepath=str(source), export_format="GLTF_SEPARATE")
    document = json.loads(source.read_text())
    document["images"] = [{"uri": "gone.png"}]
    document["textures"] = [{"source": 0}]
    document["materials"] = [{"name": "m", "normalTexture": {"index": 0}}]
    document["meshes"][0]["primitives"][0]["material"] = 0
    change(document)
    source.write_text(json.dumps(document))
    return source


def test_a_picture_that_is_missing_stays_missing(empty, tmp_path):
    after = textured(edited(empty, tmp_path, lambda document: None), tmp_path)
    assert after["images"][0]["uri"] == "gone.png"
    assert "bufferView" in after["images"][1]


def test_what_blender_cannot_read_is_named(empty, tmp_path):
    def compress(document):
        document["extensionsUsed"] = document["extensionsRequired"] = ["EXT_unheard_of"]

    with pytest.raises(InputError, match="EXT_unheard_of") as caught:
        textured(edited(empty, tmp_path, compress), tmp_path)
    assert caught.value.code == "model-unsupported"


def test_only_chosen_objects_of_a_scene_are_in_the_file(empty, tmp_path):
    rich_scene(empty)
    empty.ops.mesh.primitive_cube_add()
    source = tmp_path / "in.blend"
    empty.ops.wm.save_as_mainfile(filepath=str(source), copy=True)
    after = textured(source, tmp_path, objects=("Cube",))
    assert [node["name"] for node in after["nodes"]] == ["Cube"]


@pytest.mark.assets
@pytest.mark.parametrize("name", ["fox", "tea-set", "nasty-no-uv", "nasty-shared-mirrored", "nasty-udim"])
def test_the_models_can_be_written_as_their_own_files(bpy, assets, name):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import find_objects, read_mesh
    from orbit_painter.backend.glb_source import as_in_file

    path = assets / name / "model.glb"
    import_file(path)
    mesh = read_mesh(find_objects())[0]
    assert as_in_file(path, (), mesh, []) is not None
    moved = mesh.vertices.copy()
    moved[0] += 0.01
    assert as_in_file(path, (), replace(mesh, vertices=moved), []) is None


@pytest.mark.assets
def test_transparency_is_left_to_blender(bpy, assets):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import find_objects, read_mesh
    from orbit_painter.backend.glb_source import as_in_file

    path = assets / "leafy-tree" / "model.glb"
    import_file(path)
    assert as_in_file(path, (), read_mesh(find_objects())[0], []) is None
