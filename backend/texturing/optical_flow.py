# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense optical flow between a rendering and a frame of the same view (specs/texture-optimizer.md 4.6).

Conventions: grey images float32 (h, w) in 0..1; flow float32 (h, w, 2) in pixels, x right and y down, such that
frame(p + flow(p)) looks like template(p). `valid` bool (h, w): pixels that may be compared; flow continues a little
beyond them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import accel

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

MAX_FLOW = 8.0  # pixels; longer flow is rejected
NOISE = 0.001  # grey levels in 0..1

cv2: Any
try:
    import cv2
except ImportError:
    cv2 = None


def guarded_flow(template: Image, frame: Image, valid: Mask) -> Image:
    """Flow that is safe to warp with: zero wherever it is long, tiny, or does not bring the images closer.

    By DIS where OpenCV is present, else by Lucas-Kanade.
    """
    if cv2 is not None:
        return guard(template, frame, valid, dis_flow(template, frame, valid), 0.15)
    return guard(template, frame, valid, lucas_kanade(template, frame, valid), 0.30)


def guard(template: Image, frame: Image, valid: Mask, flow: Image, ratio: float) -> Image:
    """Flow scaled down where it cannot be trusted.

    ratio: the relative fall of the local mean residual (Gaussian of sigma 12 px) from which flow is fully trusted;
    a fall by less than NOISE is none.
    """
    length = np.linalg.norm(flow, axis=-1)
    visible = valid.astype(np.float32)
    warped, inside = _warped(frame, visible, flow)
    both = visible * (inside > 0.5)
    # Interpolation removes noise, which must not count as a better match: smooth both residuals by 3 x 3 pixels first.
    before, after = np.abs(_box(np.stack([(template - frame) * both, (template - warped) * both]), 1))
    # Quarter resolution is enough for an average over 12 pixels.
    error_0, error_1, share = (_halved(_halved(x)) for x in (before, after, both))
    error_0, error_1, share = _blurred(np.stack([error_0, error_1, share]), 3.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = np.where(share > 1e-4, (error_0 - error_1 - NOISE * share) / (ratio * error_0 + 1e-6 * share), 0.0)
    trust = _enlarged(np.clip(gained, 0, 1)[..., None].astype(np.float32), 4, flow.shape[:2])[..., 0]
    trust *= np.clip((length - 0.25) / 0.5, 0, 1) * np.clip(MAX_FLOW - length, 0, 1)
    trust *= np.clip(2 * _blurred(visible[None], 3.0)[0], 0, 1)  # fades out within a few pixels of what was compared
    return flow * trust[..., None]


def lucas_kanade(template: Image, frame: Image, valid: Mask) -> Image:
    """Coarse-to-fine Lucas-Kanade: three halvings, the finest level at half resolution.

    Three iterations a level; normal equations averaged over 21 x 21 valid pixels with 1e-3 on the diagonal; the
    residual is clipped to 0.3 and a step to 2 pixels; each level's flow is smoothed by a 5 x 5 box.
    """
    levels = []
    weight = valid.astype(np.float32)
    images = np.stack([template * weight, frame * weight, weight])
    for _ in range(3):
        images = np.stack([_halved(image) for image in images])
        share = np.maximum(images[2], 1e-6)
        levels.append((images[0] / share, images[1] / share, (images[2] > 0.5).astype(np.float32)))
    flow = np.zeros((*levels[-1][0].shape, 2), np.float32)
    for level, (small_template, small_frame, weight) in enumerate(reversed(levels)):
        if level:
            flow = 2 * _enlarged(flow, 2, small_template.shape)
        flow = _lucas_kanade_level(small_template, small_frame, weight, flow)
    return 2 * _enlarged(flow, 2, template.shape)


def _lucas_kanade_level(template: Image, frame: Image, weight: Image, flow: Image) -> Image:
    gy, gx = np.gradient(template)
    # A difference that reaches over the border of the mask is not a gradient.
    p = np.pad(weight, 1)
    weight = weight * p[2:, 1:-1] * p[:-2, 1:-1] * p[1:-1, 2:] * p[1:-1, :-2]
    gx, gy = gx * weight, gy * weight
    share, xx, xy, yy = _box(np.stack([weight, gx * gx, gx * gy, gy * gy]), 10)
    share = np.maximum(share, 1e-6)
    xx, xy, yy = xx / share + 1e-3, xy / share, yy / share + 1e-3
    determinant = xx * yy - xy * xy
    for _ in range(3):
        warped, inside = _warped(frame, weight, flow)
        residual = np.where(inside > 0.5, np.clip(template - warped, -0.3, 0.3), 0.0)
        bx, by = _box(np.stack([gx * residual, gy * residual]), 10) / share
        step = np.stack([yy * bx - xy * by, xx * by - xy * bx], axis=-1) / determinant[..., None]
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        flow = flow + step * np.minimum(1.0, 2.0 / np.maximum(length, 1e-9))
    weighted = _box(np.stack([flow[..., 0] * weight, flow[..., 1] * weight, weight]), 2)
    smooth = np.moveaxis(weighted[:2] / np.maximum(weighted[2], 1e-6), 0, -1)
    return np.where(weighted[2, ..., None] > 1e-3, smooth, flow).astype(np.float32)


def dis_flow(template: Image, frame: Image, valid: Mask) -> Image:
    """Dense inverse search (OpenCV) twice, each time smoothed by a Gaussian of sigma 4 px over valid pixels."""
    engine = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    weight = valid.astype(np.float32)
    total = np.zeros((*template.shape, 2), np.float32)
    moved = frame
    for _ in range(2):
        filled = np.where(valid, template, moved)
        flow = engine.calc(_bytes(filled), _bytes(moved), None)
        weighted = _blurred(np.moveaxis(flow, -1, 0) * weight, 4.0)
        share = _blurred(weight[None], 4.0)
        total = total + np.moveaxis(weighted / np.maximum(share, 1e-3), 0, -1)
        warped, inside = _warped(frame, weight, total)
        moved = np.where(inside > 0.5, warped, frame).astype(np.float32)
    return total


def _bytes(image: Image) -> NDArray[np.uint8]:
    return np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)


