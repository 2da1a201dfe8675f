# SPDX-License-Identifier: GPL-3.0-or-later
import json
import struct

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError, OutputError
from orbit_painter.backend.files import write_png

pytestmark = pytest.mark.bpy

MODELS = ["spot", "fox", "sheen-chair", "tea-set", "leafy-tree"]
MODELS += ["nasty-no-uv", "nasty-degenerate", "nasty-shared-mirrored", "nasty-udim"]


@pytest.fixture
def load(empty, assets):
    """Opens one of the shared models; its meshes."""

    def opened(name):
        from orbit_painter.addon.import_file import import_file

        path = next(path for path in (assets / name).glob("model.*") if path.suffix in (".glb", ".obj"))
        return [obj for obj in import_file(path) if obj.type == "MESH"]

    return opened


def export_glb(path, objects):
    from orbit_painter.addon.export import export_glb

    export_glb(path, objects)
    return path


def reopen(path):
    from orbit_painter.addon.import_file import import_file

    return [obj for obj in import_file(path) if obj.type == "MESH"]


def paint(objects, path, colour=(200, 60, 20, 255)):
    """Gives every object with UVs a picture of one colour."""
    from orbit_painter.addon.scene_write import apply_textures

    write_png(path, np.broadcast_to(np.uint8(colour), (16, 16, 4)).copy())
    mapped = [obj for obj in objects if obj.data.uv_layers]
    uv_maps = {obj.name: obj.data.uv_layers[0].name for obj in mapped}
    return apply_textures(mapped, {obj.name: [path] for obj in mapped}, uv_maps, recipe_id="r")


def corners(obj):
    """Each triangle's corners: world positions and all UV maps, with its used slot's number; in an order of its own."""
    mesh = obj.data
    mesh.calc_loop_triangles()
    co = np.array([(obj.matrix_world @ v.co)[:] for v in mesh.vertices])
    loops = np.array([t.loops[:] for t in mesh.loop_triangles])
    rows = [co[np.array([t.vertices[:] for t in mesh.loop_triangles])]]
    for layer in mesh.uv_layers:
        rows.append(np.array([d.vector[:] for d in layer.uv])[loops])
    used = sorted({t.material_index for t in mesh.loop_triangles})
    slot = np.array([used.index(t.material_index) for t in mesh.loop_triangles])
    table = np.concatenate(rows, axis=2).reshape(len(loops), 3, -1)
    first = np.argmin(np.einsum("ijk,k->ij", table, np.random.default_rng(0).random(table.shape[2])), axis=1)
    table = np.take_along_axis(table, (first[:, None] + np.arange(3))[..., None] % 3, axis=1)  # turned, not mirrored
    return np.column_stack([table.reshape(len(loops), -1), slot])


def same_rows(one, other, tolerance):
    """Every row of one is, nearly, a row of the other, and the other way round."""
    from scipy.spatial import cKDTree

    assert one.shape == other.shape
    for a, b in ((one, other), (other, one)):
        assert cKDTree(a).query(b)[0].max() < tolerance


@pytest.mark.assets
@pytest.mark.parametrize("name", MODELS)
def test_a_glb_shows_the_same_faces(load, tmp_path, name, capfd, snapshot):
    objects = load(name)
    paint(objects, tmp_path / "paint.png")
    slots = {obj.name: sorted({p.material_index for p in obj.data.polygons}) for obj in objects}
    if name == "spot":  # quads are cut into triangles by the same rule on both sides
        assert any(len(p.vertices) == 4 for p in objects[0].data.polygons)
    expected = {obj.name: corners(obj) for obj in objects}
    size = max(np.ptp(rows[:, :3], axis=0).max() for rows in expected.values())
    before = snapshot()
    capfd.readouterr()
    path = export_glb(tmp_path / "model.glb", objects)
    assert capfd.readouterr().out == ""
    assert {key for key, value in snapshot().items() if before.get(key) != value} == set()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    found = {obj.name: obj for obj in reopen(path)}
    assert set(found) == set(expected)
    for key, rows in expected.items():
        assert len(found[key].material_slots) >= len(slots[key]) - (name == "nasty-no-uv")
        again = corners(found[key])
        if name == "nasty-degenerate":  # importers drop faces that use a vertex twice
            assert len(rows) - 20 <= len(again) <= len(rows)
        else:
            same_rows(rows, again, 2e-5 * max(size, 1))


