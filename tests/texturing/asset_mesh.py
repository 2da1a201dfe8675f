# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared test models as MeshData with their base-colour textures, without Blender."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
from orbit_painter.backend.mesh import MeshData, face_normals, normalisation_of
from PIL import Image

DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
Z_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)  # Y up to Z up


def load_asset(folder: Path) -> tuple[MeshData, dict[int, np.ndarray]]:
    """The mesh and material index -> texture uint8 (h, w, 4)."""
    if (folder / "model.obj").is_file():
        return _load_obj(folder / "model.obj")
    return _load_glb(folder / "model.glb")


def build(objects, material_names=(), instance_of=None) -> MeshData:
    """MeshData of (name, vertices (V, 3), faces (F, 3), {map: uv (F, 3, 2)}, material (F,), polygon (F,), loop)."""
    base = np.cumsum([0, *(len(o[1]) for o in objects)])
    vertices = np.concatenate([o[1] for o in objects])
    faces = np.concatenate([o[2] + b for o, b in zip(objects, base, strict=False)])
    norm = normalisation_of(vertices[faces.reshape(-1)])
    vertices = norm.apply(vertices).astype(np.float32)
    normals, _ = face_normals(vertices, faces)
    counts = [len(o[2]) for o in objects]
    names = sorted({name for o in objects for name in o[3]})
    uv = {
        name: np.concatenate([o[3].get(name, np.full((len(o[2]), 3, 2), np.nan)) for o in objects]).astype(np.float32)
        for name in names
    }
    return MeshData(
        vertices=vertices,
        faces=faces.astype(np.int32),
        corner_normals=np.repeat(normals[:, None], 3, axis=1).astype(np.float32),
        face_object=np.repeat(np.arange(len(objects)), counts).astype(np.int32),
        face_material=np.concatenate([o[4] for o in objects]).astype(np.int32),
        face_polygon=np.concatenate([o[5] for o in objects]).astype(np.int32),
        corner_loop=np.concatenate([o[6] for o in objects]).astype(np.int32),
        object_names=tuple(o[0] for o in objects),
        material_names=tuple(material_names),
        uv=uv,
        active_uv={i: sorted(o[3])[0] for i, o in enumerate(objects) if o[3]},
        instance_of=instance_of or {},
        normalisation=norm,
    )


def triangles(name, vertices, faces, uv=None, material=-1):
    """An entry for `build` whose polygons are triangles."""
    count = len(faces)
    return (
        name,
        np.asarray(vertices, float),
        np.asarray(faces),
        uv or {},
        np.full(count, material),
        np.arange(count),
        np.arange(3 * count).reshape(-1, 3),
    )


def _load_glb(path: Path):
    data = path.read_bytes()
    length = struct.unpack("<I", data[12:16])[0]
    gltf = json.loads(data[20 : 20 + length])
    blob = data[28 + length :]

    def accessor(index):
        a = gltf["accessors"][index]
        view = gltf["bufferViews"][a["bufferView"]]
        dtype, width = np.dtype(DTYPES[a["componentType"]]), WIDTHS[a["type"]]
        start = view.get("byteOffset", 0) + a.get("byteOffset", 0)
        stride = view.get("byteStride", dtype.itemsize * width)
        raw = np.frombuffer(blob, np.uint8, (a["count"] - 1) * stride + dtype.itemsize * width, start)
        rows = np.lib.stride_tricks.as_strided(raw, (a["count"], dtype.itemsize * width), (stride, 1))
        values = np.ascontiguousarray(rows).view(dtype).reshape(a["count"], width)
        if a.get("normalized"):
            return values / np.iinfo(dtype).max
        return values

    materials = gltf.get("materials", [])
    textures = {}
    for index, material in enumerate(materials):
        info = material.get("pbrMetallicRoughness", {}).get("baseColorTexture")
        if info is not None:
            view = gltf["bufferViews"][gltf["images"][gltf["textures"][info["index"]]["source"]]["bufferView"]]
            start = view.get("byteOffset", 0)
            picture = Image.open(io.BytesIO(blob[start : start + view["byteLength"]])).convert("RGBA")
            textures[index] = np.asarray(picture)
    objects, first_use, instance_of = [], {}, {}

    def visit(node, world):
        n = gltf["nodes"][node]
        world = world @ _node_matrix(n)
        if "mesh" in n:
            index = len(objects)
            if n["mesh"] in first_use:
                instance_of[index] = first_use[n["mesh"]]
            first_use.setdefault(n["mesh"], index)
            objects.append(_glb_object(n.get("name", f"object{index}"), gltf["meshes"][n["mesh"]], accessor, world))
        for child in n.get("children", []):
            visit(child, world)

    for root in gltf["scenes"][gltf.get("scene", 0)]["nodes"]:
        visit(root, np.eye(4))
    names = [m.get("name", f"material{i}") for i, m in enumerate(materials)]
    return build(objects, names, instance_of), textures