def _warped(image: Image, weight: Image, flow: Image) -> tuple[Image, Image]:
    """image at p + flow(p) and the share of the taps that had weight; taps without weight are left out. Bilinear."""
    if accel.NUMBA:
        from .kernels_align import bilinear

        value, share = np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)
        bilinear(image, weight, flow, value, share)
        return value, share
    height, width = image.shape
    y, x = np.indices(image.shape, np.float32)
    x, y = np.clip(x + flow[..., 0], 0, width - 1), np.clip(y + flow[..., 1], 0, height - 1)
    column, row = np.minimum(x.astype(np.int32), width - 2), np.minimum(y.astype(np.int32), height - 2)
    fx, fy = (x - column)[..., None], (y - row)[..., None]
    pair = np.stack([image * weight, weight], axis=-1).reshape(-1, 2)
    start = row * width + column
    top = pair[start] * (1 - fx) + pair[start + 1] * fx
    bottom = pair[start + width] * (1 - fx) + pair[start + width + 1] * fx
    value = top * (1 - fy) + bottom * fy
    return value[..., 0] / np.maximum(value[..., 1], 1e-6), value[..., 1]


def _box(images: Image, radius: int) -> Image:
    """Mean over (2 radius + 1)^2 pixels of images (c, h, w); outside counts as 0."""
    if accel.NUMBA:
        from .kernels_align import box

        out = np.empty(images.shape, np.float32)

        def work(channel: int) -> None:
            box(images[channel], radius, out[channel])

        for _ in accel.mapped(work, range(len(images))):
            pass
        return out
    size = 2 * radius + 1
    for axis in (1, 2):
        padding = [(0, 0)] * 3
        padding[axis] = (radius + 1, radius)
        total = np.cumsum(np.pad(images, padding), axis=axis, dtype=np.float32)
        length = images.shape[axis]
        upper = total[:, size:] if axis == 1 else total[:, :, size:]
        lower = total[:, :length] if axis == 1 else total[:, :, :length]
        images = (upper - lower) / size
    return images


def _blurred(images: Image, sigma: float) -> Image:
    """Gaussian blur of images (c, h, w) as three boxes; outside counts as 0."""
    radius = max(1, round((np.sqrt(4 * sigma * sigma + 1) - 1) / 2))
    for _ in range(3):
        images = _box(images, radius)
    return images


def _halved(image: Image) -> Image:
    """Mean over blocks of 2 x 2 pixels; an odd last row or column is repeated."""
    if image.shape[0] % 2 or image.shape[1] % 2:
        image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2)), mode="edge")
    return (image[::2, ::2] + image[1::2, ::2] + image[::2, 1::2] + image[1::2, 1::2]) * np.float32(0.25)


def _enlarged(image: Image, factor: int, shape: tuple[int, ...]) -> Image:
    """Bilinear enlargement of an image (h, w, c) by a whole factor, cut to `shape`."""
    for axis in (0, 1):
        place = (np.arange(shape[axis], dtype=np.float32) + 0.5) / factor - 0.5
        place = np.clip(place, 0, image.shape[axis] - 1)
        low = np.minimum(place.astype(np.int32), max(image.shape[axis] - 2, 0))
        high = np.minimum(low + 1, image.shape[axis] - 1)
        t = (place - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        image = np.take(image, low, axis) * (1 - t) + np.take(image, high, axis) * t
    return image
