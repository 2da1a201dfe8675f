# SPDX-License-Identifier: GPL-3.0-or-later
"""Few-step distillation by distribution matching (DMD2): generator, fake score, real score.

The generator is the trained network, run over a few noise levels as the sampler does it. Its result is noised again;
there the real score (the frozen teacher) says where pictures of the data lie, and the fake score (a copy that keeps
learning what the generator makes) where the generator's lie. The generator moves along the difference:

    gradient of x = (x_fake - x_real) / mean |x - x_real|,   x_fake, x_real = x' - sigma' v(x', sigma')

Ink3D names DMD2 as its way from 50 steps to a few; the losses are those of arXiv 2405.14867 without its GAN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..errors import UsageError
from ..painters.orbitpainter.sampler import sampling_sigmas
from ..progress import Progress, silent
from . import checkpoint
from .config import TrainConfig
from .export import load_network, newest, trained_tensors
from .network import build_network, encoded_prompt, share_frozen, trained_parameters
from .objective import noised, velocity_loss
from .source import Source, open_source
from .steps import Draw
from .trainer import Trainer, rate_at


def distill(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    source: Source | None = None,
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
) -> Path:
    """As `trainer.train`, with `config.distill`. The checkpoints' trained weights are the generator's."""
    distiller = Distiller(config, out, source or open_source(config.data), note)
    distiller.start(resume)
    return distiller.run(progress)


class Distiller(Trainer):
    """The network of the run is the generator."""

    def __init__(
        self, config: TrainConfig, out: Path, source: Source, note: Callable[[str], None] = lambda text: None
    ) -> None:
        if not config.distill.teacher:
            raise UsageError("distill-teacher", "There is nothing to distill.", "Say distill.teacher=RUN's folder.")
        folder, taught = newest(Path(config.distill.teacher))
        if taught.model != config.model:
            raise UsageError(
                "distill-model", "The teacher is another network than the configuration's.", "Use its [model] table."
            )
        if config.run.shard:  # processes stop the generator after different levels: they would wait for each other
            raise UsageError("distill-shard", "A distillation cannot be split.", "Leave run.shard out.")
        super().__init__(config, out, source, note)
        accelerator = self.accelerator
        weights, path = trained_tensors(folder)
        real, fake = load_network(folder, taught), build_network(config)
        for copy in (real, fake):
            share_frozen(accelerator.unwrap_model(self.wrapped), copy)
        self.real = real.requires_grad_(False).to(accelerator.device)
        self.fake_parameters = trained_parameters(fake)
        for parameters in (self.parameters, self.fake_parameters):
            checkpoint.load_trained(parameters, weights, path)
        optimiser = torch.optim.AdamW(
            self.fake_parameters.values(), lr=config.distill.fake_rate, weight_decay=config.optimiser.weight_decay
        )
        self.fake, self.fake_optimiser = accelerator.prepare(fake, optimiser)
        self.negative = None
        if config.distill.guidance != 1:
            self.negative = encoded_prompt(config.model, "negative").to(accelerator.device)
        self.levels = sampling_sigmas(config.distill.levels)

    def tensors(self) -> dict[str, Mapping[str, torch.Tensor]]:
        more = {
            "fake": {name: parameter.detach() for name, parameter in self.fake_parameters.items()},
            "fake_optimiser": checkpoint.optimiser_tensors(self.fake_parameters, self.fake_optimiser.optimizer),
        }
        return super().tensors() | more

    def restore(self, folder: Path) -> None:
        super().restore(folder)
        path = folder / "fake.safetensors"
        checkpoint.load_trained(self.fake_parameters, checkpoint.read_tensors(path), path)
        tensors = checkpoint.read_tensors(folder / "fake_optimiser.safetensors")
        checkpoint.load_optimiser(self.fake_parameters, self.fake_optimiser.optimizer, tensors)

    def _one_step(self) -> tuple[float, float]:
        """The fake score learns what the generator makes; in every `ratio`-th step the generator learns first."""
        config = self.config
        draws = [self.steps.draw(self.step, place) for place in range(config.run.batch)]
        loss = norm = torch.zeros((), device=self.accelerator.device)
        if self.step % config.distill.ratio == 0:
            for group in self.optimiser.param_groups:
                group["lr"] = rate_at(config.optimiser, self.step, config.run.steps)
            loss, norm = self._update(draws, self._generator_loss, self.parameters, self.optimiser)
            if self.average is not None:
                self.average.update(self.step + 1)
        fake_loss, fake_norm = self._update(draws, self._fake_loss, self.fake_parameters, self.fake_optimiser)
        return float(loss + fake_loss), float(norm + fake_norm)

    def _update(
        self,
        draws: list[Draw],
        loss_of: Callable[[Draw], torch.Tensor],
        parameters: Mapping[str, torch.nn.Parameter],
        optimiser: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of one network. Raises InputError where the loss is not a number, before any weight has changed."""
        total, losses = torch.zeros((), device=self.accelerator.device), {}
        for draw in draws:
            loss = loss_of(draw) / len(draws)
            self.accelerator.backward(loss)
            total += loss.detach()
            losses[draw.example.key] = loss.detach()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), self.config.optimiser.clip or math.inf)
        total: Any = self.accelerator.reduce(total, "mean")
        finite = bool(torch.isfinite(total) and torch.isfinite(norm))
        if finite:
            optimiser.step()
        optimiser.zero_grad()
        if not finite:
            raise self._not_finite(losses)
        return total, norm

    def _made(self, draw: Draw, gradient: bool) -> torch.Tensor:
        """What the generator makes of noise, stopped after a level drawn at random: (draws, 16, t, h, w).

        Levels before are run without gradients, as the sampler runs them (DMD2's backward simulation).
        """
        example = draw.example.to(self.accelerator.device)
        noisy = draw.noise.to(self.accelerator.device)
        last = int(self._random(draw).integers(len(self.levels) - 1))
        for level in range(last + 1):
            sigma, following = float(self.levels[level]), float(self.levels[level + 1])
            with torch.set_grad_enabled(gradient and level == last), self.autocast():
                velocity = self._velocity(self.wrapped, example, noisy, torch.full((len(noisy),), sigma), self.prompt)
            noisy = noisy + velocity * ((0.0 if level == last else following) - sigma)
        return noisy

    def _velocity(
        self, network: Any, example: Any, noisy: torch.Tensor, sigma: torch.Tensor, prompt: torch.Tensor
    ) -> torch.Tensor:
        return example.predict(network, noisy, sigma, prompt, self.config.model.channels).float()

    def _random(self, draw: Draw) -> np.random.Generator:
        """Drawn from the noise itself, so that a step done again is the same."""
        return np.random.default_rng(draw.noise.flatten()[:8].numpy().view(np.uint32).tolist())

    def _generator_loss(self, draw: Draw) -> torch.Tensor:
        made = self._made(draw, True)
        example, plain = draw.example.to(self.accelerator.device), made.detach()
        sigma, noise = self._again(draw, plain)
        level = sigma.view(-1, 1, 1, 1, 1)
        with torch.no_grad(), self.autocast():
            noisy = noised(plain, noise, sigma)
            real = self._velocity(self.real, example, noisy, sigma, self.prompt)
            if self.negative is not None:
                other = self._velocity(self.real, example, noisy, sigma, self.negative)
                real = other + self.config.distill.guidance * (real - other)
            fake = self._velocity(self.fake, example, noisy, sigma, self.prompt)
        towards_real = noisy - level * real
        scale = (plain - towards_real).abs().flatten(1).mean(dim=1).clamp_min(1e-4).view(-1, 1, 1, 1, 1)
        gradient = level * (real - fake) / scale  # x_fake - x_real = sigma (v_real - v_fake)
        return 0.5 * ((made - (plain - gradient)) ** 2).mean()

    def _fake_loss(self, draw: Draw) -> torch.Tensor:
        made = self._made(draw, False)
        example = draw.example.to(self.accelerator.device)
        sigma, noise = self._again(draw, made)
        with self.autocast():
            velocity = self._velocity(self.fake, example, noised(made, noise, sigma), sigma, self.prompt)
        return velocity_loss(velocity, made, noise, torch.ones(len(made)), example.counted())

    def _again(self, draw: Draw, made: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Noise levels and noise with which the generator's result is noised again."""
        random = self._random(draw)
        random.integers(2, size=4)
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        sigma = draw.sigma.clamp(0.02, 0.98).to(made)
        return sigma, torch.randn(made.shape, generator=generator).to(made)
