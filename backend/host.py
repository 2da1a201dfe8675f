# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pipeline asks of the program that owns the scene: Blender, or plain files where there is no Blender."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .dataset.build import PaintOf
from .job import Job
from .mesh import MeshData
from .orbits.cameras import Camera
from .progress import Progress
from .texturing.targets import Plan


@dataclass(frozen=True, eq=False)
class Loaded:
    """What was read: the mesh, a name for the results, and sentences for the artist."""

    mesh: MeshData
    name: str
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class TextureFiles:
    """A baked texture and where it goes.

    objects  indices into MeshData.object_names; material: index into material_names, -1: all slots of the objects
    files    one PNG per tile, lowest tile number first
    """

    name: str
    objects: tuple[int, ...]
    uv_map: str
    files: tuple[Path, ...]
    tiles: tuple[int, ...]
    material: int = -1


class Host(Protocol):
    """Implemented by addon/host.py with bpy and by file_host.py without."""

    name: str
    program: Sequence[str]  # the words that start this program again, on the file that is open
    online: bool  # connections are allowed (in Blender: Allow Online Access)

    def load(self, job: Job) -> Loaded:
        """Read the job's objects. Raises InputError."""
        ...

    def unwrap(self, mesh: MeshData, plan: Plan, progress: Progress) -> MeshData:
        """Give the objects of plan.needs_unwrap a new UV map NEW_UV_MAP without changing topology; the new mesh."""
        ...

    def render_passes(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        """Write one EXR per camera into `folder` (backend/orbits/files.py)."""
        ...

    def render_existing(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        """Write the objects' present colours, a picture for each camera, into `folder` (backend/orbits/existing.py).

        Raises InputError where there are none, UsageError where this program cannot see them.
        """
        ...

    def read_picture(self, path: str) -> tuple[NDArray[np.uint8], Sequence[str]]:
        """A picture as uint8 (h, w, 4) sRGB with straight alpha, and notes. Raises InputError."""
        ...

    def textured_model(self, path: Path) -> AbstractContextManager[tuple[MeshData, PaintOf]]:
        """A model file's mesh and its surface, for training data. Raises EngineMissingError, InputError."""
        ...

    def write_model(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[Sequence[Path], Sequence[str]]:
        """Put the textures onto the objects and write the textured model; the files and notes."""
        ...

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        """A still and, if the job wants it, a turntable video of the textured model that lies in the folder `model`."""
        ...
