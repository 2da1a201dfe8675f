# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of finished objects: a still and a turntable video."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import EngineMissingError, OutputError
from ..backend.files import atomic_path, write_png
from ..backend.orbits.cameras import Camera, look
from ..backend.progress import Progress, silent
from . import compat
from .steps import Steps, run
from .studio import run_render, studio, temporary_scene

ELEVATION = 14.0  # degrees above the horizon
FOCAL = 60.0 / 36.0  # per picture width: a 60 mm lens on a full frame
FILL = 0.86  # of the picture, by the object
FPS = 20
OVERSCAN = 4  # pixels on each side that are rendered and cut off: the denoiser spoils the border


def render_still(
    objects: Sequence[bpy.types.Object],
    path: str | Path,
    *,
    size: int = 1024,
    azimuth: float = -30.0,
    progress: Progress = silent,
) -> None:
    """A picture of `objects` in soft light on a plain floor, PNG of size x size pixels.

    azimuth: degrees from the front, positive towards the object's left hand (+X). The open file stays as it is.
    Raises InputError (mesh-empty), OutputError, EngineMissingError, UsageError. About ten seconds on two cores.
    """
    progress(0.0, "still")
    samples = 12 if compat.has_denoiser() else 32
    with studio(objects, samples=samples, bounces=3) as made:
        made.set_camera(_camera(azimuth, _distance(made.points, [azimuth]), size))
        picture = made.picture()
    write_png(path, picture[OVERSCAN:-OVERSCAN, OVERSCAN:-OVERSCAN])
    progress(1.0, "still")


def render_turntable(
    objects: Sequence[bpy.types.Object],
    path: str | Path,
    *,
    frames: int = 40,
    size: int = 480,
    progress: Progress = silent,
) -> None:
    """All of `turntable_in_steps`."""
    run(turntable_in_steps(objects, path, frames=frames, size=size), progress)


def turntable_in_steps(
    objects: Sequence[bpy.types.Object], path: str | Path, *, frames: int = 40, size: int = 480
) -> Steps:
    """A video (MPEG-4, H.264, 20 frames a second) once around `objects`, which begins at the front and closes.

    It may be stopped between frames; then, and on errors, nothing is left behind. The open file stays as it is.
    Raises InputError (mesh-empty), OutputError, EngineMissingError (video-unsupported), UsageError.
    """
    if not bpy.app.ffmpeg.supported:
        raise EngineMissingError(
            "video-unsupported", "This Blender was built without FFmpeg.", "Use an official build, or do without video."
        )
    size -= size % 2  # H.264 stores colours for blocks of 2 x 2
    angles = [360.0 * i / frames for i in range(frames)]
    with tempfile.TemporaryDirectory(prefix="orbit-painter-") as folder:
        pictures = [Path(folder) / f"{i:04d}.png" for i in range(frames)]
        with studio(objects, samples=1 if compat.has_denoiser() else 4) as made:
            distance = _distance(made.points, angles)
            for i, (angle, picture) in enumerate(zip(angles, pictures, strict=True)):
                yield 0.95 * i / frames, f"turntable, frame {i + 1} of {frames}"
                made.set_camera(_camera(angle, distance, size))
                made.render(picture)
        yield 0.95, "turntable, video"
        _encode(pictures, Path(path), size)
    yield 1.0, "turntable"


def _camera(azimuth: float, distance: float, size: int) -> Camera:
    """A view of size x size pixels, with OVERSCAN more on each side."""
    position = distance * _directions([azimuth])[0][2]
    width = size + 2 * OVERSCAN
    return Camera(look(tuple(position), (0, 0, 1)), width, width, FOCAL * size, (width / 2, width / 2))


def _directions(azimuths: Sequence[float]) -> list[NDArray[np.float64]]:
    """For each view: right, up and towards the camera, rows of float64 (3, 3)."""
    axes = []
    elevation = np.radians(ELEVATION)
    for azimuth in np.radians(np.asarray(azimuths) - 90.0):
        flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        back = np.cos(elevation) * flat + np.array([0, 0, np.sin(elevation)])
        right = np.array([-flat[1], flat[0], 0.0])
        axes.append(np.stack([right, np.cross(back, right), back]))
    return axes


def _distance(points: NDArray[np.float64], azimuths: Sequence[float]) -> float:
    """The smallest distance from the origin from which all points fill at most FILL of the picture in all views."""
    if len(points) > 20_000:
        points = points[:: len(points) // 10_000]
    nearest = 0.5
    for axes in _directions(azimuths):
        x, y, z = np.abs(points @ axes[0]), np.abs(points @ axes[1]), points @ axes[2]
        nearest = max(nearest, float((np.maximum(x, y) * 2 * FOCAL / FILL + z).max()))
    return nearest


def _encode(pictures: Sequence[Path], path: Path, size: int) -> None:
    """Pictures in one folder -> video, by Blender's sequencer, in a scene of its own."""
    with temporary_scene() as made:
        scene: Any = made
        render = scene.render
        render.resolution_x = render.resolution_y = size
        render.resolution_percentage = 100
        render.fps, render.fps_base = FPS, 1.0
        render.use_sequencer, render.use_compositing, render.use_stamp = True, False, False
        scene.frame_start, scene.frame_end = 1, len(pictures)
        compat.set_view_transform(scene, "Standard")
        compat.set_colour_space(scene.sequencer_colorspace_settings, "sRGB")
        strips = compat.strips(scene.sequence_editor_create())
        strip = strips.new_image("turntable", str(pictures[0]), 1, 1, fit_method="ORIGINAL")  # cuts the overscan off
        for picture in pictures[1:]:
            strip.elements.append(picture.name)
        compat.set_image_format(render.image_settings, "FFMPEG")
        ffmpeg = render.ffmpeg
        ffmpeg.format, ffmpeg.codec, ffmpeg.audio_codec = "MPEG4", "H264", "NONE"
        ffmpeg.constant_rate_factor, ffmpeg.ffmpeg_preset, ffmpeg.gopsize = "HIGH", "GOOD", FPS
        with atomic_path(path) as temporary:
            render.filepath = str(temporary.absolute())
            run_render(scene, path, animation=True)
            if not temporary.is_file() or temporary.stat().st_size < 1000:
                raise OutputError("video-not-written", f"{path.name} did not come out.", "Check the disk's free space.")
