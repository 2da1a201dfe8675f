# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in this Blender while its window is drawn: the other way to run what the panel's button asks for.

A thread goes through the pipeline. What touches bpy is handed to the main thread, renders one view at a time
(main_thread.py, steps.py), by an operator that keeps everything else from the file meanwhile: an undo step under a
half-rendered temporary scene would break it. Only the sidebar stays alive, for Cancel; Esc does the same.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.job_store import JobStore
from ..backend.run_request import STAGES
from . import jobs, leftovers, targets
from .classes import registration_of
from .main_thread import MainThread

if TYPE_CHECKING:
    from ..backend.interruption import Interruption
    from ..backend.job import Job

TICK = 0.02  # seconds between two pieces of work on the main thread
TAB = "Orbit Painter"
_MOUSE = {"LEFTMOUSE", "MOUSEMOVE", "INBETWEEN_MOUSEMOVE", "WHEELUPMOUSE", "WHEELDOWNMOUSE", "TRACKPADPAN"}


class WindowJob:
    """One job; jobs.py lists it with the others. Raises OutputError if its folder cannot be used."""

    def __init__(self, job: Job, objects: Sequence[bpy.types.Object], stages: Sequence[str] = STAGES) -> None:
        from .in_process import Work

        self._store = JobStore(Path(job.out))
        self._interruption = _interruption()
        self._work = Work(
            job, objects, self._store, stages, lambda view: None, lambda: self._interruption.check(), "queued"
        )
        self._thread: threading.Thread | None = None
        self._scene = ExitStack()
        self._main = MainThread()
        self._drawn: jobs.JobView | None = None

    @property
    def view(self) -> jobs.JobView:
        return self._work.view

    def cancel(self) -> None:
        """Stop at the next step; a job that waits does not begin."""
        self._interruption.cancel()
        if self.view.state == "queued":
            self._work.change(state="cancelled")
        else:
            self._work.change(detail="Stopping")

    def again(self) -> None:
        """Wait for another turn, with finished stages kept."""
        self._interruption = _interruption()
        self._work.change(state="queued")

    def begin(self) -> None:
        from .handed_over import HandedOver
        from .reading_host import ReadingHost, without_new_uv_maps

        self._main = MainThread()
        self._scene.enter_context(leftovers.InUse())
        found = [block.resolve() for block in self.view.objects]  # the objects themselves may have gone through undo
        self._scene.enter_context(without_new_uv_maps([obj for obj in found if obj is not None]))
        host = HandedOver(ReadingHost(), self._main)
        self._thread = threading.Thread(target=self._work.do, args=(host,), name="orbit_painter job", daemon=True)
        self._thread.start()

    def tick(self) -> bool:
        """Do a piece of what waits for the main thread; whether the job has ended."""
        assert self._thread is not None
        self._main.step()
        if self._drawn is not self.view:
            self._drawn = self.view
            targets.redraw()
        if self._thread.is_alive():
            return False
        self._scene.close()
        return True

    def abort(self) -> None:
        """Blender quits or opens another file: end now."""
        self.cancel()
        self._main.close()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
        self._scene.close()

    def close(self) -> None:
        self._store.close()

    def note(self, message: str) -> None:
        """Something that the artist should know of this job."""
        self._work.note(message)


def _interruption() -> Interruption:
    from ..backend.interruption import Interruption  # needs sockets, too slow to be imported when enabling

    return Interruption()


class ORBIT_PAINTER_OT_work(bpy.types.Operator):
    """Run the jobs that wait for this Blender's window; Esc cancels the one that runs"""

    bl_idname = "orbit_painter.work"
    bl_label = "Paint in This Blender"
    bl_options = {"INTERNAL"}

    running = False

    def invoke(self, context: Any, event: Any) -> set[Any]:
        if ORBIT_PAINTER_OT_work.running:  # it takes all jobs that wait
            return {"CANCELLED"}
        ORBIT_PAINTER_OT_work.running = True
        self._job: jobs.InWindow | None = None
        self._timer = context.window_manager.event_timer_add(TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Any, event: Any) -> set[Any]:
        if event.type == "ESC" and event.value == "PRESS" and self._job is not None:
            self._job.cancel()
            targets.redraw()
        if event.type == "TIMER":
            if not self._work():
                self._end(context)
                return {"FINISHED"}
        elif event.type in _MOUSE and _over_the_tab(context, event):
            return {"PASS_THROUGH"}
        return {"RUNNING_MODAL"}

    def _work(self) -> bool:
        """A piece of work; whether there is any. Never raises, for Blender would drop the operator."""
        try:
            if self._job is None:
                self._job = next((job for job in jobs.in_window if job.view.state == "queued"), None)
                if self._job is not None:
                    self._job.begin()
            elif self._job.tick():
                jobs.tell(self._job.view, self._job.note)
                self._job = None
            else:
                return True
        except Exception:  # shown where Blender shows such things; the other jobs go on
            traceback.print_exc()
            if self._job is not None:
                self._job.abort()
            self._job = None
        return self._job is not None or jobs.busy_in_window()

    def cancel(self, context: Any) -> None:
        """Called by Blender when it quits, opens another file or closes this window: nobody takes up what waits."""
        if self._job is not None:
            self._job.abort()
        for job in jobs.in_window:
            if job.view.state == "queued":
                job.cancel()
        self._end(context)

    def _end(self, context: Any) -> None:
        ORBIT_PAINTER_OT_work.running = False
        context.window_manager.event_timer_remove(self._timer)
        targets.redraw()


def _over_the_tab(context: Any, event: Any) -> bool:
    """The mouse is over the sidebar of a 3D viewport, with our tab open."""
    for area in context.window.screen.areas:
        for region in area.regions if area.type == "VIEW_3D" else ():
            inside = 0 <= event.mouse_x - region.x < region.width and 0 <= event.mouse_y - region.y < region.height
            if region.type == "UI" and inside:
                return getattr(region, "active_panel_category", TAB) == TAB
    return False


CLASSES = (ORBIT_PAINTER_OT_work,)

_register, _unregister = registration_of(CLASSES)


def register() -> None:
    _register()


def unregister() -> None:
    """Also called when Blender quits: nothing of ours may go on."""
    for job in jobs.in_window:
        if job.view.state not in ("done", "failed", "cancelled"):
            job.abort()
        job.close()
    jobs.in_window.clear()
    _unregister()
