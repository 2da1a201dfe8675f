# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures go onto a model, everything else stays."""

from __future__ import annotations

import json

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError, OutputError
from orbit_painter.backend.files import write_png
from orbit_painter.backend.glb_writer import write_textured_glb
from orbit_painter.backend.host import TextureFiles
from orbit_painter.backend.mesh_formats.gltf import Document, open_gltf
from orbit_painter.backend.meshfile import read_mesh_file

pytestmark = pytest.mark.assets


@pytest.fixture
def picture(tmp_path):
    def make(name: str):
        seed = sum(name.encode())
        write_png(tmp_path / f"{name}.png", np.random.default_rng(seed).integers(0, 256, (8, 8, 4), dtype=np.uint8))
        return tmp_path / f"{name}.png"

    return make


def base_colour(document: Document, material: int) -> tuple[bytes, int]:
    """The picture's bytes and its UV set."""
    slot = document.json["materials"][material]["pbrMetallicRoughness"]["baseColorTexture"]
    image = document.json["images"][document.json["textures"][slot["index"]]["source"]]
    return document.view(image["bufferView"]), slot.get("texCoord", 0)


def same_surface(a, b, normals: float = 2e-6) -> None:
    """Equal triangles and normals in equal order."""
    np.testing.assert_allclose(a.triangles, b.triangles, atol=2e-7)
    np.testing.assert_allclose(a.corner_normals, b.corner_normals, atol=normals)


def test_only_the_material_changes_where_the_uvs_are_kept(assets, tmp_path, picture):
    source = assets / "tea-set" / "model.glb"
    mesh, _ = read_mesh_file(source)
    first = TextureFiles("one", tuple(range(7)), "UVMap", (picture("one"),), (1001,))
    assert write_textured_glb(tmp_path / "out.glb", source, mesh, [first]) == []
    before, after = open_gltf(source), open_gltf(tmp_path / "out.glb")
    for name in ("nodes", "accessors", "scenes", "animations", "skins"):
        assert before.json.get(name) == after.json.get(name)
    for index in range(len(before.json["bufferViews"])):
        assert before.view(index) == after.view(index)
    meshes = {name: i for i, name in enumerate(m["name"] for m in after.json["meshes"])}
    nodes = {n["name"]: n["mesh"] for n in after.json["nodes"] if "mesh" in n}
    for number, name in enumerate(mesh.object_names):
        (new,) = after.json["meshes"][nodes[name]]["primitives"]
        (old,) = before.json["meshes"][nodes[name]]["primitives"]
        assert new["attributes"] == old["attributes"]
        assert new["indices"] == old["indices"]
        if number < 7:
            assert base_colour(after, new["material"]) == (picture("one").read_bytes(), 0)
            kept = dict(after.json["materials"][new["material"]])
            original = dict(before.json["materials"][old["material"]])
            kept.pop("pbrMetallicRoughness"), original.pop("pbrMetallicRoughness")
            assert kept == original
        else:
            assert new["material"] == old["material"]
    assert len(meshes) == 8
    same_surface(read_mesh_file(tmp_path / "out.glb")[0], mesh)


