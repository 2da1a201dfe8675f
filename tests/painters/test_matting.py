# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.orbits.cameras import orthographic_front
from orbit_painter.backend.painters.projection.matting import cut_out
from orbit_painter.tests.painters.scenes import blob, paint, waves

PICTURE = paint(blob(), orthographic_front(256), waves)


def over(background) -> np.ndarray:
    alpha = PICTURE[..., 3:].astype(np.float64) / 255
    colour = PICTURE[..., :3] * alpha + background * (1 - alpha)
    return np.concatenate([np.round(colour), np.full_like(alpha, 255)], axis=-1).clip(0, 255).astype(np.uint8)


def test_useful_alpha_is_used_as_it_is():
    _, alpha, removed = cut_out(PICTURE, "p")
    np.testing.assert_array_equal(alpha, PICTURE[..., 3].astype(np.float32) / 255)
    assert not removed


def backgrounds():
    v = np.arange(256)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 3, (256, 256, 3))
    return {
        "white": np.full((256, 256, 3), 255.0),
        "grey with noise": 128 + noise,
        "gradient": np.broadcast_to(215 + 0.1 * v, (256, 256, 3)),
    }


@pytest.mark.parametrize("name", list(backgrounds()))
def test_plain_backgrounds_are_removed_with_a_soft_edge(name):
    colour, alpha, removed = cut_out(over(backgrounds()[name]), "p")
    true = PICTURE[..., 3].astype(np.float32) / 255
    assert removed
    assert np.abs(alpha - true).mean() < 0.006
    assert ((alpha > 0.1) & (alpha < 0.9)).sum() > 0.4 * ((true > 0.1) & (true < 0.9)).sum()
    seen = true > 0.3  # no rim in the background's colour
    assert np.abs(colour - PICTURE[..., :3] / 255.0)[seen].mean() < 0.02


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (np.zeros((64, 64, 4), np.uint8), "reference-transparent"),
        (np.full((1, 1, 4), 255, np.uint8), "reference-too-small"),
        (np.full((64, 64, 4), 255, np.uint8), "reference-no-object"),
    ],
)
def test_pictures_without_an_object_are_refused(image, code):
    with pytest.raises(InputError) as caught:
        cut_out(image, "p")
    assert caught.value.code == code
    assert caught.value.advice
