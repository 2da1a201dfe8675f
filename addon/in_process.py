# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole job in this Blender: while it waits (jobs.run_blocking), or piece by piece (window_job.py)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..backend.commands import explained, write_log
from ..backend.errors import CancelledError, OrbitPainterError
from ..backend.estimate import Estimate
from ..backend.host import Host
from ..backend.interruption import Interruption, signals
from ..backend.job import Job
from ..backend.job_store import JobStore
from ..backend.pipeline import Pipeline
from ..backend.run_folder import RunFolder
from ..backend.session import ENDED, Place, Session, State, Step
from . import jobs, launching
from .blocks import ref
from .reading_host import ReadingHost, without_new_uv_maps

Watch = Callable[[jobs.JobView], None]
PATIENCE = 3600.0  # seconds that a stage has to notice that it must stop: a script's Blender is not ended for it


def run(
    context: Any, job: Job, objects: Sequence[bpy.types.Object], progress: Watch, stages: Sequence[str]
) -> jobs.JobView:
    """The job's view at its end. `progress` may raise CancelledError, and so does Ctrl-C in background mode.

    Raises OutputError if job.out cannot be used.
    """
    interruption = Interruption()
    by_signal = signals(interruption, lambda: None, PATIENCE) if bpy.app.background else nullcontext()
    with closing(JobStore(Path(job.out))) as store, by_signal, without_new_uv_maps(objects):
        work = Work(job, objects, store, stages, progress, interruption.check)
        work.do(ReadingHost())
    return work.view


class Work:
    """A job's steps in this process; a pipeline's console (backend/console.py) that keeps a JobView.

    check: raises CancelledError when the job must stop; state: of the view at the beginning
    """

    def __init__(
        self,
        job: Job,
        objects: Sequence[bpy.types.Object],
        store: JobStore,
        stages: Sequence[str],
        progress: Watch,
        check: Callable[[], None],
        state: State = "running",
    ) -> None:
        self._progress, self._check = progress, check
        self._job = job
        self._store = store
        self.steps = launching.steps(job, store.folder, stages)
        self._bar, self._noted = jobs.timed(job, self.steps)
        refs = tuple(ref(obj) for obj in objects)
        self.view = jobs.JobView(
            os.urandom(6).hex(), jobs.title(refs), refs, state, "", 0.0, None, "", "", "", "",
            str(store.log), (), Path(job.out), (), tuple(stages),
        )  # fmt: skip

    def do(self, host: Host) -> None:
        """All steps; how they ended is in the view."""
        self._bar.begin(time.monotonic())
        try:
            self.change(state="running", message="", advice="", code="")
            for step in self.steps:
                if step.place == "worker":
                    self._in_worker(step)
                else:
                    with RunFolder(self._job.out) as folder:
                        Pipeline(self._job, host, self, folder, self._check).run(step.stages, resume=True)
            if self.view.has_result:
                self._store.finish()
            self.change(state="done", fraction=1.0)
        except Exception as failure:  # the view says what it was, the log has the traceback
            self.fail(failure, write_log(failure, [Path(self._job.out)]) or "")

    def change(self, **fields: Any) -> None:
        self.view = replace(self.view, **fields)
        self._progress(self.view)

    def fail(self, failure: BaseException, log: str) -> None:
        error = explained(failure)
        state = "cancelled" if isinstance(error, CancelledError) else "failed"
        self.view = replace(
            self.view, state=state, message=error.message, advice=error.advice, code=error.code, log=log
        )

    def _in_worker(self, step: Step) -> None:
        """The step in a worker; what it cannot do is raised."""
        places: list[Place] = []

        def start(step: Step) -> Place:
            places.append(launching.worker(""))
            return places[-1]

        session = Session(self.view.id, [step], start, self._bar, jobs.crashes, self._noted)
        session.begin()
        try:
            while session.state not in ENDED:
                self._check()
                session.tick()
                self.change(stage=session.stage, fraction=session.fraction, detail=session.detail)
                time.sleep(0.05)
        finally:  # `change` raises where the job is cancelled
            launching.close(places)
        if session.state != "done":
            error = CancelledError() if session.state == "cancelled" else None
            raise error or OrbitPainterError(session.failure.code, session.failure.message, session.failure.advice)

    # backend.console.Console

    def plan(self, stages: Sequence[str], estimate: Estimate | None = None) -> None:
        pass

    def begin(self, stage: str) -> None:
        self.change(stage=stage)

    def progress(self, stage: str, fraction: float, detail: str, eta: float | None) -> None:
        self._bar.update(stage, fraction)
        self.change(fraction=self._bar.fraction, eta_s=self._bar.eta(time.monotonic()), detail=detail)

    def end(self, stage: str, seconds: float, skipped: bool) -> None:
        self._bar.update(stage, 1.0, kept=skipped)
        if not skipped:
            self._noted(stage, seconds)

    def preview(self, kind: str, path: str, view: int) -> None:
        self.change(previews=(*self.view.previews[-jobs.PREVIEWS :], Path(path)))

    def note(self, message: str) -> None:
        self.view = replace(self.view, notes=(*self.view.notes, message))

    def result(self, manifest: str, summary: Mapping[str, Any]) -> None:
        pass

    def error(self, error: OrbitPainterError, log: str | None) -> None:
        pass
