# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts painted textures onto a model file without Blender: a .glb that keeps everything else of a glTF source.

Vertices, UVs, nodes, skins, animations, extensions and other materials stay as they are, byte for byte. Only where a
mesh gets a new UV map, or several textures or UDIM tiles, are its vertices split along the seams.
"""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import atomic_path
from .host import TextureFiles
from .mesh import MeshData
from .mesh_formats.gltf import Document, open_gltf, pieces, resource, uv_name, uv_sets
from .mesh_formats.obj import Y_UP
from .mesh_formats.part import DamagedFileError, Part
from .meshfile import damage_told, place_parts, read_parts, unique_names

_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
_ARRAY_BUFFER, _INDEX_BUFFER = 34962, 34963
_MIME = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".ktx2": "image/ktx2"}


@dataclass(frozen=True, eq=False)
class _Object:
    """Where an object of the MeshData is in the document.

    mesh      index into the document's meshes
    rows      its faces in the MeshData (n,)
    piece     primitive of each face (n,), among those with triangles; triangle: its number in it (n,)
    corner    position of each corner in that triangle (n, 3)
    sets      UV map name -> TEXCOORD number
    """

    mesh: int
    rows: NDArray[np.intp]
    piece: NDArray[np.intp]
    triangle: NDArray[np.intp]
    corner: NDArray[np.intp]
    sets: Mapping[str, int]


@dataclass
class _Writer:
    """A document being changed; `chunks` become its one buffer."""

    json: dict[str, Any]
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def list(self, name: str) -> list[Any]:
        return self.json.setdefault(name, [])

    def add(self, name: str, entry: dict[str, Any]) -> int:
        self.list(name).append(entry)
        return len(self.list(name)) - 1

    def add_bytes(self, data: bytes, **more: Any) -> int:
        """A new buffer view; its index."""
        offset = self.size
        self.chunks.append(data + b"\0" * (-len(data) % 8))
        self.size += len(self.chunks[-1])
        return self.add("bufferViews", {"buffer": 0, "byteOffset": offset, "byteLength": len(data), **more})

    def add_array(self, values: NDArray[Any], target: int, like: Mapping[str, Any] | None = None) -> int:
        """A new accessor of (n, width) values; `like`: an accessor whose type is kept."""
        values = np.ascontiguousarray(values)
        padded = values
        if target == _ARRAY_BUFFER and (values.itemsize * values.shape[1]) % 4:  # rows start at multiples of four
            stride = -(-values.itemsize * values.shape[1] // 4) * 4
            padded = np.zeros((len(values), stride), np.uint8)
            padded[:, : values.itemsize * values.shape[1]] = values.view(np.uint8).reshape(len(values), -1)
            view = self.add_bytes(padded.tobytes(), target=target, byteStride=stride)
        else:
            view = self.add_bytes(values.tobytes(), target=target)
        kind = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}[values.shape[1]]
        entry: dict[str, Any] = {
            "bufferView": view,
            "componentType": _COMPONENTS[values.dtype.str[1:]],
            "count": len(values),
            "type": kind,
        }
        if like is not None and like.get("normalized"):
            entry["normalized"] = True
        if values.dtype.kind == "f" and values.shape[1] == 3 and len(values):
            entry["min"], entry["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        return self.add("accessors", entry)


def write_textured_glb(
    path: Path | str, source: Path | str, mesh: MeshData, textures: Sequence[TextureFiles]
) -> list[str]:
    """Write `source` with `textures` as base colours to `path` (.glb). Returns notes for the artist.

    mesh: what `read_mesh_file` gave for `source` (of all objects, or some), perhaps with further UV maps. Colour
    factors that would tint a texture are taken away; vertex colours become attributes of the application's own
    (glTF 2.0 section 3.7.2.1: a leading underscore). Raises InputError, OutputError.
    """
    source = Path(source)
    if source.suffix.lower() in (".glb", ".gltf"):
        with damage_told(source):
            document = open_gltf(source)
            writer, notes = _taken_over(document)
        objects = _locate(document, source, mesh)
    else:
        document, objects = _from_mesh(mesh)
        writer, notes = _taken_over(document)
    notes += _Texturing(writer, document, mesh, textures).apply(objects)
    _save(writer, Path(path))
    return notes


def _locate(document: Document, source: Path, mesh: MeshData) -> list[_Object]:
    """The MeshData's objects in a glTF document; of instances only the first, whose mesh they share."""
    parts, _ = read_parts(source)
    wanted = {name.rpartition(" #")[0] or name for name in mesh.object_names} | set(mesh.object_names)
    placed = place_parts([part for part in parts if part.name in wanted], [])
    index = dict(zip(unique_names([p.part.name for p in placed]), (p.part for p in placed), strict=True))
    found = []
    for i, name in enumerate(mesh.object_names):
        if i in mesh.instance_of:
            continue
        part: Part = index[name]
        number = part.shares if isinstance(part.shares, int) else 0
        counts = [len(faces) for _, faces in pieces(document, document.items("meshes")[number])]
        starts = np.cumsum([0, *counts])
        rows = np.flatnonzero(mesh.face_object == i)
        polygon = mesh.face_polygon[rows]
        piece = np.searchsorted(starts, polygon, side="right") - 1
        sets = {uv_name(k): k for k in range(len(part.uv))}
        corner = mesh.corner_loop[rows] - 3 * polygon[:, None]
        found.append(_Object(number, rows, piece, polygon - starts[piece], corner, sets))
    return found


