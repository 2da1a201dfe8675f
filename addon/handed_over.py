# SPDX-License-Identifier: GPL-3.0-or-later
"""The host for a pipeline in a thread (window_job.py): what touches bpy is done by the main thread."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..backend.dataset.build import PaintOf
from ..backend.host import Loaded, TextureFiles
from ..backend.job import Job
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.progress import Progress
from ..backend.texturing.targets import Plan
from .main_thread import MainThread
from .passes import passes_in_steps
from .reading_host import ReadingHost
from .steps import Steps, reported


class HandedOver:
    """A backend.host.Host. Its methods are called in the thread."""

    name = "blender"

    def __init__(self, host: ReadingHost, main: MainThread) -> None:
        self._host, self._main = host, main
        self.online, self.program = host.online, host.program

    def load(self, job: Job) -> Loaded:
        return self._main.call(lambda: self._host.load(job))

    def unwrap(self, mesh: MeshData, plan: Plan, progress: Progress) -> MeshData:
        return self._main.call(lambda: self._host.unwrap(mesh, plan, progress))

    def render_passes(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        if job.renderer == "embree":  # rays need no Blender
            self._host.render_passes(mesh, cameras, folder, job, progress)
            return
        engine, device = job.renderer, job.device
        self._play(passes_in_steps(mesh, cameras, folder, engine=engine, device=device), progress)

    def render_existing(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        self._play(self._host.existing_in_steps(mesh, cameras, folder, job), progress)

    def read_picture(self, path: str) -> tuple[NDArray[np.uint8], Sequence[str]]:
        if importlib.util.find_spec("PIL") is not None:
            return self._host.read_picture(path)
        return self._main.call(lambda: self._host.read_picture(path))

    def textured_model(self, path: Path) -> AbstractContextManager[tuple[MeshData, PaintOf]]:
        raise NotImplementedError("training data is not made in the window")

    def write_model(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[Sequence[Path], Sequence[str]]:
        return self._main.call(lambda: self._host.write_model(mesh, textures, recipe_id, folder, name, progress))

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        return self._host.render_previews(job, mesh, textures, model, folder, progress, self._play)

    def _play(self, steps: Steps, progress: Progress) -> None:
        self._main.call(lambda: reported(steps, progress))
