# SPDX-License-Identifier: GPL-3.0-or-later
"""The few image filters that the metrics need, in NumPy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gaussian(image: NDArray[np.floating], sigma: float, radius: int | None = None) -> NDArray[np.float32]:
    """Gaussian blur of the first two axes of an image (h, w[, c]); edges are mirrored (the edge pixel repeats).

    radius of the kernel in pixels, default ceil(4 sigma).
    """
    radius = int(np.ceil(4 * sigma)) if radius is None else radius
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    result = np.asarray(image, np.float32)
    for axis in (0, 1):
        padding: list[tuple[int, int]] = [(0, 0)] * result.ndim
        padding[axis] = (radius, radius)
        padded = np.moveaxis(np.pad(result, padding, mode="symmetric"), axis, 0)
        length = result.shape[axis]
        total = np.zeros_like(padded[:length])
        for tap, weight in enumerate(kernel):
            total += weight * padded[tap : tap + length]
        result = np.moveaxis(total, 0, axis)
    return np.ascontiguousarray(result)


def sobel_magnitude(grey: NDArray[np.floating]) -> NDArray[np.float32]:
    """Gradient magnitude per pixel of an image (h, w) from Sobel's filters scaled to unit response on a unit ramp."""
    p = np.pad(np.asarray(grey, np.float32), 1, mode="edge")
    across = p[:, 2:] - p[:, :-2]
    down = p[2:, :] - p[:-2, :]
    x = (across[:-2] + 2 * across[1:-1] + across[2:]) / 8
    y = (down[:, :-2] + 2 * down[:, 1:-1] + down[:, 2:]) / 8
    return np.hypot(x, y)


def eroded(mask: NDArray[np.bool_], steps: int = 1) -> NDArray[np.bool_]:
    """The mask (h, w) less its pixels within `steps` of its border (3 x 3 neighbourhood); outside counts as empty."""
    for _ in range(steps):
        p = np.pad(mask, 1)
        rows = p[:-2] & p[1:-1] & p[2:]
        mask = rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:]
    return mask
