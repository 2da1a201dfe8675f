# SPDX-License-Identifier: GPL-3.0-or-later
"""Picture metrics on object pixels (specs/texture-optimizer.md section 8.1).

Pictures are float arrays (height, width, 3) in 0..1, encoded as they are seen; masks are bool (height, width).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..texturing.types import BakedTile
from .filters import eroded, gaussian, sobel_magnitude

Picture = NDArray[np.floating]


def grey(picture: Picture) -> NDArray[np.float32]:
    """Rec. 601 luma of the encoded values."""
    return np.asarray(picture, np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def psnr(picture: Picture, truth: Picture, mask: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio in dB over the mask; infinite for equal pictures."""
    return _decibel(float(np.mean(np.square(np.asarray(picture, np.float64)[mask] - truth[mask]))))


def _decibel(mean_square: float) -> float:
    return float("inf") if mean_square <= 0 else -10 * float(np.log10(mean_square))


def ssim(picture: Picture, truth: Picture, mask: NDArray[np.bool_]) -> float:
    """Mean structural similarity over the mask and the channels: Gaussian window of sigma 1.5, 11 x 11, range 1."""
    luminance, structure = _similarity(np.asarray(picture, np.float64), np.asarray(truth, np.float64))
    return float((luminance * structure)[mask].mean())


SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # exponents of MS-SSIM, finest scale first


def ms_ssim(picture: Picture, truth: Picture, mask: NDArray[np.bool_]) -> float:
    """Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003) over the mask and the channels, range 1.

    Five scales, each the mean of 2 x 2 pixels of the one before. At each, the index is averaged over the pixels whose
    11 x 11 window lies inside the picture and that are whole pixels of the mask; scales without such pixels are left
    out, and the exponents of the others are scaled to a sum of one. Not a number without any.
    """
    x, y = np.asarray(picture, np.float64), np.asarray(truth, np.float64)
    values: list[tuple[float, float]] = []
    for scale in range(len(SCALES)):
        if scale:
            x, y = _halved(x), _halved(y)
            mask = _halved(mask.astype(np.float32)[..., None])[..., 0] > 0.99
        inside = np.zeros_like(mask)
        inside[5:-5, 5:-5] = mask[5:-5, 5:-5]
        if not inside.any():
            break
        luminance, structure = (part[inside] for part in _similarity(x, y))
        values.append((float(structure.mean()), float((luminance * structure).mean())))
    if not values:
        return float("nan")
    factors = [*(structure for structure, _ in values[:-1]), values[-1][1]]
    exponents = np.array(SCALES[: len(values)]) / sum(SCALES[: len(values)])
    return float(np.prod(np.maximum(factors, 0.0) ** exponents))


