# SPDX-License-Identifier: GPL-3.0-or-later
"""What a finished job puts where, as plain values beside the model: `placement.json`.

The process that ran the job writes it; the Blender that the artist works in reads it and finds its own objects again,
by name, and asks whether their meshes are still those that the job saw.

    ROOT/work/model/placement.json    see Placement
    ROOT/work/model/uv_<i>.npz        uv float32 (loops, 2): the UV map that the job made for object i
    ROOT/work/model/colours_<i>.npz   colour uint8 (loops, 4), sRGB: the colour attribute of object i
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..backend.errors import InputError
from ..backend.whole_files import write_json

SCHEMA = 1
FILE = "placement.json"
FOLDER = Path("work", "model")  # inside a job folder


@dataclass(frozen=True)
class PlacedTexture:
    """A texture of one object. slot: the material slot it is for, -1 for all; files: in the job folder, one a tile."""

    name: str
    slot: int
    files: tuple[str, ...]


@dataclass(frozen=True)
class PlacedObject:
    """What one object gets.

    name, library    the object in the job's file; library is its file name alone, empty for local objects
    topology, uv     fingerprints of its mesh and of the UV map; uv is empty for a map that modifiers make
    slots            fingerprint of its faces' slots where each slot has a texture of its own, else empty
    uv_map           the UV map that the textures are laid out in
    new_uv, colours  names of .npz files beside placement.json; empty where there is none
    """

    name: str
    library: str
    topology: str
    uv: str
    uv_map: str
    textures: tuple[PlacedTexture, ...] = ()
    new_uv: str = ""
    colours: str = ""
    slots: str = ""


@dataclass(frozen=True)
class Placement:
    """recipe_id: key of the bake, equal for equal results; name: of the result; objects: what each one gets."""

    recipe_id: str
    name: str
    objects: tuple[PlacedObject, ...]

    @property
    def short_id(self) -> str:
        """For file names."""
        return self.recipe_id[:8]


def write_placement(folder: Path, placement: Placement) -> None:
    """Raises OutputError."""
    write_json(folder / FILE, {"schema": SCHEMA, **asdict(placement)})


def read_placement(job_dir: Path) -> Placement:
    """Of a finished job folder. Raises InputError if there is none, or if it is of another version."""
    path = job_dir / FOLDER / FILE
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"format {data['schema']}")
        objects = tuple(_object(entry) for entry in data["objects"])
        return Placement(data["recipe_id"], data["name"], objects)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "result-unreadable",
            f"The folder {job_dir} holds no finished result that can be read.",
            "Run the job again.",
        ) from error


def _object(entry: dict[str, Any]) -> PlacedObject:
    textures = tuple(PlacedTexture(t["name"], t["slot"], tuple(t["files"])) for t in entry["textures"])
    return PlacedObject(**{**entry, "textures": textures})
