# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of this Blender: asked for by operators, worked on by processes of their own, looked after by one timer.

The artist's file is read when a job is submitted and not touched afterwards: a job survives loading another file,
undo, redo and saving. Results are told to `on_done` on the main thread.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import bpy

from ..backend.crashes import Crashes
from ..backend.errors import OutputError
from ..backend.job_history import History, JobProgress
from ..backend.job_queue import JobQueue, Workers
from ..backend.job_store import JobStore, remove_stale
from ..backend.run_request import STAGES
from ..backend.session import ENDED, Session, State, Step
from . import job_folder, launching, targets, threads
from .blocks import BlockRef, ref
from .results_store import KEPT, empty_trash
from .scene_export import export_objects
from .unsaved import require_saved_pictures

if TYPE_CHECKING:
    from ..backend.job import Job

PERIOD = 0.1  # seconds between two ticks of the pump
BUDGET = 0.005  # seconds of one tick
PREVIEWS = 24  # newest pictures of a running job that are kept


@dataclass(frozen=True)
class JobView:
    """What there is to see of a job, at one moment.

    stage       passes | paint | bake | model | preview, empty before the first
    fraction    of the whole job, 0 to 1; eta_s: seconds left, an estimate, None where there is none
    message     why it failed or is stalled, empty otherwise; advice: what to do; code: a stable name of the reason
    log         file with everything its processes printed
    previews    small pictures, the newest last; notes: sentences for the artist
    stages      what it runs
    """

    id: str
    title: str
    objects: tuple[BlockRef, ...]
    state: State
    stage: str
    fraction: float
    eta_s: float | None
    detail: str
    message: str
    advice: str
    code: str
    log: str
    previews: tuple[Path, ...]
    out: Path
    notes: tuple[str, ...]
    stages: tuple[str, ...] = STAGES

    @property
    def has_result(self) -> bool:
        """At its end there is something to put on the objects; a look ahead only leaves pictures."""
        return "coverage" not in self.stages


@dataclass(eq=False)
class _Entry:
    job: Job
    objects: tuple[BlockRef, ...]
    store: JobStore
    session: Session
    told: bool = False
    drawn: int = -1


class InWindow(Protocol):
    """A job in this Blender; see window_job.py."""

    @property
    def view(self) -> JobView: ...
    def cancel(self) -> None: ...
    def again(self) -> None: ...
    def begin(self) -> None: ...
    def tick(self) -> bool: ...
    def abort(self) -> None: ...
    def close(self) -> None: ...
    def note(self, message: str) -> None: ...


on_done: list[Callable[[JobView], None]] = []
in_window: list[InWindow] = []
_entries: dict[str, _Entry] = {}
_queue = JobQueue()
crashes = Crashes()
_workers = Workers((), launching.worker)
_cleaned = False


def submit(context: Any, job: Job, objects: Sequence[bpy.types.Object], stages: Sequence[str] = STAGES) -> str:
    """Queue `stages` of a job on these objects as they are now; its id. job.out is its folder. Raises OutputError."""
    entry = _prepare(context, job, objects, stages)
    _queue.slots = max(1, len(_workers.devices))
    _queue.add(entry.session)
    _start_pump()
    return entry.session.id


def jobs() -> list[JobView]:
    """All jobs of this Blender that were not dismissed, oldest first."""
    return [*(_view(entry) for entry in _entries.values()), *(job.view for job in in_window)]


def busy_in_window() -> bool:
    """A job runs in this Blender itself, and nothing else can be done."""
    return any(job.view.state not in ENDED for job in in_window)


def cancel(job_id: str) -> None:
    """Stop a job. It counts as running until its process is gone."""
    if (here := _in_window(job_id)) is not None:
        here.cancel()
        return
    _entries[job_id].session.cancel()
    _start_pump()


def retry(job_id: str) -> None:
    """Run a failed or cancelled job again, or restart one that does not respond; finished stages are kept.

    One in this Blender's window waits for the operator `work`.
    """
    if (here := _in_window(job_id)) is not None:
        here.again()
        return
    entry = _entries[job_id]
    if entry.session.state in ENDED:
        entry.session.retry()
        entry.told = False
    else:
        entry.session.restart()
    _start_pump()


def dismiss(job_id: str) -> None:
    """Take a job that has ended off the list. Its folder stays."""
    if (here := _in_window(job_id)) is not None:
        if here.view.state in ENDED:
            in_window.remove(here)
            here.close()
        return
    if _queue.dismiss(job_id):
        _entries.pop(job_id).store.close()


def _in_window(job_id: str) -> InWindow | None:
    return next((job for job in in_window if job.view.id == job_id), None)


def free_memory() -> int:
    """Make idle workers let go of what they hold; how many there were."""
    return _workers.free()


def idle_workers() -> int:
    """How many engines are loaded, or were, and wait for a job."""
    return _workers.idle


