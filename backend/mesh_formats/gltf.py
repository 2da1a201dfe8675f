# SPDX-License-Identifier: GPL-3.0-or-later
"""glTF 2.0, .glb and .gltf: triangles, normals, all UV sets, materials, the node tree and skins, posed as in frame 1.

Y up becomes Z up: (x, y, z) is (x, -z, y). UV sets are named as Blender's importer names them.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from numpy.typing import NDArray

from .gltf_pose import posed_nodes
from .obj import Y_UP
from .part import DamagedFileError, Material, Part, check_indices, unsupported

_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MAX_COUNT = 1 << 28
_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")


@dataclass
class Document:
    """The JSON part and the bytes of each buffer."""

    json: dict[str, Any]
    buffers: list[bytes]
    path: Path

    def items(self, name: str) -> list[dict[str, Any]]:
        return self.json.get(name, [])

    def view(self, index: int) -> bytes:
        """The bytes of a buffer view."""
        view = self.items("bufferViews")[index]
        start = view.get("byteOffset", 0)
        data = self.buffers[view["buffer"]][start : start + view["byteLength"]]
        if len(data) < view["byteLength"]:
            raise DamagedFileError("it is cut short")
        return data

    def accessor(self, index: int, raw: bool = False) -> NDArray[Any]:
        """Values (count, width); normalised integers as float32 unless `raw`."""
        accessor = self.items("accessors")[index]
        kind, width, count = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]], accessor["count"]
        if not 0 <= count <= _MAX_COUNT:
            raise DamagedFileError("one of its counts makes no sense")
        if "bufferView" not in accessor:
            values = np.zeros((count, width), kind)
        else:
            view = self.items("bufferViews")[accessor["bufferView"]]
            data, start = self.view(accessor["bufferView"]), accessor.get("byteOffset", 0)
            values = _strided(data, start, view.get("byteStride", 0), kind, count, width)
        if "sparse" in accessor:
            sparse, changed = accessor["sparse"], np.array(values)
            where, what = sparse["indices"], sparse["values"]
            rows = np.frombuffer(
                self.view(where["bufferView"]),
                _TYPES[where["componentType"]],
                sparse["count"],
                where.get("byteOffset", 0),
            )
            data = self.view(what["bufferView"])
            changed[rows] = _strided(data, what.get("byteOffset", 0), 0, kind, sparse["count"], width)
            values = changed
        if accessor.get("normalized") and kind.kind in "iu" and not raw:
            return np.maximum(values / np.float32(np.iinfo(kind).max), np.float32(-1))
        return values


def _strided(data: bytes, start: int, stride: int, kind: np.dtype[Any], count: int, width: int) -> NDArray[Any]:
    stride = stride or kind.itemsize * width
    if count and start + stride * (count - 1) + kind.itemsize * width > len(data):
        raise DamagedFileError("it is cut short")
    if count == 0:
        return np.zeros((0, width), kind)
    return np.ndarray((count, width), kind, data, start, (stride, kind.itemsize))


def contents(path: Path) -> tuple[dict[str, Any], bytes]:
    """The JSON part of a .gltf or .glb, and the binary chunk of the latter (glTF 2.0 section 4.4).

    Raises DamagedFileError, OSError.
    """
    data = path.read_bytes()
    text, chunk = data, b""
    if data[:4] == b"glTF":
        if len(data) < 20:
            raise DamagedFileError("it is cut short")
        version, total, length = struct.unpack_from("<3I", data, 4)
        if version != 2:
            raise DamagedFileError(f"it is glTF version {version}, only version 2 can be read")
        if max(total, 20 + length) > len(data):
            raise DamagedFileError("it is cut short")
        text, rest = data[20 : 20 + length], data[20 + length :]
        if len(rest) >= 8 and rest[4:8] == b"BIN\0":
            chunk = rest[8 : 8 + int.from_bytes(rest[:4], "little")]
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError("its JSON part is damaged") from error
    if not isinstance(content, dict) or not isinstance(content.get("asset"), dict):
        raise DamagedFileError("it is not a glTF file")
    if (version := str(content["asset"].get("version", ""))).split(".")[0] != "2":
        raise DamagedFileError(f"it is glTF version {version}, only version 2 can be read")
    return content, chunk


def open_gltf(path: Path) -> Document:
    """Raises DamagedFileError, OSError; InputError (model-unsupported) for compressed meshes."""
    content, chunk = contents(path)
    if any(name in _COMPRESSED for name in content.get("extensionsUsed", ())):
        raise unsupported(path.name, "is compressed (Draco or meshopt)")
    buffers = [resource(path, b["uri"]) if "uri" in b else chunk for b in content.get("buffers", [])]
    return Document(content, buffers, path)


def resource(path: Path, uri: str) -> bytes:
    """The bytes behind a URI in the file: embedded, or a file beside it."""
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise DamagedFileError("embedded data is damaged") from error
    if "://" in uri:
        raise DamagedFileError(f"it refers to {uri}, and nothing is downloaded")
    try:
        return (path.parent / unquote(uri)).read_bytes()
    except OSError as error:
        raise DamagedFileError(f"its file '{unquote(uri)}' is missing") from error


def read_gltf(path: Path) -> tuple[list[Part], list[str]]:
    """The objects of the default scene and notes. Raises as `open_gltf` does."""
    document = open_gltf(path)
    try:
        return _parts(document)
    except (KeyError, IndexError, TypeError, ValueError, struct.error) as error:
        raise DamagedFileError("its parts do not fit together") from error


def _parts(document: Document) -> tuple[list[Part], list[str]]:
    document = Document({**document.json, "nodes": posed_nodes(document)}, document.buffers, document.path)
    nodes, worlds = document.items("nodes"), dict(_worlds(document))
    materials = tuple(
        Material(m.get("name") or f"Material_{i}", bool(m.get("doubleSided")))
        for i, m in enumerate(document.items("materials"))
    )
    notes: list[str] = []
    parts: list[Part] = []
    cache: dict[tuple[int, tuple[float, ...]], Part | None] = {}
    for node, world in worlds.items():
        mesh = nodes[node].get("mesh")
        if mesh is None:
            continue
        morph = tuple(nodes[node].get("weights") or document.items("meshes")[mesh].get("weights") or ())
        if (mesh, morph) not in cache:
            cache[mesh, morph] = _mesh(document, mesh, materials, morph)
        part = cache[mesh, morph]
        if part is None:
            continue
        part = replace(part, name=nodes[node].get("name") or part.name, matrix=Y_UP @ world, shares=mesh)
        if "skin" in nodes[node]:
            bones = _skin(document, nodes[node]["skin"], document.items("meshes")[mesh], worlds)
            part = replace(_bent(part, bones), matrix=Y_UP, shares=mesh)
        parts.append(part)
    if document.items("animations"):
        notes.append(f"'{document.path.name}' is animated; it is painted as it stands in frame 1.")
    return parts, notes


def _worlds(document: Document) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Nodes of the default scene with their matrices to the world, parents first."""
    nodes, scenes = document.items("nodes"), document.items("scenes")
    if scenes:
        roots: Sequence[int] = scenes[document.json.get("scene", 0)].get("nodes", [])
    else:
        children = {child for node in nodes for child in node.get("children", [])}
        roots = [i for i in range(len(nodes)) if i not in children]
    todo = [(root, np.eye(4)) for root in reversed(roots)]
    seen: set[int] = set()
    while todo:
        index, parent = todo.pop()
        if index in seen:
            raise DamagedFileError("its node tree is no tree")
        seen.add(index)
        world = parent @ local_matrix(nodes[index])
        yield index, world
        todo += [(child, world) for child in reversed(nodes[index].get("children", []))]


