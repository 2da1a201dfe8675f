# SPDX-License-Identifier: GPL-3.0-or-later
"""What Blender's exporter leaves to do in a .glb: the animation that plays goes first, our own marks go."""

from __future__ import annotations

import json
import struct
from collections.abc import Collection
from pathlib import Path

_HEADER = struct.Struct("<4sII")
_CHUNK = struct.Struct("<I4s")
OURS = "orbit_painter"  # what the names of our custom properties begin with


def tidy(path: Path, playing: Collection[str]) -> None:
    """Move the animations called one of `playing` to the front of a .glb, and take out the custom properties by which
    we know our materials and objects: they mean nothing in another file. Nothing else of the file changes.

    Blender's exporter sorts animations by name, and importers play the first one.
    """
    data = path.read_bytes()
    magic, version, _ = _HEADER.unpack_from(data)
    length, kind = _CHUNK.unpack_from(data, _HEADER.size)
    start = _HEADER.size + _CHUNK.size
    document = json.loads(data[start : start + length])
    if "animations" in document:
        document["animations"].sort(key=lambda animation: animation.get("name") not in playing)  # sorting is stable
    for name in ("scenes", "nodes", "meshes", "materials", "animations", "cameras", "skins"):
        for entry in document.get(name, []):
            extras = entry.get("extras")
            if isinstance(extras, dict):
                entry["extras"] = {key: value for key, value in extras.items() if not key.startswith(OURS)}
                if not entry["extras"]:
                    del entry["extras"]
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    rest = data[start + length :]
    total = start + len(text) + len(rest)
    path.write_bytes(_HEADER.pack(magic, version, total) + _CHUNK.pack(len(text), kind) + text + rest)
