# SPDX-License-Identifier: GPL-3.0-or-later
"""The two branches of guidance on two devices, at the same time (specs/inference-speed.md section 3, parallel).

They need nothing from each other until the step is made, so two devices halve the time of guided steps. Each device
holds copies of both experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import torch

from .sampler import Branch, Expert
from .transformer import OrbitWanTransformer3DModel


class BranchRunner:
    """copies: both experts on the second device; the first device has the pipeline's own."""

    def __init__(self, copies: Mapping[Expert, OrbitWanTransformer3DModel], device: torch.device) -> None:
        self.copies = dict(copies)
        for model in self.copies.values():
            model.run_on = device
        self._pool = ThreadPoolExecutor(1, "orbitpainter-branch")

    def run(
        self,
        model: OrbitWanTransformer3DModel,
        expert: Expert,
        velocity: Callable[[OrbitWanTransformer3DModel, Branch], torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Velocities for the positive text, by `model` in this thread, and the negative one, by its copy in another.

        What either raises comes out here, after both have ended.
        """
        with torch.inference_mode(torch.is_inference_mode_enabled()):
            negative = self._pool.submit(torch.no_grad()(velocity), self.copies[expert], "negative")
            try:
                positive = velocity(model, "positive")
            finally:
                negative.exception()  # waits
        return positive, negative.result()

    def close(self) -> None:
        """End the thread and forget the copies."""
        self._pool.shutdown()
        self.copies.clear()
