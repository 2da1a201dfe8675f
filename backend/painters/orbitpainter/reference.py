# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference picture as OrbitPainter was trained to see it (specs/orbitpainter.md section 3). NumPy only.

Cut out, on black, square, and framed as the object is in the first frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData
from ...orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look
from ...orbits.encoding import resize
from ...progress import Progress, part
from ..base import VIEWS, Reference
from ..projection.engine import reduced
from ..projection.gbuffer import coverage
from ..projection.matting import cut_out
from ..projection.registration import POOR_FIT, register
from ..projection.sampling import resized

ENLARGED = 1.05  # training references were about 1.09 times the object's framing

_UNTRAINED = ("back", "top", "bottom")  # training's references are from within 90 degrees of the front
_SEEN_FROM = {view: f"the {view}" for view in VIEWS} | {"top": "above", "bottom": "below"}

# matte(colour float32 (h, w, 3), alpha float32 (h, w)) -> better alpha
Matte = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class PreparedReference:
    """picture: uint8 (size, size, 3) on black; notes for the artist; info for the report."""

    picture: NDArray[np.uint8]
    notes: list[str]
    info: dict[str, Any]


def frontal(references: Sequence[Reference]) -> Reference:
    """The one that is used: the first that shows the front, as training's did; else the first."""
    return next((reference for reference in references if reference.view == "front"), references[0])


def prepare(
    reference: Reference,
    mesh: MeshData,
    size: int,
    framing: str,
    keep_background: bool,
    matte: Matte | None,
    progress: Progress,
) -> PreparedReference:
    """Cut out, check and frame a reference.

    The picture is compared with the object's outline from the side it shows, and framed as the object is in an orbit's
    frame of that side, `size` pixels square. Where they differ much, or where the side is none that the network was
    trained with, the artist is told. Raises InputError for a picture without an object.
    """
    progress(0.0, "cutting out the reference")
    colour, alpha, removed = cut_out(reduced(reference.image), reference.name, keep_background)
    if matte is not None:
        alpha = np.clip(matte(colour, alpha), 0, 1).astype(np.float32)
    fit = register(mesh, alpha, reference.camera, part(progress, 0.2, 0.9), reference.view)
    notes = []
    if fit.iou < POOR_FIT:
        notes.append(
            f"The outline of {reference.name!r} matches only {fit.iou:.0%} of the object's seen from "
            f"{_SEEN_FROM[reference.view]}: is it a picture of it?"
        )
    if reference.view in _UNTRAINED:
        notes.append(
            f"{reference.name!r} shows the object from {_SEEN_FROM[reference.view]}; OrbitPainter was trained with "
            "pictures from the front and the sides."
        )
    silhouette = coverage(mesh, _frame_of(reference.view, size), 2) > 0.5
    on_black = np.floor(colour * alpha[..., None] * 255 + 0.5).astype(np.uint8)
    picture = framed(on_black, alpha, silhouette) if framing == "auto" else squared(on_black, size)
    progress(1.0, "reference prepared")
    return PreparedReference(picture, notes, {"iou": round(fit.iou, 4), "background_removed": removed})


def _frame_of(view: str, size: int) -> Camera:
    """The orbits' camera on a side of the object."""
    direction, up = VIEWS[view]
    matrix = look([DISTANCE * component for component in direction], up)
    return Camera(matrix, size, size, size * FOCAL_PER_WIDTH, (size / 2, size / 2))


def framed(image: NDArray[np.uint8], alpha: NDArray[np.float32], silhouette: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """`image` (h, w, 3), its object moved and scaled to the box of `silhouette` (size, size), slightly enlarged."""
    size = len(silhouette)
    source, target = _box(alpha > 0.5), _box(silhouette)
    side = max(target[1] - target[0])
    coarser = max(source[1] - source[0]) / (4 * side)
    if coarser > 1:  # a large picture of what is a dot from the front: the window below would be huge
        height, width = (max(1, round(length / coarser)) for length in alpha.shape)
        return framed(resize(image, width, height), resized(alpha, width, height), silhouette)
    scale = min(ENLARGED * side, max(side, 0.96 * size)) / max(source[1] - source[0])
    # the window of the source that the whole output shows
    length = max(1, round(size / scale))
    centre = source.mean(axis=0) - (target.mean(axis=0) - size / 2) / scale
    first = np.round(centre - length / 2).astype(int)
    return resize(_window(image, first, length), size, size)


def squared(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """`image` (h, w, 3) padded with black to a square, and resized."""
    height, width = image.shape[:2]
    length = max(height, width)
    return resize(_window(image, np.array([(height - length) // 2, (width - length) // 2]), length), size, size)


def _window(image: NDArray[np.uint8], first: NDArray[np.integer], length: int) -> NDArray[np.uint8]:
    """The square of `length` pixels at row, column `first`; black where it leaves the image."""
    out = np.zeros((length, length, 3), np.uint8)
    low, high = np.maximum(first, 0), np.minimum(first + length, image.shape[:2])
    if (high > low).all():
        (top, left), (bottom, right) = low - first, high - first
        out[top:bottom, left:right] = image[low[0] : high[0], low[1] : high[1]]
    return out


def _box(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """First and last + 1 (row, column) of what is set, (2, 2); the whole picture where nothing is."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return np.array([[0, 0], mask.shape], np.float64)
    return np.array([[rows[0], columns[0]], [rows[-1] + 1, columns[-1] + 1]], np.float64)
