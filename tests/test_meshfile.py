# SPDX-License-Identifier: GPL-3.0-or-later
"""Model files without Blender: the same arrays as with it, and sentences about damaged ones."""

from __future__ import annotations

import base64
import json
import struct
from collections import Counter
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.mesh import face_normals
from orbit_painter.backend.mesh_formats.part import smooth_normals, triangulate
from orbit_painter.backend.meshfile import read_mesh_file

ASSETS = [
    "cracker-box", "leafy-tree", "nasty-degenerate", "nasty-no-uv", "nasty-shared-mirrored", "nasty-udim",
    "fox", "sheen-chair", "spot", "tea-set", "water-bottle",
]  # fmt: skip


def agree(ours, theirs, spare: int = 0, cosine: float = 0.999) -> None:
    """Equal as sets of triangles, each with its UVs, normals, material and object; `spare` may differ."""
    assert ours.object_names == theirs.object_names
    assert set(ours.material_names) == set(theirs.material_names)
    assert list(ours.uv) == list(theirs.uv)
    assert ours.active_uv == theirs.active_uv
    assert ours.instance_of == theirs.instance_of
    np.testing.assert_allclose(ours.normalisation.centre, theirs.normalisation.centre, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.normalisation.scale, theirs.normalisation.scale, rtol=1e-6)
    assert len(ours.faces) == len(theirs.faces)
    if spare:
        left, right = (Counter(map(tuple, steps(mesh))) for mesh in (ours, theirs))
        assert (left - right).total() <= spare
        return
    a, b = order(ours), order(theirs)
    np.testing.assert_allclose(table(ours)[a], table(theirs)[b], atol=1e-5)
    assert ((ours.corner_normals[a] * theirs.corner_normals[b]).sum(axis=2) < cosine).mean() < 1e-3


def steps(mesh):
    """The table in steps whose borders lie where no coordinates do."""
    return np.floor(table(mesh) * 3456.789 + 0.123)


def order(mesh):
    return np.lexsort([mesh.face_object, *steps(mesh).T])


def table(mesh):
    rank = np.argsort(np.argsort(mesh.material_names)) if mesh.material_names else np.zeros(0, int)
    material = np.append(rank, -1)[mesh.face_material]
    uvs = [np.nan_to_num(uv, nan=-9).reshape(-1, 6) for uv in mesh.uv.values()]
    return np.column_stack([mesh.triangles.reshape(-1, 9), *uvs, material, mesh.double_sided])


@pytest.mark.bpy
@pytest.mark.assets
@pytest.mark.parametrize("name", ASSETS)
def test_assets_agree_with_blender(assets, name):
    pytest.importorskip("bpy")
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import read_mesh

    path = next(p for p in (assets / name).iterdir() if p.suffix in (".glb", ".obj"))
    # of two faces that share all vertices and face opposite ways, it is arbitrary which one Blender drops
    spare = 1 if name == "nasty-degenerate" else 0
    agree(read_mesh_file(path)[0], read_mesh(import_file(path))[0], spare)


@pytest.mark.bpy
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.obj", {}),
        ("smooth.obj", {"export_normals": False, "export_smooth_groups": True}),
        ("flat.obj", {"export_normals": False}),
        ("a.ply", {"export_normals": True, "export_uv": True}),
        ("text.ply", {"ascii_format": True, "export_normals": True, "export_uv": True}),
        ("bare.ply", {"export_normals": False, "export_uv": False}),
        ("a.stl", {}),
        ("text.stl", {"ascii_format": True}),
        ("a.gltf", {"export_format": "GLTF_SEPARATE"}),
        ("skinned.glb", {"export_animations": False}),
        ("moving.glb", {}),
        ("morphed.glb", {"export_animations": False}),
    ],
)
def test_what_blender_exports_agrees(tmp_path, name, options):
    bpy = pytest.importorskip("bpy")
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import read_mesh

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_monkey_add(location=(1, 2, 3))
    bpy.ops.object.shade_smooth()
    if name.startswith("skinned"):
        monkey = bpy.context.object
        bpy.ops.object.armature_add(location=(1, 2, 2), rotation=(0.3, 0, 0.2))
        rig = bpy.context.object
        monkey.parent = rig
        monkey.vertex_groups.new(name="Bone").add(range(300), 0.75, "REPLACE")
        monkey.modifiers.new("rig", "ARMATURE").object = rig
        rig.pose.bones[0].rotation_quaternion = (0.9, 0.3, 0.1, 0.2)
    elif name.startswith(("moving", "morphed")):
        monkey = bpy.context.object
        monkey.shape_key_add(name="Basis")
        key = monkey.shape_key_add(name="Wide")
        for point in key.data:
            point.co.x *= 1.5
        key.value = 0.6
        monkey.rotation_mode = "QUATERNION"
        for frame, turn in ((0, (1, 0, 0, 0)), (4, (0.8, 0, 0, 0.6))):
            monkey.rotation_quaternion, monkey.location = turn, (frame, 0, 1)
            monkey.keyframe_insert("rotation_quaternion", frame=frame)
            monkey.keyframe_insert("location", frame=frame)
        bpy.ops.mesh.primitive_cube_add(location=(-2, 0, 0))  # so that places count
    else:
        bpy.ops.mesh.primitive_torus_add(location=(-2, 0, 0), rotation=(0.3, 0.2, 0.1))
        bpy.context.object.scale = (1, 2, -1)
        bpy.context.object.data.materials.append(bpy.data.materials.new("mä t"))
    kind = name.rpartition(".")[2]
    export = bpy.ops.export_scene.gltf if kind in ("glb", "gltf") else getattr(bpy.ops.wm, f"{kind}_export")
    export(filepath=str(tmp_path / name), **options)
    cosine = 0.98 if name.startswith(("moving", "morphed")) else 0.999  # Blender makes normals of shape keys anew
    agree(read_mesh_file(tmp_path / name)[0], read_mesh(import_file(tmp_path / name))[0], cosine=cosine)


