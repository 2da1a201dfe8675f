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

from ...mesh import EXTENT
from .evidence import MIRROR_SLACK, Evidence
from .motifs import judge_motifs
from .recurrence import mending, recurrence
from .sampling import bilinear, local_minimum, masked_gaussian, nearest_index
from .symmetry import MirrorPlane

COMMON = 0.02  # share of the surface that must look alike for it to be plain
REPEATED = 0.005  # share that must look alike for it to be a texture
ROW = 0.05  # share of each fifth of what is seen at the same height that must look alike for it to be a band all round
LEVEL = 0.5  # share of what is seen at the same height that must look alike for a single colour to go on all round
FLOOR = 0.05  # root-mean-square difference (0 ... 1) that never counts
GAP = 20  # gaps in a texture are judged by what is within this part of a unit length
SAMPLES = 2000
ROWS = 160  # heights that are told apart along the longest side
ROUGH = 0.3  # difference of two patches, as a share of their variance, below which they are alike within a row
OVERLAP = 0.3  # share of two patches that must be known for them to be compared
FAR = 1.0  # mean square difference of patches that cannot be


@dataclass(frozen=True, eq=False)
class Ordinariness:
    """0 (one of a kind) ... 1 (ordinary) of each atlas pixel, float32 (H, W).

    plain    may be mirrored: common everywhere, or a band round the object, and like its own mirror image
    texture  may be continued elsewhere: repeats itself
    level    the same for the most part at its height: its colour may be expected all round
    woven    is texture as a whole only, for what returns with its period: its single colours tell nothing
    mend     (H, W, 3), what to add to places of one-of-a-kind things, right and down, to come to what may stand there
             instead, such as the woven texture around them; 1 where that is to be read backwards along right, else 0
    """

    plain: NDArray[np.float32]
    texture: NDArray[np.float32]
    level: NDArray[np.float32]
    woven: NDArray[np.float32]
    mend: NDArray[np.float32]


def ordinary(evidence: Evidence, planes: list[MirrorPlane], pixels_per_unit: float) -> Ordinariness:
    """Examine the references at two scales."""
    width, height = evidence.size
    spacings = [max(spacing, 0.75) for spacing in (pixels_per_unit / 160, pixels_per_unit / 70)]
    fine, coarse = (_density(evidence, spacing, pixels_per_unit) for spacing in spacings)
    level = fine.level
    banded = np.minimum(fine.banded, coarse.banded)  # the strokes of letters recur, but not the letters
    texture = np.maximum(np.maximum(fine.repeated, level), banded)
    plain = np.minimum(np.maximum(fine.common, level), np.maximum(coarse.common, coarse.level))
    plain = np.maximum(plain, banded)
    whole, woven = texture.copy(), np.zeros_like(texture)
    mend = np.zeros((height, width, 3), np.float32)
    spacing = spacings[0]
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
        mend[rows][..., :2] = mending(again, woven[rows] > 0.5, source & ~known & (round_about > 0.6))
    plain = np.minimum(plain, np.where(texture > whole, whole, 1))  # parts of a motif that stands alone
    for plane in planes:
        if plane.axis == 0:
            plain = np.minimum(plain, _agreement(evidence, plane, pixels_per_unit))
    radius = max(1, round(pixels_per_unit / 150))
    return Ordinariness(local_minimum(plain, radius), local_minimum(whole, 1), level, woven, mend)


def _areas(mask: NDArray[np.bool_], size: float) -> NDArray[np.bool_]:
    """`mask` (h, w) where it covers areas, without its parts that are narrower than some 2 `size` pixels."""
    everywhere = np.ones(mask.shape, np.float32)
    core = masked_gaussian(mask.astype(np.float32)[..., None], everywhere, size) > 0.85
    return mask & (masked_gaussian(core.astype(np.float32), everywhere, size)[..., 0] > 0.02)


@dataclass(frozen=True, eq=False)
class _Density:
    """How often a patch of that size is found again, 0 ... 1, float32 (H, W), by COMMON, REPEATED, ROW and LEVEL."""

    common: NDArray[np.float32]
    repeated: NDArray[np.float32]
    banded: NDArray[np.float32]
    level: NDArray[np.float32]


