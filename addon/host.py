# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's host inside Blender (backend/host.py): the open scene, or a file imported into an empty one."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.dataset.build import PaintOf
from ..backend.errors import InputError
from ..backend.files import load_npz, write_png
from ..backend.flat_view import flat_still
from ..backend.glb_source import as_in_file
from ..backend.glb_writer import write_textured_glb
from ..backend.host import Loaded, TextureFiles
from ..backend.images import read_image
from ..backend.job import Job
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.orbits.raycast import raycast_passes
from ..backend.progress import Progress, part
from ..backend.results import require_apart
from ..backend.texturing.targets import NEW_UV_MAP, Plan, with_unwrapped
from ..backend.texturing.unwrap import unwrap
from ..backend.texturing.voxel_files import load_voxels
from .colour_write import activate_colours, write_colours
from .compat import online
from .existing import existing_in_steps
from .export import export_glb, save_blend, shown_beside
from .import_file import import_file
from .material_nodes import Attribute, Source
from .passes import render_passes
from .picture_read import read_picture
from .placement import PlacedObject, Placement, write_placement
from .placing import Target, describe
from .preview import render_still, render_turntable
from .scene_read import SourceObject, find_in_collection, find_objects, read_mesh
from .scene_write import Change, TextureKey, apply_textures, show
from .steps import Steps, run
from .textured_model import textured_model
from .unwrap import unwrap_objects
from .uv_write import write_uv_map

COLOURS = "OrbitPainter"  # name of the colour attribute


