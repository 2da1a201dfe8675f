# SPDX-License-Identifier: GPL-3.0-or-later
"""Flow matching: noise levels, weights and the loss (specs/orbitpainter.md sections 11 and 12).

sigma = 1 is noise, 0 is data; x = (1 - sigma) data + sigma noise; the network predicts noise - data.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from ..painters.orbitpainter.sampler import sampling_sigmas
from .config import ObjectiveConfig

SCHEDULE = 1000  # noise levels of the release's schedule, shift 5
SPLIT = 358  # first index that belongs to the low-noise expert; sigma 0.89966
RANGES = {"high": (0, SPLIT), "low": (SPLIT, SCHEDULE), "both": (0, SCHEDULE)}


@lru_cache(maxsize=1)
def schedule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The release's noise levels sigma and their weights, float64 (1000,) each, from noise to data.

    The weight is a Gaussian bump over t = 1000 sigma around 500, its minimum taken off, of mean 1.
    """
    sigmas = sampling_sigmas(SCHEDULE)[:-1].astype(np.float64)
    bump = np.exp(-2 * ((1000 * sigmas - 500) / 1000) ** 2)
    bump -= bump.min()
    return sigmas, bump / bump.mean()


def draw_level(config: ObjectiveConfig, random: np.random.Generator) -> tuple[float, float]:
    """A noise level sigma and the weight of its loss."""
    if config.kind == "paper":
        logit = config.logit_mean + config.logit_std * random.standard_normal()
        return float(1 / (1 + np.exp(-logit))), 1.0
    sigmas, weights = schedule()
    drawn = 1000 * sigmas[random.integers(*RANGES[config.expert])]
    rounded = float(torch.tensor(drawn).bfloat16())  # the release rounds first, and takes the level nearest to that
    index = int(np.abs(1000 * sigmas - rounded).argmin())
    return float(sigmas[index]), float(weights[index])


def noised(data: torch.Tensor, noise: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """(1 - sigma) data + sigma noise; sigma (batch,)."""
    level = sigma.to(noise).view(-1, 1, 1, 1, 1)
    return (1 - level) * data + level * noise


def velocity_loss(
    velocity: torch.Tensor,
    data: torch.Tensor,
    noise: torch.Tensor,
    weight: torch.Tensor,
    where: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean over the batch of weight (batch,) times the mean of (velocity - (noise - data))^2, float32.

    where: bool (1, 1, t, h, w), the places that count.
    """
    square = (velocity.float() - (noise - data).float()) ** 2
    if where is not None:
        square = square * where * (where.numel() / where.sum())
    return (weight.to(square) * square.flatten(1).mean(dim=1)).mean()
