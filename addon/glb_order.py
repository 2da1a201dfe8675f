# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the animation that an object plays the first of its .glb, so that the file opens in the same pose."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection
from pathlib import Path

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")


def put_first(path: Path, names: Collection[str]) -> None:
    """Move the animations called one of `names` to the front of a .glb; nothing else of the file changes.

    Blender's exporter sorts animations by name, and importers play the first one.
    """
    data = path.read_bytes()
    magic, version, _ = _HEADER.unpack_from(data)
    length, kind = _CHUNK.unpack_from(data, _HEADER.size)
    start = _HEADER.size + _CHUNK.size
    document = json.loads(data[start : start + length])
    animations = document.get("animations", [])
    ordered = sorted(animations, key=lambda animation: animation.get("name") not in names)  # sorting is stable
    if ordered == animations:
        return
    document["animations"] = ordered
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    rest = data[start + length :]
    total = start + len(text) + len(rest)
    path.write_bytes(_HEADER.pack(magic, version, total) + _CHUNK.pack(len(text), kind) + text + rest)