class BlenderHost:
    """One job's scene. What Blender has open is changed in memory only; results are saved as copies."""

    name = "blender"

    def __init__(self) -> None:
        self.online = online()
        self.program: Sequence[str] = _program()
        self._imported: str | None = None
        self._colours = False  # a colour attribute is wanted, not textures
        self._how: dict[str, Any] = {}  # what is read of the objects: pose and alpha
        self._chosen: Sequence[str] = ()  # names of the objects asked for; none: all
        self._sources: list[SourceObject] = []
        self._read: MeshData | None = None  # the objects as they are now
        self._objects: list[bpy.types.Object] = []
        self._textured = False

    def load(self, job: Job) -> Loaded:
        self._colours = job.output == "color_attribute"
        if job.mesh is not None and self._imported != job.mesh:
            import_file(job.mesh)
            self._imported = job.mesh
        if job.mesh is None and not job.objects and not job.collection and not bpy.data.filepath:
            raise InputError(
                "mesh-missing",
                "No model was given and Blender has no file open.",
                "Give one with --mesh FILE, or open a .blend file and name its objects with --object.",
            )
        if job.mesh is None and bpy.data.filepath:
            require_apart(Path(job.out), bpy.data.filepath, ())
        left_out = self._find(job)
        self._how = {"pose": job.pose, "alpha": job.alpha}
        mesh, self._sources, notes = read_mesh(self._objects, **self._how)
        self._read = mesh
        if job.mesh is not None:
            name = Path(job.mesh).stem
        else:
            one = job.objects[0] if len(job.objects) == 1 else job.collection
            name = one or Path(bpy.data.filepath).stem
        return Loaded(mesh, name, [*left_out, *notes])

    def _find(self, job: Job) -> Sequence[str]:
        """Look the job's objects up in the open scene; notes on what is left out."""
        if not job.collection:
            self._objects, self._chosen = find_objects(job.objects), job.objects
            return ()
        self._objects, notes = find_in_collection(job.collection)
        self._chosen = [obj.name for obj in self._objects]
        return notes

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
        mesh, self._sources, _ = read_mesh(self._objects, **self._how)
        return mesh

    def render_passes(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        if job.renderer == "embree":
            raycast_passes(mesh, cameras, folder, progress)
        else:
            render_passes(mesh, cameras, folder, engine=job.renderer, device=job.device, progress=progress)

    def render_existing(
        self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job, progress: Progress
    ) -> None:
        run(self.existing_in_steps(mesh, cameras, folder, job), progress)

    def existing_in_steps(self, mesh: MeshData, cameras: Sequence[Camera], folder: Path, job: Job) -> Steps:
        return existing_in_steps(self._objects, mesh, cameras, folder, job.pose)

    def read_picture(self, path: str) -> tuple[NDArray[np.uint8], Sequence[str]]:
        """With Pillow where this Python has it, else with Blender."""
        if importlib.util.find_spec("PIL") is not None:
            return read_image(path)
        return read_picture(path), ()

    def textured_model(self, path: Path) -> AbstractContextManager[tuple[MeshData, PaintOf]]:
        return textured_model(path)

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
        targets, placed = self._place(mesh, textures, recipe_id, folder, name, part(progress, 0.0, 0.2))
        change = self._show(targets, placed, folder, recipe_id)
        objects = [target.obj for target in targets]
        self._textured = True
        progress(0.3, "writing the .blend")
        blend, glb = folder / f"{name}.blend", folder / f"{name}.glb"
        save_blend(blend, pack_all=self._imported is not None)
        progress(0.6, "writing the .glb")
        notes = self._write_glb(glb, mesh, textures, objects)
        return (blend, glb), [*change.notes, *notes]

    def _write_glb(
        self, path: Path, mesh: MeshData, textures: Sequence[TextureFiles], objects: Sequence[bpy.types.Object]
    ) -> Sequence[str]:
        """The artist's own file with new materials where that can be; else what Blender exports. Returns notes."""
        source = Path(self._imported) if self._imported is not None and not self._colours else None
        own = as_in_file(source, self._chosen, mesh, textures) if source is not None else None
        if source is not None and own is not None:
            return write_textured_glb(path, source, own, textures)
        export_glb(path, objects, beside=() if self._chosen else shown_beside(objects))
        return ()

    def _place(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[list[Target], tuple[PlacedObject, ...]]:
        """Write down what goes where (placement.py). Objects get new UV maps where they need them, nothing else."""
        targets = self._targets(mesh, textures)
        voxels = load_voxels(textures[0].files[0].with_name("voxels.npz")) if self._colours else None
        placed = describe(targets, mesh, folder, voxels, progress)
        write_placement(folder, Placement(recipe_id, name, placed))
        return targets, placed

    def _targets(self, mesh: MeshData, textures: Sequence[TextureFiles]) -> list[Target]:
        """Every object once, with its textures; new UV maps are written."""
        targets: dict[str, Target] = {}
        for texture in textures:
            for index in texture.objects:
                obj = self._object(index)
                if obj.name not in targets:
                    uv_map = "" if self._colours else self._uv_map(obj, index, mesh, texture.uv_map)
                    targets[obj.name] = Target(obj, self._sources[index], index, uv_map)
                for slot in _slots(obj, _materials_now(index, mesh, self._read, texture.material)):
                    targets[obj.name].textures[slot] = texture
        return list(targets.values())

    def _show(self, targets: Sequence[Target], placed: Sequence[PlacedObject], folder: Path, recipe_id: str) -> Change:
        objects = [target.obj for target in targets]
        if self._colours:
            sources: dict[TextureKey, Source] = {}
            for obj, what in zip(objects, placed, strict=True):
                colours = load_npz(folder / what.colours)["colour"]
                sources[obj.name] = Attribute(write_colours(obj, COLOURS, colours, "CORNER"))
                activate_colours(obj.data, COLOURS)
            return show(objects, sources, recipe_id=recipe_id)
        images: dict[TextureKey, Sequence[Path]] = {
            target.obj.name if slot < 0 else (target.obj.name, slot): texture.files
            for target in targets
            for slot, texture in target.textures.items()
        }
        uv_maps = {target.obj.name: target.uv_map for target in targets}
        return apply_textures(objects, images, uv_maps, recipe_id=recipe_id)

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        paths = [folder / "still.png"]
        if job.still == "flat":
            write_png(paths[0], flat_still(mesh, textures))
        if not self._textured and (job.still == "rendered" or job.turntable):  # the model is of an earlier run
            import_file(next(model.glob("*.blend")))
            self._find(job)
        if job.still == "rendered":
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


def _program() -> list[str]:
    """The bpy module's Python, or this Blender on the file that it has open."""
    cli = str(Path(__file__).resolve().parent.parent / "backend" / "cli.py")
    if not bpy.app.binary_path:
        return [sys.executable, cli]
    opened = [bpy.data.filepath] if bpy.data.filepath else []
    words = [bpy.app.binary_path, "--background", "--factory-startup", "--offline-mode", *opened]
    return [*words, "--python-exit-code", "31", "-P", cli, "--"]


def _materials_now(index: int, painted: MeshData, read: MeshData | None, material: int) -> set[str] | None:
    """Names of the materials that the faces of object `index` have now which had `material` when the passes were made,
    for an earlier result may have put copies in the place of materials. None: the texture is for all faces."""
    if material < 0:
        return None
    if read is None or not np.array_equal(read.face_object, painted.face_object):
        return {painted.material_names[material]}
    faces = (painted.face_object == index) & (painted.face_material == material)
    return {read.material_names[number] for number in np.unique(read.face_material[faces]) if number >= 0}


def _slots(obj: bpy.types.Object, materials: set[str] | None) -> Sequence[int]:
    """The slots that have one of these materials; (-1,): all of them."""
    if materials is None:
        return (-1,)
    slots = [slot.material for slot in obj.material_slots]
    return [i for i, material in enumerate(slots) if material is not None and material.name in materials]