@pytest.mark.assets
def test_the_picture_is_what_the_glb_shows(load, tmp_path):
    objects = load("sheen-chair")
    paint(objects, tmp_path / "paint.png")
    (chair,) = reopen(export_glb(tmp_path / "model.glb", objects))
    assert len(chair.material_slots) == 4
    for slot in chair.material_slots:
        shader = next(n for n in slot.material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
        node = shader.inputs["Base Color"].links[0].from_node
        assert np.allclose(np.array(node.image.pixels[:4]) * 255, (200, 60, 20, 255), atol=0.6)


@pytest.mark.assets
def test_rig_and_animation_stay(load, tmp_path, bpy):
    objects = load("fox")
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    bones = sorted(bone.name for bone in rig.data.bones)
    bone = rig.pose.bones["b_Head_05"]
    bone.scale = (1.5, 1.5, 1.5)  # posed by hand: the exporter would leave it at rest
    path = export_glb(tmp_path / "fox.glb", objects)
    assert tuple(bone.scale) == (1.5, 1.5, 1.5)
    content = gltf_json(path)
    assert len(content["animations"]) == 3
    assert len(content["skins"]) == 1
    (fox,) = (obj for obj in reopen(path) if obj.name == "fox" or obj.vertex_groups)
    rig = next(o for o in bpy.data.objects if o.type == "ARMATURE")
    assert sorted(bone.name for bone in rig.data.bones) == bones
    assert any(modifier.type == "ARMATURE" and modifier.object == rig for modifier in fox.modifiers)
    assert len(bpy.data.actions) == 3


@pytest.mark.assets
def test_objects_that_are_not_chosen_are_left_out(load, tmp_path):
    objects = load("tea-set")
    names = sorted(obj.name for obj in objects[:2])
    path = export_glb(tmp_path / "two.glb", objects[:2])
    assert sorted(obj.name for obj in reopen(path)) == names


def test_modifiers_are_in_the_file_and_not_in_the_scene(empty, tmp_path):
    empty.ops.mesh.primitive_cube_add()
    obj = empty.context.object
    obj.modifiers.new("Array", "ARRAY").count = 3
    path = export_glb(tmp_path / "model.glb", [obj])
    assert len(obj.data.polygons) == 6
    (found,) = reopen(path)
    assert len(found.data.polygons) == 36


def test_locked_and_hidden_objects(empty, tmp_path):
    empty.ops.mesh.primitive_cube_add()
    obj = empty.context.object
    obj.hide_select = True
    export_glb(tmp_path / "locked.glb", [obj])
    assert obj.hide_select
    obj.hide_set(True)
    with pytest.raises(InputError) as error:
        export_glb(tmp_path / "hidden.glb", [obj])
    assert error.value.code == "object-hidden"
    assert not (tmp_path / "hidden.glb").exists()


def test_a_blend_opens_elsewhere(empty, tmp_path, capfd, snapshot):
    from orbit_painter.addon.export import save_blend

    empty.ops.mesh.primitive_cube_add()
    obj = empty.context.object
    paint([obj], tmp_path / "paint.png")
    before = snapshot()
    save_blend(tmp_path / "scene.blend")
    assert "Saved" not in capfd.readouterr().out
    assert {key for key, value in snapshot().items() if before.get(key) != value} == set()
    assert empty.data.filepath == ""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "scene.blend").rename(tmp_path / "elsewhere" / "scene.blend")
    (tmp_path / "paint.png").unlink()
    (obj,) = reopen(tmp_path / "elsewhere" / "scene.blend")
    image = empty.data.images["paint.png"]
    assert np.allclose(np.array(image.pixels[:4]) * 255, (200, 60, 20, 255), atol=0.6)
    assert image["orbit_painter_recipe"] == "r"
    assert [node.image for node in obj.material_slots[0].material.node_tree.nodes if node.type == "TEX_IMAGE"] == [
        image
    ]


def test_all_images_can_be_packed(empty, tmp_path):
    from orbit_painter.addon.export import save_blend

    write_png(tmp_path / "theirs.png", np.full((8, 8, 4), 90, np.uint8))
    theirs = empty.data.images.load(str(tmp_path / "theirs.png"))
    theirs.use_fake_user = True
    for pack_all in (False, True):
        save_blend(tmp_path / "scene.blend", pack_all=pack_all)
        assert theirs.packed_file is None
        with empty.data.libraries.load(str(tmp_path / "scene.blend")) as (_, wanted):
            wanted.images = ["theirs.png"]
        assert (wanted.images[0].packed_file is not None) == pack_all


def test_an_earlier_result_whose_file_has_moved_does_not_matter(empty, tmp_path):
    """Saving a file for the first time moves the results of before, under a job that knows their old place."""
    from orbit_painter.addon.blocks import RECIPE
    from orbit_painter.addon.export import save_blend

    write_png(tmp_path / "earlier.png", np.full((8, 8, 4), 90, np.uint8))
    earlier = empty.data.images.load(str(tmp_path / "earlier.png"))
    earlier[RECIPE], earlier.use_fake_user = "1", True
    (tmp_path / "earlier.png").unlink()
    save_blend(tmp_path / "scene.blend", pack_all=False)
    assert (tmp_path / "scene.blend").is_file()


@pytest.mark.parametrize("name", ["out.blend", "out.glb"])
def test_a_folder_that_cannot_be_written(empty, tmp_path, name):
    from orbit_painter.addon.export import save_blend

    empty.ops.mesh.primitive_cube_add()
    obj = empty.context.object
    path = tmp_path / "missing" / name
    with pytest.raises(OutputError):
        save_blend(path) if name.endswith("blend") else export_glb(path, [obj])
    assert list(tmp_path.iterdir()) == []


def test_an_older_file_survives_a_failure(empty, tmp_path, monkeypatch):
    from orbit_painter.addon import export

    empty.ops.mesh.primitive_cube_add()
    path = tmp_path / "model.glb"
    path.write_text("older")
    monkeypatch.setattr(export, "_mesh_count", lambda _: 0)
    with pytest.raises(OutputError) as error:
        export_glb(path, [empty.context.object])
    assert error.value.code == "model-not-written"
    assert path.read_text() == "older"
    assert [p.name for p in tmp_path.iterdir()] == ["model.glb"]


def gltf_json(path):
    data = path.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    return json.loads(data[20 : 20 + length])


@pytest.mark.assets
def test_a_rigged_model_opens_in_the_same_pose(load, tmp_path):
    """Importers play the first animation of a .glb: that must be the one that was playing."""

    def playing(objects):
        return next(rig.animation_data.action.name for obj in objects if (rig := obj.find_armature()) is not None)

    objects = load("fox")
    before = playing(objects)
    assert playing(reopen(export_glb(tmp_path / "fox.glb", objects))) == before
