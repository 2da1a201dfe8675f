# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's host where there is no Blender: model files in, .glb out, passes by ray casting (backend/host.py)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .dataset.build import PaintOf
from .errors import EngineMissingError, InputError, UsageError
from .files import write_png
from .flat_view import flat_still, read_textures, textured_view
from .glb_writer import write_textured_glb
from .host import Loaded, TextureFiles
from .images import read_image
from .job import Job
from .mesh import MeshData
from .meshfile import read_mesh_file
from .orbits.cameras import Camera, orbit_cameras
from .orbits.raycast import raycast_passes
from .pictures import encode_video
from .progress import Progress, part
from .texturing.targets import Plan, with_unwrapped
from .texturing.unwrap import unwrap

TURNTABLE_SIZE, TURNTABLE_FRAMES = 512, 48


class FileHost:
    """One job's model file. Writes a .glb; a .blend needs Blender."""

    name = "files"
    program: Sequence[str] = (sys.executable, str(Path(__file__).with_name("cli.py")))
    online = True  # whoever runs a command that fetches something has asked for it

    def __init__(self) -> None:
        self._job: Job | None = None
        self._textured: tuple[MeshData, Sequence[TextureFiles]] | None = None

    def load(self, job: Job) -> Loaded:
        if job.mesh is None:
            raise InputError("mesh-missing", "No model was given.", "Give one with --mesh FILE.")
        if job.output != "textures":
            raise UsageError(
                "output-needs-blender",
                "Colour attributes are written by Blender, which is not here.",
                "Leave --output away, or run the command with the bpy module or a Blender program.",
            )
        if job.collection:
            raise UsageError(
                "collection-needs-blender",
                "Collections are read by Blender, which is not here.",
                "Choose objects with --object, or run the command with the bpy module or a Blender program.",
            )
        if job.alpha != "opaque":
            raise UsageError(
                "alpha-needs-blender",
                "The transparency of materials is read by Blender, which is not here.",
                "Leave --alpha away, or run the command with the bpy module or a Blender program.",
            )
        self._job = job
        mesh, notes = read_mesh_file(job.mesh, job.objects)
        return Loaded(mesh, Path(job.mesh).stem, notes)

    def unwrap(self, mesh: MeshData, plan: Plan, progress: Progress) -> MeshData:
        mesh, _ = with_unwrapped(mesh, plan, lambda *arrays: unwrap(arrays[0], arrays[1], arrays[2], progress))
        return mesh

    def render_passes(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        raycast_passes(mesh, cameras, folder, progress)

    def render_existing(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        raise UsageError(
            "existing-needs-blender",
            "The texture that a model has is read by Blender, which is not here.",
            "Leave --existing away, or run the command with the bpy module or a Blender program.",
        )

    def read_picture(self, path: str) -> tuple[NDArray[np.uint8], Sequence[str]]:
        return read_image(path)

    def textured_model(self, path: Path) -> AbstractContextManager[tuple[MeshData, PaintOf]]:
        raise EngineMissingError(
            "blender-missing",
            f"The materials of {path.name} can only be read by Blender.",
            "Run the command with Blender, or install the bpy module.",
        )

    def write_model(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[Sequence[Path], Sequence[str]]:
        assert self._job is not None
        assert self._job.mesh is not None
        path = folder / f"{name}.glb"
        notes = write_textured_glb(path, self._job.mesh, mesh, textures)
        return (path,), [*notes, "There is no Blender here, so no .blend was written."]

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        """Unlit pictures of the textured surface."""
        paths = [folder / "still.png"]
        write_png(paths[0], flat_still(mesh, textures))
        if job.turntable:
            images = read_textures(textures)
            turn = part(progress, 0.2, 1.0)
            paths.append(folder / "turntable.mp4")

            def frames() -> Iterator[NDArray[np.uint8]]:
                for index, camera in enumerate(orbit_cameras("H", TURNTABLE_FRAMES, TURNTABLE_SIZE)):
                    turn(index / TURNTABLE_FRAMES, f"turntable frame {index + 1} of {TURNTABLE_FRAMES}")
                    yield textured_view(mesh, textures, images, camera)

            encode_video(frames(), paths[1])
        return paths
