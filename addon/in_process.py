# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole job while Blender waits, for scripts and background mode; see jobs.run_blocking."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..backend.commands import explained, write_log
from ..backend.errors import CancelledError, OrbitPainterError
from ..backend.files import write_png
from ..backend.flat_view import flat_still
from ..backend.host import TextureFiles
from ..backend.job import Job
from ..backend.job_history import History, JobProgress
from ..backend.job_store import JobStore
from ..backend.mesh import MeshData
from ..backend.pipeline import Pipeline
from ..backend.progress import Progress
from ..backend.run_folder import RunFolder
from ..backend.run_request import STAGES
from ..backend.session import ENDED, Place, Session, Step
from ..backend.texturing.targets import NEW_UV_MAP
from . import job_folder, jobs, launching
from .blocks import ref
from .host import BlenderHost

Watch = Callable[[jobs.JobView], None]


def run(context: Any, job: Job, objects: Sequence[bpy.types.Object], progress: Watch) -> jobs.JobView:
    """The job's view at its end. `progress` may raise CancelledError. Raises OutputError if job.out cannot be used."""
    with closing(JobStore(Path(job.out))) as store:
        console = _Console(context, job, objects, store, progress)
        try:
            with _without_new_uv_maps(objects):
                for step in console.steps:
                    if step.place == "worker":
                        console.work(step)
                    else:
                        with RunFolder(job.out) as folder:
                            Pipeline(job, _ReadingHost(), console, folder, lambda: None).run(step.stages, resume=True)
            store.finish()
            console.change(state="done", fraction=1.0)
        except Exception as failure:  # the view says what it was, the log has the traceback
            console.fail(failure, write_log(failure, [Path(job.out)]) or "")
    return console.view


class _ReadingHost(BlenderHost):
    """The open scene, of which nothing is changed: results are applied by an operator, with undo."""

    def write_model(self, *arguments: Any, **more: Any) -> tuple[Sequence[Path], Sequence[str]]:
        self._place(*arguments, **more)
        return (), ()

    def render_previews(
        self,
        job: Job,
        mesh: MeshData,
        textures: Sequence[TextureFiles],
        model: Path,
        folder: Path,
        progress: Progress,
    ) -> Sequence[Path]:
        write_png(folder / "still.png", flat_still(mesh, textures))
        return (folder / "still.png",)


class _Console:
    """A pipeline's console (backend/console.py) that keeps a JobView."""

    def __init__(
        self, context: Any, job: Job, objects: Sequence[bpy.types.Object], store: JobStore, progress: Watch
    ) -> None:
        self._progress = progress
        self._job = job
        self._store = store
        self.steps = launching.steps(job, store.folder, STAGES)
        history = History(job_folder.root() / "history.json")
        self._bar = JobProgress({stage: history.expected(job, stage) for step in self.steps for stage in step.stages})
        self._bar.begin(time.monotonic())
        refs = tuple(ref(obj) for obj in objects)
        self.view = jobs.JobView(
            uuid.uuid4().hex[:12], jobs.title(refs), refs, "running", "", 0.0, None, "", "", "", "",
            str(store.log), (), Path(job.out), (),
        )  # fmt: skip

    def change(self, **fields: Any) -> None:
        self.view = replace(self.view, **fields)
        self._progress(self.view)

    def fail(self, failure: BaseException, log: str) -> None:
        error = explained(failure)
        state = "cancelled" if isinstance(error, CancelledError) else "failed"
        self.view = replace(
            self.view, state=state, message=error.message, advice=error.advice, code=error.code, log=log
        )

    def work(self, step: Step) -> None:
        """The step in a worker; what it cannot do is raised."""
        places: list[Place] = []

        def start(step: Step) -> Place:
            places.append(launching.worker(""))
            return places[-1]

        session = Session(self.view.id, [step], start, self._bar, jobs.crashes)
        session.begin()
        try:
            while session.state not in ENDED:
                session.tick()
                self.change(stage=session.stage, fraction=session.fraction, detail=session.detail)
                time.sleep(0.05)
        finally:  # `change` raises where the job is cancelled
            launching.close(places)
        if session.state != "done":
            error = CancelledError() if session.state == "cancelled" else None
            raise error or OrbitPainterError(session.failure.code, session.failure.message, session.failure.advice)

    # backend.console.Console

    def plan(self, stages: Sequence[str]) -> None:
        pass

    def begin(self, stage: str) -> None:
        self.change(stage=stage)

    def progress(self, stage: str, fraction: float, detail: str, eta: float | None) -> None:
        self._bar.update(stage, fraction)
        self.change(fraction=self._bar.fraction, eta_s=self._bar.eta(time.monotonic()), detail=detail)

    def end(self, stage: str, seconds: float, skipped: bool) -> None:
        self._bar.update(stage, 1.0, kept=skipped)

    def preview(self, kind: str, path: str, view: int) -> None:
        self.change(previews=(*self.view.previews[-jobs.PREVIEWS :], Path(path)))

    def note(self, message: str) -> None:
        self.view = replace(self.view, notes=(*self.view.notes, message))

    def result(self, manifest: str, summary: Mapping[str, Any]) -> None:
        pass

    def error(self, error: OrbitPainterError, log: str | None) -> None:
        pass


@contextmanager
def _without_new_uv_maps(objects: Sequence[bpy.types.Object]) -> Iterator[None]:
    """Unwrapping may give objects a map to work with; the artist gets it with the result, not before."""
    meshes: list[Any] = [obj.data for obj in objects if obj.type == "MESH"]
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
