# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration of what textures cut out, such as foliage on cards: the picture lies inside the mesh's outline.

The mesh may show surface where the picture has a hole, but never the other way round. So the camera wanted is the one
under which the mesh covers all of the picture's object and little else.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData
from ...orbits.cameras import Camera
from ...progress import Progress
from .framing import moved, widened
from .gbuffer import coverage
from .sampling import bilinear, resized

LEAK = 50.0  # how much worse it is to leave a pixel of the object uncovered than to cover one of the background
FIELD = 2  # the mesh is rendered in a frame this much larger, for what the picture's own does not hold
SIZES = (96, 256)  # pixels along the picture's longer side, coarse to fine
STEPS = ((0.08, 0.04, 0.02, 0.01), (0.004, 0.002, 0.001))  # of the scale, and of the offset in parts of the picture


def contain(
    mesh: MeshData, alpha: NDArray[np.float32], starts: Iterable[Camera], progress: Progress
) -> tuple[Camera, float]:
    """The camera near one of `starts`, moved and scaled within its view, under which the mesh covers `alpha` (h, w)
    with least to spare, and the share of the object that is not covered there."""
    best: tuple[float, Camera, float] | None = None
    for start in starts:
        progress(0.0, "aligning the reference")
        camera, cost, leak = start, np.inf, 1.0
        for size, steps in zip(SIZES, STEPS, strict=True):
            camera, cost, leak = _search(mesh, alpha, camera, size, steps)
        if best is None or cost < best[0]:
            best = cost, camera, leak
    assert best is not None
    return best[1:]


def _search(
    mesh: MeshData, alpha: NDArray[np.float32], camera: Camera, size: int, steps: Iterable[float]
) -> tuple[Camera, float, float]:
    """Pattern search over scale and offset on the image of one rendering: camera, cost, leak."""
    height, width = alpha.shape
    factor = min(1.0, size / max(alpha.shape))
    small = resized(alpha, max(8, round(width * factor)), max(8, round(height * factor)))
    h, w = small.shape
    view = widened(camera.resized(w, h), FIELD)
    cover = coverage(mesh, view, 2)
    v, u = np.mgrid[0:h, 0:w].astype(np.float32)
    uv = np.stack([u + 0.5 - w / 2, v + 0.5 - h / 2], axis=-1)
    total = float(small.sum())

    def judged(guess: NDArray[np.float64]) -> tuple[float, float]:
        source = (uv - guess[1:] * max(h, w)) / np.exp(guess[0]) + np.array([view.width, view.height]) / 2
        shown = bilinear(cover, source)
        leak = float(np.maximum(small - shown, 0).sum()) / total
        return LEAK * leak + float(np.maximum(shown - small, 0).sum()) / total, leak

    best = np.zeros(3)
    cost, leak = judged(best)
    moves = np.array([m for m in np.ndindex(3, 3, 3) if m != (1, 1, 1)]) - 1.0
    for step in steps:
        improved = True
        while improved:
            tried = [(*judged(guess), guess) for guess in best + step * moves]
            found = min(tried, key=lambda t: t[0])
            improved = found[0] < cost - 1e-6
            if improved:
                cost, leak, best = found
    scale, shift = float(np.exp(best[0])), best[1:] * max(height, width)
    return moved(camera, scale, shift), cost, leak
