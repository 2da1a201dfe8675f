# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step of a run is made of: its samples, noise levels and noise, all drawn from the seed and a number.

Nothing of it depends on what was drawn before, so a run that goes on needs no state of random generators; and nothing
depends on which process draws it, so two processes with one sample each do what one does with two.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..dataset.sample import OrbitSample
from ..errors import InputError
from ..painters.orbitpainter.gasa_tokens import GasaOptions
from ..painters.orbitpainter.latent_layouts import Run
from .config import TrainConfig
from .examples import Encoded, Example, check_finite, encode_sample, make_example, run_of
from .latent_store import LatentStore
from .objective import draw_level
from .references import draw_reference
from .source import Order, Source

ATTEMPTS = 50  # broken samples in a row after which a data set is given up


@dataclass(frozen=True, eq=False)
class Draw:
    """One sample of a step: what the network sees, noises float32 (draws, 16, t, h, w), their levels and weights."""

    example: Example
    noise: torch.Tensor
    sigma: torch.Tensor
    weight: torch.Tensor


class Steps:
    """The samples of all steps. note: told once about each sample that is left out.

    While a step is computed, a thread reads and decodes the sample of the next: hundreds of pictures at full size.
    """

    def __init__(
        self,
        config: TrainConfig,
        source: Source,
        vae: Any,
        options: GasaOptions,
        note: Callable[[str], None],
        processes: int = 1,
        process: int = 0,
    ) -> None:
        self._config, self._source, self._note = config, source, note
        self.vae, self.options = vae, options
        self._processes, self._process = processes, process
        self._order = Order(len(source), config.run.seed)
        self._store = (
            LatentStore(Path(config.data.latents), vae, config.data.continued) if config.data.latents else None
        )
        self._left_out: set[int] = set()
        self._reader = ThreadPoolExecutor(1, "samples")  # one, so that what is left out is known in order
        self._coming: tuple[int, Future[OrbitSample]] | None = None

    def draw(self, step: int, place: int) -> Draw:
        """Sample `place` of the batch of `step` on this process. Raises InputError where no sample can be used."""
        config = self._config
        number = (step * config.run.batch + place) * self._processes + self._process
        random = np.random.default_rng([config.run.seed, number])
        sample = self._read(number)
        run = run_of(sample, config.model, self.vae.config.scale_factor_temporal, random)
        encoded = self._encoded(sample, run)
        reference = draw_reference(sample, config.reference, random)
        example = make_example(self.vae, sample, encoded, reference, config.model, self.options)
        check_finite(example)
        levels = torch.tensor([draw_level(config.objective, random) for _ in range(config.run.draws)])
        generator = torch.Generator().manual_seed(int(random.integers(2**62)))
        noise = torch.randn((config.run.draws, *example.target.shape[1:]), generator=generator)
        return Draw(example, noise, levels[:, 0], levels[:, 1])

    def _encoded(self, sample: OrbitSample, run: Run) -> Encoded:
        def encode() -> Encoded:
            return encode_sample(self.vae, sample, run, self.options.grid, self._config.data.continued)

        return encode() if self._store is None else self._store.get(sample, run, self.options.grid, encode)

    def _read(self, number: int) -> OrbitSample:
        """The sample of a number; that of this process's next number is begun. Raises as `_usable`."""
        if self._coming is None or self._coming[0] != number:
            self._coming = number, self._reader.submit(self._usable, number)
        sample = self._coming[1].result()
        following = number + self._processes
        self._coming = following, self._reader.submit(self._usable, following)
        return sample

    def _usable(self, number: int) -> OrbitSample:
        """The sample of a number; where it is broken, the one that stands further on in the order."""
        problem = InputError("dataset-empty", "The data set holds no sample.", "Render the data set first.")
        if not len(self._source):
            raise problem
        for attempt in range(ATTEMPTS):
            index = (self._order(number) + attempt * 7919) % len(self._source)
            if index in self._left_out:
                continue
            try:
                return self._source.sample(index)
            except InputError as error:
                problem = error
                self._left_out.add(index)
                self._note(f"{self._source.name(index)} is left out: {error.message}")
        raise InputError(
            "dataset-broken",
            f"{ATTEMPTS} samples in a row cannot be used; the last one: {problem.message}",
            "Run 'dataset check', and render the broken shards again.",
        )
