# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate Texture, and what can be done with the jobs that it starts.

`invoke` (the button) queues jobs and returns at once; `execute` (scripts, background) returns when they are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.errors import InputError, OrbitPainterError
from ..backend.run_request import LOOKING_AHEAD, STAGES
from . import engine_state, job_folder, jobs, notices, targets, thumbnails, tray
from .classes import registration_of
from .props import settings_of
from .sentences import said
from .translations import tr
from .variant_props import results_of
from .variants import made_for

if TYPE_CHECKING:
    from ..backend.job import Job

    Work = list[tuple[Job, list[bpy.types.Object]]]


class JobOperator(bpy.types.Operator):
    """Runs jobs in the background, or while Blender waits, and reports what they say."""

    stages = STAGES

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return self._start(context, interactive=True)

    def execute(self, context: Any) -> set[Any]:
        return self._start(context, interactive=False)

    def _start(self, context: Any, interactive: bool) -> set[Any]:
        queued = interactive and settings_of(context.scene).process == "BACKGROUND"
        try:
            if not queued and self.stages != LOOKING_AHEAD and context.mode not in tray.MODES:
                raise InputError("other-mode", tr("Blender is not in Object Mode."), tr("Go to Object Mode first."))
            work = self.work(context)
        except OrbitPainterError as error:
            return self.refused(error)
        return self.run(context, work, interactive, queued)

    def work(self, context: Any) -> Work:
        """The jobs and their objects: those that the panel asks for. Raises OrbitPainterError."""
        from .job_settings import jobs_from_settings

        work = jobs_from_settings(context, look_ahead=self.stages == LOOKING_AHEAD)
        notices.clear()
        return work

    def run(self, context: Any, work: Work, interactive: bool, queued: bool) -> set[Any]:
        if interactive and not queued and not bpy.app.background:
            return self._in_window(work)
        for number, (job, objects) in enumerate(work):
            later = [left for left, _ in work[number + 1 :]]
            try:
                if queued:
                    jobs.submit(context, job, objects, self.stages)
                    continue
                with _shown_progress(context) as progress:
                    view = jobs.run_blocking(context, job, objects, progress, self.stages)
            except OrbitPainterError as error:
                job_folder.discard_all((job, *later))  # they hold nothing but their references
                return self.refused(error)
            if view.state != "done":
                job_folder.discard_all(later)
                self.report({"ERROR"}, said(view.message, view.advice))
                return {"CANCELLED"}
            for note in view.notes:
                self.report({"WARNING"}, said(note))
            if reason := self.done(view):
                job_folder.discard_all(later)
                self.report({"ERROR"}, reason)
                return {"CANCELLED"}
        return {"FINISHED"}

    def done(self, view: jobs.JobView) -> str:
        """Take what a job left for which Blender has waited; why that cannot be done, or an empty text."""
        waiting = tray.apply_now(view)
        return "" if waiting is None else waiting.message

    def _in_window(self, work: Work) -> set[Any]:
        from .window_job import WindowJob

        for number, (job, objects) in enumerate(work):
            try:
                jobs.in_window.append(WindowJob(job, objects, self.stages))
            except OrbitPainterError as error:
                job_folder.discard_all(left for left, _ in work[number:])
                return self.refused(error)
        work_on()
        return {"FINISHED"}

    def refused(self, error: OrbitPainterError) -> set[Any]:
        self.report({"ERROR"}, said(error.message, error.advice))
        return {"CANCELLED"}


class ORBIT_PAINTER_OT_generate(JobOperator):
    """Paint the selected meshes, or those of the collection, after the references; you can go on working meanwhile"""

    bl_idname = "orbit_painter.generate"
    bl_label = "Generate Texture"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        reason = problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason


def work_on() -> None:
    """Start on the jobs that wait for this Blender's window."""
    work: Any = bpy.ops.orbit_painter.work  # pyright: ignore[reportAttributeAccessIssue]
    work("INVOKE_DEFAULT")


def selection_problem(context: Any) -> str:
    """Why no job can start on the selected meshes now and what to do, or an empty text. Reads memory only."""
    if jobs.busy_in_window():
        return tr("A job runs in this Blender. Wait until it has ended, or cancel it.")
    return targets.overview(context).problem


def problem(context: Any) -> str:
    """Why nothing can be generated now and what to do, or an empty text. Reads memory only."""
    found = selection_problem(context)
    if not found and not any(reference.image for reference in settings_of(context.scene).references):
        found = tr("No reference picture is chosen. Add one under References.")
    engine = engine_state.state(settings_of(context.scene).engine)
    if not found and engine.message:
        found = said(engine.message, engine.advice)
    return found


