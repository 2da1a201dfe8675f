# SPDX-License-Identifier: GPL-3.0-or-later
"""Preview Coverage: what the planned views and the references will see, before anything is painted."""

from __future__ import annotations

from typing import Any

from ..backend.run_request import LOOKING_AHEAD
from . import jobs, planned
from .classes import registration_of
from .coverage_figures import planned_figures
from .ops_generate import JobOperator, selection_problem
from .translations import tr


class ORBIT_PAINTER_OT_coverage(JobOperator):
    """Show which part of the surface the planned views and the references will see, before anything is painted"""

    bl_idname = "orbit_painter.coverage"
    bl_label = "Preview Coverage"
    bl_options = {"REGISTER"}

    stages = LOOKING_AHEAD

    @classmethod
    def poll(cls, context: Any) -> bool:
        reason = selection_problem(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def done(self, view: jobs.JobView) -> str:
        planned.keep(view)
        self.report({"INFO"}, planned_figures(view.out))
        self.report({"INFO"}, tr("The picture is in {folder}.", folder=view.out / "planned"))
        return ""


CLASSES = (ORBIT_PAINTER_OT_coverage,)


register, unregister = registration_of(CLASSES)
