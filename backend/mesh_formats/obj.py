# SPDX-License-Identifier: GPL-3.0-or-later
"""Wavefront OBJ. Forward -Z and up Y as in Blender's importer: (x, y, z) becomes (x, -z, y). Split at `o` lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .part import DamagedFileError, Material, Part, check_indices, smooth_normals, triangulate

Y_UP = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float64)  # Y up to Z up


@dataclass
class _Object:
    """corners: position, UV and normal index of each corner, -1 where there is none; per polygon: count, material."""

    name: str
    corners: list[tuple[int, int, int]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    material: list[int] = field(default_factory=list)
    smooth: list[bool] = field(default_factory=list)


def read_obj(path: Path) -> list[Part]:
    """Raises DamagedFileError."""
    text = path.read_bytes().decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
    numbers: dict[str, list[list[str]]] = {"v": [], "vt": [], "vn": []}
    objects = [_Object(path.stem)]
    materials: dict[str, int] = {}
    material, smooth = -1, False
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        kind = words[0]
        if kind in numbers:
            numbers[kind].append(words[1 : 3 if kind == "vt" else 4])
        elif kind == "f":
            current = objects[-1]
            sizes = len(numbers["v"]), len(numbers["vt"]), len(numbers["vn"])
            current.corners += [_corner(word, sizes) for word in words[1:]]
            current.counts.append(len(words) - 1)
            current.material.append(material)
            current.smooth.append(smooth)
        elif kind == "usemtl":
            material = materials.setdefault(" ".join(words[1:]), len(materials))
        elif kind == "s":
            smooth = words[1:] not in (["off"], ["0"], [])
        elif kind == "o":
            objects.append(_Object(" ".join(words[1:]) or path.stem))
    try:
        positions, uvs, normals = (
            np.array(numbers[kind] or np.zeros((0, width)), np.float64).reshape(-1, width)
            for kind, width in (("v", 3), ("vt", 2), ("vn", 3))
        )
    except ValueError as error:
        raise DamagedFileError("a number is missing or not a number") from error
    names = tuple(Material(name) for name in materials)
    objects.sort(key=lambda o: o.name)  # as Blender does
    return [_part(o, positions, uvs, normals, names) for o in objects if o.counts]


def _corner(word: str, sizes: tuple[int, int, int]) -> tuple[int, int, int]:
    """`1`, `1/2`, `1//3`, `1/2/3`; negative numbers count from the last one read."""
    given = word.split("/")
    try:
        index = [int(value) if value else 0 for value in given] + [0] * (3 - len(given))
    except ValueError as error:
        raise DamagedFileError(f"'{word}' is not a corner") from error
    a, b, c = (i + size if i < 0 else i - 1 for i, size in zip(index, sizes, strict=False))
    return a, b, c


def _part(
    source: _Object,
    positions: NDArray[np.float64],
    uvs: NDArray[np.float64],
    normals: NDArray[np.float64],
    materials: tuple[Material, ...],
) -> Part:
    corners = np.array(source.corners, np.int64)
    check_indices(corners[:, 0], len(positions))
    counts = np.array(source.counts, np.int32)
    used, vertex = np.unique(corners[:, 0], return_inverse=True)
    vertices = positions[used]
    loop, polygon = triangulate(vertices, vertex.astype(np.int32), counts)
    faces = vertex[loop].astype(np.int32)
    has_normals = len(normals) > 0 and (corners[:, 2] >= 0).all() and (corners[:, 2] < len(normals)).all()
    if has_normals:
        shading = normals[corners[loop, 2]].astype(np.float32)
    elif any(source.smooth):
        smooth = np.array(source.smooth)[polygon, None, None]
        rounded = smooth_normals(vertices, vertex.astype(np.int32), counts)[faces]
        shading = np.where(smooth, rounded, 0).astype(np.float32)  # 0: flat
    else:
        shading = None
    maps = {}
    if (corners[:, 1] >= 0).any():
        check_indices(corners[:, 1][corners[:, 1] >= 0], len(uvs))
        values = np.where(corners[:, 1:2] >= 0, uvs[corners[:, 1]], 0)
        maps["UVMap"] = values[loop].astype(np.float32)
    slots = np.array(source.material, np.int32)[polygon]
    return Part(source.name, vertices, faces, loop, polygon, shading, maps, slots, materials, Y_UP)
