# SPDX-License-Identifier: GPL-3.0-or-later
"""What the surface looks like around a place: the mixture of colours there, as a class that can be expected elsewhere.

Colours are embedded so that the squared distance of two mixtures is the energy distance of their colours (Székely and
Rizzo 2013); a mixture's coordinates are then the mean of its colours' coordinates, that is, a blur.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import Evidence
from .salience import Ordinariness
from .sampling import masked_gaussian

CLASSES = 10
COLOURS = 10
COORDINATES = 4
WINDOW = 24  # mixtures are those within this part of a unit length,
POINT = 100  # or within this one where colours go on all round: about what a point of the coarsest surface stands for


@dataclass(frozen=True, eq=False)
class Appearance:
    """Of the atlas (H, W).

    mixture  float32 (H, W, COORDINATES), the embedded mixture of colours around each pixel; only of those next to it
             where they can be expected all round
    typical  float32 (c, COORDINATES), mixtures that are typical of the references
    kind     int32 (H W,), the typical mixture that is nearest to each pixel's
    """

    mixture: NDArray[np.float32]
    typical: NDArray[np.float32]
    kind: NDArray[np.int32]


def appearance(evidence: Evidence, ordinary: Ordinariness, pixels_per_unit: float) -> Appearance:
    """Examine the references; rare things count little."""
    ordinary_source = evidence.source & (ordinary.texture > 0.3)
    colours, which = clusters(evidence.colour, ordinary_source, evidence.source, COLOURS)
    own = _embedded(colours)[which].reshape(*evidence.source.shape, COORDINATES)
    weight = evidence.source * (0.02 + ordinary.texture).astype(np.float32)
    around = masked_gaussian(own, weight, pixels_per_unit / WINDOW)
    single = (ordinary.level > 0.5) & (ordinary.woven < 0.5)
    mixture = np.where(single[..., None], masked_gaussian(own, weight, pixels_per_unit / POINT), around)
    return Appearance(mixture, *clusters(mixture, ordinary_source, evidence.source, CLASSES))


def _embedded(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Coordinates (c, COORDINATES) of colours (c, 3), whose squared distances are the colours' distances, nearly."""
    apart = np.linalg.norm((colours[:, None] - colours).astype(np.float64), axis=2)
    inner = -0.5 * (apart - apart.mean(axis=0) - apart.mean(axis=1)[:, None] + apart.mean())
    value, vector = np.linalg.eigh(inner)
    coordinates = np.zeros((len(colours), max(len(colours), COORDINATES)), np.float32)
    coordinates[:, : len(colours)] = vector[:, ::-1] * np.sqrt(np.maximum(value[::-1], 0))
    return coordinates[:, :COORDINATES]


def clusters(
    values: NDArray[np.float32], pool: NDArray[np.bool_], source: NDArray[np.bool_], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """At most `count` typical values (c, k) of an image (H, W, k) where `pool` is (k-means), and which of them is the
    nearest (H W,) of each pixel; `source` stands in for a pool that is too small."""
    flat = values.reshape(-1, values.shape[2])
    at = np.flatnonzero(pool)
    if len(at) < count:
        at = np.flatnonzero(source)
    some = flat[at[np.linspace(0, len(at) - 1, min(4000, len(at))).astype(np.int64)]]
    centres = [np.median(some, axis=0)]
    for _ in range(count - 1):  # farthest first, without the outliers
        away = np.min([((some - c) ** 2).sum(axis=1) for c in centres], axis=0)
        rank = np.argsort(away, kind="stable")
        centres.append(some[rank[int(0.98 * (len(rank) - 1))]])
    typical = np.array(centres, np.float32)
    for _ in range(8):
        own = _nearest(some, typical)
        typical = np.array(
            [some[own == c].mean(axis=0) if (own == c).any() else typical[c] for c in range(count)], np.float32
        )
    typical = typical[np.unique(_nearest(some, typical))]
    nearest = [_nearest(flat[start : start + 65536], typical) for start in range(0, len(flat), 65536)]
    return typical, np.concatenate(nearest).astype(np.int32)


def _nearest(values: NDArray[np.float32], typical: NDArray[np.float32]) -> NDArray[np.intp]:
    return ((values[:, None] - typical) ** 2).sum(axis=2).argmin(axis=1)
