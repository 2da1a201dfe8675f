# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet of painted orbits that a run writes now and then: reference, truth, painted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError
from ..files import write_png
from .config import TrainConfig
from .painting import paint_sample, plain_reference, sheet_of
from .source import Source
from .steps import Steps

COLUMNS = 8  # frames of each orbit on the sheet, at most


class SampleSheet:
    """The last samples of the source, painted from the same noise every time."""

    def __init__(self, config: TrainConfig, source: Source, steps: Steps, out: Path) -> None:
        self._config, self._steps, self._folder = config, steps, out / "samples"
        self._samples = []
        for index in range(len(source) - 1, max(len(source) - 1 - 4 * config.run.samples, -1), -1):
            if len(self._samples) < config.run.samples:
                try:
                    self._samples.append(source.sample(index))
                except InputError:  # the run says so when it comes to it
                    continue

    def draw(self, network: torch.nn.Module, prompt: torch.Tensor) -> NDArray[np.uint8]:
        """Paint; the sheet uint8 (h, w, 3)."""
        network.eval()
        rows = []
        for sample in self._samples:
            reference = plain_reference(sample)
            painted = paint_sample(
                network,
                self._steps.vae,
                sample,
                reference,
                prompt,
                self._config.model,
                self._steps.options,
                self._config.run.sample_steps,
            )
            rows.append(sheet_of(sample, reference, painted, COLUMNS))
        network.train()
        return np.concatenate(rows)

    def write(self, sheet: NDArray[np.uint8], step: int) -> None:
        """Write samples/step-N.png."""
        self._folder.mkdir(parents=True, exist_ok=True)
        write_png(self._folder / f"step-{step:08d}.png", sheet)
