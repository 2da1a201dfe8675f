# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampling, smoothing and filling of images. Pixel (i, j) has its centre at (i + 0.5, j + 0.5)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
NARROW = 2.0  # standard deviation in pixels below which a blur needs all of them


def bilinear(image: Image, uv: NDArray[np.floating]) -> Image:
    """Values of `image` (h, w) or (h, w, c) at pixel coordinates uv (..., 2), clamped at the border."""
    height, width = image.shape[:2]
    u = np.clip(uv[..., 0] - 0.5, 0, width - 1).astype(np.float32)
    v = np.clip(uv[..., 1] - 0.5, 0, height - 1).astype(np.float32)
    i = np.minimum(u.astype(np.int32), width - 2 if width > 1 else 0)
    j = np.minimum(v.astype(np.int32), height - 2 if height > 1 else 0)
    fu, fv = u - i, v - j
    right, below = int(width > 1), width * int(height > 1)
    flat = image.reshape(height * width, -1)
    at = j * width + i
    fu, fv = fu[..., None], fv[..., None]
    top = flat[at] * (1 - fu) + flat[at + right] * fu
    bottom = flat[at + below] * (1 - fu) + flat[at + below + right] * fu
    result = top + (bottom - top) * fv
    return result[..., 0] if image.ndim == 2 else result


def nearest_index(uv: NDArray[np.floating], width: int, height: int) -> NDArray[np.int32]:
    """Flat index of the pixel that contains uv (..., 2), clamped at the border."""
    i = np.clip(uv[..., 0], 0, width - 1).astype(np.int32)
    j = np.clip(uv[..., 1], 0, height - 1).astype(np.int32)
    return j * np.int32(width) + i


def gaussian(image: Image, sigma: float) -> Image:
    """Separable Gaussian blur of the first two axes, border repeated, kernel cut at 3 sigma."""
    if sigma <= 0:
        return image
    radius = max(1, int(np.ceil(3 * sigma)))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode="edge")
        length = image.shape[axis]
        out = np.zeros_like(image)
        for k, weight in enumerate(kernel):
            out += weight * (padded[k : k + length] if axis == 0 else padded[:, k : k + length])
        image = out
    return image


def masked_gaussian(image: Image, weight: Image, sigma: float) -> Image:
    """Gaussian blur of `image` (h, w, c) that takes values only where `weight` (h, w) > 0.

    A wide one is made on a reduced image, so that the time does not depend on `sigma`.
    """
    layers = np.concatenate([image * weight[..., None], weight[..., None]], axis=2)
    factor = int(sigma / NARROW)
    if factor > 1:
        height, width = weight.shape
        even = np.pad(layers, ((0, -height % factor), (0, -width % factor), (0, 0)))
        small = even.reshape(even.shape[0] // factor, factor, -1, factor, layers.shape[2]).mean(axis=(1, 3))
        v, u = np.mgrid[0:height, 0:width].astype(np.float32)
        at = np.stack([(u + 0.5) / factor, (v + 0.5) / factor], axis=-1)
        layers = bilinear(gaussian(small, sigma / factor), at)
    else:
        layers = gaussian(layers, sigma)
    blurred, total = layers[..., :-1], layers[..., -1]
    return np.where(total[..., None] > 1e-4, blurred / np.maximum(total[..., None], 1e-4), image)


def local_maximum(image: Image, radius: int) -> Image:
    """Maximum over a square of side 2 radius + 1."""
    return -local_minimum(-image, radius)


def closing(image: Image, radius: int) -> Image:
    """Morphological closing with a square of side 2 radius + 1: what is narrower between high places is filled."""
    return local_minimum(local_maximum(image, radius), radius)


def local_minimum(image: Image, radius: int) -> Image:
    """Minimum over a square of side 2 radius + 1; outside the image counts as infinity."""
    for axis in (0, 1):
        pad = [(0, 0)] * image.ndim
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, constant_values=np.inf)
        length = image.shape[axis]
        out = image.copy()
        for k in range(2 * radius + 1):
            np.minimum(out, padded[k : k + length] if axis == 0 else padded[:, k : k + length], out=out)
        image = out
    return image


def resized(image: Image, width: int, height: int) -> Image:
    """`image` (h, w) or (h, w, c) reduced to another size without aliasing."""
    factor = max(image.shape[1] / width, image.shape[0] / height)
    smooth = gaussian(image, 0.4 * factor) if factor > 1 else image
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = np.array([image.shape[1] / width, image.shape[0] / height], np.float32)
    return bilinear(smooth, np.stack([u + 0.5, v + 0.5], axis=-1) * scale)


def bleed(colour: Image, weight: Image) -> Image:
    """Fill `colour` (h, w, c) where `weight` (h, w) is 0 from where it is positive (push-pull pyramid).

    Pixels of weight >= 1 keep their value; in between the value is mixed with the surroundings.
    """
    height, width = weight.shape
    if min(height, width) <= 1 or weight.min() >= 1:
        return colour
    even = ((0, height % 2), (0, width % 2))
    w = np.pad(weight, even)
    c = np.pad(colour * weight[..., None], (*even, (0, 0)))
    w4 = w[::2, ::2] + w[1::2, ::2] + w[::2, 1::2] + w[1::2, 1::2]
    c4 = c[::2, ::2] + c[1::2, ::2] + c[::2, 1::2] + c[1::2, 1::2]
    coarse = bleed(c4 / np.maximum(w4, 1e-6)[..., None], np.minimum(w4, 1.0))
    v, u = np.mgrid[0:height, 0:width].astype(np.float32)
    up = bilinear(coarse, np.stack([(u + 0.5) / 2, (v + 0.5) / 2], axis=-1))
    keep = np.minimum(weight, 1.0)[..., None]
    return colour * keep + up * (1 - keep)