def run_blocking(
    context: Any,
    job: Job,
    objects: Sequence[bpy.types.Object],
    progress: Callable[[JobView], None] = lambda view: None,
    stages: Sequence[str] = STAGES,
) -> JobView:
    """Run a job to its end before this returns: passes and textures in this Blender, a neural engine in a worker.

    For scripts and background mode, where no timer runs. Not listed in `jobs`; `on_done` is not called.
    """
    from .in_process import run

    return run(context, job, objects, progress, stages)


def _prepare(context: Any, job: Job, objects: Sequence[bpy.types.Object], stages: Sequence[str]) -> _Entry:
    store = JobStore(Path(job.out))
    try:
        if job.alpha == "sample" or job.from_existing:  # it looks at materials
            require_saved_pictures(objects)
        export_objects(context, objects, store.folder)
        steps = launching.steps(job, store.folder, stages)
    except BaseException:
        store.close()
        raise
    bar, note = timed(job, steps)

    def start(step: Step):
        return _workers.take() if step.place == "worker" else launching.blender(store, step)

    def noted(stage: str, seconds: float) -> None:  # a slow disk must not hold the window up
        threads.start(partial(note, stage, seconds), lambda done: None, _report)

    if any(step.place == "worker" for step in steps):
        _workers.devices = launching.settings.devices
    session = Session(os.urandom(6).hex(), steps, start, bar, crashes, noted)
    entry = _Entry(job, tuple(ref(obj) for obj in objects), store, session)
    _entries[session.id] = entry
    return entry


def timed(job: Job, steps: Sequence[Step]) -> tuple[JobProgress, Callable[[str, float], None]]:
    """The bar of a job, from how long its stages took on this machine before; and what remembers how long one took."""
    history = History(job_folder.root() / "history.json")

    def noted(stage: str, seconds: float) -> None:
        try:
            history.note(job, stage, seconds)
        except OutputError as error:  # a worse estimate next time; the job itself goes on
            _report(error)

    return JobProgress({stage: history.expected(job, stage) for step in steps for stage in step.stages}), noted


def title(objects: Sequence[BlockRef]) -> str:
    """A short name of a job on these objects."""
    return objects[0].name if len(objects) == 1 else f"{objects[0].name} + {len(objects) - 1}"


def _view(entry: _Entry) -> JobView:
    session = entry.session
    return JobView(
        id=session.id,
        title=title(entry.objects),
        objects=entry.objects,
        state=session.state,
        stage=session.stage,
        fraction=session.fraction,
        eta_s=session.eta,
        detail=session.detail,
        message=session.failure.message,
        advice=session.failure.advice,
        code=session.failure.code,
        log=session.log or str(entry.store.log),
        previews=tuple(Path(path) for path in session.previews[-PREVIEWS:]),
        out=Path(entry.job.out),
        notes=tuple(dict.fromkeys(session.notes)),
        stages=tuple(stage for step in session.steps for stage in step.stages),
    )


# The pump


def _start_pump() -> None:
    if not bpy.app.background and not bpy.app.timers.is_registered(_pump):
        bpy.app.timers.register(_pump, first_interval=0.0, persistent=True)


def _pump() -> float | None:
    """One tick; never raises, for Blender would drop the timer."""
    global _cleaned
    try:
        if not _cleaned:
            _cleaned = True
            threads.start(partial(_clean_up, job_folder.root()), lambda done: None, _report)
        _queue.tick(BUDGET)
        changed = False
        for entry in list(_entries.values()):
            changed |= entry.drawn != entry.session.changes
            entry.drawn = entry.session.changes
            if entry.session.state in ENDED and not entry.told:
                entry.told = True
                _tell(entry)
        if changed:
            targets.redraw()
    except Exception:  # shown where Blender shows such things; the other jobs go on
        traceback.print_exc()
    return PERIOD if _queue.busy else None


def _clean_up(root: Path) -> None:
    """Delete what nobody wants any more: old jobs that never had a result, old files in the trash."""
    remove_stale(root)
    empty_trash(KEPT)


def _report(error: Exception) -> None:
    traceback.print_exception(error)


def _tell(entry: _Entry) -> None:
    if entry.session.state == "done" and _view(entry).has_result:
        try:
            entry.store.finish()
        except OutputError as error:  # the folder may be taken for one without a result; the result itself is there
            _report(error)
    tell(_view(entry), entry.session.notes.append)


def tell(view: JobView, noted: Callable[[str], None]) -> None:
    """Say that a job has ended to all who want to know. What fails there is shown, and a sentence about it noted."""
    for callback in on_done:
        try:
            callback(view)
        except Exception as error:
            traceback.print_exc()
            noted(f"The result is in {view.out}, but could not be applied ({error}).")


def register() -> None:
    pass


def unregister() -> None:
    """Also called when Blender quits: nothing of ours may go on."""
    if bpy.app.timers.is_registered(_pump):
        bpy.app.timers.unregister(_pump)
    launching.close_all()
    for entry in _entries.values():
        entry.store.close()
    _entries.clear()
    _queue.sessions.clear()
    on_done.clear()
