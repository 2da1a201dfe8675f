# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview Coverage: what the planned views and the references will see, before anything is painted."""

from __future__ import annotations

from typing import Any

from ..backend.errors import OrbitPainterError
from ..backend.run_request import LOOKING_AHEAD
from . import jobs, notices, planned, targets
from .classes import registration_of
from .coverage_figures import planned_figures
from .ops_generate import JobOperator
from .translations import tr


class ORBIT_PAINTER_OT_coverage(JobOperator):
    """Show which part of the surface the planned views and the references will see, before anything is painted"""

    bl_idname = "orbit_painter.coverage"
    bl_label = "Preview Coverage"
    bl_options = {"REGISTER"}

    stages = LOOKING_AHEAD

    @classmethod
    def poll(cls, context: Any) -> bool:
        reason = targets.overview(context).problem
        if jobs.busy_in_window():
            reason = tr("A job runs in this Blender. Wait until it has ended, or cancel it.")
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return self._start(context, interactive=True)

    def execute(self, context: Any) -> set[Any]:
        return self._start(context, interactive=False)

    def done(self, view: jobs.JobView) -> str:
        planned.keep(view)
        self.report({"INFO"}, planned_figures(view.out))
        self.report({"INFO"}, tr("The picture is in {folder}.", folder=view.out / "planned"))
        return ""

    def _start(self, context: Any, interactive: bool) -> set[Any]:
        from .job_settings import jobs_from_settings

        try:
            work = jobs_from_settings(context, look_ahead=True)
        except OrbitPainterError as error:
            return self.refused(error)
        notices.clear()
        return self.run(context, work, interactive)


CLASSES = (ORBIT_PAINTER_OT_coverage,)


register, unregister = registration_of(CLASSES)
