# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the views of an object agree? Multi-view mean squared error (CaliTex, Eq. 9; specs/calitex.md section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import DISTANCE, Camera
from ..orbits.raycast import embree_scene, raycast_view
from ..painters.base import Frame
from ..progress import Progress, silent
from .filters import eroded

VIEWS = 24  # evenly spaced ones that are compared, each with all others
PIXELS = 4096  # of a view that are compared, about
NEAR = 1.5  # pixels' widths on the surface within which two pixels show the same point
JUMP = 3.0  # more than that from a pixel to the next is a rim


class SeenSurface(Protocol):
    """What a view shows, of `ViewPasses`: points float32 (h, w, 3) in the normalised frame where bool mask (h, w)."""

    @property
    def camera(self) -> Camera: ...
    @property
    def position(self) -> NDArray[np.float32]: ...
    @property
    def mask(self) -> NDArray[np.bool_]: ...


def mv_mse(mesh: MeshData, frames: Sequence[Frame], progress: Progress = silent) -> float:
    """`disagreement` of at most VIEWS of the frames. Raises CancelledError through `progress`."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), VIEWS)).round().astype(int))
    scene = embree_scene(mesh)
    views = []
    for number, index in enumerate(chosen.tolist()):
        progress(number / len(chosen), f"consistency, view {number + 1} of {len(chosen)}")
        views.append(raycast_view(mesh, frames[index].camera, scene))
    pictures = [frames[index].image for index in chosen]
    visible = [picture[..., 3] >= 128 for picture in pictures]
    return disagreement(views, [picture[..., :3] for picture in pictures], visible)


def disagreement(
    views: Sequence[SeenSurface], pictures: Sequence[NDArray[np.uint8]], visible: Sequence[NDArray[np.bool_]]
) -> float:
    """Mean over pairs of views i, j of the mean over p of |I_i(p) - I_j(pi_j(X_p))|^2, colours in 0..1.

    pictures: uint8 (h, w, 3) of each view; visible: bool (h, w), what of them counts.
    p runs over object pixels of view i (an even grid of about PIXELS of them) whose surface point X_p is what view j
    shows where it projects to: the point there lies within NEAR. Pixels at a rim of the surface do not count, for they
    mix it with what is behind.
    I_j is looked up bilinearly; the square is summed over red, green and blue. Pairs without a common pixel are left
    out. 0 for frames that agree; not a number for fewer than two.
    """
    inner = [_inner(view, shown) for view, shown in zip(views, visible, strict=True)]
    errors = [
        error
        for i in range(len(views))
        for j in range(len(views))
        if i != j and (error := _pair(views[i], pictures[i], inner[i], views[j], pictures[j], inner[j])) is not None
    ]
    return float(np.mean(errors)) if errors else float("nan")


def _pixel(camera: Camera) -> float:
    """Width of a pixel in the middle of the cube."""
    return DISTANCE / camera.focal


def _inner(view: SeenSurface, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of the object, bool (h, w), from which the surface goes on to all neighbours."""
    whole = view.mask & visible
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(view.position, axis=axis), axis=-1)
        torn = np.argwhere(step > JUMP * _pixel(view.camera))
        whole[tuple(torn.T)] = False
        torn[:, axis] += 1
        whole[tuple(torn.T)] = False
    return eroded(whole)


def _pair(
    view: SeenSurface,
    picture: NDArray[np.uint8],
    inner: NDArray[np.bool_],
    other: SeenSurface,
    shown: NDArray[np.uint8],
    shown_inner: NDArray[np.bool_],
) -> float | None:
    """One term of the sum; None where the views have no pixel in common. inner: the pixels that count."""
    step = max(1, int(np.sqrt(inner.sum() / PIXELS)))
    rows, columns = np.nonzero(inner[::step, ::step])
    rows, columns = rows * step, columns * step
    points = view.position[rows, columns]
    pixels, depth = other.camera.project(points)
    x, y = pixels[:, 0] - 0.5, pixels[:, 1] - 0.5
    height, width = other.mask.shape
    inside = (depth > 0) & (x >= 0) & (y >= 0) & (x < width - 1) & (y < height - 1)
    rows, columns, points, x, y = rows[inside], columns[inside], points[inside], x[inside], y[inside]
    left, top = x.astype(int), y.astype(int)
    corners = [(top + dy, left + dx) for dy in (0, 1) for dx in (0, 1)]
    whole = np.all([shown_inner[at] for at in corners], axis=0)
    nearest = (np.rint(y).astype(int), np.rint(x).astype(int))
    whole &= np.linalg.norm(other.position[nearest] - points, axis=1) < NEAR * _pixel(other.camera)
    if not whole.any():
        return None
    fx, fy = (x - left)[:, None], (y - top)[:, None]
    weights = ((1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy)
    there = sum(weight * shown[at] for weight, at in zip(weights, corners, strict=True))
    difference = (picture[rows, columns] - there)[whole] / 255
    return float(np.square(difference).sum(axis=1).mean())