def _similarity(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Luminance and contrast-structure terms of SSIM at every pixel and channel."""
    mean_x, mean_y = _window(x), _window(y)
    var_x = _window(x * x) - mean_x * mean_x
    var_y = _window(y * y) - mean_y * mean_y
    covariance = _window(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1), (2 * covariance + c2) / (var_x + var_y + c2)


def _window(image: Picture) -> NDArray[np.float64]:
    return gaussian(image, 1.5, radius=5).astype(np.float64)


def sharpness(picture: Picture, truth: Picture, mask: NDArray[np.bool_]) -> float:
    """Mean Sobel magnitude of the grey picture over the mask, divided by that of the truth."""
    return gradient(picture, mask) / gradient(truth, mask)


def gradient(picture: Picture, mask: NDArray[np.bool_]) -> float:
    """Mean Sobel magnitude of the grey picture over the mask, per pixel in a range of 1."""
    return float(sobel_magnitude(grey(picture))[mask].mean())


def shift_tolerant_psnr(
    picture: Picture, truth: Picture, mask: NDArray[np.bool_], block: int = 16, reach: int = 5
) -> float:
    """PSNR in dB where every block of the truth may look for its best integer shift within `reach` pixels.

    Pixels count that are in the mask at both ends; a shift that loses more than half of a block's pixels is not
    considered. Forgives drift that is uniform over a block, not blur.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return float("nan")
    # Only what the shifts can reach; the ring around it is outside the mask, so that np.roll brings in nothing.
    box = (
        slice(max(rows[0] - reach, 0), rows[-1] + reach + 1),
        slice(max(columns[0] - reach, 0), columns[-1] + reach + 1),
    )
    mask = mask[box]
    x, y = np.asarray(picture[box], np.float32), np.asarray(truth[box], np.float32)
    starts = [np.arange(0, n, block) for n in mask.shape]
    total = np.add.reduceat(np.add.reduceat(mask.astype(float), starts[0], 0), starts[1], 1)
    best_error = np.full(total.shape, np.inf)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            moved = np.roll(x, (-dy, -dx), axis=(0, 1))
            valid = mask & _shifted(mask, dy, dx)
            moved = moved - y
            error = np.where(valid, np.einsum("ijk,ijk->ij", moved, moved) / moved.shape[2], 0.0)
            count = np.add.reduceat(np.add.reduceat(valid.astype(float), starts[0], 0), starts[1], 1)
            sums = np.add.reduceat(np.add.reduceat(error, starts[0], 0), starts[1], 1)
            mean = np.where((count > 0) & (count >= 0.5 * total), sums / np.maximum(count, 1), np.inf)
            best_error = np.minimum(best_error, mean)
    used = (total > 0) & np.isfinite(best_error)
    return _decibel(float((best_error[used] * total[used]).sum() / total[used].sum()))


def _shifted(mask: NDArray[np.bool_], dy: int, dx: int) -> NDArray[np.bool_]:
    """mask[y + dy, x + dx], False where that lies outside."""
    result = np.zeros_like(mask)
    height, width = mask.shape
    rows = slice(max(0, -dy), min(height, height - dy))
    columns = slice(max(0, -dx), min(width, width - dx))
    result[rows, columns] = mask[rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx]
    return result


def sliced_wasserstein(
    picture: Picture, truth: Picture, mask: NDArray[np.bool_], patches: int = 300, projections: int = 128, seed: int = 0
) -> float:
    """Distance between the distributions of fine detail, 0 for equal ones; blur and noise both raise it.

    Detail is the picture less its Gaussian blur of sigma 2. Per scale (full size, then halved by area, three in
    all): `patches` random 7 x 7 patches centred in the mask, the same places in both pictures, `projections` random
    unit directions, mean |difference of sorted projections| / mean |sorted truth|. The scales are averaged; a scale
    without room for a patch is left out. Not a number where no scale has room.
    """
    random = np.random.default_rng(seed)
    direction = random.normal(size=(7 * 7 * picture.shape[2], projections))
    direction /= np.linalg.norm(direction, axis=0)
    x, y = np.asarray(picture, np.float32), np.asarray(truth, np.float32)
    results = []
    for scale in range(3):
        if scale:
            x, y = _halved(x), _halved(y)
            mask = _halved(mask.astype(np.float32)[..., None])[..., 0] > 0.99
        inside = mask.copy()
        inside[:3], inside[-3:], inside[:, :3], inside[:, -3:] = False, False, False, False
        rows, columns = np.nonzero(inside)
        if len(rows) == 0:
            continue
        chosen = random.integers(0, len(rows), patches)
        y_index = rows[chosen][:, None, None] + np.arange(-3, 4)[:, None]
        x_index = columns[chosen][:, None, None] + np.arange(-3, 4)
        sorted_projections = []
        for image in (x, y):
            detail = image - gaussian(image, 2.0)
            patch = detail[y_index, x_index].reshape(patches, -1)
            sorted_projections.append(np.sort(patch @ direction, axis=0))
        a, b = sorted_projections
        results.append(np.abs(a - b).mean() / max(float(np.abs(b).mean()), 1e-12))
    return float(np.mean(results)) if results else float("nan")


def _halved(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Half the size by area; an odd last row or column is dropped."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return image[:height, :width].reshape(height // 2, 2, width // 2, 2, -1).mean(axis=(1, 3))


def seam_ratio(
    tiles: Sequence[BakedTile], truth: Sequence[NDArray[np.floating]], points: Sequence[NDArray[np.floating]]
) -> float:
    """Error of colour steps across label seams divided by that inside patches.

    tiles   the texture with its labels
    truth   per tile, the true colour of every texel, float (S, S, 3) in 0..1
    points  per tile, the surface point of every texel, float (S, S, 3)
    Pairs are texels adjacent in the atlas, both owned and observed, closer than 6 / S in space; the error of a pair
    is the mean over channels of |difference of colours - difference of true colours|. Not a number without seams.
    """
    sums, counts = np.zeros(2), np.zeros(2)
    for tile, true, point in zip(tiles, truth, points, strict=True):
        size = len(tile.label)
        colour = tile.rgba[..., :3].astype(np.float32) / np.iinfo(tile.rgba.dtype).max
        for a, b in (((slice(1, None), slice(None)), (slice(-1), slice(None))),
                     ((slice(None), slice(1, None)), (slice(None), slice(-1)))):  # fmt: skip
            near = (tile.label[a] >= 0) & (tile.label[b] >= 0)
            distance = np.linalg.norm(np.where(near[..., None], point[a] - point[b], 0.0), axis=-1)
            near &= distance < 6 / size
            error = np.abs((colour[a] - colour[b]) - (true[a] - true[b])).mean(axis=-1)
            different = tile.label[a] != tile.label[b]
            for kind in (0, 1):
                chosen = near & (different == bool(kind))
                sums[kind] += error[chosen].sum(dtype=np.float64)
                counts[kind] += chosen.sum()
    if (counts == 0).any() or sums[0] == 0:
        return float("nan")
    return float((sums[1] / counts[1]) / (sums[0] / counts[0]))


def compare(picture: Picture, truth: Picture, mask: NDArray[np.bool_], shifts: bool = True) -> dict[str, float]:
    """All picture metrics on the mask eroded by one pixel; without `shifts` no shift-tolerant PSNR, the slowest."""
    mask = eroded(mask)
    return {
        "psnr": psnr(picture, truth, mask),
        "ssim": ssim(picture, truth, mask),
        "sharpness": sharpness(picture, truth, mask),
        "swd": sliced_wasserstein(picture, truth, mask),
        **({"shift_psnr": shift_tolerant_psnr(picture, truth, mask)} if shifts else {}),
    }
