# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture metrics equal references and order known damage as they should."""

import numpy as np
import pytest
from orbit_painter.backend.evaluation import filters, metrics
from orbit_painter.backend.texturing.types import BakedTile


@pytest.fixture(scope="module")
def pictures():
    """Truth, the same blurred, the same with noise, and a ragged mask; 96 x 80 pixels."""
    random = np.random.default_rng(3)
    truth = filters.gaussian(random.random((96, 80, 3)), 1.0)
    truth = np.clip((truth - 0.5) * 3 + 0.5, 0, 1)
    noisy = np.clip(truth + random.normal(0, 0.05, truth.shape), 0, 1)
    y, x = np.mgrid[:96, :80]
    mask = (x - 40) ** 2 + (y - 48) ** 2 + 200 * np.sin(x / 5) < 35**2
    return truth, filters.gaussian(truth, 1.5), noisy, mask


def test_gaussian_equals_scipy(pictures):
    ndimage = pytest.importorskip("scipy.ndimage")
    expected = ndimage.gaussian_filter(pictures[2], (1.5, 1.5, 0), truncate=3.5, mode="reflect")
    assert np.allclose(filters.gaussian(pictures[2], 1.5, radius=5), expected, atol=1e-5)


def test_sobel_equals_scipy(pictures):
    ndimage = pytest.importorskip("scipy.ndimage")
    grey = metrics.grey(pictures[2])
    expected = np.hypot(ndimage.sobel(grey, 0, mode="nearest"), ndimage.sobel(grey, 1, mode="nearest")) / 8
    assert np.allclose(filters.sobel_magnitude(grey), expected, atol=1e-5)


def test_eroded_equals_scipy(pictures):
    ndimage = pytest.importorskip("scipy.ndimage")
    expected = ndimage.binary_erosion(pictures[3], np.ones((3, 3)), iterations=2)
    assert np.array_equal(filters.eroded(pictures[3], 2), expected)


def test_ssim_equals_scikit_image(pictures):
    measure = pytest.importorskip("skimage.metrics")
    truth, soft, noisy, mask = pictures
    for picture in (soft, noisy):
        _, full = measure.structural_similarity(
            picture, truth, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0,
            channel_axis=2, full=True,
        )  # fmt: skip
        assert metrics.ssim(picture, truth, mask) == pytest.approx(full[mask].mean(), abs=1e-4)


def test_psnr_equals_scikit_image(pictures):
    measure = pytest.importorskip("skimage.metrics")
    truth, _, noisy, mask = pictures
    expected = measure.peak_signal_noise_ratio(truth[mask], noisy[mask], data_range=1.0)
    assert metrics.psnr(noisy, truth, mask) == pytest.approx(expected, abs=1e-6)
    assert metrics.psnr(truth, truth, mask) == float("inf")


def test_nothing_outside_the_mask_counts_for_psnr(pictures):
    truth, _, noisy, mask = pictures
    other = np.where(mask[..., None], noisy, 1 - truth)
    assert metrics.psnr(other, truth, mask) == metrics.psnr(noisy, truth, mask)


def test_sharpness_falls_with_blur_and_rises_with_noise(pictures):
    truth, soft, noisy, mask = pictures
    assert metrics.sharpness(truth, truth, mask) == 1
    assert metrics.sharpness(soft, truth, mask) < 0.7
    assert metrics.sharpness(noisy, truth, mask) > 1.005


def test_sliced_wasserstein_is_zero_for_equal_detail_and_sees_blur_and_noise(pictures):
    truth, soft, noisy, mask = pictures
    assert metrics.sliced_wasserstein(truth, truth, mask) == 0
    assert metrics.sliced_wasserstein(soft, truth, mask) > 0.2
    assert 0 < metrics.sliced_wasserstein(noisy, truth, mask) < metrics.sliced_wasserstein(soft, truth, mask)
    assert metrics.sliced_wasserstein(soft, truth, mask) == metrics.sliced_wasserstein(soft, truth, mask)


