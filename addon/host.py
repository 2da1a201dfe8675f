# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's host inside Blender (backend/host.py): the open scene, or a file imported into an empty one."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
from ..backend.progress import Progress, part
from ..backend.texturing.targets import NEW_UV_MAP, Plan, with_unwrapped
from ..backend.texturing.unwrap import unwrap
from .compat import online
from .export import export_glb, save_blend
from .import_file import import_file
from .passes import render_passes
from .picture_read import read_picture
from .preview import render_still, render_turntable
from .scene_read import SourceObject, find_objects, read_mesh
from .scene_write import apply_textures
from .unwrap import unwrap_objects
from .uv_write import write_uv_map


class BlenderHost:
    """One job's scene. What Blender has open is changed in memory only; results are saved as copies."""

    name = "blender"

    def __init__(self) -> None:
        self.online = online()
        self._imported: str | None = None
        self._sources: list[SourceObject] = []
        self._objects: list[bpy.types.Object] = []
        self._textured = False

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
            mesh, _ = with_unwrapped(mesh, plan, lambda *arrays: unwrap(arrays[0], arrays[1], arrays[2], progress))
            return mesh
        objects = [self._object(index) for index in plan.needs_unwrap]
        for name, uv in unwrap_objects(objects, together=plan.together).items():
            if write_uv_map(bpy.data.objects[name], NEW_UV_MAP, uv) != NEW_UV_MAP:
                raise InputError(
                    "uv-map-taken",
                    f"'{name}' has a UV map named {NEW_UV_MAP} already, which cannot be used.",
                    "Rename or remove that map, or choose another one with --uv NAME.",
                )
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

    def write_model(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[Sequence[Path], Sequence[str]]:
        images: dict[str | tuple[str, int], Sequence[str]] = {}
        uv_maps: dict[str, str] = {}
        objects: dict[str, bpy.types.Object] = {}
        for texture in textures:
            for index in texture.objects:
                obj = self._object(index)
                objects[obj.name] = obj
                uv_maps[obj.name] = self._uv_map(obj, index, mesh, texture.uv_map)
                files = [str(path) for path in texture.files]
                for slot in _slots(obj, mesh, texture):
                    images[obj.name if slot is None else (obj.name, slot)] = files
        change = apply_textures(list(objects.values()), images, uv_maps, recipe_id=recipe_id)
        self._textured = True
        progress(0.3, "writing the .blend")
        blend, glb = folder / f"{name}.blend", folder / f"{name}.glb"
        save_blend(blend, pack_all=self._imported is not None)
        progress(0.6, "writing the .glb")
        export_glb(glb, list(objects.values()))
        return (blend, glb), change.notes

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        if not self._textured:  # the model was kept from an earlier run
            import_file(next(model.glob("*.blend")))
            self._objects = find_objects(job.objects)
        paths = [folder / "still.png"]
        render_still(self._objects, paths[0], progress=part(progress, 0.0, 0.2 if job.turntable else 1.0))
        if job.turntable:
            paths.append(folder / "turntable.mp4")
            render_turntable(self._objects, paths[1], progress=part(progress, 0.2, 1.0))
        return paths

    def _uv_map(self, obj: bpy.types.Object, index: int, mesh: MeshData, name: str) -> str:
        """The name of the object's UV map for the texture; a new one is written where it is missing."""
        data: Any = obj.data
        source = self._sources[index]
        if name in data.uv_layers and (name != NEW_UV_MAP or not source.topology_kept):
            return name
        if not source.topology_kept:
            return write_uv_map(obj, name, unwrap_objects([obj])[obj.name])
        faces = mesh.face_object == index
        uv = np.zeros((source.loops, 2), np.float32)
        uv[mesh.corner_loop[faces]] = mesh.uv[name][faces]
        return write_uv_map(obj, name, uv)


def _slots(obj: bpy.types.Object, mesh: MeshData, texture: TextureFiles) -> Sequence[int | None]:
    """The slots that the texture belongs to; (None,): all of them."""
    if texture.material < 0:
        return (None,)
    name = mesh.material_names[texture.material]
    return [i for i, slot in enumerate(obj.material_slots) if slot.material is not None and slot.material.name == name]
