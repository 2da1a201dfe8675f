# SPDX-License-Identifier: GPL-3.0-or-later
"""The flow: passes -> frames -> textures -> model -> pictures. Each stage saves what the next one starts from.

    passes    the mesh is read, unusable UVs are replaced, position and normal passes are rendered   (host)
    paint     an engine turns passes and references into frames                                       (painters/)
    bake      TextureOptimizer fuses the frames into voxels and textures                              (texturing/)
    model     the textures go onto the artist's objects                                               (host)
    preview   pictures of all of it, and the report

and beside them, for an artist who wants to know before painting,

    coverage  which part of the surface the planned views and the references will see                 (texturing/)

A stage whose saved key equals the key of its inputs is kept when resuming.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import results
from .console import Console, stage_progress
from .errors import UsageError
from .estimate import estimate, told
from .files import shortened, write_json
from .guide import guide_camera
from .host import Host
from .job import Job, ReferenceSpec
from .job_history import History
from .mesh import MeshData, require_area
from .orbits.cameras import orbit_cameras, read_camera
from .orbits.existing import read_existing
from .orbits.files import open_passes, save_header
from .painters.base import Existing, Painter, PaintRequest, Reference
from .painters.frames_file import load_frames, save_frames
from .painters.registry import create_painter
from .previews import Previews
from .progress import Progress, part
from .run_folder import RunFolder, digest
from .run_request import STARTS_FROM
from .texturing.coverage import coverage_numbers
from .texturing.fuse import fuse
from .texturing.planned import planned_coverage
from .texturing.targets import NEW_UV_MAP, Plan, plan_targets
from .whole_files import file_digest

LOOK = 64  # pixels of the pictures by which another texture is noticed


class Pipeline:
    """One job in one output folder. `run` does the stages asked for, in order.

    check    raises CancelledError when the run must stop
    painter  gives the engine of a name; a process that serves many jobs hands out the same one again
    """

    def __init__(
        self,
        job: Job,
        host: Host,
        console: Console,
        run: RunFolder,
        check: Callable[[], None],
        painter: Callable[[str], Painter] = create_painter,
    ) -> None:
        self.job, self.host, self.console, self.run_folder, self._check = job, host, console, run, check
        self._painter = painter
        self._mesh: MeshData | None = None

    def run(self, stages: Sequence[str], resume: bool) -> dict[str, Any]:
        """Do `stages`; with `resume`, keep those whose inputs have not changed. Returns the summary for the user."""
        pictures = [path for r in self.job.references for path in (r.path, r.camera) if path is not None]
        results.require_apart(self.run_folder.root, self.job.mesh, pictures)
        if "paint" in stages:
            self._references()  # what is missing is told before anything is rendered
        history = History(Path(self.job.out).parent / "history.json")  # beside the jobs of the extension
        self.console.plan(stages, estimate(self.job, stages, history))
        if "paint" in stages and (expected := told(self.job)):
            self.console.note(expected)
        for stage in stages:
            key = self._key(stage)
            kept = self.run_folder.record(stage) if resume else None
            if kept is not None and kept.key == key:
                self.console.end(stage, kept.seconds, skipped=True)
                continue
            with (
                stage_progress(self.console, stage, self._check) as progress,
                self.run_folder.writing(stage, key) as (folder, facts),
            ):
                notes = getattr(self, f"_{stage}")(folder, facts, progress)
                facts["notes"] = list(notes)
            write_json(self.run_folder.work / "job.json", {"job": self.job.to_json()})
            for note in notes:
                self.console.note(note)
        return results.publish(self.job, self.run_folder)

    def _key(self, stage: str) -> str:
        """A hash of everything that decides what the stage saves."""
        job, before = self.job, STARTS_FROM[stage]
        previous = self.run_folder.require(before).key if before else None
        if stage == "passes":
            mesh = self._load()
            supersample = job.supersample or self._painter(job.engine).supersample
            geometry = [np.ascontiguousarray(a).tobytes() for a in (mesh.vertices, mesh.faces, mesh.corner_normals)]
            maps = [uv.tobytes() for name, uv in sorted(mesh.uv.items()) if not self._made(name, uv)]
            holes = [[n, c.uv_map, c.solid.shape, c.solid.tobytes()] for n, c in sorted(mesh.cutouts.items())]
            views = (list(job.views), job.size, supersample, job.renderer, job.device)
            if job.from_existing:
                views = (*views, self._look(mesh))
            return digest(*views, job.uv, job.atlas, *geometry, *maps, *chain.from_iterable(holes))
        if stage == "coverage":
            looks = [[r.view, r.camera and file_digest(r.camera)] for r in self._present(job.references)]
            return digest(previous, looks, job.texture_size, dict(job.fuse))
        if stage == "paint":
            pictures = [[file_digest(r.path), r.camera and file_digest(r.camera)] for r in self._references()]
            start = [job.existing] if job.from_existing else []
            return digest(previous, pictures, job.engine, dict(job.engine_options), job.seed, *start)
        if stage == "bake":
            return digest(previous, job.texture_size, dict(job.fuse), job.vxz)
        return digest(previous, job.still, job.turntable, job.output)

    def _look(self, mesh: MeshData) -> str:
        """A hash of the texture that the objects have, in small pictures from all around."""
        cameras = orbit_cameras("H", 4, LOOK) + orbit_cameras("V", 4, LOOK)[1::2]
        with tempfile.TemporaryDirectory(prefix="orbit-painter-") as folder:
            self.host.render_existing(mesh, cameras, Path(folder), self.job, lambda *_: self._check())
            return digest(*(path.read_bytes() for path in sorted(Path(folder).iterdir())))

    def _made(self, name: str, uv: NDArray[np.float32]) -> bool:
        """The passes stage made this UV map, which the artist's mesh has got with the result."""
        saved = self.run_folder.record("passes")
        if saved is None or saved.facts.get("made_uv") != name:
            return False
        return np.array_equal(open_passes(self.run_folder.folder("passes")).mesh.uv[name], uv, equal_nan=True)

    def _load(self) -> MeshData:
        if self._mesh is None:
            loaded = self.host.load(self.job)
            require_area(loaded.mesh)
            self._name, self._mesh, self._notes = shortened(loaded.name), loaded.mesh, list(loaded.notes)
        return self._mesh

    def _references(self):
        if not self.job.references:
            raise UsageError("reference-missing", "No reference picture was given.", "Give one with --reference FILE.")
        for reference in self.job.references:
            results.require_file(reference.path)
        return self._present(self.job.references)

    def _present(self, references: Sequence[ReferenceSpec]) -> Sequence[ReferenceSpec]:
        """The references, whose cameras are there; their pictures need not be. Raises InputError."""
        for reference in references:
            if reference.camera is not None:
                results.require_file(reference.camera)
        return references

    # The stages. Each fills `folder` and `facts` and returns notes for the artist.

    def _passes(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        job, mesh = self.job, self._load()
        notes = list(self._notes)
        plan = plan_targets(mesh, uv_choice=job.uv, size=job.texture_size, atlas=job.atlas)
        notes += plan.notes
        if plan.needs_unwrap:
            self._mesh = mesh = self.host.unwrap(mesh, plan, part(progress, 0.0, 0.05))
        supersample = job.supersample or self._painter(job.engine).supersample
        horizontal, vertical = job.views
        cameras = orbit_cameras("H", horizontal, job.size) + orbit_cameras("V", vertical, job.size)
        save_header(folder, mesh, cameras, (horizontal, vertical), renderer=job.renderer, supersample=supersample)
        large = [c.resized(c.width * supersample, c.height * supersample) for c in cameras]
        share = 0.4 if job.from_existing else 1.0
        self.host.render_passes(mesh, large, folder, job, part(progress, 0.05, share))
        if job.from_existing:
            self.host.render_existing(mesh, cameras, folder, job, part(progress, share, 1.0))
        open_passes(folder)
        facts.update(name=self._name, uv_maps=plan.uv_maps(), triangles=len(mesh.faces), views=len(cameras))
        facts["made_uv"] = NEW_UV_MAP if plan.needs_unwrap else ""
        return notes

    def _coverage(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        job = self.job
        passes = open_passes(self.run_folder.folder("passes"))
        looks = [read_camera(r.camera) if r.camera else guide_camera(r.view, job.size) for r in job.references]
        mesh, span = passes.mesh, part(progress, 0.0, 0.95)
        targets = self.plan(mesh).targets
        planned = planned_coverage(mesh, passes.cameras, targets, looks, job.fuse_params(True), span)
        results.save_planned(folder, planned, len(looks))
        facts.update(coverage=coverage_numbers(planned), references=len(looks), views=len(passes))
        facts["passes"] = self.run_folder.require("passes").key
        return []

    def _paint(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        job = self.job
        passes = open_passes(self.run_folder.folder("passes"))
        references, notes = [], []
        for spec in self._references():
            image, remarks = self.host.read_picture(spec.path)
            camera = read_camera(spec.camera) if spec.camera else None
            references.append(Reference(image, camera, Path(spec.path).stem, spec.view))
            notes += remarks
        previews = Previews(self.run_folder.work / "previews", self.console)
        existing = None
        if job.from_existing:
            existing = Existing(job.existing, partial(read_existing, self.run_folder.folder("passes")))
        request = PaintRequest(passes, references, job.seed, job.engine_options, previews.show, existing)
        painted = self._painter(job.engine).paint(request, part(progress, 0.0, 0.9))
        save_frames(folder, painted, part(progress, 0.9, 1.0))
        results.save_references(folder, references)
        facts.update(info=dict(painted.info), anchors=len(painted.anchors), frames=len(painted.frames))
        return notes + list(painted.notes)

    def _bake(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        job = self.job
        passes = open_passes(self.run_folder.folder("passes"))
        painted = load_frames(self.run_folder.folder("paint"))
        plan = self.plan(passes.mesh)
        params = job.fuse_params(painted.exact)
        span = part(progress, 0.0, 0.85)
        result = fuse(passes.mesh, plan.targets, painted, params, passes.orbit_counts, span, passes)
        results.save_bake(folder, passes.mesh, plan.targets, result, part(progress, 0.85, 1.0), vxz=job.vxz)
        facts.update(result.report)
        return list(result.report.get("warnings", ()))

    def _model(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        self._load()
        record = self.run_folder.require("passes")
        mesh = open_passes(self.run_folder.folder("passes")).mesh
        textures = results.texture_files(self.run_folder.folder("bake"), mesh)
        progress(0.1, "writing the model")
        recipe_id = self.run_folder.require("bake").key
        name = record.facts["name"]
        files, notes = self.host.write_model(mesh, textures, recipe_id, folder, name, part(progress, 0.1, 1.0))
        facts["files"] = [path.name for path in files]
        return list(notes)

    def _preview(self, folder: Path, facts: dict[str, Any], progress: Progress) -> list[str]:
        results.save_pictures(self.run_folder, folder, part(progress, 0.0, 0.2))
        mesh = open_passes(self.run_folder.folder("passes")).mesh
        textures = results.texture_files(self.run_folder.folder("bake"), mesh)
        model = self.run_folder.folder("model")
        paths = self.host.render_previews(self.job, mesh, textures, model, folder, part(progress, 0.2, 1.0))
        facts["files"] = [path.name for path in paths]
        return []

    def plan(self, mesh: MeshData) -> Plan:
        """What to bake, as the passes stage chose it. mesh: as that stage saved it."""
        uv_maps = {int(k): v for k, v in self.run_folder.require("passes").facts["uv_maps"].items()}
        return plan_targets(mesh, uv_choice=uv_maps, size=self.job.texture_size, atlas=self.job.atlas)