@pytest.mark.parametrize("name", ["nasty-no-uv", "nasty-shared-mirrored", "fox", "sheen-chair", "spot"])
def test_a_new_uv_map_arrives_at_every_corner(assets, tmp_path, picture, name):
    source = next(p for p in (assets / name).iterdir() if p.suffix in (".glb", ".obj"))
    mesh, _ = read_mesh_file(source)
    originals = [i for i in range(len(mesh.object_names)) if i not in mesh.instance_of]
    rng = np.random.default_rng(0)
    uv = rng.random((len(mesh.faces), 3, 2)).astype(np.float32)  # every corner is on a seam
    for copy, original in mesh.instance_of.items():
        mirrored = uv[mesh.face_object == original]
        order = np.take_along_axis  # the copy's corners may be in another order
        a, b = (mesh.corner_loop[mesh.face_object == i] for i in (original, copy))
        uv[mesh.face_object == copy] = order(
            order(mirrored, np.argsort(a, axis=1)[..., None], 1),
            np.argsort(np.argsort(b, axis=1), axis=1)[..., None],
            1,
        )
    mesh = mesh.with_uv("OrbitPainter", uv)
    objects = tuple(range(len(mesh.object_names)))
    texture = TextureFiles("t", objects, "OrbitPainter", (picture("t"),), (1001,))
    write_textured_glb(tmp_path / "out.glb", source, mesh, [texture])
    back, _ = read_mesh_file(tmp_path / "out.glb")
    assert set(back.object_names) == set(mesh.object_names)
    assert len(back.faces) == len(mesh.faces)
    document = open_gltf(tmp_path / "out.glb")
    used = {p["material"] for m in document.json["meshes"] for p in m["primitives"]}
    (texcoord,) = {base_colour(document, material)[1] for material in used}
    found = back.uv["UVMap" if texcoord == 0 else f"UVMap.{texcoord:03d}"]
    for i in originals:
        j = back.object_names.index(mesh.object_names[i])
        mine, theirs = _corners(mesh, uv, i), _corners(back, found, j)
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    if name == "fox":
        primitive = document.json["meshes"][0]["primitives"][0]
        assert {"JOINTS_0", "WEIGHTS_0", "TEXCOORD_0"} <= set(primitive["attributes"])
        assert document.json["animations"] == open_gltf(source).json["animations"]


def _corners(mesh, uv, number):
    """Position and UV of all corners of an object, in an order of their own."""
    rows = mesh.face_object == number
    table = np.concatenate([mesh.triangles[rows], uv[rows]], axis=2).reshape(-1, 5)
    return table[np.lexsort(np.round(table[:, [4, 3]], 4).T)]


def test_slots_and_tiles_get_their_own_pictures(assets, tmp_path, picture):
    source = assets / "sheen-chair" / "model.glb"
    mesh, _ = read_mesh_file(source)
    textures = [
        TextureFiles(f"s{i}", (0,), "UVMap.001", (picture(f"s{i}"),), (1001,), i)
        for i in range(len(mesh.material_names))
    ]
    write_textured_glb(tmp_path / "chair.glb", source, mesh, textures)
    chair = open_gltf(tmp_path / "chair.glb")
    for primitive in chair.json["meshes"][0]["primitives"]:
        name = chair.json["materials"][primitive["material"]]["name"]
        number = mesh.material_names.index(name)
        assert base_colour(chair, primitive["material"]) == (picture(f"s{number}").read_bytes(), 1)

    source = assets / "nasty-udim" / "model.glb"
    mesh, _ = read_mesh_file(source)
    tiles = (1001, 1002, 1011)
    texture = TextureFiles("udim", (0,), "UVMap", tuple(picture(f"u{t}") for t in tiles), tiles)
    write_textured_glb(tmp_path / "udim.glb", source, mesh, [texture])
    udim, _ = read_mesh_file(tmp_path / "udim.glb")
    assert len(udim.faces) == len(mesh.faces)
    document = open_gltf(tmp_path / "udim.glb")
    pictures = [base_colour(document, p["material"])[0] for p in document.json["meshes"][0]["primitives"]]
    assert pictures == [picture(f"u{t}").read_bytes() for t in tiles]
    inside = udim.uv["UVMap"]
    assert inside.min() > -1e-6
    assert inside.max() < 1 + 1e-6