@given(st.integers(4, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_polygons_are_covered_once(count, seed):
    """Star-shaped polygons, mostly concave: the triangles' areas add up and all face the polygon's way."""
    rng = np.random.default_rng(seed)
    angle = (0.6 * rng.random(count) + np.arange(count)) / count * 2 * np.pi
    radius = rng.uniform(0.3, 1.0, count)
    flat = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.zeros(count)], axis=1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    loop, polygon = triangulate(flat @ turn.T, np.arange(count, dtype=np.int32), np.array([count], np.int32))
    assert len(loop) == count - 2
    assert (polygon == 0).all()
    x, y = flat[:, 0], flat[:, 1]
    exact = 0.5 * (x * np.roll(y, -1) - y * np.roll(x, -1)).sum()
    normal, area = face_normals(flat, loop)
    assert (normal[area > 1e-9][:, 2] > 0).all()
    np.testing.assert_allclose(area.sum(), exact, rtol=1e-6)


def test_smooth_normals_of_a_cube_point_outward():
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)])
    normals = smooth_normals(corners, quads.ravel().astype(np.int32), np.full(6, 4, np.int32))
    np.testing.assert_allclose(normals, corners / np.sqrt(3), atol=1e-12)


def test_obj_relative_indices_holes_and_continued_lines(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text(
        "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\n"
        "usemtl two words\nf -4/-3 -3/-2 \\\n -2/-1\nusemtl x\nf 1 3 4\no named # no comment\nf 1 2 4\n"
    )
    mesh, _ = read_mesh_file(path)
    assert len(mesh.faces) == 3
    assert mesh.material_names == ("two words", "x")
    assert set(mesh.object_names) == {"a", "named # no comment"}
    first = mesh.uv["UVMap"][mesh.face_object == mesh.object_names.index("a")]
    np.testing.assert_array_equal(first[0], [(0, 0), (1, 0), (1, 1)])
    assert (first[1] == 0).all()
    assert np.isnan(mesh.uv["UVMap"][mesh.face_object == mesh.object_names.index("named # no comment")]).all()


def gltf(accessors, data: bytes, **more):
    """A document with one embedded buffer, one view per accessor."""
    views, entries = [], []
    for offset, length, entry, stride in accessors:
        view = {"buffer": 0, "byteOffset": offset, "byteLength": length}
        views.append({**view, "byteStride": stride} if stride else view)
        entries.append({"bufferView": len(views) - 1, **entry})
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    return {
        "asset": {"version": "2.0"},
        "buffers": [{"uri": uri, "byteLength": len(data)}],
        "bufferViews": views,
        "accessors": entries,
        "nodes": [{"mesh": 0, "name": "n"}],
        **more,
    }


def test_gltf_strips_strides_quantised_and_sparse_values(tmp_path):
    """A strip of two triangles; positions as normalised int16 with a stride, one vertex changed by sparse values."""
    points = np.array([(0, 0, 0), (32767, 0, 0), (0, 32767, 0), (16384, 16384, 0)], "<i2")
    padded = np.zeros((4, 4), "<i2")
    padded[:, :3] = points
    data = padded.tobytes() + struct.pack("<H2x3h2x", 3, 32767, 32767, 0)
    position = {"componentType": 5122, "normalized": True, "count": 4, "type": "VEC3"}
    document = gltf([(0, 32, position, 8)], data, meshes=[{"primitives": [{"attributes": {"POSITION": 0}, "mode": 5}]}])
    document["bufferViews"] += [{"buffer": 0, "byteOffset": 32, "byteLength": 2}]
    document["bufferViews"] += [{"buffer": 0, "byteOffset": 36, "byteLength": 6}]
    document["accessors"][0]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": 1, "componentType": 5123},
        "values": {"bufferView": 2},
    }
    (tmp_path / "a.gltf").write_text(json.dumps(document))
    mesh, _ = read_mesh_file(tmp_path / "a.gltf")
    corners = mesh.normalisation.invert(mesh.triangles.reshape(-1, 3)).reshape(-1, 3, 3)
    expected = [[(0, 0, 0), (1, 0, 0), (0, 0, 1)], [(0, 0, 1), (1, 0, 0), (1, 0, 1)]]
    np.testing.assert_allclose(corners, expected, atol=1e-4)  # Y up became Z up
    np.testing.assert_allclose(mesh.corner_normals, np.tile([0, -1, 0], (2, 3, 1)), atol=1e-6)


