# SPDX-License-Identifier: GPL-3.0-or-later
"""The samples of a run by number: shards, or procedural objects; an order for every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from ..dataset.plan import RenderPlan
from ..dataset.procedural import procedural_object, procedural_sample
from ..dataset.sample import OrbitSample
from ..dataset.shards import StoredSample, stored_samples
from .config import DataConfig


class Source(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...
    def name(self, index: int) -> str: ...
    def sample(self, index: int) -> OrbitSample:
        """Raises InputError where it is broken."""
        ...


class ShardSource:
    """All samples of a folder of shards, whose tables of contents are read once. Raises InputError."""

    def __init__(self, folder: Path | str) -> None:
        self._stored: list[StoredSample] = list(stored_samples(folder))

    def __len__(self) -> int:
        return len(self._stored)

    def name(self, index: int) -> str:
        return f"{self._stored[index].key} of {self._stored[index].shard}"

    def sample(self, index: int) -> OrbitSample:
        return self._stored[index].read()


class ProceduralSource:
    """Objects of the seeds from `first` on, made when they are asked for."""

    COUNT = 2**31  # more than any run sees

    def __init__(self, first: int, plan: RenderPlan) -> None:
        self._first, self._plan = first, plan

    def __len__(self) -> int:
        return self.COUNT

    def name(self, index: int) -> str:
        return f"procedural seed {self._first + index}"

    def sample(self, index: int) -> OrbitSample:
        sample = procedural_sample(procedural_object(self._first + index), self._plan)
        sample.check()
        return sample


def open_source(config: DataConfig) -> Source:
    """Raises InputError where the shards are missing, empty or cut short."""
    if config.shards:
        return ShardSource(config.shards)
    plan = RenderPlan(views=config.views, size=config.size, references=(3, 2, 2), material=False)
    return ProceduralSource(config.first_seed, plan)


class Order:
    """Which sample is the n-th of a run: all of them once an epoch, in an order of the epoch's own.

    Endless sources are taken as they come.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._epoch, self._permutation = -1, np.zeros(0, np.int64)

    def __call__(self, number: int) -> int:
        if self._count == ProceduralSource.COUNT:
            return number
        epoch, place = divmod(number, self._count)
        if epoch != self._epoch:
            self._epoch = epoch
            self._permutation = np.random.default_rng([self._seed, epoch]).permutation(self._count)
        return int(self._permutation[place])