def local_matrix(node: Mapping[str, Any]) -> NDArray[np.float64]:
    """A node's own transform, float64 (4, 4)."""
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    matrix = np.eye(4)
    matrix[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def triangles(document: Document, primitive: Mapping[str, Any]) -> NDArray[np.int32] | None:
    """Vertex indices int32 (m, 3) of a primitive within itself; None for points and lines."""
    count = document.items("accessors")[primitive["attributes"]["POSITION"]]["count"]
    index = np.arange(count)
    if "indices" in primitive:
        index = document.accessor(primitive["indices"], raw=True)[:, 0].astype(np.int64)
    check_indices(index, count)
    mode = primitive.get("mode", 4)
    if mode == 4:
        return index[: len(index) // 3 * 3].reshape(-1, 3).astype(np.int32)
    if mode == 5:  # strip: every other triangle is turned
        strip = np.stack([index[:-2], index[1:-1], index[2:]], axis=1)
        strip[1::2] = strip[1::2, [1, 0, 2]]
        return strip.astype(np.int32)
    if mode == 6:
        return np.stack([np.full(len(index) - 2, index[0]), index[1:-1], index[2:]], axis=1).astype(np.int32)
    return None


def usable(faces: NDArray[np.int32]) -> NDArray[np.intp]:
    """Rows that neither name a vertex twice nor have the corners of an earlier row; Blender's importer drops such."""
    ordered = np.sort(faces, axis=1)
    _, first = np.unique(ordered, axis=0, return_index=True)
    kept = np.sort(first)
    corners = ordered[kept]
    return kept[(corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2])]


def uv_name(index: int) -> str:
    return "UVMap" if index == 0 else f"UVMap.{index:03d}"


def pieces(document: Document, mesh: Mapping[str, Any]) -> list[tuple[dict[str, Any], NDArray[np.int32]]]:
    """The primitives that have triangles, and their vertex indices (m, 3)."""
    found = [(primitive, triangles(document, primitive)) for primitive in mesh["primitives"]]
    return [(primitive, faces) for primitive, faces in found if faces is not None and len(faces)]


def _mesh(document: Document, index: int, materials: tuple[Material, ...], morph: Sequence[float] = ()) -> Part | None:
    """All primitives of a mesh as one part in the mesh's own frame, moved by its morph targets with the weights
    `morph`; None if it has no triangles."""
    mesh = document.items("meshes")[index]
    found = pieces(document, mesh)
    if not found:
        return None
    count = 1 + max((i for primitive, _ in found for i in uv_sets(primitive)), default=-1)
    vertices, faces, normals, slots, polygons = [], [], [], [], []
    uv: list[list[NDArray[np.float32]]] = [[] for _ in range(count)]
    start = triangle = 0
    for primitive, corners in found:
        attributes = primitive["attributes"]
        position = _morphed(document, primitive, "POSITION", morph)
        kept = usable(corners)
        polygons.append(triangle + kept)
        triangle += len(corners)
        corners = corners[kept]
        vertices.append(position)
        faces.append(corners + start)
        start += len(position)
        if "NORMAL" in attributes:
            normals.append(_morphed(document, primitive, "NORMAL", morph)[corners].astype(np.float32))
        else:
            normals.append(np.zeros((len(corners), 3, 3), np.float32))  # flat
        for i in range(count):
            values = np.zeros((len(corners), 3, 2), np.float32)  # as Blender fills a set that one primitive lacks
            if f"TEXCOORD_{i}" in attributes:
                values = document.accessor(attributes[f"TEXCOORD_{i}"])[corners].astype(np.float32)
                values[..., 1] = 1 - values[..., 1]
            uv[i].append(values)
        slots.append(np.full(len(corners), primitive.get("material", -1), np.int32))
    polygon = np.concatenate(polygons).astype(np.int32)
    return Part(
        mesh.get("name") or f"Mesh_{index}",
        np.concatenate(vertices),
        np.concatenate(faces).astype(np.int32),
        (3 * polygon[:, None] + np.arange(3)).astype(np.int32),
        polygon,
        np.concatenate(normals),
        {uv_name(i): np.concatenate(values) for i, values in enumerate(uv)},
        np.concatenate(slots),
        materials,
    )


def _morphed(
    document: Document, primitive: Mapping[str, Any], name: str, weights: Sequence[float]
) -> NDArray[np.float64]:
    """An attribute (n, 3) of a primitive, moved by its morph targets."""
    values = document.accessor(primitive["attributes"][name]).astype(np.float64)
    for weight, target in zip(weights, primitive.get("targets", ()), strict=False):
        if weight and name in target:
            values = values + weight * document.accessor(target[name])
    return values


def _skin(
    document: Document, index: int, mesh: Mapping[str, Any], worlds: Mapping[int, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """The transform of each vertex by its joints, to the world, float64 (n, 4, 4)."""
    skin = document.items("skins")[index]
    joints = np.stack([worlds[joint] for joint in skin["joints"]])
    if "inverseBindMatrices" in skin:
        inverse = document.accessor(skin["inverseBindMatrices"]).astype(np.float64)
        joints = joints @ inverse.reshape(-1, 4, 4).swapaxes(1, 2)
    result = []
    for primitive, _ in pieces(document, mesh):
        attributes = primitive["attributes"]
        total = np.zeros((document.items("accessors")[attributes["POSITION"]]["count"], 4, 4))
        for i in range(sum(name.startswith("JOINTS_") for name in attributes)):
            which = document.accessor(attributes[f"JOINTS_{i}"], raw=True)
            weight = document.accessor(attributes[f"WEIGHTS_{i}"])
            for k in range(4):
                total += weight[:, k, None, None] * joints[which[:, k]]
        result.append(total / np.maximum(total[:, 3:, 3:], 1e-12))
    return np.concatenate(result)


def _bent(part: Part, bones: NDArray[np.float64]) -> Part:
    vertices = np.einsum("nij,nj->ni", bones[:, :3, :3], part.vertices) + bones[:, :3, 3]
    assert part.normals is not None
    cofactors = np.stack([np.cross(bones[:, (k + 1) % 3, :3], bones[:, (k + 2) % 3, :3]) for k in range(3)], axis=1)
    normals = np.einsum("fkij,fkj->fki", cofactors[part.faces], part.normals)
    return replace(part, vertices=vertices, normals=normals.astype(np.float32))


def uv_sets(primitive: Mapping[str, Any]) -> list[int]:
    names = [name for name in primitive["attributes"] if name.startswith("TEXCOORD_")]
    return [int(name.removeprefix("TEXCOORD_")) for name in names]
