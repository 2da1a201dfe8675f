# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Views: coverage before and after baking, and the painted views."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import bpy

from . import coverage_figures, planned, thumbnails
from .classes import registration_of
from .ops_generate import newest_result
from .translations import marked, tr
from .ui_subpanels import SubPanel
from .ui_text import sentence

MOST_PICTURES = 3
LEGEND = marked("Bright: from a reference. Striped: continued by the engine. Magenta and black: seen by no view.")
PLAIN_LEGEND = marked("Each colour is a view. Magenta and black: seen by no view.")


class ORBIT_PAINTER_PT_views(SubPanel, bpy.types.Panel):
    bl_label = "Views"
    bl_order = 20

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.operator("orbit_painter.coverage", icon="HIDE_OFF")
        plan, folder = planned.of(context.object), newest_result(context)
        if plan is not None:
            _draw_plan(layout, context, plan)
        if folder is not None:
            _draw_result(layout, context, folder)
        elif plan is None:
            sentence(layout, context, tr("There is no result yet. Its painted views will be shown here."), "INFO")


def _draw_plan(layout: Any, context: Any, plan: planned.Plan) -> None:
    for path in planned_pictures(plan.out)[:MOST_PICTURES]:
        _picture(layout, path, title="Coverage as Planned")
    if figures := coverage_figures.planned_figures(plan.out):
        sentence(layout, context, figures)
    sentence(layout, context, tr(LEGEND if coverage_figures.has_references(plan.out) else PLAIN_LEGEND))
    for note in plan.notes:
        sentence(layout, context, note, "INFO")


def _draw_result(layout: Any, context: Any, folder: Path) -> None:
    sheet, *coverage = pictures_of(folder)
    _picture(layout, sheet, title="Reference, Passes and Frames")
    for path in coverage[:MOST_PICTURES]:
        _picture(layout, path, title="Where Each Texel Came From")
    if figures := coverage_figures.baked_figures(folder):
        sentence(layout, context, figures)
        sentence(layout, context, tr(LEGEND))
    layout.operator("orbit_painter.rebake", icon="RENDER_STILL")
    layout.operator("orbit_painter.open_file", text="Open Job Folder", icon="FILE_FOLDER").filepath = str(folder)


@lru_cache(maxsize=16)
def pictures_of(folder: Path) -> tuple[Path, ...]:
    """The contact sheet and the coverage pictures of a finished job."""
    return folder / "contact_sheet.png", *sorted((folder / "coverage").glob("*.png"))


@lru_cache(maxsize=16)
def planned_pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures of a look ahead."""
    return tuple(sorted((folder / "planned").glob("*.png")))


def _picture(layout: Any, path: Path, title: str) -> None:
    row = layout.row()
    row.label(text=title)
    row.operator("orbit_painter.open_file", text="", icon="ZOOM_IN", emboss=False).filepath = str(path)
    layout.template_icon(icon_value=thumbnails.icon(path), scale=8.0)


CLASSES = (ORBIT_PAINTER_PT_views,)


register, unregister = registration_of(CLASSES)
