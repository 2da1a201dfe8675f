# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of the references are ordinary surface, and which are one of a kind (text, a logo, an eye).

A patch is ordinary when a fair share of all patches look like it: the distance to its neighbour of a certain rank in
patch space is small compared with what is usual in this picture. One-of-a-kind patches are poor sources of texture,
and are never mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import MIRROR_SLACK, Evidence
from .motifs import judge_motifs
from .recurrence import mending, recurrence
from .sampling import bilinear, local_minimum, masked_gaussian, nearest_index
from .symmetry import MirrorPlane

COMMON = 0.02  # share of the surface that must look alike for it to be plain
REPEATED = 0.005  # share that must look alike for it to be a texture
ROW = 0.5  # share of what is seen at the same height that must look alike for it to be a band round the object
FLOOR = 0.05  # root-mean-square difference (0 ... 1) that never counts
GAP = 20  # gaps in a texture are judged by what is within this part of a unit length
SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Ordinariness:
    """0 (one of a kind) ... 1 (ordinary) of each atlas pixel, float32 (H, W).

    plain    may be mirrored: common everywhere, or a band round the object, and like its own mirror image
    texture  may be continued elsewhere: repeats itself
    woven    is texture as a whole only, for what returns with its period: its single colours tell nothing
    mend     (H, W, 2), what to add to places of one-of-a-kind things in woven texture to come to where that goes on
    """

    plain: NDArray[np.float32]
    texture: NDArray[np.float32]
    woven: NDArray[np.float32]
    mend: NDArray[np.float32]


def ordinary(evidence: Evidence, planes: list[MirrorPlane], pixels_per_unit: float) -> Ordinariness:
    """Examine the references at two scales."""
    width, height = evidence.size
    plain = texture = np.ones((height, width), np.float32)
    for k, spacing in enumerate((pixels_per_unit / 160, pixels_per_unit / 70)):
        common, repeated, banded = _density(evidence, max(spacing, 0.75))
        plain = np.minimum(plain, np.maximum(common, banded))
        if k == 0:
            texture = np.maximum(repeated, banded)
    whole, woven = texture.copy(), np.zeros_like(texture)
    mend = np.zeros((height, width, 2), np.float32)
    spacing = max(pixels_per_unit / 160, 0.75)
    for row, camera in zip(evidence.rows, evidence.cameras, strict=True):
        rows = np.s_[row : row + camera.height]
        source = evidence.source[rows]
        again = recurrence(evidence.colour[rows], source, spacing)
        returning = again.often - local_minimum(texture[rows], round(3.5 * spacing))
        woven[rows] = np.where(_areas(returning > 0.5, 4 * spacing), returning, 0)
        texture[rows] = np.maximum(texture[rows], woven[rows])
        judged = judge_motifs(texture[rows], source, pixels_per_unit / 100)
        whole[rows] = np.maximum(judged, woven[rows])  # what goes on in the same way all over is no part of a motif
        known = (whole[rows] > 0.5) & source
        round_about = masked_gaussian(woven[rows][..., None], known.astype(np.float32), pixels_per_unit / GAP)[..., 0]
        mend[rows] = mending(again, woven[rows] > 0.5, source & ~known & (round_about > 0.6))
    plain = np.minimum(plain, np.where(texture > whole, whole, 1))  # parts of a motif that stands alone
    for plane in planes:
        if plane.axis == 0:
            plain = np.minimum(plain, _agreement(evidence, plane, pixels_per_unit))
    radius = max(1, round(pixels_per_unit / 150))
    return Ordinariness(local_minimum(plain, radius), local_minimum(whole, 1), woven, mend)


def _areas(mask: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """`mask` (h, w) where it covers areas, without its parts that are narrower than some 2 `size` pixels."""
    everywhere = np.ones(mask.shape, np.float32)
    core = masked_gaussian(mask.astype(np.float32)[..., None], everywhere, size) > 0.85
    return mask & (masked_gaussian(core.astype(np.float32), everywhere, size)[..., 0] > 0.02)


def _density(evidence: Evidence, spacing: float) -> list[NDArray[np.float32]]:
    """Ordinariness by COMMON, REPEATED and ROW from 7 x 7 patches whose taps are `spacing` pixels apart."""
    width, height = evidence.size
    source = evidence.source
    image = masked_gaussian(evidence.colour, source.astype(np.float32), 0.4 * spacing)
    step = max(1, round(spacing))
    v, u = np.nonzero(source[::step, ::step])
    if len(u) < 30:
        return [np.ones((height, width), np.float32)] * 3
    centre = np.stack([u * step + 0.5, v * step + 0.5], axis=1)
    taps = (np.arange(7) - 3) * spacing
    offsets = np.stack(np.meshgrid(taps, taps), axis=-1).reshape(-1, 2)
    index = nearest_index(centre[:, None] + offsets, width, height)
    patches = image.reshape(-1, 3)[index]
    valid = source.ravel()[index]
    patches = np.where(valid[..., None], patches, image[v * step, u * step][:, None])
    patches = patches.reshape(len(centre), -1)
    some = np.linspace(0, len(patches) - 1, min(SAMPLES, len(patches))).astype(np.int64)
    ranks = [max(1, round(share * len(some))) for share in (COMMON, REPEATED)]
    level = evidence.position[v * step, u * step, 2]
    order = np.argsort(level, kind="stable")
    rows = np.minimum(np.arange(len(order)) * 48 // len(order), 47)  # 48 bands of height, equally many patches in each
    usual = np.empty((3, len(patches)), np.float32)
    norm = (patches * patches).sum(axis=1)
    for start in range(0, len(patches), 4096):
        block = np.s_[start : start + 4096]
        distance = norm[block, None] + norm[some] - 2 * patches[block] @ patches[some].T
        part = np.partition(distance, ranks, axis=1)
        usual[0, block], usual[1, block] = part[:, ranks[0]], part[:, ranks[1]]
    for row in range(48):
        own = order[rows == row]
        some = own[np.linspace(0, len(own) - 1, min(96, len(own))).astype(np.int64)] if len(own) else own
        if len(own):
            distance = norm[own, None] + norm[some] - 2 * patches[own] @ patches[some].T
            usual[2, own] = np.quantile(distance, ROW, axis=1)
    usual = np.sqrt(np.maximum(usual, 0) / patches.shape[1])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    uv = np.stack([x / step + 0.5, y / step + 0.5], axis=-1)
    result = []
    for distance, widen in zip(usual, (1.5, 1.5, 1.0), strict=True):
        limit = max(FLOOR, widen * float(np.quantile(usual[0], 0.3)))
        small = np.ones(source[::step, ::step].shape, np.float32)
        small[v, u] = np.exp(-2 * np.maximum(distance / limit - 1, 0) ** 2)
        result.append(bilinear(small, uv))
    return result


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
        uv, trust = evidence.look(k, points, normals, MIRROR_SLACK)
        difference = np.abs(bilinear(blurred, uv) - blurred.reshape(-1, 3)[at]).max(axis=1)
        unlike = np.clip((difference - 0.1) / 0.15, 0, 1) * (trust > 0.5)
        result[at] = np.minimum(result[at], 1 - unlike)
    return result.reshape(height, width)
