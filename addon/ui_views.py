# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Views: coverage before and after baking, and the painted views."""

from __future__ import annotations

from collections.abc import Sequence
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
    _pictures(layout, planned_pictures(plan.out), title="Coverage as Planned")
    if figures := coverage_figures.planned_figures(plan.out):
        sentence(layout, context, figures)
    sentence(layout, context, tr(LEGEND if coverage_figures.has_references(plan.out) else PLAIN_LEGEND))
    for note in plan.notes:
        sentence(layout, context, note, "INFO")


def _draw_result(layout: Any, context: Any, folder: Path) -> None:
    sheet, *coverage = pictures_of(folder)
    _pictures(layout, (sheet,), title="Reference, Passes and Frames")
    _pictures(layout, coverage, title="Where Each Texel Came From")
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


def _pictures(layout: Any, paths: Sequence[Path], title: str) -> None:
    """The first few, each with a button that opens it; several have their names under the title."""
    several = len(paths) > 1
    if several:
        layout.label(text=title)
    for path in paths[:MOST_PICTURES]:
        row = layout.row()
        row.label(text=path.stem if several else title, translate=not several)
        row.operator("orbit_painter.open_file", text="", icon="ZOOM_IN", emboss=False).filepath = str(path)
        layout.template_icon(icon_value=thumbnails.icon(path), scale=8.0)
    if len(paths) > MOST_PICTURES:
        layout.label(text=tr("and {count} more", count=len(paths) - MOST_PICTURES), translate=False)


CLASSES = (ORBIT_PAINTER_PT_views,)


register, unregister = registration_of(CLASSES)
