# SPDX-License-Identifier: GPL-3.0-or-later
"""Two things at a time on two devices (specs/inference-speed.md section 3, parallel): orbits or guidance branches.

What is computed apart needs nothing from each other until it is done, so two devices halve its time. Each device holds
copies of both experts. More devices share one forward pass instead: `context_parallel.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from ...errors import CancelledError
from ...progress import Progress
from .sampler import Expert
from .transformer import OrbitWanTransformer3DModel

Result = TypeVar("Result")


class SecondDevice:
    """copies: both experts on the second device; the first device has the pipeline's own."""

    def __init__(self, copies: Mapping[Expert, OrbitWanTransformer3DModel], device: torch.device) -> None:
        self.copies, self.device = dict(copies), device
        for model in self.copies.values():
            model.run_on = device
        self._pool = ThreadPoolExecutor(1, "orbitpainter-second")

    def at_once(self, here: Callable[[], Result], there: Callable[[], Result]) -> tuple[Result, Result]:
        """`here` in this thread and `there`, which uses the copies, in another. The network's gradients are off.

        What either raises comes out here, after both have ended.
        """
        with torch.inference_mode(torch.is_inference_mode_enabled()):
            second = self._pool.submit(torch.no_grad()(there))
            try:
                first = here()
            except StoppedByOther as consequence:
                raise second.exception() or consequence from None
            finally:
                second.exception()  # waits
        return first, second.result()

    def close(self) -> None:
        """End the thread and forget the copies."""
        self._pool.shutdown()
        self.copies.clear()


class StoppedByOther(CancelledError):
    """A run ends because another one that works at the same time has."""


class CommonProgress:
    """One progress of `count` runs that work at the same time: the mean of theirs.

    When the callback raises in one of them (cancelled), the others raise StoppedByOther the next time they report.
    """

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._done = progress, [0.0] * count
        self._stopped = False
        self.lock = threading.Lock()  # for whatever else the runs tell

    def of(self, index: int) -> Progress:
        """What run `index` reports to, a fraction of its own."""

        def report(fraction: float, detail: str = "") -> None:
            with self.lock:
                if self._stopped:
                    raise StoppedByOther
                self._done[index] = fraction
                try:
                    self._progress(sum(self._done) / len(self._done), detail)
                except BaseException:
                    self._stopped = True
                    raise

        return report

    def stop(self) -> None:
        """Stop all runs, because one has failed."""
        with self.lock:
            self._stopped = True
