# SPDX-License-Identifier: GPL-3.0-or-later
"""Differentiable rendering: the texture is found by gradient descent on the pictures (specs 8.1). Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import EngineMissingError
from ...mesh import MeshData
from ...painters.base import Frame
from ...progress import Progress, silent
from ..hits import cast, texture_coordinates
from ..types import BakedTile, TextureTarget
from ..uv_raster import claim_texels
from .average import tile_of

VARIATION = 0.01  # weight of the total variation: mean absolute difference of neighbouring texels


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise EngineMissingError(
            "torch-missing",
            "Differentiable rendering needs PyTorch, which is not installed.",
            "Install the neural group.",
        ) from error
    return torch


def differentiable_texture(
    mesh: MeshData,
    target: TextureTarget,
    frames: Sequence[Frame],
    steps: int = 1500,
    seed: int = 0,
    progress: Progress = silent,
) -> list[BakedTile]:
    """Adam (0.5, 0.9), rate 1e-2 to 1e-5 by a cosine, L1 + 0.01 total variation, one random frame a step.

    Bilinear lookup at pixel centres, on the CPU, so that a seed gives the same result everywhere. Texels of no face
    are refilled from the nearest chart at the end. Raises EngineMissingError without torch. One tile only (1001).
    Memory: 12 bytes an object pixel of all frames, 64 bytes a texel.
    """
    torch = _torch()
    size = target.size
    samples = []
    for frame in frames:
        hits = cast(mesh, frame.camera, 1)
        uv = texture_coordinates(mesh, target, hits)
        usable = np.isfinite(uv).all(axis=1) & (frame.image[..., 3].reshape(-1)[hits.index] >= 128)
        grid = np.stack([2 * uv[usable, 0] - 1, 1 - 2 * uv[usable, 1]], axis=-1).astype(np.float32)
        colour = frame.image.reshape(-1, 4)[hits.index[usable], :3]
        samples.append((torch.from_numpy(grid)[None, :, None], torch.from_numpy(colour.copy())))
    texture = torch.full((1, 3, size, size), 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([texture], lr=1e-2, betas=(0.5, 0.9), fused=True)
    random = np.random.default_rng(seed)
    for step in range(steps):
        progress(step / steps, f"step {step + 1} of {steps}")
        for group in optimiser.param_groups:
            group["lr"] = 1e-5 + 0.5 * (1e-2 - 1e-5) * (1 + np.cos(np.pi * step / steps))
        grid, colour = samples[random.integers(len(samples))]
        if len(colour) == 0:
            continue
        drawn = torch.nn.functional.grid_sample(texture, grid, align_corners=False, padding_mode="border")
        loss = (drawn[0, :, :, 0].T - colour / 255).abs().mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        for axis in (2, 3):  # the total variation's gradient, written out: several times faster than autograd's
            sign = texture.detach().diff(dim=axis).sign_().mul_(VARIATION / (3 * size * (size - 1)))
            texture.grad.narrow(axis, 1, size - 1).add_(sign)
            texture.grad.narrow(axis, 0, size - 1).sub_(sign)
        optimiser.step()
    result = texture.detach()[0].permute(1, 2, 0).numpy().reshape(-1, 3)
    owner = claim_texels(target.uv, size)
    texels = np.flatnonzero(owner >= 0)
    return [tile_of(1001, owner, texels, 255 * result[texels])]