def test_objects_are_chosen_by_name(assets):
    path = assets / "tea-set" / "model.glb"
    everything, _ = read_mesh_file(path)
    name = everything.object_names[3]
    one, _ = read_mesh_file(path, [name])
    assert one.object_names == (name,)
    assert len(one.faces) == (everything.face_object == 3).sum()
    with pytest.raises(InputError) as caught:
        read_mesh_file(path, ["nobody"])
    assert caught.value.code == "object-unknown"


def test_unusable_files_are_named(tmp_path):
    cases = {
        "none.obj": (None, "file-missing"),
        "a.txt": (b"x", "format-unknown"),
        "a.fbx": (b"x", "format-unknown"),
        "points.obj": (b"v 0 0 0\nv 1 1 1\n", "mesh-empty"),
        "flat.obj": (b"v 1 1 1\nf 1 1 1\n", "mesh-zero-size"),
        "index.obj": (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "file-damaged"),
        "word.obj": (b"v 0 0 0\nv 1 0 zero\nv 0 1 0\nf 1 2 3\n", "file-damaged"),
        "a.ply": (b"ply\nformat ascii 1.0\nelement vertex 9\nproperty float x\nend_header\n1\n", "file-damaged"),
        "a.stl": (b"\0" * 80 + b"\x09\0\0\0" + b"\0" * 50, "file-damaged"),
        "text.stl": (b"solid a\nvertex 0 0 0\n", "file-damaged"),
        "a.glb": (b"glTF\x02\0\0\0\xff\0\0\0\xff\0\0\0JSON{}", "file-damaged"),
        "a.gltf": (b"[]", "file-damaged"),
        "short.glb": (b"glTF\x02\0\0\0\x20\0", "file-damaged"),
        "old.gltf": (b'{"asset": {"version": "1.0"}, "meshes": {}}', "file-damaged"),
        "empty.gltf": (b'{"asset": {"version": "2.0"}}', "mesh-empty"),
        "web.gltf": (
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "http://example.org/a.bin", "byteLength": 9}]}',
            "file-damaged",
        ),
        "lost.gltf": (
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "a.bin", "byteLength": 9}]}',
            "file-damaged",
        ),
        "loop.gltf": (
            b'{"asset": {"version": "2.0"}, "nodes": [{"children": [0]}], "scenes": [{"nodes": [0]}]}',
            "file-damaged",
        ),
        "draco.gltf": (
            b'{"asset": {"version": "2.0"}, "extensionsUsed": ["KHR_draco_mesh_compression"]}',
            "model-unsupported",
        ),
    }  # fmt: skip
    for name, (data, code) in cases.items():
        if data is not None:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError) as caught:
            read_mesh_file(tmp_path / name)
        assert (name, caught.value.code) == (name, code)
        assert caught.value.advice


@pytest.mark.assets
@pytest.mark.parametrize("name", ["nasty-udim", "fox"])
def test_damaged_files_never_raise_anything_else(assets, tmp_path, name):
    whole = (assets / name / "model.glb").read_bytes()
    path = tmp_path / "a.glb"
    rng = np.random.default_rng(0)
    start = 20 + int.from_bytes(whole[12:16], "little")
    for turn in range(150):
        broken = bytearray(whole)
        for at in rng.integers(0, start if turn % 2 else len(whole), 6):
            broken[at] = rng.integers(32, 127)
        path.write_bytes(bytes(broken if turn % 3 else broken[: rng.integers(1, len(whole))]))
        with suppress(InputError):
            read_mesh_file(path)
