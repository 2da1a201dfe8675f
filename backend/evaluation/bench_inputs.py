# SPDX-License-Identifier: GPL-3.0-or-later
"""What several benchmarks work on: frames of the acceptance scenes, made once a run and kept in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ..mesh import MeshData
from ..orbits.cameras import Camera, orbit_cameras
from ..painters.base import Frame, PaintedFrames
from . import scenes
from .drift import render_frames
from .geometry import lathe, mesh_of

SCENES: dict[str, Callable[[], scenes.Scene]] = {
    "bumpy-sphere": scenes.bumpy_sphere,
    "tent": scenes.tent,
    "assembly": scenes.assembly,
    "vase": scenes.vase,
}


def cameras(views: int, size: int = 512) -> list[Camera]:
    """Two orbits with `views` cameras in all."""
    horizontal = (views + 1) // 2
    return orbit_cameras("H", horizontal, size) + orbit_cameras("V", views - horizontal, size)


@contextmanager
def saved_frames(scene: str, views: int = 122, size: int = 512) -> Iterator[str]:
    """The name of a file with frames that drift by 2 pixels, in a folder that is removed at the end."""
    with TemporaryDirectory(prefix="orbit-painter-bench-") as folder:
        made = SCENES[scene]()
        counts = ((views + 1) // 2, views // 2)
        frames = render_frames(made.mesh, made.colour, cameras(views, size), counts, drift=2.0, supersample=1)
        path = Path(folder) / "frames.npy"
        np.save(path, np.stack([frame.image for frame in frames]))
        yield str(path)


def load(scene: str, path: str, views: int | None = None) -> tuple[MeshData, PaintedFrames, tuple[int, int]]:
    """Mesh and frames of a saved scene, the number of frames of each orbit; `views`: evenly spaced ones only."""
    images = np.load(path)
    count, size = images.shape[:2]
    picked = np.arange(count)
    if views is not None:
        picked = np.linspace(0, count - 1, views).round().astype(int)
        images = images[picked]  # a copy: the other frames take no memory while something is measured
    every = cameras(count, size)
    frames = [Frame(image, every[i]) for i, image in zip(picked, images, strict=True)]
    horizontal = int((picked < (count + 1) // 2).sum())
    return SCENES[scene]().mesh, PaintedFrames(frames), (horizontal, len(frames) - horizontal)


def body(triangles: int) -> MeshData:
    """A wavy turned body of about so many triangles, with UVs."""
    cuts = round((triangles / 2) ** 0.5)
    angle = np.linspace(0.02, np.pi - 0.02, cuts + 1)
    radius = np.sin(angle) * (0.4 + 0.04 * np.cos(9 * angle))
    return mesh_of([lathe(np.stack([radius, -0.5 * np.cos(angle)], axis=-1), cuts)])
