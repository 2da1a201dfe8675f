# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference picture of a training step: which one, and how it is moved (specs/orbitpainter.md section 11)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..dataset.sample import OrbitSample
from .config import ReferenceConfig

_SOURCES = ("orbit", "random", "points")
_BACKGROUND = {0: 0, 1: 255, 2: 0}


def draw_reference(sample: OrbitSample, config: ReferenceConfig, random: np.random.Generator) -> NDArray[np.uint8]:
    """A reference uint8 (S, S, 3): a source by its share, a view of it by cosine + 0.1, moved, on one colour."""
    background = _BACKGROUND[config.version]
    if random.random() < config.dropout:
        return np.full((sample.size, sample.size, 3), background, np.uint8)
    of_source = [[i for i, view in enumerate(sample.reference_views) if view.source == name] for name in _SOURCES]
    shares = np.array([share if found else 0 for share, found in zip(config.shares, of_source, strict=True)])
    if shares.sum() == 0:  # it has none of the sources that are asked for
        shares = np.array([float(bool(found)) for found in of_source])
    chosen = of_source[random.choice(3, p=shares / shares.sum())]
    azimuth = np.deg2rad([sample.reference_views[i].azimuth for i in chosen])
    weight = np.maximum(np.cos(azimuth), 0) + 0.1
    picture = sample.references[chosen[random.choice(len(chosen), p=weight / weight.sum())]]
    return moved(picture, *_movement(config, random), background)


def _movement(config: ReferenceConfig, random: np.random.Generator) -> tuple[float, float]:
    """Scale and rotation in degrees."""
    if config.version == 0:
        return 1.0, 0.0
    scale = 0.9 + 0.3 * random.beta(5, 3) if config.version == 2 else random.uniform(0.6, 1.2)
    return float(scale), float(random.uniform(-config.rotation, config.rotation))


def moved(picture: NDArray[np.uint8], scale: float, degrees: float, background: int) -> NDArray[np.uint8]:
    """A picture uint8 (S, S, 4) over a grey level, scaled and turned about its centre by one affine map, (S, S, 3).

    Pillow's bicubic filter: its Lanczos filter is not offered for affine maps. Colours are multiplied by alpha first.
    """
    from PIL import Image

    alpha = picture[..., 3:].astype(np.float32) / 255
    over = picture[..., :3] * alpha + background * (1 - alpha)
    if scale == 1 and degrees == 0:
        return np.round(over).astype(np.uint8)
    size, angle = picture.shape[0], np.deg2rad(degrees)
    c, s, middle = np.cos(angle) / scale, np.sin(angle) / scale, (picture.shape[0] - 1) / 2 + 0.5
    # Output pixel -> input pixel, both about the centre.
    matrix = (c, s, middle - c * middle - s * middle, -s, c, middle + s * middle - c * middle)
    image = Image.fromarray(np.round(over).astype(np.uint8))
    fill = (background,) * 3
    turned = image.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=fill)
    return np.array(turned)