def test_colours_do_not_tint_and_are_not_lost(tmp_path, picture):
    path = tmp_path / "in.gltf"
    points = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32)
    uv, colour = points[:, :2].copy(), np.full((3, 4), 0.5, np.float32)
    data = points.tobytes() + uv.tobytes() + colour.tobytes()
    (tmp_path / "data 1.bin").write_bytes(data)
    views = [(0, 36), (36, 24), (60, 48)]
    kinds = ["VEC3", "VEC2", "VEC4"]
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"uri": "data%201.bin", "byteLength": len(data)}],
        "bufferViews": [{"buffer": 0, "byteOffset": o, "byteLength": n} for o, n in views],
        "accessors": [{"bufferView": i, "componentType": 5126, "count": 3, "type": k} for i, k in enumerate(kinds)],
        "materials": [
            {
                "alphaMode": "MASK",
                "pbrMetallicRoughness": {"baseColorFactor": [0.1, 0.2, 0.3, 0.9], "roughnessFactor": 0.25},
                "extensions": {"KHR_materials_pbrSpecularGlossiness": {}},
            }
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1, "COLOR_0": 2}, "material": 0}]}],
        "nodes": [{"mesh": 0, "extras": {"kept": True}}],
        "extras": {"author": "someone"},
    }
    path.write_text(json.dumps(document))
    mesh, _ = read_mesh_file(path)
    notes = write_textured_glb(
        tmp_path / "out.glb", path, mesh, [TextureFiles("t", (0,), "UVMap", (picture("t"),), (1001,))]
    )
    out = open_gltf(tmp_path / "out.glb")
    (primitive,) = out.json["meshes"][0]["primitives"]
    assert primitive["attributes"] == {"POSITION": 0, "TEXCOORD_0": 1, "_COLOR_0": 2}
    material = out.json["materials"][primitive["material"]]
    assert material["pbrMetallicRoughness"]["baseColorFactor"] == [1, 1, 1, 0.9]
    assert material["pbrMetallicRoughness"]["roughnessFactor"] == 0.25
    assert "extensions" not in material
    assert out.json["extras"] == document["extras"]
    assert out.json["nodes"] == document["nodes"]
    assert len(notes) == 2


def test_a_picture_that_was_cut_off_is_told(tmp_path, picture):
    """The surface can be read, what else the file holds cannot."""
    (tmp_path / "data.bin").write_bytes(np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0)], np.float32).tobytes())
    document = {
        "asset": {"version": "2.0"},
        "buffers": [{"uri": "data.bin", "byteLength": 999}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 900}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "images": [{"bufferView": 1, "mimeType": "image/png"}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "nodes": [{"mesh": 0}],
    }
    path = tmp_path / "in.gltf"
    path.write_text(json.dumps(document))
    mesh, _ = read_mesh_file(path)
    with pytest.raises(InputError) as caught:
        write_textured_glb(tmp_path / "out.glb", path, mesh, [])
    assert caught.value.code == "file-damaged"
    assert not (tmp_path / "out.glb").exists()


def test_a_failed_write_leaves_nothing(assets, tmp_path, picture):
    source = assets / "nasty-udim" / "model.glb"
    mesh, _ = read_mesh_file(source)
    with pytest.raises(OutputError):
        write_textured_glb(tmp_path / "no" / "out.glb", source, mesh, [])


@pytest.mark.bpy
@pytest.mark.parametrize("name", ["sheen-chair", "nasty-no-uv", "fox"])
def test_blender_reads_it(assets, tmp_path, picture, name):
    pytest.importorskip("bpy")
    import bpy
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import read_mesh

    source = assets / name / "model.glb"
    mesh, _ = read_mesh_file(source)
    uv = np.random.default_rng(0).random((len(mesh.faces), 3, 2)).astype(np.float32)
    mesh = mesh.with_uv("OrbitPainter", uv)
    texture = TextureFiles("t", (0,), "OrbitPainter", (picture("t"),), (1001,))
    before, _, _ = read_mesh(import_file(source))
    write_textured_glb(tmp_path / "out.glb", source, mesh, [texture])
    after, _, _ = read_mesh(import_file(tmp_path / "out.glb"))
    same_surface(before, after, normals=0.02)  # Blender stores custom normals with 16 bits, relative to their fans
    np.testing.assert_allclose(after.uv[list(after.uv)[-1]], uv, atol=1e-6)
    sizes = {tuple(image.size) for image in bpy.data.images}
    assert (8, 8) in sizes
