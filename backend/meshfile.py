# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads model files into arrays on machines without Blender, so that the result agrees with addon/scene_read.py."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .mesh import MeshData, face_normals, normalisation_of
from .mesh_formats.gltf import read_gltf
from .mesh_formats.obj import read_obj
from .mesh_formats.part import DamagedFileError, Part
from .mesh_formats.ply import read_ply
from .mesh_formats.stl import read_stl

_Reader = Callable[[Path], tuple[list[Part], list[str]]]
READERS: dict[str, _Reader] = {
    ".glb": read_gltf,
    ".gltf": read_gltf,
    ".obj": lambda path: (read_obj(path), []),
    ".ply": lambda path: (read_ply(path), []),
    ".stl": lambda path: (read_stl(path), []),
}
FLAT = 1e-7  # smallest to largest scale of an object below which it counts as flat
BLENDER_ONLY = (".blend", ".fbx", ".usd", ".usda", ".usdc", ".usdz")


def read_mesh_file(path: Path | str, objects: Sequence[str] = ()) -> tuple[MeshData, list[str]]:
    """The triangles of a model file in the normalised frame, and notes for the artist.

    objects: names of those to read; all by default. Axes, object and UV map names are those of Blender's importers.
    Vertices keep their order and are not joined; those that no face uses are left out, and so are faces with a
    non-finite corner and, of glTF files, faces that repeat a vertex or another face of their primitive.
    Raises InputError: file-missing, file-unreadable, file-damaged, format-unknown, model-unsupported, mesh-empty,
    mesh-zero-size, object-unknown. Memory: about 400 bytes a triangle.
    """
    path = Path(path)
    parts, notes = read_parts(path)
    if unknown := [name for name in objects if name not in {part.name for part in parts}]:
        listed = ", ".join(f"'{part.name}'" for part in parts[:5])
        raise InputError("object-unknown", f"'{path.name}' has no object named '{unknown[0]}'.", f"It has {listed}.")
    return _assemble([part for part in parts if not objects or part.name in objects], path.name, notes), notes


