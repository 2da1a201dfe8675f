# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a run that is not finished: latents to colours by a linear map, as cheap as a look at them.

The map from 16 latent channels to RGB is fitted to pictures whose latents are known anyway, the reference and the
passes of this object, so it needs no constants of a particular VAE.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .conditions import OrbitLatents, OrbitPictures


class LatentColours:
    """A linear map from latent channels to colours."""

    def __init__(self, pairs: Sequence[tuple[torch.Tensor, NDArray[np.uint8]]]) -> None:
        """pairs: latents (1, 16, 1, h, w) and their picture uint8 (8 h, 8 w, 3)."""
        channels = np.concatenate([_channels(latent) for latent, _ in pairs])
        colours = np.concatenate([_cells(picture, latent.shape[-2:]) for latent, picture in pairs])
        self.matrix = np.linalg.lstsq(channels, colours, rcond=None)[0]

    @staticmethod
    def of(
        orbits: Sequence[tuple[OrbitLatents, OrbitPictures]], reference: torch.Tensor, picture: NDArray[np.uint8]
    ) -> LatentColours:
        """Fitted to the reference and to the first frames of the orbits' passes."""
        pairs = [(reference, picture)]
        for latents, pictures in orbits:
            pairs.append((latents.position[:, :, :1], pictures.position[0]))
            pairs.append((latents.normal[:, :, :1], pictures.normal[0]))
        return LatentColours(pairs)

    def picture(self, latent: torch.Tensor) -> NDArray[np.uint8]:
        """uint8 (2 h, 2 w, 3) of one latent frame (1, 16, 1, h, w)."""
        height, width = latent.shape[-2:]
        colours = (_channels(latent) @ self.matrix).reshape(height, width, 3)
        image = np.clip(np.round(colours), 0, 255).astype(np.uint8)
        return image.repeat(2, axis=0).repeat(2, axis=1)


def _channels(latent: torch.Tensor) -> NDArray[np.float64]:
    flat = latent.float().cpu().numpy()[0, :, 0].reshape(latent.shape[1], -1).T
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)


def _cells(picture: NDArray[np.uint8], cells: Sequence[int]) -> NDArray[np.float64]:
    """Mean colours of the squares of a picture that belong to one latent pixel each."""
    rows, columns = cells
    height, width = picture.shape[:2]
    return picture.reshape(rows, height // rows, columns, width // columns, 3).mean(axis=(1, 3)).reshape(-1, 3)
