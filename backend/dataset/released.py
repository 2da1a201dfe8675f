# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in the layout of the released data set: videos of 120 frames (specs/orbitpainter.md section 2).

    OBJECT/h120/  position.mp4  normal.mp4  albedo.mp4  rgb.mp4 [mask.mp4]
    OBJECT/v120/  the same; position_flip.mp4 and its like where the vertical camera was a reflection

The layout is read off the published scripts and has not been checked against the data itself. rgb.mp4 shows the lit
object on white; its frames within 90 degrees of the front become references of the source "orbit".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineMissingError, InputError
from ..orbits.encoding import POSITION_BACKGROUND, resize
from .plan import RenderPlan
from .sample import OrbitSample, ReferenceView


def read_released(folder: Path, key: str, plan: RenderPlan, v_flipped: bool = False) -> OrbitSample:
    """The sample of an object, thinned to the plan's views and reduced to its size. Raises InputError.

    v_flipped: the vertical orbit's pictures are mirrored left and right, as the published camera made them.
    """
    counts = plan.views
    passes: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in ("albedo", "normal", "position", "mask")}
    for orbit, count in zip(("h120", "v120"), counts, strict=True):
        if not count:
            continue
        frames = {name: _video(folder / orbit / f"{name}.mp4") for name in ("albedo", "normal", "position")}
        if len({len(video) for video in frames.values()}) != 1:
            raise _unusable(folder / orbit, "its videos differ in length")
        frames["mask"] = _mask(folder / orbit / "mask.mp4", frames["position"])
        for name, video in frames.items():
            if orbit == "v120" and v_flipped:
                video = video[:, :, ::-1]
            passes[name].append(_thinned(video, count, plan.size))
    references, views = _references(folder / "h120" / "rgb.mp4", plan)
    albedo, normal, position, mask = (np.concatenate(passes[name]) for name in passes)
    sample = OrbitSample(
        key=key,
        views=counts,
        albedo=albedo,
        normal=normal,
        position=position,
        mask=mask,
        references=references,
        reference_views=views,
        info={"source": "released", "object": folder.name},
    )
    sample.check()
    return sample


def _thinned(video: NDArray[np.uint8], count: int, size: int) -> NDArray[np.uint8]:
    """Every n-th frame, `count` of them, reduced."""
    if len(video) % count:
        raise InputError(
            "released-views", f"{count} views cannot be taken evenly from {len(video)}.", "Use 120, 60, 40 or 30 views."
        )
    return np.stack([resize(frame, size, size, "bilinear") for frame in video[:: len(video) // count]])


def _mask(path: Path, position: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The stored mask; else where the position is not the background's grey, give or take the codec's loss."""
    if path.is_file():
        return np.where(_video(path)[..., 0] >= 128, 255, 0).astype(np.uint8)
    away = np.abs(position.astype(np.int16) - POSITION_BACKGROUND).max(axis=-1) > 3
    return np.where(away, 255, 0).astype(np.uint8)


def _references(path: Path, plan: RenderPlan) -> tuple[NDArray[np.uint8], tuple[ReferenceView, ...]]:
    """Evenly spaced lit frames within the plan's angle of the front, uint8 (R, S, S, 4); white becomes transparent."""
    video = _video(path)
    azimuth = np.arange(len(video)) * 360 / len(video)
    azimuth = np.where(azimuth > 180, azimuth - 360, azimuth)
    near = np.flatnonzero(np.abs(azimuth) <= plan.max_angle)
    near = near[np.linspace(0, len(near) - 1, min(len(near), max(sum(plan.references), 1))).round().astype(int)]
    pictures = []
    for frame in video[near]:
        alpha = np.where(frame.min(axis=-1, keepdims=True) >= 250, 0, 255).astype(np.uint8)
        pictures.append(resize(np.concatenate([frame, alpha], axis=-1), plan.size, plan.size, "bilinear"))
    return np.stack(pictures), tuple(ReferenceView("orbit", float(azimuth[i])) for i in near)


def _video(path: Path) -> NDArray[np.uint8]:
    """All frames, uint8 (n, h, w, 3). Raises InputError."""
    try:
        from imageio_ffmpeg import read_frames
    except ImportError as error:
        raise EngineMissingError(
            "video-decoder-missing", "Videos need imageio-ffmpeg, which is not installed.", "Install the engine."
        ) from error
    if not path.is_file():
        raise _unusable(path, "it is not there")
    reader: Any = read_frames(str(path))
    try:
        width, height = next(reader)["size"]
        frames = [np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in reader]
    except (OSError, ValueError, RuntimeError, StopIteration, KeyError) as error:
        raise _unusable(path, str(error)) from error
    finally:
        reader.close()
    if not frames:
        raise _unusable(path, "it has no frames")
    return np.stack(frames)


def _unusable(path: Path, why: str) -> InputError:
    return InputError("released-damaged", f"{path} cannot be used: {why}.", "Download the object again.")
