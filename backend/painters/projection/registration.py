# SPDX-License-Identifier: GPL-3.0-or-later
"""Silhouette registration: the camera under which the mesh covers what a picture's alpha covers.

Gauss-Newton on ``sum rho(alpha(u) - coverage(W(u)))`` over scale and offset, coarse to fine, where coverage is the
supersampled silhouette, so the fit is good to a few hundredths of a pixel. Scaling a pinhole's image about a point
and shifting it is a change of its focal length and principal point, so the result is a camera, not a warp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData
from ...orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look
from ...progress import Progress, part
from ..base import VIEWS
from .containment import contain
from .framing import moved
from .gbuffer import coverage
from .sampling import bilinear, closing, gaussian, resized

GOOD_FIT = 0.992  # intersection over union above which no further camera distances are tried
POOR_FIT = 0.80  # below it the artist is told
LEAK = 0.01  # share of the picture's object that foliage may leave uncovered
GAP = 0.03  # gaps between leaves that are closed before outlines are compared, as a part of the picture
GAPS = 0.1  # how much better outlines must match without the gaps for these to be what makes the difference
FILLED = 0.7  # how well they must match then
DISTANCES = (1.1, 2.2, 3.5)  # besides the orbits' own
ROUNDS = 3
ITERATIONS = 6
WORK_SIZE = 640  # pixels; larger pictures are registered at this size


@dataclass(frozen=True, eq=False)
class Registration:
    """camera: the fitted view at the picture's size
    iou: soft intersection over union of alpha and coverage; of foliage the share of alpha that is covered
    """

    camera: Camera
    iou: float
    refined: bool


def register(
    mesh: MeshData, alpha: NDArray[np.float32], known: Camera | None, progress: Progress, view: str = "front"
) -> Registration:
    """Fit a camera to `alpha` float32 (h, w).

    known None: the side `view` of VIEWS, orthographic or perspective, whichever fits better. Otherwise `known` is kept
    unless a change of scale and offset by a few per cent clearly improves the fit.
    """
    height, width = alpha.shape
    if max(height, width) > WORK_SIZE:
        factor = WORK_SIZE / max(height, width)
        small = resized(alpha, max(1, round(width * factor)), max(1, round(height * factor)))
        fit = register(mesh, small, None if known is None else _at_size(known, *small.shape[::-1]), progress, view)
        if known is not None and not fit.refined:
            return replace(fit, camera=_at_size(known, width, height))
        return replace(fit, camera=fit.camera.resized(width, height))
    if known is not None:
        camera = _at_size(known, width, height)
        before = overlap(alpha, coverage(mesh, camera, 2))
        progress(0.3, "aligning the reference")
        if before > 0.985 or before < 0.5:
            return Registration(camera, before, False)
        fitted, after = _fit(mesh, alpha, camera, progress, from_boxes=False, rough=False)
        drift = abs(np.log(fitted.focal / camera.focal))
        small = drift < 0.1 and np.hypot(*_shift(camera, fitted)) < 0.05 * max(width, height)
        if small and (1 - after) < 0.6 * (1 - before):
            return Registration(fitted, after, True)
        return Registration(camera, before, False)
    best = _best(mesh, alpha, [_side(view), _side(view, DISTANCE)], part(progress, 0.0, 0.5))
    if best.iou < GOOD_FIT:
        more = [_side(view, distance) for distance in DISTANCES]
        other = _best(mesh, alpha, more, part(progress, 0.5, 1.0))
        if 1 - other.iou < 0.8 * (1 - best.iou):
            best = other
    if best.iou < POOR_FIT:
        contained = _foliage(mesh, alpha, view, progress)
        if contained is not None:
            return contained
    if best.iou < POOR_FIT:  # cut-out foliage, lattices: compare the outlines with their gaps closed
        radius = max(2, round(0.02 * max(height, width)))
        cover = coverage(mesh, best.camera, 2)
        closed = overlap(_closed(alpha, radius), _closed(cover, radius))
        other = _fit(mesh, _closed(alpha, radius), best.camera, part(progress, 0.9, 1.0), True, False, radius)
        if other[1] > closed + 0.02:
            exact = overlap(alpha, coverage(mesh, other[0]))
            best = Registration(other[0], exact, True)
    return best


def _foliage(mesh: MeshData, alpha: NDArray[np.float32], view: str, progress: Progress) -> Registration | None:
    """The camera under which the mesh covers what it shows and more, which is what cards with cut-out leaves do; None
    where it does not cover all, or where what is to spare is not gaps between leaves."""
    height, width = alpha.shape
    starts = [_aligned_boxes(mesh, alpha, _centred(_side(view, d), width, height)) for d in (None, DISTANCE)]
    camera, leak = contain(mesh, alpha, starts, progress)
    cover, radius = coverage(mesh, camera, 2), max(2, round(GAP * max(height, width)))
    filled = overlap(_closed(alpha, radius), _closed(cover, radius))
    gaps = filled - overlap(alpha, cover)
    return Registration(camera, 1 - leak, True) if leak < LEAK and gaps > GAPS and filled > FILLED else None


def _side(view: str, distance: float | None = None) -> Camera:
    """The camera on a side of the object, in perspective from `distance` or orthographic; its framing is arbitrary."""
    direction, up = VIEWS[view]
    matrix = look([(distance or 2 * DISTANCE) * component for component in direction], up)
    focal = 512 * FOCAL_PER_WIDTH if distance else 512 / 1.1
    return Camera(matrix, 512, 512, focal, (256.0, 256.0), orthographic=distance is None)


def _closed(alpha: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """Morphological closing with a square of side 2 radius + 1; nothing lies outside the picture."""
    return closing(np.pad(alpha, radius), radius)[radius:-radius, radius:-radius]


def overlap(alpha: NDArray[np.float32], cover: NDArray[np.float32]) -> float:
    """Soft intersection over union of two coverage images."""
    union = float(np.maximum(alpha, cover).sum())
    return float(np.minimum(alpha, cover).sum()) / union if union > 0 else 0.0


def _best(mesh: MeshData, alpha: NDArray[np.float32], cameras: Sequence[Camera], progress: Progress) -> Registration:
    height, width = alpha.shape
    fits = []
    for i, camera in enumerate(cameras):
        report = part(progress, 0.7 * i / len(cameras), 0.7 * (i + 1) / len(cameras))
        fits.append(_fit(mesh, alpha, _centred(camera, width, height), report, from_boxes=True, rough=True))
    camera, _ = max(fits, key=lambda fit: fit[1])
    camera, iou = _fit(mesh, alpha, camera, part(progress, 0.7, 1.0), from_boxes=False, rough=False)
    return Registration(camera, iou, True)


def _centred(camera: Camera, width: int, height: int) -> Camera:
    """A square view framed in the middle of a picture."""
    square = camera.resized(max(width, height), max(width, height))
    return replace(square, width=width, height=height, principal=(width / 2, height / 2))


def _at_size(camera: Camera, width: int, height: int) -> Camera:
    """`camera` for a picture of another size; where the aspect ratio differs the object keeps its proportions."""
    factor = max(width / camera.width, height / camera.height)
    principal = (
        camera.principal[0] * factor + (width - camera.width * factor) / 2,
        camera.principal[1] * factor + (height - camera.height * factor) / 2,
    )
    return replace(camera, width=width, height=height, focal=camera.focal * factor, principal=principal)


def _shift(a: Camera, b: Camera) -> tuple[float, float]:
    """How far the object's centre moves between two cameras of one viewpoint, pixels."""
    ua, ub = a.project(np.zeros(3))[0], b.project(np.zeros(3))[0]
    return float(ub[0] - ua[0]), float(ub[1] - ua[1])


