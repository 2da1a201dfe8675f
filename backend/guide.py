# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the bare object for an artist to paint over, with the camera that brings the painting back aligned."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .console import Console, stage_progress
from .errors import UsageError
from .files import output_errors, write_json, write_png
from .host import Host
from .job import Job, absolute
from .mesh import MeshData
from .orbits.cameras import DISTANCE, Camera, look
from .orbits.passes import ViewPasses
from .orbits.raycast import raycast_view
from .painters.base import VIEWS
from .progress import Progress

SPAN = 1.1  # unit lengths across the picture; of a view of the artist's own, times the object's extent in it
SUPERSAMPLE = 2
SIZES = (64, 4096)  # pixels
BAND = 1 << 20  # pixels that are cast at once


def guide_camera(view: str, size: int) -> Camera:
    """An orthographic camera on one side of the object, SPAN unit lengths across `size` pixels."""
    direction, up = VIEWS[view]
    matrix = look([2 * DISTANCE * component for component in direction], up)
    return Camera(matrix, size, size, size / SPAN, (size / 2, size / 2), orthographic=True)


def framed_camera(matrix: NDArray[np.float64], orthographic: bool, mesh: MeshData, size: int) -> Camera:
    """The camera with this pose, `matrix` (4, 4) in the mesh's frame, whose square picture the mesh fills.

    Raises UsageError if parts of the mesh lie behind a perspective camera.
    """
    if orthographic:  # where along its axis the camera stands does not matter, but nothing may lie behind it
        matrix = matrix.copy()
        matrix[:3, 3] += (2 * DISTANCE + float(matrix[:3, 3] @ -matrix[:3, 2])) * matrix[:3, 2]
    unit = Camera(matrix, size, size, 1.0, (0.0, 0.0), orthographic)
    offset, depth = unit.project(mesh.vertices)
    if depth.min() < 1e-3:
        raise UsageError(
            "guide-inside",
            "Parts of the object lie behind the view.",
            "Zoom out until all of it is seen, and try again.",
        )
    low, high = offset.min(axis=0), offset.max(axis=0)
    focal = size / (SPAN * max(float((high - low).max()), 1e-6))
    principal = size / 2 - focal * (low + high) / 2
    return replace(unit, focal=focal, principal=(float(principal[0]), float(principal[1])))


def guide_picture(mesh: MeshData, camera: Camera, progress: Progress) -> NDArray[np.uint8]:
    """The bare object as soft grey clay under a light at the camera, uint8 (h, w, 4) with straight alpha."""
    rows = max(1, BAND // (camera.width * SUPERSAMPLE**2))
    bands = []
    for top in range(0, camera.height, rows):
        progress(top / camera.height, "drawing the guide")
        band = replace(
            camera,
            height=min(rows, camera.height - top),
            principal=(camera.principal[0], camera.principal[1] - top),
        )
        large = band.resized(band.width * SUPERSAMPLE, band.height * SUPERSAMPLE)
        bands.append(shade(raycast_view(mesh, large), SUPERSAMPLE))
    return np.concatenate(bands)


def save_guide(path: Path, picture: NDArray[np.uint8], camera: Camera) -> Path:
    """Write `path` (.png) and the camera beside it (.json), whose path is returned. Raises OutputError."""
    write_png(path, picture)
    write_json(path.with_suffix(".json"), camera.to_json())
    return path.with_suffix(".json")


def shade(passes: ViewPasses, factor: int) -> NDArray[np.uint8]:
    """Soft grey clay under a light at the camera, uint8 (h, w, 4) with straight alpha, reduced by `factor`."""
    camera = passes.camera
    facing = np.einsum("hwc,hwc->hw", passes.normal, camera.towards(passes.position))
    light = np.where(passes.mask, 0.30 + 0.55 * np.clip(facing, 0.0, 1.0), 0.0)
    height, width = camera.height // factor, camera.width // factor

    def reduced(values: NDArray[np.floating]) -> NDArray[np.floating]:
        return values.reshape(height, factor, width, factor).mean(axis=(1, 3))

    alpha = reduced(passes.mask.astype(np.float64))
    grey = reduced(light) / np.maximum(alpha, 1e-6)
    picture = np.repeat(grey[..., None], 4, axis=2)
    picture[..., 3] = alpha
    return np.round(255 * np.clip(picture, 0.0, 1.0)).astype(np.uint8)


def export(options: argparse.Namespace, host: Host, console: Console, check: Callable[[], None]) -> None:
    """The `guide` command: `--out NAME.png`, and NAME.json with the camera.

    Raises UsageError, InputError, OutputError, CancelledError; leaves nothing half-written.
    """
    out = Path(absolute(options.out))
    if out.suffix.lower() != ".png":
        raise UsageError("guide-format", "A guide is a PNG picture.", "Give --out a name that ends in .png.")
    if not SIZES[0] <= options.size <= SIZES[1]:
        raise UsageError(
            "option-range", f"The size {options.size} is outside {SIZES[0]} to {SIZES[1]}.", "Choose another."
        )
    job = Job(
        out=str(out),
        mesh=absolute(options.mesh) if getattr(options, "mesh", None) else None,
        objects=tuple(getattr(options, "objects", ())),
        collection=getattr(options, "collection", ""),
        pose=getattr(options, "pose", "evaluated"),
        alpha=getattr(options, "alpha", "opaque"),
    )
    with stage_progress(console, "guide", check) as progress:
        camera = guide_camera(options.view, options.size)
        picture = guide_picture(host.load(job).mesh, camera, progress)
        with output_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
        written = save_guide(out, picture, camera)
    console.result(str(out), {"guide": str(out), "camera": str(written)})
