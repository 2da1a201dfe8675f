# SPDX-License-Identifier: GPL-3.0-or-later
"""The 8-bit pictures of position and normal that networks were trained on (specs/orbitpainter.md section 2.3).

Both are encoded hard-edged at render size and reduced afterwards with anti-aliasing, so silhouette pixels are blends
of the surface's value and the background's grey, as in training.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .passes import ViewPasses

Filter = Literal["bilinear", "bicubic"]
POSITION_BACKGROUND, NORMAL_BACKGROUND = 127, 128


@dataclass(frozen=True, eq=False)
class EncodedView:
    """position, normal: uint8 (h, w, 3); mask: uint8 (h, w), 255 inside the object, blended at its edge."""

    position: NDArray[np.uint8]
    normal: NDArray[np.uint8]
    mask: NDArray[np.uint8]


def encode_position(position: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """floor(255 clip(p + 0.5, 0, 1)), uint8 (H, W, 3); 127 outside `mask`."""
    value = np.clip(np.asarray(position, np.float32) + np.float32(0.5), 0, 1) * np.float32(255)
    return np.where(mask[..., None], value, POSITION_BACKGROUND).astype(np.uint8)


def encode_normal(normal: NDArray[np.floating], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(n + 1) / 2 with 16 bits, rounded, then its high byte, uint8 (H, W, 3); 128 outside `mask`."""
    value = np.clip((np.asarray(normal, np.float32) + 1) * np.float32(0.5), 0, 1) * np.float32(65535) + np.float32(0.5)
    high = value.astype(np.uint16) >> 8
    return np.where(mask[..., None], high, NORMAL_BACKGROUND).astype(np.uint8)


def encode_view(passes: ViewPasses, width: int, height: int, kernel: Filter = "bicubic") -> EncodedView:
    """Encode and reduce to `width` x `height`. Training reduced bilinearly, published inference bicubically."""
    mask = np.where(passes.mask, 255, 0).astype(np.uint8)
    return EncodedView(
        resize(encode_position(passes.position, passes.mask), width, height, kernel),
        resize(encode_normal(passes.normal, passes.mask), width, height, kernel),
        resize(mask, width, height, kernel),
    )


def resize(image: NDArray[np.uint8], width: int, height: int, kernel: Filter = "bicubic") -> NDArray[np.uint8]:
    """Resample uint8 (H, W) or (H, W, C) with anti-aliasing: the kernel is widened by the reduction factor.

    Same as Pillow's, up to rounding by one level: along rows first, rounded to 8 bits, then along columns; bicubic
    with a = -0.5.
    """
    narrow = _resample(image.swapaxes(0, 1), width, kernel).swapaxes(0, 1)
    return np.ascontiguousarray(_resample(narrow, height, kernel))


def _resample(values: NDArray[np.uint8], size: int, kernel: Filter) -> NDArray[np.uint8]:
    """Resample axis 0 to `size`."""
    if values.shape[0] == size:
        return values
    index, weight = _taps(values.shape[0], size, kernel)
    out = np.full((size, *values.shape[1:]), 0.5, np.float32)
    shape = (size,) + (1,) * (values.ndim - 1)
    for tap in range(index.shape[1]):
        out += values[index[:, tap]] * weight[:, tap].reshape(shape)
    return np.clip(out, 0, 255).astype(np.uint8)


@lru_cache(maxsize=16)
def _taps(old: int, new: int, kernel: Filter) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """For each of `new` samples: the source indices and weights, each (new, taps)."""
    ratio = old / new
    stretch = max(ratio, 1.0)
    radius = {"bilinear": 1.0, "bicubic": 2.0}[kernel] * stretch
    centre = (np.arange(new) + 0.5) * ratio
    first = np.floor(centre - radius).astype(np.intp)
    index = first[:, None] + np.arange(int(np.ceil(2 * radius)) + 2)
    x = np.abs((index + 0.5 - centre[:, None]) / stretch)
    if kernel == "bilinear":
        weight = np.maximum(1 - x, 0)
    else:
        near = (1.5 * x - 2.5) * x * x + 1
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        weight = np.where(x < 1, near, np.where(x < 2, far, 0))
    weight[(index < 0) | (index >= old)] = 0
    weight /= weight.sum(axis=1, keepdims=True)
    return np.clip(index, 0, old - 1), weight.astype(np.float32)
