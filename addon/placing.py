# SPDX-License-Identifier: GPL-3.0-or-later
"""Describes a job's result for the Blender that the artist works in (placement.py); runs where the job ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..backend.files import save_npz
from ..backend.host import TextureFiles
from ..backend.mesh import MeshData
from ..backend.progress import Progress, part
from ..backend.texturing.targets import NEW_UV_MAP
from ..backend.texturing.voxel_files import VoxelTexture
from . import fingerprint
from .colour_write import loop_colours
from .placement import PlacedObject, PlacedTexture
from .scene_read import SourceObject


@dataclass
class Target:
    """An object and what it gets. index: of `source` in the MeshData; textures: by slot, -1 for all slots."""

    obj: bpy.types.Object
    source: SourceObject
    index: int
    uv_map: str
    textures: dict[int, TextureFiles] = field(default_factory=dict)


def describe(
    targets: Sequence[Target], mesh: MeshData, folder: Path, voxels: VoxelTexture | None, progress: Progress
) -> tuple[PlacedObject, ...]:
    """Write new UV maps, and colours if there are `voxels`, into `folder`; what every object gets."""
    written: dict[Any, str] = {}  # mesh data -> file of its colours
    placed = []
    for number, target in enumerate(targets):
        obj, data = target.obj, target.obj.data
        assert isinstance(data, bpy.types.Mesh)
        new_uv = ""
        if target.uv_map.startswith(NEW_UV_MAP) and target.uv_map in data.uv_layers:
            new_uv = f"uv_{number}.npz"
            save_npz(folder / new_uv, uv=_uv(data, target.uv_map))
        if voxels is not None and data not in written:
            written[data] = f"colours_{number}.npz"
            share = part(progress, number / len(targets), (number + 1) / len(targets))
            colours = loop_colours(obj, target.source, target.index, mesh, voxels, share)
            save_npz(folder / written[data], colour=colours)
        placed.append(
            PlacedObject(
                name=obj.name,
                library=Path(obj.library.filepath).name if obj.library else "",
                topology=fingerprint.topology(data),
                uv="" if new_uv else fingerprint.uv(data, target.uv_map),
                uv_map=target.uv_map,
                textures=_textures(target.textures),
                new_uv=new_uv,
                colours=written.get(data, ""),
                slots=fingerprint.slots(data) if any(slot >= 0 for slot in target.textures) else "",
            )
        )
    return tuple(placed)


def _textures(textures: Mapping[int, TextureFiles]) -> tuple[PlacedTexture, ...]:
    return tuple(
        PlacedTexture(texture.name, slot, tuple(f"textures/{path.name}" for path in texture.files))
        for slot, texture in sorted(textures.items())
    )


def _uv(mesh: bpy.types.Mesh, name: str) -> Any:
    layer: Any = mesh.uv_layers[name]
    values = np.empty(2 * len(layer.uv), np.float32)
    layer.uv.foreach_get("vector", values)
    return values.reshape(-1, 2)
