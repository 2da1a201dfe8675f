# SPDX-License-Identifier: GPL-3.0-or-later
"""Painting a sample with a network under training, and how near the result is to the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..dataset.sample import OrbitSample
from ..evaluation.consistency import disagreement
from ..orbits.cameras import Camera, orbit_cameras
from ..painters.orbitpainter.gasa_tokens import GasaOptions
from ..painters.orbitpainter.latent_layouts import decode_run, plan_runs
from ..painters.orbitpainter.sampler import Guidance, initial_noise, sample, sampling_sigmas
from .config import ModelConfig
from .examples import encode_sample, make_example, surface
from .references import moved


def plain_reference(of: OrbitSample) -> NDArray[np.uint8]:
    """The reference nearest to the front, of the object's own orbit if there is one, on black: uint8 (S, S, 3)."""
    order = {"orbit": 0, "points": 1, "random": 2}
    best = min(
        range(len(of.references)),
        key=lambda i: (order[of.reference_views[i].source], abs(of.reference_views[i].azimuth)),
    )
    return moved(of.references[best], 1.0, 0.0, 0)


@torch.no_grad()
def paint_sample(
    network: Any,
    vae: Any,
    of: OrbitSample,
    reference: NDArray[np.uint8],
    prompt: torch.Tensor,
    model: ModelConfig,
    options: GasaOptions,
    steps: int,
    seed: int = 0,
    shift: float = 5.0,
) -> NDArray[np.uint8]:
    """The painted frames of all views, uint8 (N, S, S, 3). Without guidance; black where no token was computed."""
    device = prompt.device
    frames: list[NDArray[np.uint8]] = []
    for run in plan_runs(model.layout, of.views, vae.config.scale_factor_temporal):
        encoded = encode_sample(vae, of, run, options.grid)
        example = make_example(vae, of, encoded, reference, model, options).to(device)

        def velocity(latents: torch.Tensor, sigma: float, *_: object, seen: Any = example) -> torch.Tensor:
            return seen.predict(network, latents, torch.tensor([sigma]), prompt, model.channels)

        noise = initial_noise(example.target.shape, seed).to(device)
        latents = sample(velocity, noise, sampling_sigmas(steps, shift), Guidance(1.0))
        where = example.counted()
        if where is not None:  # tokens left out are background; the encoder knows what black looks like
            black = encode_black(vae, example.target.shape, device)
            latents = torch.where(where, latents, black)
        for part in decode_run(vae, run, latents):
            frames.append(part)
    return np.concatenate(frames)


def encode_black(vae: Any, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """The latent of black frames, of `shape` (1, 16, t, h, w); one frame is encoded, as black is black everywhere."""
    from ..painters.orbitpainter.latents import encode

    scale = vae.config.scale_factor_spatial
    frame = -torch.ones((1, 3, 1, shape[3] * scale, shape[4] * scale))
    return encode(vae, frame).to(device).expand(shape)


def sheet_of(
    of: OrbitSample, reference: NDArray[np.uint8], painted: NDArray[np.uint8], columns: int
) -> NDArray[np.uint8]:
    """Two rows of a picture, uint8 (2 S, (n + 1) S, 3): the reference and up to 2 `columns` views; the truth above what
    was painted, which is cut out by the object's mask.
    """
    shown = np.linspace(0, len(painted) - 1, min(len(painted), 2 * columns)).round().astype(int)
    cut = np.round(painted[shown] * (of.mask[shown, ..., None] / 255)).astype(np.uint8)
    return np.concatenate(
        [np.concatenate([reference, *frames], axis=1) for frames in (of.albedo[shown], cut)],
    )


def views_away(views: tuple[int, int], least: float) -> NDArray[np.intp]:
    """The views that look from at least so many degrees away from a frontal reference."""
    angles = np.concatenate([np.arange(count) * 360.0 / count for count in views if count])
    return np.flatnonzero(np.minimum(angles, 360 - angles) >= least)


def masked_psnr(painted: NDArray[np.uint8], truth: NDArray[np.uint8], mask: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB over pixels that lie wholly on the object, all given frames together."""
    inside = mask == 255
    error = (painted[inside].astype(np.float64) - truth[inside]) / 255
    return float(-10 * np.log10(max(np.mean(error**2), 1e-10)))


@dataclass(frozen=True, eq=False)
class _Seen:
    """One view of a sample, as `disagreement` wants it."""

    camera: Camera
    position: NDArray[np.float32]
    mask: NDArray[np.bool_]


def sample_disagreement(painted: NDArray[np.uint8], of: OrbitSample) -> float:
    """MV-MSE of painted frames uint8 (N, S, S, 3): do the views show the same colours on the same surface? Not a number
    where no two of them show the same surface.
    """
    cameras = [*orbit_cameras("H", of.views[0], of.size), *orbit_cameras("V", of.views[1], of.size)]
    views = [
        _Seen(camera, surface(position, mask)[0], mask == 255)
        for camera, position, mask in zip(cameras, of.position, of.mask, strict=True)
    ]
    return disagreement(views, list(painted), [view.mask for view in views])