def _fit(
    mesh: MeshData,
    alpha: NDArray[np.float32],
    camera: Camera,
    progress: Progress,
    from_boxes: bool,
    rough: bool,
    closing: int = 0,
) -> tuple[Camera, float]:
    """Best scale and offset of `camera`, and the overlap there; `rough`: one round only.

    closing: radius by which gaps in the coverage are closed before it is compared (those in `alpha` already are).
    """
    if from_boxes:
        camera = _aligned_boxes(mesh, alpha, camera)
    best, best_iou = camera, -1.0
    for step in range(ROUNDS):
        report = part(progress, 0.1 + 0.25 * step, 0.35 + 0.25 * step)
        report(0.0, "aligning the reference")
        cover = coverage(mesh, camera, 2 if step == 0 else 4)
        cover = _closed(cover, closing) if closing else cover
        iou = overlap(alpha, cover)
        if iou > best_iou:
            best, best_iou = camera, iou
        elif iou < best_iou - 0.02:
            break
        sigmas = (8.0, 4.0, 2.0, 1.0) if step == 0 else (1.0,)
        scale, shift = _gauss_newton(alpha, cover, sigmas, part(report, 0.3, 1.0))
        camera = moved(camera, scale, shift)
        if step and abs(scale - 1) * max(alpha.shape) < 0.01 and np.hypot(*shift) < 0.01:
            break
        if step == 0 and rough:
            break
    progress(0.9, "aligning the reference")
    cover = coverage(mesh, camera, 2 if rough else 4)
    iou = overlap(alpha, _closed(cover, closing) if closing else cover)
    progress(1.0, "aligning the reference")
    return (camera, iou) if iou >= best_iou else (best, best_iou)