def read_parts(path: Path) -> tuple[list[Part], list[str]]:
    """The objects of a file as they are in it, and notes. Raises InputError as `read_mesh_file` does."""
    kind = path.suffix.lower()
    if kind not in READERS:
        known = f"Use one of {', '.join(READERS)}"
        raise InputError(
            "format-unknown",
            f"'{path.name}' has no model format that can be read without Blender.",
            f"{known}, or run this with Blender." if kind in BLENDER_ONLY else f"{known}.",
        )
    if not path.is_file():
        raise InputError("file-missing", f"There is no file {path}.", "Check the path.")
    with damage_told(path):
        return READERS[kind](path)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Raises InputError (file-unreadable, file-damaged) for what readers raise inside."""
    try:
        yield
    except OSError as error:
        raise InputError(
            "file-unreadable", f"{path} cannot be read ({error.strerror}).", "Check who may read the file."
        ) from error
    except DamagedFileError as error:
        raise InputError(
            "file-damaged",
            f"'{path.name}' cannot be read: {error}.",
            "Open it in the program that wrote it and export it again.",
        ) from error


@dataclass(frozen=True, eq=False)
class _Placed:
    """A part in the world.

    vertices float64 (n, 3), all used; faces int32 (m, 3); normals float32 (m, 3, 3), unit
    rows     which of the part's faces these are (m,); turn: the order of their corners, backwards where mirrored
    """

    part: Part
    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    rows: NDArray[np.intp]
    turn: slice

    def corners(self, values: NDArray[Any]) -> NDArray[Any]:
        """Corner values of the part (all faces, 3, ...) for these faces."""
        return values[self.rows][:, self.turn]


def place_parts(parts: Sequence[Part], notes: list[str]) -> list[_Placed]:
    """Those that have usable faces: the objects of the MeshData, in its order."""
    placed = []
    for part in parts:
        if len(part.faces) == 0:
            continue
        one = _place(part)
        if one is None:
            notes.append(f"'{part.name}' has no usable faces; it is left out.")
            continue
        if len(one.rows) < len(part.faces):
            count = len(part.faces) - len(one.rows)
            notes.append(f"{count} triangles of '{part.name}' have a corner without a position; left out.")
        placed.append(one)
    return placed


def _assemble(parts: Sequence[Part], name: str, notes: list[str]) -> MeshData:
    placed = place_parts(parts, notes)
    if not placed:
        raise InputError("mesh-empty", f"'{name}' holds no faces.", "Export the model again, with its meshes.")
    vertices = np.concatenate([p.vertices for p in placed])
    starts = np.cumsum([0] + [len(p.vertices) for p in placed])
    normalisation = normalisation_of(vertices)
    active: dict[int, str] = {}
    instance_of: dict[int, int] = {}
    first: dict[Hashable, int] = {}
    for i, p in enumerate(placed):
        if p.part.uv:
            active[i] = next(iter(p.part.uv))
        if p.part.shares is not None and first.setdefault(p.part.shares, i) != i:
            instance_of[i] = first[p.part.shares]
    material_names, face_material, double_sided = _materials(placed)
    maps = dict.fromkeys(key for p in placed for key in p.part.uv)
    return MeshData(
        vertices=normalisation.apply(vertices).astype(np.float32),
        faces=np.concatenate([p.faces + start for p, start in zip(placed, starts, strict=False)]).astype(np.int32),
        corner_normals=np.concatenate([p.normals for p in placed]),
        face_object=np.repeat(np.arange(len(placed), dtype=np.int32), [len(p.rows) for p in placed]),
        face_material=face_material,
        face_polygon=np.concatenate([p.part.polygon[p.rows] for p in placed]),
        corner_loop=np.concatenate([p.corners(p.part.loop) for p in placed]),
        object_names=tuple(unique_names([p.part.name for p in placed])),
        material_names=material_names,
        uv={key: np.concatenate([_uv(p, key) for p in placed]) for key in maps},
        active_uv=active,
        instance_of=instance_of,
        double_sided=double_sided,
        normalisation=normalisation,
    )


def _uv(placed: _Placed, name: str) -> NDArray[np.float32]:
    if name not in placed.part.uv:
        return np.full((len(placed.rows), 3, 2), np.nan, np.float32)
    values = placed.corners(placed.part.uv[name]).astype(np.float32)
    values[~np.isfinite(values).all(axis=(1, 2))] = np.nan
    return values


def _materials(placed: Sequence[_Placed]) -> tuple[tuple[str, ...], NDArray[np.int32], NDArray[np.bool_]]:
    """Names of the materials in use, and of each face its material (-1: none) and whether it is double-sided."""
    known: dict[tuple[int, int], int] = {}
    names: list[str] = []
    index, both = [], []
    for p in placed:
        own = np.full(len(p.rows), -1, np.int32) if p.part.material is None else p.part.material[p.rows]
        mine = np.full(len(p.part.materials) + 1, -1, np.int32)  # the last one: no material
        for slot in np.unique(own[own >= 0]).tolist():
            key = id(p.part.materials), slot
            if key not in known:
                known[key] = len(names)
                names.append(p.part.materials[slot].name)
            mine[slot] = known[key]
        index.append(mine[own])
        both.append(np.array([*(m.double_sided for m in p.part.materials), True])[own])
    return tuple(unique_names(names)), np.concatenate(index), np.concatenate(both)


def _place(part: Part) -> _Placed | None:
    """None if no face is left, or the part is flat by its scale."""
    linear = part.matrix[:3, :3]
    with np.errstate(invalid="ignore", over="ignore"):
        vertices = part.vertices @ linear.T + part.matrix[:3, 3]
    rows = np.flatnonzero(np.isfinite(vertices).all(axis=1)[part.faces].all(axis=1))
    scales = np.linalg.svd(linear, compute_uv=False) if np.isfinite(linear).all() else np.zeros(3)
    if len(rows) == 0 or scales[2] <= FLAT * scales[0]:
        return None
    turn = slice(None, None, -1) if np.linalg.det(linear / scales[0]) < 0 else slice(None)
    corners = part.faces[rows][:, turn]
    used, faces = np.unique(corners, return_inverse=True)
    faces, vertices = faces.reshape(-1, 3).astype(np.int32), vertices[used]
    normals = np.repeat(_flat_normals(vertices - vertices.mean(axis=0), faces, part.polygon[rows])[:, None], 3, axis=1)
    if part.normals is not None:
        given = part.normals[rows][:, turn] @ np.linalg.inv(linear / scales[0])
        length = np.linalg.norm(given, axis=2, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            normals = np.where(length > 1e-12, given / length, normals)  # where a length is NaN too
    return _Placed(part, vertices, faces, normals.astype(np.float32), rows, turn)


def _flat_normals(
    vertices: NDArray[np.float64], faces: NDArray[np.int32], polygon: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Unit normals (m, 3) of the polygons that the triangles belong to; up where one has no area."""
    normal, area = face_normals(vertices, faces)
    total = np.zeros((int(polygon.max()) + 1, 3))
    np.add.at(total, polygon, normal * area[:, None])
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-300)
    total[~total.any(axis=1)] = (0, 0, 1)
    return total[polygon]


def unique_names(names: Sequence[str]) -> list[str]:
    """The names, with ` #2`, ` #3` where one repeats."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        number = taken[name] = taken.get(name, 0) + 1
        result.append(name if number == 1 else f"{name} #{number}")
    return result