def _node_matrix(node):
    if "matrix" in node:
        return np.asarray(node["matrix"], float).reshape(4, 4).T
    matrix = np.eye(4)
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix[:3, :3] = rotation * np.asarray(node.get("scale", (1, 1, 1)))
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _glb_object(name, mesh, accessor, world):
    parts = [[], [], [], [], {}]
    base = 0
    maps = {key for p in mesh["primitives"] for key in p["attributes"] if key.startswith("TEXCOORD")}
    total = 0
    for primitive in mesh["primitives"]:
        if primitive.get("mode", 4) != 4:
            continue
        position = accessor(primitive["attributes"]["POSITION"]).astype(float)
        if "indices" in primitive:
            faces = accessor(primitive["indices"]).reshape(-1, 3).astype(np.int64)
        else:
            faces = np.arange(len(position)).reshape(-1, 3)
        parts[0].append((position @ world[:3, :3].T + world[:3, 3]) @ Z_UP.T)
        if np.linalg.det(world[:3, :3]) < 0:
            faces = faces[:, [0, 2, 1]]
        parts[1].append(faces + base)
        parts[2].append(np.full(len(faces), primitive.get("material", -1)))
        for key in maps:
            if key in primitive["attributes"]:
                uv = accessor(primitive["attributes"][key]).astype(float)[faces]
                uv[..., 1] = 1 - uv[..., 1]
            else:
                uv = np.full((len(faces), 3, 2), np.nan)
            parts[4].setdefault(key, []).append(uv)
        base += len(position)
        total += len(faces)
    return (
        name,
        np.concatenate(parts[0]),
        np.concatenate(parts[1]),
        {key: np.concatenate(value) for key, value in parts[4].items()},
        np.concatenate(parts[2]),
        np.arange(total),
        np.arange(3 * total).reshape(-1, 3),
    )


def _load_obj(path: Path):
    """Polygons are kept: their triangles share `polygon` and loops."""
    vertices, coordinates, faces, uv, polygon, loop = [], [], [], [], [], []
    loops = 0
    for line in path.read_text().splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(w) for w in words[1:4]])
        elif words[0] == "vt":
            coordinates.append([float(w) for w in words[1:3]])
        elif words[0] == "f":
            corners = [[int(i) - 1 for i in w.split("/")[:2]] for w in words[1:]]
            number = polygon[-1] + 1 if polygon else 0
            for k in range(1, len(corners) - 1):
                pick = (0, k, k + 1)
                faces.append([corners[i][0] for i in pick])
                uv.append([coordinates[corners[i][1]] for i in pick])
                polygon.append(number)
                loop.append([loops + i for i in pick])
            loops += len(corners)
    entry = (
        path.parent.name,
        np.asarray(vertices) @ Z_UP.T,
        np.asarray(faces),
        {"UVMap": np.asarray(uv)},
        np.zeros(len(faces), int),
        np.asarray(polygon),
        np.asarray(loop),
    )
    picture = next(iter(path.parent.glob("*texture.png")))
    return build([entry], ["material"]), {0: np.asarray(Image.open(picture).convert("RGBA"))}
