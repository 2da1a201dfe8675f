# SPDX-License-Identifier: GPL-3.0-or-later
"""One gain per view and channel that makes the frames agree in brightness (specs/texture-optimizer.md 4.5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .problem import DISAGREEMENT
from .types import Candidates

ROUNDS = 8
SAMPLES = 30_000
MIN_VIEWS = 6
OUTLIER = 0.1  # difference from the mean, 0...1, at which a sample counts half
DARK, BRIGHT = 0.04, 0.97  # samples outside are clipped or noise
CLIPPED = 254  # of 255
LOWEST, HIGHEST = 0.8, 1.25
ENOUGH = 50  # samples a view needs for a gain of its own


def exposure_gains(candidates: Candidates, views: int, *, seed: int = 0) -> NDArray[np.float32]:
    """Gains float32 (views, 3) to multiply the frames' colours with, in [0.8, 1.25]; view 0 keeps 1.

    candidates  collected without gains; at most 30 000 voxels seen by six views or more are drawn from them
    seed        of that drawing

    Each round takes the voxels' robust mean m over the views, fits g = sum(w m c) / sum(w c^2) per view and channel
    with w = q^4 / (1 + ((g c - m) / 0.1)^2), and divides by the gain of view 0, so that the level of the others
    follows it. Views with fewer than 50 samples keep the gain 1. Memory: 60 MiB.
    """
    gains = np.ones((views, 3))
    rows = np.flatnonzero((candidates.label[:, : min(MIN_VIEWS, candidates.label.shape[1])] >= 0).all(axis=1))
    if candidates.label.shape[1] < MIN_VIEWS or len(rows) == 0 or views < 2:
        return gains.astype(np.float32)
    if len(rows) > SAMPLES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLES, replace=False))
    label = candidates.label[rows]
    known = label >= 0
    view = np.where(known, label, 0).astype(np.int64)
    quality = np.where(known, (candidates.conf[rows] / 255.0) ** 4, 0.0)
    for channel in range(3):
        gains[:, channel] = _channel_gains(view, quality, candidates.colour[rows, :, channel] / 255.0, views)
    return gains.astype(np.float32)


def _channel_gains(
    view: NDArray[np.int64], quality: NDArray[np.float64], colour: NDArray[np.float64], views: int
) -> NDArray[np.float64]:
    quality = np.where((colour >= DARK) & (colour <= BRIGHT), quality, 0.0)
    enough = np.bincount(view[quality > 0], minlength=views) >= ENOUGH
    gain = np.ones(views)
    weight = quality
    for _ in range(ROUNDS):
        level = gain[view] * colour
        mean = (weight * level).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12)
        weight = quality / (1.0 + ((level - mean[:, None]) / OUTLIER) ** 2)
        product = np.bincount(view.ravel(), (weight * mean[:, None] * colour).ravel(), views)
        square = np.bincount(view.ravel(), (weight * colour * colour).ravel(), views)
        gain = np.where(enough & (square > 0), product / np.maximum(square, 1e-12), 1.0)
        if enough[0]:
            gain[enough] /= gain[0]
        gain = np.clip(gain, LOWEST, HIGHEST)
    return gain


def apply_gains(candidates: Candidates, gains: NDArray[np.floating]) -> Candidates:
    """The same candidates with their colours multiplied by gains (V, 3).

    A clipped channel is darkened by a gain below 1 though it may have been any brighter than it shows, so such a colour
    is worth less: its confidence falls by (1 - gain) / 0.15, the share that selection charges for a difference of that
    size. Without it the whites of bright frames become grey, or tinted where one channel is clipped.
    """
    colour, conf = candidates.colour.copy(), candidates.conf.copy()
    gains = np.asarray(gains, np.float32)
    for k in range(colour.shape[1]):
        gain = gains[np.maximum(candidates.label[:, k], 0)]
        darkened = np.where(colour[:, k] >= CLIPPED, 1 - gain, 0).max(axis=1)
        worth = np.clip(1 - darkened / np.float32(DISAGREEMENT), 0, 1)
        conf[:, k] = np.maximum(conf[:, k] * worth, np.minimum(conf[:, k], 1))
        colour[:, k] = np.minimum(colour[:, k] * gain + np.float32(0.5), 255)
    return replace(candidates, colour=colour, conf=conf)
