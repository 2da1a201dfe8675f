# SPDX-License-Identifier: GPL-3.0-or-later
"""Gains found again after they were put into the colours."""

from __future__ import annotations

import numpy as np
from orbit_painter.backend.texturing.exposure import apply_gains, exposure_gains
from orbit_painter.backend.texturing.types import Candidates


def synthetic(gain: np.ndarray, voxels=4000, seen=10, noise=0.01, outliers=0.0, seed=0) -> Candidates:
    """Voxels of random colour seen by random views, whose colours are divided by `gain` (V, 3)."""
    rng = np.random.default_rng(seed)
    views = len(gain)
    label = np.argsort(rng.random((voxels, views)), axis=1)[:, :seen].astype(np.int16)
    truth = rng.uniform(0.15, 0.75, (voxels, 1, 3))
    colour = truth / gain[label] + rng.normal(0, noise, (voxels, seen, 3))
    wild = rng.random((voxels, seen)) < outliers
    colour[wild] = rng.random((wild.sum(), 3))
    conf = np.sort(rng.integers(130, 255, (voxels, seen), dtype=np.uint8), axis=1)[:, ::-1].copy()
    return Candidates(label, conf, np.round(colour.clip(0, 1) * 255).astype(np.uint8))


def known_gains(views=24, seed=1) -> np.ndarray:
    gain = np.random.default_rng(seed).uniform(0.9, 1.12, (views, 3))
    gain[0] = 1.0
    return gain


def test_gains_are_recovered():
    truth = known_gains()
    gains = exposure_gains(synthetic(truth), len(truth))
    assert gains.dtype == np.float32
    assert (gains[0] == 1).all()
    np.testing.assert_allclose(gains, truth, atol=0.01)


def test_outliers_do_little_harm():
    truth = known_gains()
    np.testing.assert_allclose(exposure_gains(synthetic(truth, outliers=0.1), len(truth)), truth, atol=0.025)


def test_gains_are_limited_and_views_without_samples_keep_one():
    truth = known_gains()
    truth[3] = 2.0
    gains = exposure_gains(synthetic(truth), len(truth) + 2)
    assert (gains[3] == 1.25).all()
    assert (gains[-2:] == 1).all()


def test_too_few_views_change_nothing():
    few = synthetic(known_gains(), seen=4)
    assert (exposure_gains(few, 24) == 1).all()
    nothing = Candidates(np.full((10, 8), -1, np.int16), np.zeros((10, 8), np.uint8), np.zeros((10, 8, 3), np.uint8))
    assert (exposure_gains(nothing, 5) == 1).all()
    assert exposure_gains(nothing, 0).shape == (0, 3)


def test_repeatable_and_clipped_samples_are_ignored():
    truth = known_gains()
    candidates = synthetic(truth)
    np.testing.assert_array_equal(exposure_gains(candidates, 24, seed=3), exposure_gains(candidates, 24, seed=3))
    candidates.colour[::5] = 255
    candidates.colour[1::5] = 0
    np.testing.assert_allclose(exposure_gains(candidates, 24), truth, atol=0.012)


def test_applying_makes_views_agree():
    truth = known_gains()
    candidates = synthetic(truth, noise=0.0)
    levelled = apply_gains(candidates, exposure_gains(candidates, len(truth)))
    spread = np.ptp(levelled.colour.astype(int), axis=1).mean()
    assert spread < 0.35 * np.ptp(candidates.colour.astype(int), axis=1).mean()
    np.testing.assert_array_equal(apply_gains(candidates, np.ones((24, 3))).colour, candidates.colour)


def test_what_is_clipped_and_darkened_is_worth_less():
    """A white of 255 could have been any brighter: divided by a high exposure, only that view takes it for grey."""
    label = np.tile(np.arange(3, dtype=np.int16), (2, 1))
    colour = np.array([[[240, 240, 240]] * 3, [[240, 240, 240], [255, 200, 200], [255, 200, 200]]], np.uint8)
    candidates = Candidates(label, np.array([[250, 1, 200], [250, 240, 0]], np.uint8), colour)
    gains = np.array([[1, 1, 1], [0.94, 0.94, 0.94], [1.1, 1.1, 1.1]])
    found = apply_gains(candidates, gains)
    np.testing.assert_array_equal(found.conf, [[250, 1, 200], [250, 144, 0]])  # 0.06 / 0.15 of 240 less
    np.testing.assert_array_equal(found.colour[1, :, 0], [240, 240, 255])
    candidates.conf[1, 1] = 1
    assert apply_gains(candidates, gains).conf[1, 1] == 1, "what is seen stays above what is invented"