def _from_mesh(mesh: MeshData) -> tuple[Document, list[_Object]]:
    """A glTF document of a MeshData in the units of its file: one node per object, one primitive per material."""
    writer = _Writer({"asset": {"version": "2.0", "generator": "Orbit Painter"}, "scene": 0})
    for name in mesh.material_names:
        pbr = {"metallicFactor": 0.0, "roughnessFactor": 0.5}
        writer.add("materials", {"name": name, "pbrMetallicRoughness": pbr, "doubleSided": True})
    back = Y_UP[:3, :3].astype(np.float64)  # rows times this: Z up to Y up
    points = (mesh.normalisation.invert(mesh.vertices) @ back).astype(np.float32)
    normals = (mesh.corner_normals.astype(np.float64) @ back).astype(np.float32)
    found = []
    for i, name in enumerate(mesh.object_names):
        rows = np.flatnonzero(mesh.face_object == i)
        sets = {key: k for k, key in enumerate(key for key in mesh.uv if np.isfinite(mesh.uv[key][rows]).any())}
        piece, triangle = np.zeros(len(rows), np.intp), np.zeros(len(rows), np.intp)
        primitives = []
        for number, material in enumerate(np.unique(mesh.face_material[rows]).tolist()):
            mine = np.flatnonzero(mesh.face_material[rows] == material)
            piece[mine], triangle[mine] = number, np.arange(len(mine))
            uvs = [np.nan_to_num(mesh.uv[key][rows[mine]]) * (1, -1) + (0, 1) for key in sets]
            columns = [points[mesh.faces[rows[mine]]], normals[rows[mine]], *uvs]
            table = np.concatenate(columns, axis=2).astype(np.float32).reshape(3 * len(mine), -1)
            _, first, corner = np.unique(_keys(table), return_index=True, return_inverse=True)
            table = table[first]
            attributes = {"POSITION": writer.add_array(table[:, :3], _ARRAY_BUFFER)}
            attributes["NORMAL"] = writer.add_array(table[:, 3:6], _ARRAY_BUFFER)
            for k in range(len(sets)):
                attributes[f"TEXCOORD_{k}"] = writer.add_array(table[:, 6 + 2 * k : 8 + 2 * k], _ARRAY_BUFFER)
            indices = writer.add_array(corner.reshape(-1, 1).astype(np.uint32), _INDEX_BUFFER)
            primitive: dict[str, Any] = {"attributes": attributes, "indices": indices}
            if material >= 0:
                primitive["material"] = material
            primitives.append(primitive)
        number = writer.add("meshes", {"name": name, "primitives": primitives})
        writer.add("nodes", {"name": name, "mesh": number})
        corner = np.tile(np.arange(3), (len(rows), 1))
        found.append(_Object(number, rows, piece, triangle, corner, sets))
    writer.list("scenes").append({"nodes": list(range(len(mesh.object_names)))})
    data = b"".join(writer.chunks)
    writer.json["buffers"] = [{"byteLength": len(data)}]
    return Document(writer.json, [data], Path()), found


def _keys(table: NDArray[np.floating]) -> NDArray[np.void]:
    """Rows as single values, to be compared bit by bit."""
    table = np.ascontiguousarray(table + table.dtype.type(0))  # -0 is 0
    return table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()


