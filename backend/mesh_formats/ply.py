# SPDX-License-Identifier: GPL-3.0-or-later
"""PLY, text and binary. Axes as they are (Z up); normals and UVs of the vertices where the file has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .part import DamagedFileError, Part, check_indices, triangulate

_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"))


@dataclass
class _Element:
    """properties: (name, type of its values, type of its length or None)."""

    name: str
    count: int
    properties: list[tuple[str, str, str | None]] = field(default_factory=list)


def read_ply(path: Path) -> list[Part]:
    """Raises DamagedFileError."""
    data = path.read_bytes()
    head, mark, body = data.partition(b"end_header\n")
    if not mark:
        head, mark, body = data.partition(b"end_header\r\n")
    if not data.startswith(b"ply") or not mark:
        raise DamagedFileError("it has no PLY header")
    try:
        kind, elements = _header(head.decode("latin-1"))
        values = _read_text(body, elements) if kind == "ascii" else _read_binary(body, elements, kind)
    except (ValueError, KeyError, IndexError) as error:
        raise DamagedFileError("it is damaged or cut short") from error
    return [_part(path.stem, values)]


def _header(text: str) -> tuple[str, list[_Element]]:
    kind, elements = "", []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            kind = {"ascii": "ascii", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
        elif words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2])))
        elif words[:2] == ["property", "list"]:
            elements[-1].properties.append((words[4], _TYPES[words[3]], _TYPES[words[2]]))
        elif words[:1] == ["property"]:
            elements[-1].properties.append((words[2], _TYPES[words[1]], None))
    return kind, elements


# Values of an element: property -> an array of `count`, or for a list (values, lengths), flattened.
_Values = dict[str, dict[str, Any]]


def _read_binary(body: bytes, elements: list[_Element], order: str) -> _Values:
    found: _Values = {}
    at = 0
    for element in elements:
        lists = [p for p in element.properties if p[2] is not None]
        lengths = _first_lengths(body, at, element, order) if lists else []
        fields: list[Any] = []
        for name, kind, length in element.properties:
            if length is not None:
                fields.append((f"{name} length", order + length))
                fields.append(
                    (name, order + kind, (lengths[len([f for f in fields if f[0].endswith(" length")]) - 1],))
                )
            else:
                fields.append((name, order + kind))
        record = np.dtype(fields)
        end = at + record.itemsize * element.count
        rows = np.frombuffer(body, record, element.count, at) if end <= len(body) else None
        alike = rows is not None and all(
            (rows[f"{p[0]} length"] == n).all() for p, n in zip(lists, lengths, strict=True)
        )
        if rows is not None and alike:
            found[element.name] = {
                name: rows[name]
                if length is None
                else (rows[name].reshape(-1), np.full(element.count, rows[name].shape[1]))
                for name, _, length in element.properties
            }
            at = end
        else:
            found[element.name], at = _read_rows(body, at, element, order)
    return found


def _first_lengths(body: bytes, at: int, element: _Element, order: str) -> list[int]:
    """Lengths of the lists of the first row: usually those of all rows."""
    lengths = []
    if element.count == 0:
        return [0 for p in element.properties if p[2] is not None]
    for _, kind, length in element.properties:
        if length is not None:
            lengths.append(int(np.frombuffer(body, order + length, 1, at)[0]))
            at += np.dtype(length).itemsize
        at += np.dtype(kind).itemsize * (lengths[-1] if length is not None else 1)
    return lengths


def _read_rows(body: bytes, at: int, element: _Element, order: str) -> tuple[dict[str, Any], int]:
    """One by one: lists of different lengths."""
    values: dict[str, list[Any]] = {name: [] for name, _, _ in element.properties}
    lengths: dict[str, list[int]] = {name: [] for name, _, length in element.properties if length is not None}
    types = [
        (name, np.dtype(order + kind), None if length is None else np.dtype(order + length))
        for name, kind, length in element.properties
    ]
    for _ in range(element.count):
        for name, kind, length in types:
            count = 1
            if length is not None:
                count = int(np.frombuffer(body, length, 1, at)[0])
                at += length.itemsize
                lengths[name].append(count)
            values[name].append(np.frombuffer(body, kind, count, at))
            at += kind.itemsize * count
    joined = {name: np.concatenate(rows) if rows else np.zeros(0) for name, rows in values.items()}
    return {n: (v, np.array(lengths[n], np.int64)) if n in lengths else v for n, v in joined.items()}, at


def _read_text(body: bytes, elements: list[_Element]) -> _Values:
    lines = [line for line in body.splitlines() if line.strip()]
    found: _Values = {}
    at = 0
    for element in elements:
        rows = [line.split() for line in lines[at : at + element.count]]
        if len(rows) < element.count:
            raise ValueError("rows are missing")
        at += element.count
        columns: dict[str, Any] = {}
        if all(length is None for _, _, length in element.properties):
            table = np.array(rows, np.float64).reshape(element.count, -1)
            columns = {name: table[:, i] for i, (name, _, _) in enumerate(element.properties)}
        else:
            places = [0] * len(rows)
            for name, _, length in element.properties:
                taken, counts = [], []
                for i, row in enumerate(rows):
                    count = 1 if length is None else int(row[places[i]])
                    places[i] += length is not None
                    if places[i] + count > len(row):
                        raise ValueError("a row is too short")
                    taken += row[places[i] : places[i] + count]
                    counts.append(count)
                    places[i] += count
                numbers = np.array(taken, np.float64)
                columns[name] = numbers if length is None else (numbers, np.array(counts, np.int64))
        found[element.name] = columns
    return found


def _part(name: str, values: _Values) -> Part:
    vertex, face = values.get("vertex", {}), values.get("face", {})
    if not {"x", "y", "z"} <= set(vertex):
        raise DamagedFileError("it has no vertices")
    vertices = _columns(vertex, ("x", "y", "z")).astype(np.float64)
    corners, counts = face.get("vertex_indices", face.get("vertex_index", (np.zeros(0), np.zeros(0, int))))
    corners, counts = corners.astype(np.int64), counts.astype(np.int32)
    check_indices(corners, len(vertices))
    loop, polygon = triangulate(vertices, corners.astype(np.int32), counts)
    faces = corners[loop].astype(np.int32)
    normals = _columns(vertex, ("nx", "ny", "nz"))[faces].astype(np.float32) if "nx" in vertex else None
    uv = next((_columns(vertex, pair) for pair in _UV_NAMES if set(pair) <= set(vertex)), None)
    maps = {} if uv is None else {"UVMap": uv[faces].astype(np.float32)}
    return Part(name, vertices, faces, loop, polygon, normals, maps)


def _columns(vertex: dict[str, Any], names: tuple[str, ...]) -> NDArray[Any]:
    return np.stack([vertex[name] for name in names], axis=1)
