# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a model file before Blender does: importers answer damaged files with silence, tracebacks or worse.

Each check takes the path and returns what is wrong with the file, or an empty text. No bpy here.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..backend.mesh_formats.gltf import contents
from ..backend.mesh_formats.part import DamagedFileError
from .ply_check import ply

HEAD = 1 << 16  # bytes looked at where a header is text
_NO_NUMBER = re.compile(rb"^v[ \t][^\r\n]*\b(?:nan|inf)", re.IGNORECASE | re.MULTILINE)


def gltf(path: Path) -> str:
    """Text or binary."""
    try:
        contents(path)
    except DamagedFileError as damage:
        return str(damage)
    return ""


def obj(path: Path) -> str:
    """Any text is an OBJ file of sorts; zero bytes and a lack of vertices are not.

    Blender puts vertices that are no numbers at 0, without a word.
    """
    found = False
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            block += file.readline()
            if b"\0" in block:
                return "it is not a text file"
            if _NO_NUMBER.search(block):
                return "it has a vertex whose place is not a number"
            found = found or block.startswith(b"v ") or any(mark in block for mark in (b"\nv ", b"\nv\t", b"\rv "))
    return "" if found else "it has no vertices"


def stl(path: Path) -> str:
    """Binary: 80 bytes, a count, 50 bytes a triangle. Text: begins with solid and ends with endsolid."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(84)
        if len(head) == 84 and size == 84 + 50 * struct.unpack("<I", head[80:])[0]:
            return ""
        if head.lstrip().startswith(b"solid"):
            file.seek(max(0, size - 1024))
            tail = file.read()
            if b"endsolid" in tail:
                return ""
            return "it is cut short"
    if size < 84:
        return "it is not an STL file"
    return "its size does not fit its number of triangles; it is cut short or not an STL file"


def fbx(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"Kaydara FBX Binary  \0") or b"FBXHeaderExtension" in head:
        return ""
    return "it is not an FBX file"


def usda(path: Path) -> str:
    with path.open("rb") as file:
        return "" if file.read(5) == b"#usda" else "it is not a USD text file"


def usdc(path: Path) -> str:
    """The header gives the place of the table of contents, which stands near the end."""
    with path.open("rb") as file:
        head = file.read(24)
    if head[:8] != b"PXR-USDC":
        return "it is not a binary USD file"
    contents = struct.unpack("<q", head[16:])[0] if len(head) == 24 else -1
    return "" if 24 <= contents < path.stat().st_size else "it is cut short"


def usd(path: Path) -> str:
    """Text or binary."""
    return usda(path) and usdc(path) and "it is not a USD file"


def usdz(path: Path) -> str:
    """A zip archive whose members are stored, not compressed."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            names = archive.namelist()
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError):
        return "it is not a USDZ archive, or it is cut short"
    if damaged:
        return f"{damaged} inside it is damaged"
    return "" if any(Path(n).suffix.lower() in (".usd", ".usda", ".usdc") for n in names) else "it holds no USD file"


def blend(path: Path) -> str:
    """Plain, or compressed with Zstandard (3.0 on) or gzip."""
    with path.open("rb") as file:
        head = file.read(7)
    known = head == b"BLENDER" or head[:4] == b"\x28\xb5\x2f\xfd" or head[:2] == b"\x1f\x8b"
    return "" if known else "it is not a Blender file"


CHECKS: dict[str, Callable[[Path], str]] = {
    ".glb": gltf,
    ".gltf": gltf,
    ".obj": obj,
    ".ply": ply,
    ".stl": stl,
    ".fbx": fbx,
    ".usd": usd,
    ".usda": usda,
    ".usdc": usdc,
    ".usdz": usdz,
    ".blend": blend,
}
