# SPDX-License-Identifier: GPL-3.0-or-later
"""A codec without training that takes the place of the Wan VAE in small networks: the first cosines of every block.

Same shape of interface as diffusers' `AutoencoderKLWan` as far as `latents.py` uses it, and the same 16 channels.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from numpy.typing import NDArray

# Of an orthonormal luma and two chroma axes: how many cosines are kept, lowest frequencies first.
_COSINES = (10, 3, 3)
_AXES = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0))


class PatchVae(ModelMixin, ConfigMixin):
    """Each frame by itself, each block of `block` x `block` pixels by itself: 16 of its 3 block^2 cosines.

    latents_mean, latents_std: constants of the 16 channels, as `latents.normalise` uses them. With the defaults the
    mean colour of a block deviates by 2.4 to 3 on the procedural objects, its slopes by 0.5 to 0.9, all else by less:
    what is seen most weighs most, and noise that is left over in fine detail does not show.
    """

    @register_to_config
    def __init__(
        self,
        block: int = 8,
        latents_mean: tuple[float, ...] = (-4.5, *(15 * (0.0,))),
        latents_std: tuple[float, ...] = (2.0, *(9 * (0.5,)), 1.0, 0.4, 0.4, 1.0, 0.4, 0.4),
        scale_factor_temporal: int = 1,
        scale_factor_spatial: int = 8,
    ) -> None:
        super().__init__()
        self.basis = torch.nn.Parameter(torch.from_numpy(_basis(block)), requires_grad=False)

    def encode(self, video: torch.Tensor) -> SimpleNamespace:
        """(b, 3, T, H, W) -> an object whose `latent_dist.mode()` is (b, 16, T, H / block, W / block)."""
        block = self.config.block
        batch, _, frames, height, width = video.shape
        blocks = video.reshape(batch, 3, frames, height // block, block, width // block, block)
        latents = torch.einsum("nckl,bcthkwl->bnthw", self.basis, blocks)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))

    def decode(self, latents: torch.Tensor) -> SimpleNamespace:
        """(b, 16, t, h, w) -> an object whose `sample` is (b, 3, t, h block, w block)."""
        blocks = torch.einsum("nckl,bnthw->bcthkwl", self.basis, latents)
        return SimpleNamespace(sample=blocks.flatten(5, 6).flatten(3, 4))


def _basis(block: int) -> NDArray[np.float32]:
    """Orthonormal functions on a block of three colours, float32 (16, 3, block, block)."""
    place, order = np.arange(block) + 0.5, np.arange(block)
    cosine = np.cos(np.pi / block * order[:, None] * place) * np.sqrt(2 / block)
    cosine[0] /= np.sqrt(2)
    by_frequency = sorted(((i, j) for i in order for j in order), key=lambda ij: (ij[0] + ij[1], abs(ij[0] - ij[1])))
    functions = []
    for axis, count in zip(_AXES, _COSINES, strict=True):
        colour = np.asarray(axis) / np.linalg.norm(axis)
        functions += [colour[:, None, None] * np.outer(cosine[i], cosine[j]) for i, j in by_frequency[:count]]
    return np.stack(functions).astype(np.float32)
