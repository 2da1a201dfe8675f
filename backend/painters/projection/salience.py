# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of the references are ordinary surface, and which are one of a kind (text, a logo, an eye).

A patch is ordinary when a fair share of all patches look like it: the distance to its neighbour of rank RANK in
patch space is small compared with what is usual in this picture. One-of-a-kind patches are poor sources of texture,
and are never mirrored.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .sampling import bilinear, local_minimum, masked_gaussian, nearest_index
from .symmetry import MirrorPlane

RANK = 0.02  # share of the surface that must look alike
FLOOR = 0.05  # root-mean-square difference (0 ... 1) that never counts
SAMPLES = 1500


def ordinary(evidence: Evidence, planes: list[MirrorPlane], pixels_per_unit: float) -> NDArray[np.float32]:
    """How ordinary each atlas pixel is, float32 (H, W), 0 (unique) ... 1 (plain)."""
    width, height = evidence.size
    result = np.ones((height, width), np.float32)
    for spacing in (pixels_per_unit / 160, pixels_per_unit / 70):
        result = np.minimum(result, _density(evidence, max(spacing, 0.75)))
    for plane in planes:
        if plane.axis == 0:
            result = np.minimum(result, _agreement(evidence, plane, pixels_per_unit))
    radius = max(1, round(pixels_per_unit / 150))
    return local_minimum(result, radius)


def _density(evidence: Evidence, spacing: float) -> NDArray[np.float32]:
    """Ordinariness from 7 x 7 patches whose taps are `spacing` pixels apart."""
    width, height = evidence.size
    source = evidence.source
    image = masked_gaussian(evidence.colour, source.astype(np.float32), 0.4 * spacing)
    step = max(1, round(spacing))
    v, u = np.nonzero(source[::step, ::step])
    if len(u) < 30:
        return np.ones((height, width), np.float32)
    centre = np.stack([u * step + 0.5, v * step + 0.5], axis=1)
    taps = (np.arange(7) - 3) * spacing
    offsets = np.stack(np.meshgrid(taps, taps), axis=-1).reshape(-1, 2)
    index = nearest_index(centre[:, None] + offsets, width, height)
    patches = image.reshape(-1, 3)[index]
    valid = source.ravel()[index]
    patches = np.where(valid[..., None], patches, image[v * step, u * step][:, None])
    patches = patches.reshape(len(centre), -1)
    some = patches[np.linspace(0, len(patches) - 1, min(SAMPLES, len(patches))).astype(np.int64)]
    rank = max(1, round(RANK * len(some)))
    norm, usual = (some * some).sum(axis=1), np.empty(len(patches), np.float32)
    for start in range(0, len(patches), 8192):
        block = patches[start : start + 8192]
        distance = (block * block).sum(axis=1)[:, None] + norm - 2 * block @ some.T
        usual[start : start + 8192] = np.partition(distance, rank, axis=1)[:, rank]
    usual = np.sqrt(np.maximum(usual, 0) / patches.shape[1])
    limit = max(FLOOR, 1.5 * float(np.quantile(usual, 0.3)))
    value = np.exp(-(np.maximum(usual / limit - 1, 0) ** 2) * 2)
    small = np.ones(source[::step, ::step].shape, np.float32)
    small[v, u] = value
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return bilinear(small, np.stack([x / step + 0.5, y / step + 0.5], axis=-1))


def _agreement(evidence: Evidence, plane: MirrorPlane, pixels_per_unit: float) -> NDArray[np.float32]:
    """1 where the surface's mirror image looks alike or is not seen, less where it looks different."""
    width, height = evidence.size
    at = np.flatnonzero(evidence.source.ravel())
    result = np.ones(height * width, np.float32)
    if len(at) == 0:
        return result.reshape(height, width)
    blurred = masked_gaussian(evidence.colour, evidence.source.astype(np.float32), pixels_per_unit / 250)
    points, normals = plane.reflect(evidence.position.reshape(-1, 3)[at]), evidence.normal.reshape(-1, 3)[at].copy()
    normals[:, plane.axis] *= -1
    for k in range(len(evidence.cameras)):
        uv, trust = evidence.look(k, points, normals)
        difference = np.abs(bilinear(blurred, uv) - blurred.reshape(-1, 3)[at]).max(axis=1)
        unlike = np.clip((difference - 0.1) / 0.15, 0, 1) * (trust > 0.5)
        result[at] = np.minimum(result[at], 1 - unlike)
    return result.reshape(height, width)