def _taken_over(document: Document) -> tuple[_Writer, list[str]]:
    """A copy with all buffer views in one buffer, and pictures beside the file in it too, but for those that are
    missing; notes. Raises DamagedFileError."""
    writer = _Writer(copy.deepcopy(document.json))
    views = writer.json.pop("bufferViews", [])
    try:
        for index, view in enumerate(views):
            more = {k: v for k, v in view.items() if k not in ("buffer", "byteOffset", "byteLength")}
            writer.add_bytes(document.view(index), **more)
    except (KeyError, IndexError, TypeError) as error:
        raise DamagedFileError("its parts do not fit together") from error
    missing = []
    for image in writer.json.get("images", []):
        if (uri := image.get("uri")) is None:
            continue
        try:
            data = resource(document.path, uri)
        except DamagedFileError:
            missing.append(uri)
            continue
        del image["uri"]
        kind = uri[5:].partition(";")[0] if uri.startswith("data:") else ""
        image["mimeType"] = kind or _MIME.get(PurePosixPath(uri).suffix.lower(), "image/png")
        image["bufferView"] = writer.add_bytes(data)
    return writer, [f"The model's picture {uri[:80]} is missing, also in the written model." for uri in missing]


class _Texturing:
    """Gives the faces of a document their textures."""

    def __init__(self, writer: _Writer, document: Document, mesh: MeshData, textures: Sequence[TextureFiles]) -> None:
        self.writer, self.document, self.mesh, self.textures = writer, document, mesh, textures
        self.notes: list[str] = []
        self._textures: dict[tuple[int, int], int] = {}
        self._materials: dict[tuple[int, int, int, int], int] = {}

    def apply(self, objects: Sequence[_Object]) -> list[str]:
        indices = self._object_numbers()
        for number, place in zip(indices, objects, strict=True):
            self._texture_object(number, place)
        return list(dict.fromkeys(self.notes))

    def _object_numbers(self) -> list[int]:
        return [i for i in range(len(self.mesh.object_names)) if i not in self.mesh.instance_of]

    def _texture_object(self, number: int, place: _Object) -> None:
        chosen = np.full(len(place.rows), -1)
        material = self.mesh.face_material[place.rows]
        for t, texture in enumerate(self.textures):
            if number in texture.objects:
                chosen[(chosen < 0) & ((texture.material < 0) | (texture.material == material))] = t
        tile = np.full(len(place.rows), 1001)
        for t in np.unique(chosen[chosen >= 0]).tolist():
            mine = chosen == t
            uv = np.nan_to_num(self.mesh.uv[self.textures[t].uv_map][place.rows[mine]])
            tile[mine] = _tiles(uv, self.textures[t].tiles)
        mesh = self.writer.json["meshes"][place.mesh]
        found = pieces(self.document, mesh)
        changed: dict[int, list[dict[str, Any]]] = {}
        for piece, (primitive, faces) in enumerate(found):
            mine = np.flatnonzero(place.piece == piece)
            if len(mine) == 0 or (chosen[mine] < 0).all():
                continue
            groups = sorted(set(zip(chosen[mine].tolist(), tile[mine].tolist(), strict=True)))
            t, only = groups[0]
            if len(groups) == 1 and only == 1001 and self.textures[t].uv_map in place.sets:
                self._assign(primitive, t, only, place.sets[self.textures[t].uv_map])
                continue
            parts = []
            for t, number_of_tile in groups:
                some = mine[(chosen[mine] == t) & (tile[mine] == number_of_tile)]
                parts.append(self._split(primitive, faces, place, some, t, number_of_tile))
            changed[id(primitive)] = parts
        mesh["primitives"] = [new for old in mesh["primitives"] for new in changed.get(id(old), [old])]

    def _split(
        self,
        primitive: dict[str, Any],
        faces: NDArray[np.int32],
        place: _Object,
        some: NDArray[np.intp],
        t: int,
        tile: int,
    ) -> dict[str, Any]:
        """A primitive of some of the faces, with vertices of its own, split where the texture's UVs have seams."""
        vertex = np.take_along_axis(faces[place.triangle[some]], place.corner[some], axis=1).reshape(-1)
        rows = place.rows[some]
        if t < 0:
            used, corner = np.unique(vertex, return_inverse=True)
            uv = None
        else:
            values = np.nan_to_num(self.mesh.uv[self.textures[t].uv_map][rows]).reshape(-1, 2)
            values = values - ((tile - 1001) % 10, (tile - 1001) // 10)
            table = np.column_stack([vertex.astype(np.float64), values])
            _, first, corner = np.unique(_keys(table), return_index=True, return_inverse=True)
            used, uv = vertex[first], values[first]
        order = self._order(place, some, corner)
        result = copy.deepcopy(primitive)
        result.pop("mode", None)
        result["attributes"] = {name: self._gather(a, used) for name, a in primitive["attributes"].items()}
        if "targets" in primitive:
            result["targets"] = [{n: self._gather(a, used) for n, a in p.items()} for p in primitive["targets"]]
        result["indices"] = self.writer.add_array(order.reshape(-1, 1).astype(np.uint32), _INDEX_BUFFER)
        if uv is not None:
            name = self.textures[t].uv_map
            number = place.sets.get(name, max([*place.sets.values(), *uv_sets(primitive)], default=-1) + 1)
            flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1).astype(np.float32)
            result["attributes"][f"TEXCOORD_{number}"] = self.writer.add_array(flipped, _ARRAY_BUFFER)
            self._assign(result, t, tile, number)
        return result

    def _order(self, place: _Object, some: NDArray[np.intp], corner: NDArray[np.intp]) -> NDArray[np.intp]:
        """Indices of the new triangles, corners in the file's order again (a mirrored object's are backwards)."""
        back = np.argsort(place.corner[some], axis=1)
        return np.take_along_axis(corner.reshape(-1, 3), back, axis=1)

    def _gather(self, accessor: int, used: NDArray[np.intp]) -> int:
        like = self.document.items("accessors")[accessor]
        return self.writer.add_array(self.document.accessor(accessor, raw=True)[used], _ARRAY_BUFFER, like)

    def _assign(self, primitive: dict[str, Any], t: int, tile: int, texcoord: int) -> None:
        if any(name.startswith("COLOR_") for name in primitive["attributes"]):
            self.notes.append(
                "Vertex colours that would tint the texture are kept as _COLOR_0, which viewers leave alone."
            )
            primitive["attributes"] = {
                f"_{name}" if name.startswith("COLOR_") else name: a for name, a in primitive["attributes"].items()
            }
        primitive["material"] = self._material(primitive.get("material", -1), t, tile, texcoord)

    def _material(self, old: int, t: int, tile: int, texcoord: int) -> int:
        key = old, t, tile, texcoord
        if key in self._materials:
            return self._materials[key]
        blank = {"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.5}}
        new = (
            copy.deepcopy(self.writer.list("materials")[old]) if old >= 0 else {"name": self.textures[t].name, **blank}
        )
        pbr = new.setdefault("pbrMetallicRoughness", {})
        pbr["baseColorTexture"] = {"index": self._texture(t, tile), "texCoord": texcoord}
        alpha = pbr.pop("baseColorFactor", [1, 1, 1, 1])[3]
        if new.get("alphaMode", "OPAQUE") != "OPAQUE":
            pbr["baseColorFactor"] = [1.0, 1.0, 1.0, alpha]
            self.notes.append(
                f"The transparency of '{new.get('name', 'a material')}' follows the painted texture's alpha."
            )
        extensions = new.get("extensions", {})
        extensions.pop("KHR_materials_pbrSpecularGlossiness", None)  # it has a base colour of its own
        if not extensions:
            new.pop("extensions", None)
        self._materials[key] = self.writer.add("materials", new)
        return self._materials[key]

    def _texture(self, t: int, tile: int) -> int:
        key = t, tile
        if key not in self._textures:
            texture = self.textures[t]
            file = texture.files[texture.tiles.index(tile)]
            view = self.writer.add_bytes(file.read_bytes())
            image = self.writer.add("images", {"name": file.stem, "mimeType": "image/png", "bufferView": view})
            sampler = self.writer.add("samplers", {"magFilter": 9729, "minFilter": 9987})
            self._textures[key] = self.writer.add("textures", {"source": image, "sampler": sampler})
        return self._textures[key]


def _tiles(uv: NDArray[np.float32], tiles: Sequence[int]) -> NDArray[np.int64]:
    """The UDIM tile of each face by its centre, uv (n, 3, 2); the first tile where it has no texture."""
    if tuple(tiles) == (1001,):
        return np.full(len(uv), 1001)
    u, v = np.floor(uv.mean(axis=1)).astype(np.int64).T
    tile = 1001 + u + 10 * v
    return np.where((u >= 0) & (u < 10) & np.isin(tile, tiles), tile, tiles[0])


def _save(writer: _Writer, path: Path) -> None:
    writer.json["buffers"] = [{"byteLength": writer.size}]
    text = json.dumps(writer.json, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(b"glTF" + struct.pack("<2I", 2, 28 + len(text) + writer.size))
        file.write(struct.pack("<I", len(text)) + b"JSON" + text)
        file.write(struct.pack("<I", writer.size) + b"BIN\0")
        file.writelines(writer.chunks)