def _density(evidence: Evidence, spacing: float, pixels_per_unit: float) -> _Density:
    """Examine patches of 7 x 7 taps on the surface, `spacing` pixels apart
    where it faces the camera."""
    width, height = evidence.size
    source = evidence.source
    image = masked_gaussian(evidence.colour, source.astype(np.float32), 0.4 * spacing)
    step = max(1, round(spacing))
    v, u = np.nonzero(source[::step, ::step])
    if len(u) < 30:
        return _Density(*[np.ones((height, width), np.float32)] * 4)
    centre = np.stack([u * step + 0.5, v * step + 0.5], axis=1)
    taps = (np.arange(7) - 3) * np.float32(spacing / pixels_per_unit)
    offsets = np.stack(np.meshgrid(taps, taps), axis=-1).reshape(-1, 2)
    along = np.einsum("nij,tj->nti", evidence.jacobian[v * step, u * step], offsets)
    index = nearest_index(centre[:, None] + along, width, height)
    patches = _Patches(image.reshape(-1, 3)[index], source.ravel()[index])
    count = len(centre)
    some = _spread(np.arange(count), SAMPLES)
    ranks = [max(1, round(share * len(some))) for share in (COMMON, REPEATED)]
    usual = np.empty((4, count), np.float32)
    for start in range(0, count, 4096):
        block = np.arange(start, min(start + 4096, count))
        part = np.partition(patches.distance(block, some), ranks, axis=1)
        usual[0, block], usual[1, block] = part[:, ranks[0]], part[:, ranks[1]]
    level = np.floor(evidence.position[v * step, u * step, 2] * (ROWS / EXTENT)).astype(np.int64)
    order = np.lexsort((u, level))
    for own in np.split(order, np.flatnonzero(np.diff(level[order])) + 1):
        fifths = [patches.distance(own, _spread(some, 32)) for some in np.array_split(own, 5) if len(some)]
        usual[2, own] = np.max([np.quantile(distance, ROW, axis=1) for distance in fifths], axis=0)
        usual[3, own] = np.quantile(np.concatenate(fifths, axis=1), LEVEL, axis=1)
    usual = np.sqrt(np.maximum(usual, 0))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    uv = np.stack([x / step + 0.5, y / step + 0.5], axis=-1)
    result = []
    least = max(FLOOR, float(np.quantile(usual[0], 0.3)))
    rough = np.sqrt(ROUGH * patches.variance())
    for distance, limit in zip(usual, (1.5 * least, 1.5 * least, np.maximum(least, rough), least), strict=True):
        small = np.ones(source[::step, ::step].shape, np.float32)
        small[v, u] = np.exp(-2 * np.maximum(distance / limit - 1, 0) ** 2)
        result.append(bilinear(small, uv))
    return _Density(*result)


class _Patches:
    """Patches of colours (n, t, 3) that are known where `valid` (n, t)."""

    def __init__(self, colours: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        self._known = valid.astype(np.float32)
        colours = colours * self._known[..., None]
        self._square = (colours * colours).sum(axis=2)
        self._colours = colours.reshape(len(colours), -1)

    def variance(self) -> NDArray[np.float32]:
        """Mean square difference (n,) from the mean colour."""
        count = np.maximum(self._known.sum(axis=1), 1)
        mean = self._colours.reshape(*self._known.shape, 3).sum(axis=1) / count[:, None]
        return np.maximum(self._square.sum(axis=1) / count - (mean * mean).sum(axis=1), 0) / 3

    def distance(self, rows: NDArray[np.integer], others: NDArray[np.integer]) -> NDArray[np.float32]:
        """Mean square difference (n, m) of the patches over what is known of both; FAR where that is too little."""
        known, square = self._known[rows], self._square[rows]
        both = known @ self._known[others].T
        total = square @ self._known[others].T + known @ self._square[others].T
        total -= 2 * self._colours[rows] @ self._colours[others].T
        return np.where(both > OVERLAP * known.shape[1], total / (3 * np.maximum(both, 1)), FAR)


def _spread(values: NDArray[np.integer], most: int) -> NDArray[np.integer]:
    """At most `most` of the values, evenly chosen."""
    return values[np.linspace(0, len(values) - 1, min(most, len(values))).astype(np.int64)]


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
