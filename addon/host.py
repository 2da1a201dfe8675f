# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's host inside Blender (backend/host.py): the scene that is open, or a file imported into an empty one."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError
from ..backend.host import Loaded, TextureFiles
from ..backend.images import read_image
from ..backend.job import Job
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.orbits.raycast import raycast_passes
from ..backend.progress import Progress
from ..backend.texturing.targets import NEW_UV_MAP, Plan, with_unwrapped
from ..backend.texturing.unwrap import unwrap
from .export import export_glb, save_blend
from .import_file import import_file
from .passes import render_passes
from .picture_read import read_picture
from .preview import render_still, render_turntable
from .scene_read import SourceObject, find_objects, read_mesh
from .scene_write import apply_textures, write_uv_map
from .unwrap import unwrap_objects


class BlenderHost:
    """One job's scene. What Blender has open is changed in memory only; results are saved as copies."""

    name = "blender"

    def __init__(self) -> None:
        self._imported: str | None = None
        self._sources: list[SourceObject] = []

    def load(self, job: Job) -> Loaded:
        if job.mesh is not None and self._imported != job.mesh:
            import_file(job.mesh)
            self._imported = job.mesh
        if job.mesh is None and not job.objects and not bpy.data.filepath:
            raise InputError(
                "mesh-missing",
                "No model was given and Blender has no file open.",
                "Give one with --mesh FILE, or open a .blend file and name its objects with --object.",
            )
        self._objects = find_objects(job.objects)
        mesh, self._sources, notes = read_mesh(self._objects)
        if job.mesh is not None:
            name = Path(job.mesh).stem
        else:
            name = job.objects[0] if len(job.objects) == 1 else Path(bpy.data.filepath).stem
        return Loaded(mesh, bpy.path.clean_name(name), notes)

    def unwrap(self, mesh: MeshData, plan: Plan, progress: Progress) -> MeshData:
        """xatlas where it can be imported and the map fits the original faces; else Blender's own unwrap, which works
        on the original mesh, so that modifiers carry the map to the faces they make."""
        fits = all(self._sources[index].topology_kept for index in plan.needs_unwrap)
        if fits and importlib.util.find_spec("xatlas") is not None:
            mesh, _ = with_unwrapped(mesh, plan, lambda *arrays: unwrap(*arrays, progress))
            return mesh
        objects = [self._object(index) for index in plan.needs_unwrap]
        for name, uv in unwrap_objects(objects, together=plan.together).items():
            write_uv_map(bpy.data.objects[name], NEW_UV_MAP, uv)
        mesh, self._sources, _ = read_mesh(self._objects)
        return mesh

    def render_passes(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        if job.renderer == "embree":
            raycast_passes(mesh, cameras, folder, progress)
        else:
            render_passes(mesh, cameras, folder, engine=job.renderer, device=job.device, progress=progress)

    def read_picture(self, path: str) -> tuple[NDArray[np.uint8], Sequence[str]]:
        """With Pillow where this Python has it, else with Blender."""
        if importlib.util.find_spec("PIL") is not None:
            return read_image(path)
        return read_picture(path), ()

    def _object(self, index: int) -> bpy.types.Object:
        obj = self._sources[index].resolve()
        if obj is None:
            raise InputError(
                "object-gone", f"The object {self._sources[index].object_name} is gone.", "Run the job again."
            )
        return obj
