# SPDX-License-Identifier: GPL-3.0-or-later
"""Running, waiting and finished jobs in the panel."""

from __future__ import annotations

from typing import Any

from . import jobs, thumbnails
from .translations import marked, tr
from .ui_text import clock, sentence

ACTIVE = ("preparing", "running", "finishing", "stalled")
STAGES = {
    "passes": marked("Rendering Passes"),
    "coverage": marked("Coverage"),
    "paint": marked("Painting Views"),
    "bake": marked("Fusing Textures"),
    "model": marked("Writing the Model"),
    "preview": marked("Making Pictures"),
}


def _title(view: Any) -> str:
    return view.title if view.has_result else tr("Coverage of {title}", title=view.title)


def has_unfinished() -> bool:
    return any(view.state in ACTIVE or view.state == "queued" for view in jobs.jobs())


def draw_jobs(layout: Any, context: Any) -> None:
    """The running job with its bar and Cancel; the queue; what failed or was finished."""
    place = 0  # in the queue
    for view in jobs.jobs():
        if view.state in ACTIVE:
            _draw_active(layout.box(), context, view)
        elif view.state == "queued":
            place += 1
            row = layout.row()
            row.label(text=f"{place}. {_title(view)}", icon="SORTTIME", translate=False)
            _aside(row, tr("waiting"))
            row.operator("orbit_painter.cancel", text="", icon="X", emboss=False).job_id = view.id
        else:
            _draw_ended(layout, context, view)


def _draw_active(box: Any, context: Any, view: Any) -> None:
    row = box.row()
    row.label(text=_title(view), icon="MESH_DATA", translate=False)
    if view.eta_s is not None:
        _aside(row, tr("about {time} left", time=clock(int(view.eta_s))))
    stage = tr(STAGES[view.stage]) if view.stage in STAGES else tr("Preparing")
    column = box.column(align=True)
    column.progress(factor=view.fraction, type="BAR", text=f"{stage}  {100 * view.fraction:.0f} %", translate=False)
    row = column.row()
    row.scale_y = 1.6
    row.operator("orbit_painter.cancel", icon="CANCEL").job_id = view.id
    if view.state == "stalled":
        sentence(box, context, view.message or tr("It has not answered for a while."), "ERROR", alert=True)
        if view.advice:
            box.operator("orbit_painter.retry", text="Restart", icon="FILE_REFRESH").job_id = view.id
    elif view.detail:
        sentence(box, context, view.detail, "NONE")
    if view.previews:
        box.template_icon(icon_value=thumbnails.icon(view.previews[-1]), scale=7.0)


def _aside(row: Any, text: str) -> None:
    """Words at the right, which stay whole where the name before them is long."""
    side = row.row()
    side.alignment = "RIGHT"
    side.active = False
    side.label(text=text, translate=False)


def _draw_ended(layout: Any, context: Any, view: Any) -> None:
    if view.state == "done":
        row = layout.row()
        row.label(text=tr("{title} is done", title=_title(view)), icon="CHECKMARK", translate=False)
        row.operator("orbit_painter.dismiss", text="", icon="X", emboss=False).job_id = view.id
        for note in view.notes:
            sentence(layout, context, note, "INFO")
        return
    box = layout.box()
    row = box.row()
    cancelled = view.state == "cancelled"
    said = tr("{title} was cancelled", title=_title(view)) if cancelled else tr("{title} failed", title=_title(view))
    row.label(text=said, icon="CANCEL" if cancelled else "ERROR", translate=False)
    row.operator("orbit_painter.dismiss", text="", icon="X", emboss=False).job_id = view.id
    if not cancelled:
        sentence(box, context, f"{view.message} {view.advice}".strip(), "NONE", alert=True)
    row = box.row(align=True)
    row.operator("orbit_painter.retry", icon="FILE_REFRESH").job_id = view.id
    if view.log:
        row.operator("orbit_painter.open_file", text="Log", icon="TEXT").filepath = str(view.log)