class ORBIT_PAINTER_OT_rebake(JobOperator):
    """Bake the painted views of a result again with the present texture size and fuse settings"""

    bl_idname = "orbit_painter.rebake"
    bl_label = "Bake Again"
    bl_options = {"REGISTER"}

    job_dir: bpy.props.StringProperty(
        name="Job Folder", description="Folder of the result to start from; empty: the newest", subtype="DIR_PATH"
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        if newest_result(context) is None:
            cls.poll_message_set(tr("There is no result to bake again. Generate a texture first."))
            return False
        return True

    def work(self, context: Any) -> Work:
        from ..backend.job import load_recipe
        from .job_settings import baked_again
        from .placement import read_placement

        folder = Path(bpy.path.abspath(self.job_dir)) if self.job_dir else newest_result(context) or Path()
        job, recipe_id = load_recipe(folder / "recipe.json"), read_placement(folder).recipe_id
        found = {name: made_for(name, recipe_id, context.object) for name in job.objects}
        objects = [obj for obj in found.values() if obj is not None]
        if len(objects) < len(job.objects):
            gone = ", ".join(f"'{name}'" for name, obj in found.items() if obj is None)
            raise InputError(
                "object-gone", tr("{names} is not in this file.", names=gone), tr("Open the file that holds it.")
            )
        return [(baked_again(settings_of(context.scene), job, objects), objects)]


def newest_result(context: Any) -> Path | None:
    """The job folder of the variant that is chosen in the list of the active object, else of the last job."""
    obj = context.object
    results = results_of(obj) if obj is not None else None
    if results is not None and 0 <= results.active < len(results.variants):
        return Path(results.variants[results.active].job_dir)
    return next((view.out for view in reversed(jobs.jobs()) if view.state == "done" and view.has_result), None)


class _OnJob(bpy.types.Operator):
    bl_options = {"INTERNAL"}

    job_id: bpy.props.StringProperty(name="Job", description="Which job; as submitted")

    def execute(self, context: Any) -> set[Any]:
        if all(view.id != self.job_id for view in jobs.jobs()):
            self.report({"ERROR"}, tr("There is no job '{name}'.", name=self.job_id))
            return {"CANCELLED"}
        self.act()
        return {"FINISHED"}

    def act(self) -> None:
        raise NotImplementedError


class ORBIT_PAINTER_OT_cancel(_OnJob):
    """Stop this job; nothing in the file changes"""

    bl_idname = "orbit_painter.cancel"
    bl_label = "Cancel"

    def act(self) -> None:
        jobs.cancel(self.job_id)


class ORBIT_PAINTER_OT_retry(_OnJob):
    """Run this job again; finished stages are kept"""

    bl_idname = "orbit_painter.retry"
    bl_label = "Try Again"

    def act(self) -> None:
        thumbnails.forget()  # its views are painted again under the same names
        jobs.retry(self.job_id)
        if jobs.busy_in_window():
            work_on()


class ORBIT_PAINTER_OT_dismiss(_OnJob):
    """Take this job off the list; its files stay"""

    bl_idname = "orbit_painter.dismiss"
    bl_label = "Dismiss"

    def act(self) -> None:
        jobs.dismiss(self.job_id)


class ORBIT_PAINTER_OT_clear_notice(bpy.types.Operator):
    """Take this message away"""

    bl_idname = "orbit_painter.clear_notice"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        notices.clear()
        return {"FINISHED"}


class ORBIT_PAINTER_OT_measure(bpy.types.Operator):
    """Check whether the UV maps of large meshes can be used; takes a moment"""

    bl_idname = "orbit_painter.measure"
    bl_label = "Check UV Maps"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        for target in targets.overview(context).targets:
            if target.check is None and not target.problem:
                targets.measure(context, target)
        return {"FINISHED"}


CLASSES = (
    ORBIT_PAINTER_OT_generate,
    ORBIT_PAINTER_OT_rebake,
    ORBIT_PAINTER_OT_cancel,
    ORBIT_PAINTER_OT_retry,
    ORBIT_PAINTER_OT_dismiss,
    ORBIT_PAINTER_OT_clear_notice,
    ORBIT_PAINTER_OT_measure,
)


register, unregister = registration_of(CLASSES)


@contextmanager
def _shown_progress(context: Any) -> Iterator[Callable[[jobs.JobView], None]]:
    """While Blender waits: the percentage at the mouse pointer, and a line on the console for each stage."""
    manager, last = context.window_manager, ""

    def report(view: jobs.JobView) -> None:
        nonlocal last
        manager.progress_update(100 * view.fraction)
        if view.stage != last:
            last = view.stage
            print(f"Orbit Painter: {view.title}, {view.stage}")

    manager.progress_begin(0, 100)
    try:
        yield report
    finally:
        manager.progress_end()
