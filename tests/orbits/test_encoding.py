# SPDX-License-Identifier: GPL-3.0-or-later
"""The 8-bit encodings of specs/orbitpainter.md section 2.3."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.encoding import encode_normal, encode_position, encode_view, resize
from orbit_painter.backend.orbits.passes import ViewPasses


def test_position_levels():
    values = np.array([-0.6, -0.5, -0.25, 0.0, 0.25, 0.4999, 0.5, 0.6])
    position = np.repeat(values[None, :, None], 3, axis=2)
    encoded = encode_position(position, np.ones((1, 8), bool))
    np.testing.assert_array_equal(encoded[0, :, 0], np.floor(255 * np.clip(values + 0.5, 0, 1)))
    assert (encode_position(position, np.zeros((1, 8), bool)) == 127).all()


def test_normal_levels_are_the_high_byte_of_sixteen_bits():
    values = np.linspace(-1, 1, 4001)
    normal = np.repeat(values[None, :, None], 3, axis=2)
    encoded = encode_normal(normal, np.ones((1, 4001), bool))[0, :, 2]
    exact = np.floor((values + 1) / 2 * 65535 + 0.5) // 256
    assert np.abs(encoded - exact).max() <= 1
    assert (encoded != exact).mean() < 0.001  # float32 at the steps
    assert encoded[[0, 2000, 4000]].tolist() == [0, 128, 255]
    assert (encode_normal(normal, np.zeros((1, 4001), bool)) == 128).all()


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("old", "new"), [((64, 64), (32, 32)), ((60, 90), (41, 37)), ((20, 30), (50, 70))])
def test_resize_is_pillows(kernel, old, new):
    image_module = pytest.importorskip("PIL.Image")
    image = np.random.default_rng(0).integers(0, 256, (*old, 3), dtype=np.uint8)
    method = {"bilinear": image_module.BILINEAR, "bicubic": image_module.BICUBIC}[kernel]
    expected = np.asarray(image_module.fromarray(image).resize((new[1], new[0]), method)).astype(int)
    ours = resize(image, new[1], new[0], kernel).astype(int)
    assert np.abs(ours - expected).max() <= 1


@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_silhouettes_are_blends_and_the_rest_is_not_touched(kernel):
    camera = orbit_cameras("H", 8, 64)[0]
    mask = np.zeros((64, 64), bool)
    mask[:, 31:] = True  # the edge lies inside a pixel of the reduced picture
    position = np.where(mask[..., None], np.float32(0.4), np.float32(0))
    normal = np.where(mask[..., None], np.array([0, -1, 0], np.float32), np.float32(0))
    encoded = encode_view(ViewPasses(camera, position, normal, mask, mask.astype(np.int16) - 1), 32, 32, kernel)
    assert (encoded.position[:, :13] == 127).all()
    assert (encoded.normal[:, :13] == 128).all()
    assert (encoded.position[:, 18:] == 229).all()
    assert (encoded.normal[:, 18:] == (128, 0, 128)).all()
    assert 127 < encoded.position[0, 15, 0] < 229
    assert 0 < encoded.mask[0, 15] < 255
    assert encoded.mask[0, [0, 31]].tolist() == [0, 255]
