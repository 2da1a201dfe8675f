# SPDX-License-Identifier: GPL-3.0-or-later
"""Flow-matching sampler of OrbitPainter (specs/orbitpainter.md section 7).

sigma = 1 is noise, 0 is data; the network predicts noise - data; Euler: x <- x + v (sigma_next - sigma).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from .presets import GUIDANCE, STEPS

SHIFT = 5.0
BOUNDARY = 0.875  # published inference; the weights were trained with 0.900
TRAINED_BOUNDARY = 0.9

Expert = Literal["high", "low"]
Branch = Literal["positive", "negative"]


def sampling_sigmas(steps: int = STEPS, shift: float = SHIFT) -> NDArray[np.float32]:
    """sigma_i = shift s_i / (1 + (shift - 1) s_i) with s_i = 1 - i / N, and 0 at the end: float32 (steps + 1,).

    Bit for bit diffusers' FlowMatchEulerDiscreteScheduler(shift) given the sigmas linspace(1, 0, N + 1)[:-1].
    """
    s = np.linspace(1, 0, steps + 1)[:-1].astype(np.float32)
    sigmas = shift * s / (1 + (shift - 1) * s)
    return np.append(sigmas, np.float32(0)).astype(np.float32)


def expert_of(sigma: float, boundary: float = BOUNDARY) -> Expert:
    """The high-noise expert while 1000 sigma >= 1000 boundary."""
    return "high" if 1000 * sigma >= 1000 * boundary else "low"


def initial_noise(shape: Sequence[int], seed: int | torch.Generator) -> torch.Tensor:
    """Standard normal noise, float32 on the CPU, the same on every machine for a seed (or a CPU generator's state).

    Rounded to bfloat16, as the published loop does, so that a seed gives the published noise.
    """
    generator = seed if isinstance(seed, torch.Generator) else torch.Generator("cpu").manual_seed(seed)
    return torch.randn(tuple(shape), generator=generator, dtype=torch.float32).bfloat16().float()


@dataclass(frozen=True, eq=False)
class FirstFrame:
    """Frame 0 of another orbit, written into latent frame 0 (section 7.1): both orbits agree where they meet.

    latent  float32 (1, 16, 1, h, w), clean; only valid with proper cameras, for which H 0 and V 0 are one view
    mode    clean: as it is, as published; noised: at the noise level of the step, with the run's own noise
    steps   how many steps it is written after (and before the first, unless 0); None: all
    """

    latent: torch.Tensor
    mode: Literal["clean", "noised"] = "clean"
    steps: int | None = None

    def write(self, latents: torch.Tensor, noise: torch.Tensor, sigma: float, done: int) -> torch.Tensor:
        """`latents` at noise level `sigma` with frame 0 replaced, if `done` steps of the run are not too many."""
        if (self.steps is not None and done > self.steps) or self.steps == 0:
            return latents
        first = self.latent.to(latents)
        if self.mode == "noised":
            first = (1 - sigma) * first + sigma * noise[:, :, :1]
        return torch.cat((first.expand_as(latents[:, :, :1]), latents[:, :, 1:]), dim=2)


@dataclass(frozen=True, eq=False)
class Start:
    """Data that a run begins from in place of noise alone (SDEdit, arXiv 2108.01073).

    clean     float32 (1, 16, t, h, w), latents of it
    strength  share of the steps that are done: 1 all of them, from noise; 0 none
    """

    clean: torch.Tensor
    strength: float

    def first_step(self, steps: int) -> int:
        """The step that is done first; `steps` where there is none to do."""
        return steps - round(self.strength * steps)

    def noised(self, noise: torch.Tensor, sigma: float) -> torch.Tensor:
        return (1 - sigma) * self.clean.to(noise) + sigma * noise


class Network(Protocol):
    """Predicts the velocity of `latents` (1, 16, t, h, w) at `sigma`, by one expert for one text."""

    def __call__(
        self, latents: torch.Tensor, sigma: float, step: int, expert: Expert, branch: Branch
    ) -> torch.Tensor: ...


@dataclass(frozen=True)
class Guidance:
    """v = v_neg + scale (v_pos - v_neg) on the steps that lie in [start, stop) of the run; elsewhere v = v_pos."""

    scale: float = GUIDANCE
    start: float = 0.0
    stop: float = 1.0

    def active(self, step: int, steps: int) -> bool:
        return self.scale != 1 and self.start <= step / steps < self.stop


# pair(latents, sigma, step, expert): the velocities for both texts, positive first, where they are computed together
Pair = Callable[[torch.Tensor, float, int, Expert], tuple[torch.Tensor, torch.Tensor]]

# after_step(step, sigma_next, latents, clean): clean is what the data would be if the velocity stayed as it is. Returns
# None, or latents to go on with; may raise CancelledError.
AfterStep = Callable[[int, float, torch.Tensor, torch.Tensor], torch.Tensor | None]


def sample(
    network: Network,
    noise: torch.Tensor,
    sigmas: NDArray[np.float32] | Sequence[float],
    guidance: Guidance = Guidance(),
    boundary: float = BOUNDARY,
    first_frame: FirstFrame | None = None,
    after_step: AfterStep | None = None,
    pair: Pair | None = None,
    start: Start | None = None,
) -> torch.Tensor:
    """Latents float32 (1, 16, t, h, w) of the painted run.

    noise: as `initial_noise` makes it, on the device of the run; sigmas: N + 1 values that end with 0; pair: takes the
    place of two calls of `network` where guidance is active; start: what the run begins from, with fewer steps. The
    latents stay float32. Errors of the callbacks pass through.
    """
    steps = len(sigmas) - 1
    noise = noise.float()
    first = 0 if start is None else start.first_step(steps)
    latents = noise.clone() if start is None else start.noised(noise, float(sigmas[first]))
    if first_frame is not None and first < steps:
        latents = first_frame.write(latents, noise, float(sigmas[first]), first)
    for step in range(first, steps):
        sigma, following = float(sigmas[step]), float(sigmas[step + 1])
        expert = expert_of(sigma, boundary)
        if not guidance.active(step, steps):
            velocity = network(latents, sigma, step, expert, "positive").float()
        else:
            if pair is not None:
                positive, negative = pair(latents, sigma, step, expert)
            else:
                positive = network(latents, sigma, step, expert, "positive")
                negative = network(latents, sigma, step, expert, "negative")
            velocity = negative.float() + guidance.scale * (positive.float() - negative.float())
        latents = latents + velocity * (following - sigma)
        if first_frame is not None:
            latents = first_frame.write(latents, noise, following, step + 1)
        if after_step is not None:
            replaced = after_step(step, following, latents, latents - following * velocity)
            latents = latents if replaced is None else replaced.float()
    return latents
