# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a PLY file before Blender does, whose importer crashes on binary files that are cut short."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = 1 << 16  # bytes in which the header must end
_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "double": "f8",
    "float32": "f4",
    "float64": "f8",
}
_STRUCT = {o + k: o + c for o in "<>" for k, c in zip(("i1", "u1", "i2", "u2", "i4", "u4"), "bBhHiI", strict=True)}
_Property = tuple[str, str]  # types of a list's length (empty: no list) and of the value
_Element = tuple[str, int, list[_Property]]  # name, rows, properties


def ply(path: Path) -> str:
    """What is wrong: with the header, and in binary files also missing rows and faces of vertices that do not exist."""
    data = path.read_bytes()
    if not data.startswith((b"ply\n", b"ply\r")):
        return "it is not a PLY file"
    mark = data.find(b"end_header", 0, HEAD)
    end = data.find(b"\n", mark)
    if mark < 0 or end < 0:
        return "its header is cut short"
    try:
        order, elements = _header(data[:mark].decode("ascii", "replace").splitlines())
        if order and not _body(data, end + 1, elements):
            return "a face uses a vertex that is not there"
    except (KeyError, IndexError, ValueError):
        return "its header is damaged"
    except (EOFError, struct.error):
        return "it is cut short"
    return ""


def _header(lines: list[str]) -> tuple[str, list[_Element]]:
    """Byte order (empty: text) and elements."""
    order = ""
    elements: list[_Element] = []
    for words in (line.split() for line in lines):
        if words[:1] == ["format"]:
            order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[words[1]]
        elif words[:1] == ["element"]:
            elements.append((words[1], int(words[2]), []))
        elif words[:1] == ["property"]:
            length = order + _TYPES[words[2]] if words[1] == "list" else ""
            elements[-1][2].append((length, order + _TYPES[words[3 if length else 1]]))
    if any(rows < 0 for _, rows, _ in elements):
        raise ValueError
    return order, elements


def _body(data: bytes, at: int, elements: list[_Element]) -> bool:
    """Every face uses vertices that exist. Raises EOFError or struct.error where rows are missing."""
    vertices = next((rows for name, rows, _ in elements if name == "vertex"), 0)
    for name, rows, properties in elements:
        if any(length for length, _ in properties):
            lists, at = _lists(data, at, rows, properties)
            if name == "face" and any(v.size and (v.min() < 0 or v.max() >= vertices) for v in lists):
                return False
        else:
            at += rows * sum(np.dtype(value).itemsize for _, value in properties)
        if at > len(data):
            raise EOFError
    return True


def _lists(data: bytes, at: int, rows: int, properties: list[_Property]) -> tuple[list[NDArray[Any]], int]:
    """All lists of whole numbers in an element, lists of one length together, and the element's end."""
    layout = [(_STRUCT.get(length), value, np.dtype(value).itemsize) for length, value in properties]
    lengths = [struct.Struct(kind) if kind else None for kind, _, _ in layout]
    starts: list[dict[int, list[int]]] = [{} for _ in properties]  # of each property: list length -> places
    for _ in range(rows):
        for length, (_, _, size), places in zip(lengths, layout, starts, strict=True):
            if length is None:
                at += size
                continue
            (count,) = length.unpack_from(data, at)
            if count < 0:
                raise ValueError
            at += length.size
            places.setdefault(count, []).append(at)
            at += count * size
    if at > len(data):
        raise EOFError
    raw = np.frombuffer(data, np.uint8)
    lists = [
        raw[np.array(where)[:, None] + np.arange(count * size)].view(value)
        for (kind, value, size), places in zip(layout, starts, strict=True)
        if kind is not None and value in _STRUCT
        for count, where in places.items()
    ]
    return lists, at
