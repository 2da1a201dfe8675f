# SPDX-License-Identifier: GPL-3.0-or-later
"""The voxel texture on disk: our own .npz, and export to the .vxz container of sparse-voxel models."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import load_npz, save_npz
from ..mesh import Normalisation
from .vxz import write_vxz

FORMAT = 1


@dataclass(frozen=True, eq=False)
class VoxelTexture:
    """One colour per surface voxel of a grid^3 over [-0.5, 0.5]^3.

    coords int32 (N, 3), lexicographically sorted; colour uint8 (N, 3), sRGB encoded; normal float32 (N, 3), unit;
    label int16 (N,), view each colour came from, -1 where it was filled; normalisation: world -> unit cube
    """

    coords: NDArray[np.int32]
    colour: NDArray[np.uint8]
    normal: NDArray[np.float32]
    label: NDArray[np.int16]
    grid: int
    normalisation: Normalisation = field(default_factory=Normalisation)


def save_voxels(path: Path | str, voxels: VoxelTexture) -> None:
    """Write an .npz, whole or not at all. Raises OutputError."""
    save_npz(
        path,
        format=np.int64(FORMAT),
        coords=voxels.coords.astype(np.int16),
        colour=voxels.colour,
        normal=voxels.normal.astype(np.float32),
        label=voxels.label,
        grid=np.int64(voxels.grid),
        centre=np.asarray(voxels.normalisation.centre, np.float64),
        scale=np.float64(voxels.normalisation.scale),
    )


def load_voxels(path: Path | str) -> VoxelTexture:
    """Read what `save_voxels` wrote; never unpickles. Raises InputError for anything else."""
    data = load_npz(path)
    count = data["coords"].shape[0] if data.get("coords", np.zeros(0)).ndim == 2 else -1
    expected = {
        "format": ((), "i"), "coords": ((count, 3), "i"), "colour": ((count, 3), "u"), "normal": ((count, 3), "f"),
        "label": ((count,), "i"), "grid": ((), "i"), "centre": ((3,), "f"), "scale": ((), "f"),
    }  # fmt: skip
    right = all(
        name in data and data[name].shape == shape and data[name].dtype.kind == kind
        for name, (shape, kind) in expected.items()
    )
    if not right or int(data["format"]) != FORMAT:
        raise _damaged(path, "it is not a voxel texture of this version")
    grid = int(data["grid"])
    if count and (data["coords"].min() < 0 or data["coords"].max() >= grid):
        raise _damaged(path, "voxels lie outside the grid")
    x, y, z = (float(value) for value in data["centre"])
    return VoxelTexture(
        data["coords"].astype(np.int32),
        data["colour"].astype(np.uint8),
        data["normal"].astype(np.float32),
        data["label"].astype(np.int16),
        grid,
        Normalisation((x, y, z), float(data["scale"])),
    )


def export_vxz(
    path: Path | str,
    voxels: VoxelTexture,
    metallic: float = 0.0,
    roughness: float = 0.5,
    compression: str = "lzma",
) -> None:
    """Write the colours as a PBR grid: base_color, metallic, roughness and alpha, bytes (specs/trellis2-refine.md 15).

    The container stores neither the grid's size nor normals, labels or the normalisation. Raises OutputError.
    """
    count = len(voxels.coords)
    attributes = {
        "base_color": voxels.colour,
        "metallic": np.full((count, 1), int(metallic * 255), np.uint8),
        "roughness": np.full((count, 1), int(roughness * 255), np.uint8),
        "alpha": np.full((count, 1), 255, np.uint8),
    }
    write_vxz(path, voxels.coords, attributes, compression=compression)


def _damaged(path: Path | str, why: str) -> InputError:
    return InputError("voxels-damaged", f"{path} cannot be used: {why}.", "Write it again with this program.")
