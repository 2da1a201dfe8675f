# SPDX-License-Identifier: GPL-3.0-or-later
"""The `projection` painter (docs/projection.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...mesh import MeshData
from ...progress import Progress, part
from ...texturing import accel
from ..base import Existing, Frame, PaintedFrames, PaintRequest, Reference
from .evidence import Evidence, Picture, gather
from .fronts import without_fronts
from .gbuffer import GeometryBuffer, geometry_buffer
from .matting import cut_out
from .options import SMALLEST_GRID, ProjectionOptions
from .registration import POOR_FIT, register
from .render import render_frame
from .salience import ordinary
from .sampling import resized
from .surface import surface_points
from .symmetry import mirror_planes
from .synthesis import complete


class ProjectionPainter:
    """Projects references onto the mesh and continues them where they show nothing. No weights, NumPy only."""

    name = "projection"
    supersample = 1

    def paint(self, request: PaintRequest, progress: Progress) -> PaintedFrames:
        """Paint all views of the pass set. Memory: the frames and about 1 GB at 512 pixels and grid 192."""
        options = ProjectionOptions.parse(request.options)
        if not request.references:
            raise InputError("reference-missing", "No reference picture was given.", "Give one picture of the object.")
        mesh = request.passes.mesh
        pictures, notes, info = read_references(mesh, request.references, options, part(progress, 0.0, 0.2))
        evidence = gather(pictures)
        progress(0.2, "examining the surface")
        grids = (options.grid // 4, options.grid // 2, options.grid)
        surfaces = [surface_points(mesh, grid) for grid in grids]
        planes = mirror_planes(surfaces[-1], options.symmetry)
        progress(0.25, "examining the reference")
        scale = pixels_per_unit(pictures)
        plain = without_fronts(evidence, ordinary(evidence, planes, scale), planes, scale)
        progress(0.3, "continuing the texture")
        texture = complete(
            surfaces,
            evidence,
            plain,
            planes,
            scale,
            options.patch,
            options.detail,
            request.seed,
            part(progress, 0.3, 0.6),
        )
        frames = render_all(request, evidence, texture, part(progress, 0.6, 1.0))
        info |= {
            "symmetry": {"xy"[plane.axis]: round(plane.score, 3) for plane in planes},
            "surface_points": len(texture.surface),
            "seen": round(float((texture.seen > 0.5).mean()), 4),
            "mirrored": round(float(texture.mirrored.mean()), 4),
        }
        return PaintedFrames(frames, [anchor(p, evidence, k) for k, p in enumerate(pictures)], True, notes, info)

    def close(self) -> None:
        """Nothing is kept between jobs."""

    def lighter(self, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
        """Half the surface grid, a quarter of the memory."""
        grid = ProjectionOptions.parse(options).grid
        if grid < 2 * SMALLEST_GRID:
            return None
        return {**options, "grid": grid // 2}, f"Took the surface grid {grid // 2} instead of {grid}"


def read_references(
    mesh: MeshData, references: Sequence[Reference], options: ProjectionOptions, progress: Progress
) -> tuple[list[Picture], list[str], dict[str, Any]]:
    """Cut out and register every reference: pictures, notes for the artist, numbers for the report."""
    pictures, notes, numbers = [], [], []
    for k, reference in enumerate(references):
        report = part(progress, k / len(references), (k + 1) / len(references))
        report(0.0, "cutting out the reference")
        colour, alpha, removed = cut_out(
            reduced(reference.image, options.pixels), reference.name, options.background == "keep"
        )
        fit = register(mesh, alpha, reference.camera, part(report, 0.1, 0.9), reference.view)
        report(0.9, "aligning the reference")
        picture = Picture(colour, alpha, geometry_buffer(mesh, fit.camera))
        if not picture.buffer.mask.any():
            raise _elsewhere(reference)
        if fit.iou < POOR_FIT:
            side = "in the given view." if reference.camera else f"from the {reference.view}: is it a picture of it?"
            notes.append(f"The outline of {reference.name!r} matches only {fit.iou:.0%} of the object's seen {side}")
        pictures.append(picture)
        numbers.append(
            {
                "name": reference.name,
                "iou": round(fit.iou, 4),
                "camera": fit.camera.to_json(),
                "refined": fit.refined,
                "background_removed": removed,
            }
        )
    return pictures, notes, {"references": numbers}


def _elsewhere(reference: Reference) -> InputError:
    if reference.camera is not None:
        problem = f"The camera of {reference.name!r} does not see the object."
        return InputError("reference-elsewhere", problem, "Give the camera that the picture was made with.")
    problem = f"The object cannot be seen from the {reference.view}, which {reference.name!r} shows."
    return InputError("reference-elsewhere", problem, "Say which side the picture shows, for instance its top.")


def reduced(image: NDArray[np.uint8], largest: int = ProjectionOptions.pixels) -> NDArray[np.uint8]:
    """`image` (h, w, 4) with at most `largest` pixels a side; colours weighted by alpha."""
    height, width = image.shape[:2]
    factor = largest / max(height, width)
    if factor >= 1:
        return image
    size = max(1, round(width * factor)), max(1, round(height * factor))
    alpha = image[..., 3:].astype(np.float32) / 255
    small = resized(np.concatenate([image[..., :3] / np.float32(255) * alpha, alpha], axis=-1), *size)
    colour = small[..., :3] / np.maximum(small[..., 3:], 1e-4)
    return _bytes(np.concatenate([colour, small[..., 3:]], axis=-1))


def pixels_per_unit(pictures: Sequence[Picture]) -> float:
    """Median resolution of the references on surfaces that face them, pixels per unit length."""
    values = []
    for picture in pictures:
        camera, buffer = picture.buffer.camera, picture.buffer
        depth = 1.0 if camera.orthographic else max(float(np.median(buffer.depth[buffer.mask])), 1e-6)
        values.append(camera.focal / depth)
    return float(np.median(values))


def render_all(request: PaintRequest, evidence: Evidence, texture: Any, progress: Progress) -> list[Frame]:
    """One frame per view, on all cores."""
    count = len(request.passes)
    frames = []
    progress(0.0, f"painting view 1 of {count}")
    painted = accel.mapped(
        lambda k: render_frame(request.passes.view(k), evidence, texture, _kept(request.existing, k)), range(count)
    )
    for index, frame in enumerate(painted):
        frames.append(frame)
        request.preview(index, frame.image)
        progress((index + 1) / count, f"painting view {min(index + 2, count)} of {count}")
    progress(1.0, "painted")
    return frames


def _kept(existing: Existing | None, view: int) -> NDArray[np.float32] | None:
    """What stays of the present texture in a view, as `render_frame` takes it."""
    if existing is None:
        return None
    picture = existing.frame(view).astype(np.float32) / 255
    picture[..., 3] = np.where(picture[..., 3] > 0, 1 - existing.strength, 0.0)
    return picture


def anchor(picture: Picture, evidence: Evidence, index: int) -> Frame:
    """The registered reference itself: its own pixels, colours continued beyond the outline."""
    buffer: GeometryBuffer = picture.buffer
    camera, row = buffer.camera, evidence.rows[index]
    height, width = picture.alpha.shape
    window = np.s_[row : row + height, :width]
    alpha = np.where(buffer.mask & (picture.alpha > 0.5), 255, 0)
    colour = np.where((buffer.mask & (picture.alpha > 0.5))[..., None], picture.colour, evidence.colour[window])
    image = np.concatenate([_bytes(colour), alpha[..., None].astype(np.uint8)], axis=-1)
    opaque = np.clip((picture.alpha - 0.5) / 0.4, 0, 1)
    hidden = (evidence.trust[window] == 0) & (buffer.cosine > 0.3)
    confidence = np.where(buffer.mask, np.where(hidden, 0.1, opaque), 0.0)
    return Frame(image, camera, _bytes(confidence))


def _bytes(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.floor(np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