def _aligned_boxes(mesh: MeshData, alpha: NDArray[np.float32], camera: Camera) -> Camera:
    """`camera` scaled and shifted so that the mesh's box in the image becomes that of `alpha`.

    Of the box that holds everything and the box of the central 98 % of the area, the one that overlaps more.
    """
    # A camera that surely holds the whole object: the box is measured there and carried over.
    uv, _ = camera.project(mesh.vertices[np.unique(mesh.faces)])
    reach = float(np.abs(uv - np.array([camera.width / 2, camera.height / 2])).max())
    camera = moved(camera, 0.48 * min(camera.width, camera.height) / max(reach, 1e-6), (0, 0))
    cover = coverage(mesh, camera, 2)
    best, best_iou = camera, -1.0
    for tail in (0.0, 0.01):
        target, source = _box(alpha, tail), _box(cover, tail)
        size, old = target[1] - target[0], source[1] - source[0]
        scale = float(np.sqrt(np.prod(np.maximum(size, 1)) / np.prod(np.maximum(old, 1))))
        centre = np.array([camera.width / 2, camera.height / 2])
        shift = target.mean(axis=0) - centre - scale * (source.mean(axis=0) - centre)
        candidate = moved(camera, scale, shift)
        iou = overlap(alpha, coverage(mesh, candidate, 1))
        if iou > best_iou:
            best, best_iou = candidate, iou
    return best


def _box(alpha: NDArray[np.float32], tail: float) -> NDArray[np.float64]:
    """Low and high corner (2, 2) in pixels of the area without a share `tail` at each end, to sub-pixels."""
    corners = np.zeros((2, 2))
    for axis in (0, 1):
        profile = (alpha if tail else (alpha > 0.5)).sum(axis=axis).astype(np.float64)
        cumulative = np.concatenate([[0.0], np.cumsum(profile)])
        total = cumulative[-1]
        inside = np.flatnonzero(profile > 0)
        if not total > 0:
            corners[:, axis] = 0, len(profile)
        elif tail:
            corners[:, axis] = np.interp([tail * total, (1 - tail) * total], cumulative, np.arange(len(cumulative)))
        else:
            corners[:, axis] = inside[0], inside[-1] + 1
    return corners


def _gauss_newton(
    alpha: NDArray[np.float32], cover: NDArray[np.float32], sigmas: Sequence[float], progress: Progress
) -> tuple[float, NDArray[np.float64]]:
    """Scale and shift (about the picture's centre) that carry `cover` onto `alpha`, both (h, w)."""
    height, width = alpha.shape
    centre = np.array([width / 2, height / 2])
    scale, shift = 1.0, np.zeros(2)
    for number, sigma in enumerate(sigmas):
        progress(number / len(sigmas), "aligning the reference")
        sigma = sigma * max(1.0, max(height, width) / 512)
        target, model = gaussian(alpha, sigma), gaussian(cover, sigma)
        slope_v, slope_u = np.gradient(model)
        maps = np.stack([model, slope_u, slope_v], axis=-1)
        # only the outlines matter, and what they may pass over
        band = (np.abs(target - model) > 1e-3) | (np.abs(slope_u) + np.abs(slope_v) > 1e-3)
        v, u = np.nonzero(band)
        if len(v) < 3:
            continue
        uv, aim = np.stack([u + 0.5, v + 0.5], axis=-1) - centre, target[band]
        for _ in range(ITERATIONS):
            source = (uv - shift) / scale
            value = bilinear(maps, source + centre)
            residual = (aim - value[..., 0]).astype(np.float64)
            jacobian = (
                np.stack(
                    [
                        -(value[..., 1] * source[..., 0] + value[..., 2] * source[..., 1]),
                        -value[..., 1],
                        -value[..., 2],
                    ],
                    axis=-1,
                )
                / scale
            )
            weight = 1 / (1 + (residual / 0.2) ** 2)
            active = np.abs(jacobian).max(axis=-1) > 1e-4
            j, r, w = jacobian[active], residual[active], weight[active]
            if len(j) < 3:
                break
            normal = (j * w[:, None]).T @ j
            step = np.linalg.solve(normal + 1e-9 * np.trace(normal) * np.eye(3), (j * w[:, None]).T @ r)
            step[0] = np.clip(step[0], -0.1, 0.1)
            scale = float(np.clip(scale + step[0], 0.5, 2.0))
            shift = shift + np.clip(step[1:], -0.05 * width, 0.05 * width)
            if abs(step[0]) * max(width, height) < 0.002 and np.abs(step[1:]).max() < 0.002:
                break
    return scale, shift
