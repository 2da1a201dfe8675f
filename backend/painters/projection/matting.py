# SPDX-License-Identifier: GPL-3.0-or-later
"""Background removal: the file's own alpha where it is useful, else a matte from a model of the border's colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .sampling import bleed, gaussian, local_maximum, local_minimum

BORDER_CLUSTERS = 4
SMALLEST = 8  # pixels: a picture or an object below this size says nothing


def cut_out(
    image: NDArray[np.uint8], name: str, keep_background: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """Colour float32 (h, w, 3) and alpha float32 (h, w), both 0 ... 1, of the object in `image` uint8 (h, w, 4).

    Colour is straight and, where alpha is below one, free of the background's colour. The last value says
    whether a background was removed. Raises InputError for a picture in which there is no object.
    """
    height, width = image.shape[:2]
    if image.ndim != 3 or image.shape[2] != 4 or min(height, width) < SMALLEST:
        raise InputError(
            "reference-too-small",
            f"The picture {name!r} is only {width} x {height} pixels.",
            "Give a picture of at least a few hundred pixels.",
        )
    colour = image[..., :3].astype(np.float32) / 255
    alpha = image[..., 3].astype(np.float32) / 255
    if (alpha > 0.5).mean() < 1e-4:
        raise InputError(
            "reference-transparent", f"The picture {name!r} is fully transparent.", "Give one that shows the object."
        )
    if (alpha < 0.5).mean() > 1e-3 or keep_background:
        return _decontaminated(colour, alpha), alpha, False
    alpha = border_matte(colour)
    if alpha is None:
        raise InputError(
            "reference-no-object",
            f"No object stands out from the background of the picture {name!r}.",
            "Give a picture of the object in front of a plain background, or with a transparent one.",
        )
    return _decontaminated(colour, alpha), alpha, True


def _decontaminated(colour: NDArray[np.float32], alpha: NDArray[np.float32]) -> NDArray[np.float32]:
    """Colours of the opaque part, continued outwards under the soft edge."""
    weight = np.clip((alpha - 0.85) / 0.15, 0, 1) ** 2
    if weight.max() <= 0:
        weight = alpha
    return np.clip(bleed(colour, weight.astype(np.float32)), 0, 1)


def border_matte(colour: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Alpha float32 (h, w) of what is not connected to the border in the border's colours; None if that is nothing.

    The border's pixels are clustered; a pixel is background where it is within the clusters' own spread (sensor
    noise, JPEG) of one of them, or on a smooth gradient from it, and a path of such pixels leads to the border.
    """
    height, width = colour.shape[:2]
    band = max(2, round(0.01 * min(height, width)))
    smooth = gaussian(colour, 0.7)
    border = np.concatenate(
        [
            smooth[:band].reshape(-1, 3),
            smooth[-band:].reshape(-1, 3),
            smooth[:, :band].reshape(-1, 3),
            smooth[:, -band:].reshape(-1, 3),
        ]
    )
    distance = np.full((height, width), np.inf, np.float32)
    for centre, spread in _clusters(border):
        distance = np.minimum(distance, np.abs(smooth - centre).max(axis=2) / spread)
    background = _flood(distance < 1.0)
    inside = ~_flood(~_opened(~background))  # holes that do not reach the border stay object
    inside = _largest(inside)
    share = inside.mean()
    if not 1e-3 < share < 0.995:
        return None
    # The edge: how far a pixel is on the way from the local background colour to the local object colour.
    near = local_maximum(inside.astype(np.float32), 2) - local_minimum(inside.astype(np.float32), 2) > 0
    sure_in = local_minimum(inside.astype(np.float32), 2)
    sure_out = local_minimum((~inside).astype(np.float32), 2)
    front, back = bleed(colour, sure_in), bleed(colour, sure_out)
    step = front - back
    length = (step * step).sum(axis=2)
    along = ((colour - back) * step).sum(axis=2) / np.maximum(length, 1e-4)
    soft = gaussian(inside.astype(np.float32), 0.8)
    along = np.where(length > 0.01, along, soft)
    return np.where(near, np.clip(along, 0, 1), inside).astype(np.float32)


def _clusters(samples: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
    """Up to BORDER_CLUSTERS (colour, tolerance) pairs that cover `samples` (n, 3), largest first."""
    rest, result = samples, []
    while len(rest) > 0.03 * len(samples) and len(result) < BORDER_CLUSTERS:
        centre = np.median(rest, axis=0)
        if len(result) or np.mean(np.abs(rest - centre).max(axis=1) < 0.1) < 0.5:
            cells = np.floor(rest * 12).astype(np.int32) @ np.array([1, 64, 4096])
            values, counts = np.unique(cells, return_counts=True)
            centre = np.median(rest[cells == values[counts.argmax()]], axis=0)
        away = np.abs(rest - centre).max(axis=1)
        close = away < 0.12
        if not close.any():
            break
        spread = float(np.clip(3.0 * np.quantile(away[close], 0.9), 0.025, 0.12))
        result.append((centre, spread))
        rest = rest[away >= spread]
    return result


def _flood(passable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The passable pixels that are connected to the border by passable pixels (4-neighbours)."""
    reached = np.zeros_like(passable)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        reached[edge] = passable[edge]
    while True:
        before = int(reached.sum())
        for axis in (0, 1):
            for flip in (False, True):
                _sweep(reached, passable, axis, flip)
        if int(reached.sum()) == before:
            return reached


def _sweep(reached: NDArray[np.bool_], passable: NDArray[np.bool_], axis: int, flip: bool) -> None:
    """Let `reached` run along one direction as far as `passable` goes."""
    r, p = (reached, passable) if axis == 0 else (reached.T, passable.T)
    if flip:
        r, p = r[::-1], p[::-1]
    row = r[0].copy()
    for k in range(1, len(r)):
        row &= p[k]
        row |= r[k]
        r[k] = row


def _opened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Morphological opening with a 3 x 3 square: drops specks and hairs of one or two pixels."""
    return local_maximum(local_minimum(mask.astype(np.float32), 1), 1) > 0.5


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts of `mask` of at least a fiftieth of its largest connected part, found on a reduced image."""
    rest, parts = mask.copy(), []
    while rest.any() and len(parts) < 64:
        j, i = np.unravel_index(int(rest.argmax()), rest.shape)
        part = np.zeros_like(mask)
        part[j, i] = True
        while True:
            before = int(part.sum())
            for axis in (0, 1):
                for flip in (False, True):
                    _sweep(part, rest, axis, flip)
            if int(part.sum()) == before:
                break
        parts.append(part)
        rest &= ~part
    if not parts:
        return mask
    sizes = [int(part.sum()) for part in parts]
    result = np.zeros_like(mask)
    for part, size in zip(parts, sizes, strict=True):
        if size * 50 >= max(sizes):
            result |= part
    return result