@pytest.mark.parametrize("shift", [(0, 3), (-5, 2), (4, -4)])
def test_shift_tolerant_psnr_forgives_a_shift_but_psnr_does_not(pictures, shift):
    truth, _, _, mask = pictures
    moved = np.roll(truth, shift, axis=(0, 1))
    plain = metrics.psnr(moved, truth, mask)
    # Blocks on the border cannot be matched whole; those inside are matched exactly.
    assert metrics.shift_tolerant_psnr(moved, truth, mask) > plain + 6
    assert metrics.shift_tolerant_psnr(moved, truth, np.ones_like(mask)) > plain + 15


def test_shift_tolerant_psnr_is_never_below_psnr_and_does_not_forgive_blur(pictures):
    truth, soft, _, mask = pictures
    tolerant = metrics.shift_tolerant_psnr(soft, truth, mask)
    assert metrics.psnr(soft, truth, mask) - 1e-6 <= tolerant < metrics.psnr(soft, truth, mask) + 1


def test_seam_ratio_finds_the_step_at_a_seam():
    size = 32
    v, u = np.mgrid[:size, :size] / size
    points = np.stack([u, np.zeros_like(u), v], axis=-1)
    truth = np.stack([u, v, 0.5 * np.ones_like(u)], axis=-1)
    random = np.random.default_rng(0)
    colour = truth + random.normal(0, 0.01, truth.shape)
    label = np.where(u < 0.5, 0, 1).astype(np.int16)

    def ratio(step):
        shown = np.clip(np.rint(255 * (colour + step * label[..., None])), 0, 255).astype(np.uint8)
        rgba = np.concatenate([shown, np.full((size, size, 1), 255, np.uint8)], axis=-1)
        tile = BakedTile(1001, rgba, label, np.zeros((size, size), np.uint8))
        return metrics.seam_ratio([tile], [truth], [points])

    assert ratio(0.0) == pytest.approx(1, abs=0.35)
    assert ratio(0.1) > 5
    far = points * 100  # nothing is adjacent in space any more
    tile = BakedTile(1001, np.zeros((size, size, 4), np.uint8), label, np.zeros((size, size), np.uint8))
    assert np.isnan(metrics.seam_ratio([tile], [truth], [far]))


def test_ms_ssim_equals_torchmetrics():
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("torchmetrics.functional.image").multiscale_structural_similarity_index_measure
    random = np.random.default_rng(5)
    truth = np.clip((filters.gaussian(random.random((190, 222, 3)), 1.5) - 0.5) * 4 + 0.5, 0, 1)
    whole = np.ones(truth.shape[:2], bool)
    for picture in (filters.gaussian(truth, 1.2), np.clip(truth + random.normal(0, 0.1, truth.shape), 0, 1)):
        tensors = [torch.from_numpy(np.moveaxis(p, -1, 0)[None].astype(np.float64)) for p in (picture, truth)]
        expected = float(reference(*tensors, data_range=1.0))
        assert metrics.ms_ssim(picture, truth, whole) == pytest.approx(expected, abs=1e-4)


def test_ms_ssim_of_one_scale_is_ssim_and_of_none_is_not_a_number(pictures):
    truth, soft, noisy, _ = pictures
    centre = np.zeros(truth.shape[:2], bool)
    centre[40, 33] = True  # no block of 2 x 2 pixels lies inside, so that the finest scale alone counts
    assert metrics.ms_ssim(noisy, truth, centre) == pytest.approx(metrics.ssim(noisy, truth, centre), abs=1e-6)
    assert np.isnan(metrics.ms_ssim(soft, truth, np.zeros_like(centre)))


def test_ms_ssim_is_one_for_equal_pictures_and_forgives_no_blur(pictures):
    truth, soft, noisy, mask = pictures
    assert metrics.ms_ssim(truth, truth, mask) == pytest.approx(1)
    assert metrics.ms_ssim(filters.gaussian(soft, 1.5), truth, mask) < metrics.ms_ssim(soft, truth, mask) < 0.99
    assert metrics.ms_ssim(noisy, truth, mask) == pytest.approx(metrics.ms_ssim(truth, noisy, mask))


def test_gradient_of_a_ramp_is_its_slope(pictures):
    ramp = np.repeat(np.linspace(0, 1, 51)[None, :, None], 20, axis=0).repeat(3, axis=2)
    inner = np.zeros(ramp.shape[:2], bool)
    inner[2:-2, 2:-2] = True
    assert metrics.gradient(ramp, inner) == pytest.approx(0.02, rel=1e-3)
