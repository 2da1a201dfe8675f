# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture of the bare object for an artist to paint over, with the camera that brings the painting back aligned."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .arguments import absolute
from .console import Console, stage_progress
from .errors import UsageError
from .files import atomic_path, write_json, write_png
from .host import Host
from .job import Job
from .orbits.cameras import DISTANCE, Camera, look
from .orbits.files import open_passes, save_header
from .orbits.passes import ViewPasses
from .painters.base import VIEWS

SPAN = 1.1  # unit lengths across the picture
SUPERSAMPLE = 2


def guide_camera(view: str, size: int) -> Camera:
    """An orthographic camera on one side of the object, SPAN unit lengths across `size` pixels."""
    direction, up = VIEWS[view]
    matrix = look([2 * DISTANCE * component for component in direction], up)
    return Camera(matrix, size, size, size / SPAN, (size / 2, size / 2), orthographic=True)


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
    if not 64 <= options.size <= 4096:
        raise UsageError("option-range", f"The size {options.size} is outside 64 to 4096.", "Choose another.")
    job = Job(
        out=str(out),
        mesh=absolute(options.mesh) if getattr(options, "mesh", None) else None,
        objects=tuple(getattr(options, "objects", ())),
    )
    with stage_progress(console, "guide", check) as progress, tempfile.TemporaryDirectory() as temporary:
        mesh = host.load(job).mesh
        camera = guide_camera(options.view, options.size)
        folder = Path(temporary)
        large = camera.resized(options.size * SUPERSAMPLE, options.size * SUPERSAMPLE)
        save_header(folder, mesh, [large], (1, 0), renderer=job.renderer, supersample=1)
        host.render_passes(mesh, [large], folder, job, progress)
        picture = shade(open_passes(folder).view(0), SUPERSAMPLE)
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(out) as path:
            write_png(path, picture)
        write_json(out.with_suffix(".json"), camera.to_json())
    console.result(str(out), {"guide": str(out), "camera": str(out.with_suffix(".json"))})
