# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's host for the open scene, of which nothing is changed: an operator applies results, with undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..backend.files import write_png
from ..backend.flat_view import flat_still
from ..backend.host import TextureFiles
from ..backend.job import Job
from ..backend.mesh import MeshData
from ..backend.progress import Progress
from ..backend.texturing.targets import NEW_UV_MAP
from . import leftovers
from .chosen import surfaces
from .host import BlenderHost
from .placement import read_placement
from .placing import Target
from .preview import turntable_in_steps
from .steps import Steps, run

PREFIX = f"{leftovers.ALL}shown"  # of the copies of objects that show a result
_SHOWN = ("objects", "meshes", "materials", "images", "node_groups")


class ReadingHost(BlenderHost):
    """Where the copies of a job's own Blender would be textured and saved, only what belongs where is written down."""

    def write_model(
        self,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        recipe_id: str,
        folder: Path,
        name: str,
        progress: Progress,
    ) -> tuple[Sequence[Path], Sequence[str]]:
        self._place(mesh, textures, recipe_id, folder, name, progress)
        return (), ()

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
        play: Callable[[Steps, Progress], None] = run,
    ) -> Sequence[Path]:
        """As a Host does; `play` takes the steps of the turntable, all that touches bpy here, to their end."""
        paths = [folder / "still.png"]
        write_png(paths[0], flat_still(mesh, textures))
        if job.turntable:
            paths.append(folder / "turntable.mp4")
            play(self._turntable(job, mesh, textures, model, paths[1]), progress)
        return paths

    def _turntable(self, job: Job, mesh: MeshData, textures: Sequence[TextureFiles], model: Path, path: Path) -> Steps:
        """The video, of copies of the objects that show the result. `model` is the folder of that stage."""
        if not self._sources:
            self.load(job)
        targets = self._targets(mesh, textures)
        placed = read_placement(Path(job.out)).objects
        with leftovers.InUse(), _copies(targets) as copies:
            before = _blocks()
            self._show(copies, placed, model, "")
            for block in _blocks() - before:
                block.name = PREFIX
            yield from turntable_in_steps([target.obj for target in copies], path)


@contextmanager
def _copies(targets: Sequence[Target]) -> Iterator[list[Target]]:
    """Copies of the objects, with meshes of their own, in the open scene; removed again with all that is named so."""
    scene: Any = bpy.context.scene
    made = []
    try:
        for target in targets:
            obj: Any = target.obj.copy()
            obj.name, obj.data = PREFIX, target.obj.data.copy()  # pyright: ignore[reportOptionalMemberAccess]
            obj.data.name = PREFIX
            scene.collection.objects.link(obj)
            made.append(replace(target, obj=obj))
        yield made
    finally:
        leftovers.remove(PREFIX)


def _blocks() -> set[Any]:
    return {block for kind in _SHOWN for block in getattr(bpy.data, kind)}


@contextmanager
def without_new_uv_maps(objects: Sequence[bpy.types.Object]) -> Iterator[None]:
    """Unwrapping may give objects a map to work with; the artist gets it with the result, not before."""
    meshes: list[Any] = list(dict.fromkeys(surface.data for obj in objects for surface in surfaces(obj)))
    bare = [mesh for mesh in meshes if NEW_UV_MAP not in mesh.uv_layers]
    active = {mesh: (mesh.uv_layers.active_index, [m.active_render for m in mesh.uv_layers]) for mesh in bare}
    try:
        yield
    finally:
        for mesh in bare:
            if (added := mesh.uv_layers.get(NEW_UV_MAP)) is not None:
                mesh.uv_layers.remove(added)
                index, renders = active[mesh]
                mesh.uv_layers.active_index = index
                for layer, shown in zip(mesh.uv_layers, renders, strict=True):
                    layer.active_render = shown
