# SPDX-License-Identifier: GPL-3.0-or-later
"""Encoded samples kept on disk, so that a large VAE works once a sample and not once a step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from ..dataset.sample import OrbitSample
from ..errors import InputError
from ..files import atomic_path, output_errors
from ..painters.orbitpainter.gasa_tokens import TokenGeometry
from ..painters.orbitpainter.latent_layouts import Run
from ..painters.orbitpainter.tensor_files import tensors_output
from ..run_folder import digest
from .checkpoint import read_tensors
from .examples import Encoded


class LatentStore:
    """One file a sample and sequence, latents in float16. A damaged file is made again."""

    def __init__(self, folder: Path, vae: Any, continued: bool = False) -> None:
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        weights = [float(parameter.detach().double().sum()) for parameter in vae.parameters()]
        self._folder, self._vae = folder, digest(type(vae).__name__, weights, continued)

    def get(self, sample: OrbitSample, run: Run, grid: int, encode: Callable[[], Encoded]) -> Encoded:
        """The latents of a sample, read or made. Raises OutputError."""
        orbits = "".join(segment.orbit for segment in run.segments)
        path = self._folder / f"{digest(sample.key, sample.albedo.tobytes(), orbits, grid, self._vae)}.safetensors"
        if path.exists():
            try:
                return _unpacked(read_tensors(path))
            except (InputError, KeyError):
                path.unlink(missing_ok=True)
        encoded = encode()
        with atomic_path(path) as temporary, tensors_output(path):
            save_file(_packed(encoded), temporary)
        return _unpacked(_packed(encoded))  # rounded, as the next epoch will read it


def _packed(encoded: Encoded) -> dict[str, torch.Tensor]:
    return {
        **{name: getattr(encoded, name).half().contiguous() for name in ("target", "position", "normal")},
        "voxel": torch.from_numpy(np.ascontiguousarray(encoded.geometry.voxel)),
        "foreground": torch.from_numpy(np.ascontiguousarray(encoded.geometry.foreground)),
    }


def _unpacked(tensors: dict[str, torch.Tensor]) -> Encoded:
    geometry = TokenGeometry(tensors["voxel"].numpy(), tensors["foreground"].numpy())
    return Encoded(*(tensors[name].float() for name in ("target", "position", "normal")), geometry)
