# SPDX-License-Identifier: GPL-3.0-or-later
"""From a sample to what the network sees: latents of the runs, the reference, the GASA layout, the tokens to keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.sample import OrbitSample
from ..errors import InputError
from ..painters.orbitpainter.gasa_layout import GasaLayout, build_layout
from ..painters.orbitpainter.gasa_tokens import PATCH, GasaOptions, TokenGeometry, token_geometry, tokens_to_keep
from ..painters.orbitpainter.latent_layouts import Run, encode_run, plan_runs
from ..painters.orbitpainter.latents import encode, network_input, pixels_to_video
from ..painters.projection.sampling import bleed
from .config import ModelConfig


@dataclass(frozen=True, eq=False)
class Example:
    """One sequence of the network, batch 1.

    target, position, normal   float32 (1, 16, t, h, w)
    reference  float32 (1, 16, 1, h, w) or None: the network is given none
    layout, kept   None where the configuration has no GASA, or computes all tokens
    """

    key: str
    target: torch.Tensor
    position: torch.Tensor
    normal: torch.Tensor
    reference: torch.Tensor | None
    layout: GasaLayout | None
    kept: torch.Tensor | None

    def to(self, device: torch.device | str) -> Example:
        tensors = ("target", "position", "normal", "reference", "layout", "kept")
        moved = {name: None if (value := getattr(self, name)) is None else value.to(device) for name in tensors}
        return replace(self, **moved)

    def predict(
        self, network: Any, noisy: torch.Tensor, sigma: torch.Tensor, prompt: torch.Tensor, channels: int
    ) -> torch.Tensor:
        """Velocity (batch, 16, t, h, w) of `noisy` at `sigma` (batch,). prompt: (1, tokens, text_dim)."""
        return network(
            network_input(noisy, self.position, self.normal, channels),
            1000 * sigma.to(noisy),
            prompt.expand(len(noisy), -1, -1),
            reference_latents=self.reference,
            gasa_layout=self.layout,
            kept_tokens=self.kept,
            return_dict=False,
        )[0]

    def counted(self, patch: int = 2) -> torch.Tensor | None:
        """The places of the latent whose tokens are computed, bool (1, 1, t, h, w), or None: all."""
        if self.kept is None:
            return None
        _, _, frames, height, width = self.target.shape
        tokens = torch.zeros(frames * height * width // patch**2, dtype=torch.bool, device=self.target.device)
        tokens[self.kept] = True
        grid = tokens.view(1, 1, frames, height // patch, width // patch)
        return grid.repeat_interleave(patch, 3).repeat_interleave(patch, 4)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What of a sample does not change from step to step: the passes' latents and the tokens' places."""

    target: torch.Tensor
    position: torch.Tensor
    normal: torch.Tensor
    geometry: TokenGeometry


def run_of(sample: OrbitSample, model: ModelConfig, stride: int, random: np.random.Generator) -> Run:
    """The sequence of a step: both orbits (`paper`), or one of them at random (`release`). Raises InputError."""
    runs = plan_runs(model.layout, sample.views, stride)
    return runs[int(random.integers(len(runs)))]


def encode_sample(vae: Any, sample: OrbitSample, run: Run, grid: int, continued: bool = False) -> Encoded:
    """Encode the passes of the orbits in `run`. grid: voxels along a side, see `GasaOptions`. continued: see
    `DataConfig`. Raises InputError.
    """
    if sample.size % PATCH:
        raise InputError(
            "sample-size",
            f"The frames of sample {sample.key} are of {sample.size} pixels, which is no multiple of {PATCH}.",
            "Render the data set with another --size.",
        )
    orbits = {"H": slice(0, sample.views[0]), "V": slice(sample.views[0], None)}
    parts = [orbits[segment.orbit] for segment in run.segments]
    passes = {name: getattr(sample, name) for name in ("albedo", "position", "normal")}
    if continued:
        passes["albedo"] = past_silhouette(sample.albedo, sample.mask)
    with torch.no_grad():
        latents = {name: encode_run(vae, run, [frames[part] for part in parts]) for name, frames in passes.items()}
    frames = []
    for segment, part in zip(run.segments, parts, strict=True):
        position, mask = sample.position[part], sample.mask[part]
        frames += [surface(position[view], mask[view]) for view in segment.standing_views]
    rows, columns = (side // 2 for side in latents["albedo"].shape[3:])
    geometry = token_geometry(frames, rows, columns, GasaOptions(grid=grid))
    return Encoded(latents["albedo"], latents["position"], latents["normal"], geometry)


def past_silhouette(albedo: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames on black, uint8 (N, S, S, 3), with the object's colours all over; mask (N, S, S): the object's share."""
    filled = []
    for frame, cover in zip(albedo.astype(np.float32), mask.astype(np.float32) / 255, strict=True):
        colour = np.minimum(frame / np.maximum(cover[..., None], 1 / 255), 255)
        filled.append(np.round(bleed(colour, cover)))
    return np.stack(filled).astype(np.uint8)


def surface(position: NDArray[np.uint8], mask: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points float32 (S, S, 3) of an encoded frame, and where they are known: silhouette pixels are undone.

    A pixel of the silhouette blends the surface's value with the background's 127 (specs/orbitpainter.md 2.3).
    """
    share = mask[..., None].astype(np.float32) / 255
    value = (position - 127 * (1 - share)) / np.maximum(share, 1 / 255)
    return np.clip((value + 0.5) / 255, 0, 1) - np.float32(0.5), mask >= 64


def make_example(
    vae: Any,
    sample: OrbitSample,
    encoded: Encoded,
    reference: NDArray[np.uint8],
    model: ModelConfig,
    options: GasaOptions,
) -> Example:
    """The example of a step. reference: uint8 (S, S, 3). What the configuration withholds is the latent zero."""
    with torch.no_grad():
        picture = encode(vae, pixels_to_video(reference[None])) if model.reference else None
    keep = tokens_to_keep(encoded.geometry, 0, model.background_every) if model.background_every else None
    return Example(
        key=sample.key,
        target=encoded.target,
        position=encoded.position if model.position else torch.zeros_like(encoded.position),
        normal=encoded.normal if model.normal else torch.zeros_like(encoded.normal),
        reference=picture,
        layout=build_layout(encoded.geometry, options) if model.gasa else None,
        kept=None if keep is None else torch.from_numpy(keep),
    )


def check_finite(example: Example) -> None:
    """Raises InputError where a latent is not a number."""
    for name in ("target", "position", "normal", "reference"):
        tensor = getattr(example, name)
        if tensor is not None and not torch.isfinite(tensor).all():
            raise InputError("sample-not-finite", f"The latents of sample {example.key} are not numbers ({name}).")
