# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab Orbit Painter in the sidebar of the 3D viewport. Drawing reads memory only."""

from __future__ import annotations

from typing import Any

import bpy

from . import engine_state, forecast, jobs, notices, ops_words, targets, upkeep
from .classes import registration_of
from .prefs import draw_task
from .props import belongs_to, guide_objects, settings_of
from .translations import tr
from .ui_jobs import draw_jobs, has_unfinished
from .ui_text import sentence

MOST_TARGETS = 5  # shown one by one


class SidebarPanel:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Orbit Painter"


class ORBIT_PAINTER_UL_references(bpy.types.UIList):
    """The references with what each shows."""

    def draw_item(
        self, context, layout: Any, data, item: Any, icon, active_data, active_property, index=0, flt_flag=0
    ) -> None:
        row = layout.row(align=True)
        if item.image is None:
            row.label(text="No Picture", icon="ERROR")
            return
        row.label(text=item.image.name, icon_value=row.icon(item.image), translate=False)
        side = row.row()
        side.alignment = "RIGHT"
        side.active = False
        side.label(text="Painted Guide" if item.camera else item.bl_rna.properties["view"].enum_items[item.view].name)


class ORBIT_PAINTER_PT_main(SidebarPanel, bpy.types.Panel):
    bl_label = "Orbit Painter"
    bl_idname = "ORBIT_PAINTER_PT_main"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        settings = settings_of(context.scene)
        if jobs.busy_in_window():
            draw_jobs(layout, context)
            sentence(layout, context, tr("It runs in this Blender, which waits for it. Esc cancels it too."), "INFO")
            return
        _draw_targets(layout, context, settings)
        _draw_references(layout, context, settings)
        _draw_generate(layout, context, settings)


def _draw_targets(layout: Any, context: Any, settings: Any) -> None:
    row = layout.row()
    row.use_property_split, row.use_property_decorate = True, False
    row.prop(settings, "collection")
    found = targets.overview(context)
    if not found.targets:
        sentence(layout, context, found.problem, "INFO")
        return
    box = layout.box().column(align=True)
    for target in found.targets[:MOST_TARGETS]:
        row = box.row()
        row.label(text=target.name, icon="ERROR" if target.problem else "MESH_DATA", translate=False)
        side = row.row()
        side.alignment = "RIGHT"
        side.active = False
        side.label(text=_summary(target), translate=False)
        if target.problem:
            sentence(box, context, target.problem, "BLANK1", alert=True)
        for warning in target.warnings:
            sentence(box, context, warning, "INFO")
    more = len(found.targets) + found.more - MOST_TARGETS
    if more > 0:
        box.label(text=tr("and {count} more", count=more), translate=False)
    if any(target.waits == "LARGE" for target in found.targets):
        box.operator("orbit_painter.measure", icon="UV")
    if found.others:
        sentence(box, context, tr("Left out, because they are not meshes: {count}", count=found.others), "INFO")
    if len(found.targets) > 1:
        layout.row().prop(settings, "combine", expand=True)


def _summary(target: targets.Target) -> str:
    """UV map, slots, tiles: what is known, shortly."""
    check = target.check
    if target.problem:
        return ""
    if check is None:
        return (
            tr("in Edit Mode") if target.waits == "EDIT" else tr("not checked") if target.waits else tr("checking...")
        )
    parts = [tr("new UV map") if check.new else check.uv_map]
    if len(check.tiles) > 1:
        parts.append(tr("{count} tiles", count=len(check.tiles)))
    elif check.textures > 1:
        parts.append(tr("{count} textures", count=check.textures))
    if target.slots > 1:
        parts.append(tr("{count} slots", count=target.slots))
    return ", ".join(parts)


def _draw_references(layout: Any, context: Any, settings: Any) -> None:
    layout.label(text="References")
    row = layout.row()
    rows = 3 if settings.references else 2
    row.template_list(
        "ORBIT_PAINTER_UL_references", "", settings, "references", settings, "active_reference", rows=rows, maxrows=5
    )
    column = row.column(align=True)
    column.operator("orbit_painter.reference_add", text="", icon="ADD")
    column.operator("orbit_painter.reference_remove", text="", icon="REMOVE")
    if len(settings.references) > 1:
        column.operator("orbit_painter.reference_move", text="", icon="TRIA_UP").step = -1
        column.operator("orbit_painter.reference_move", text="", icon="TRIA_DOWN").step = 1
    if 0 <= settings.active_reference < len(settings.references):
        _draw_reference(layout, context, settings.references[settings.active_reference])
    column = layout.column(align=True)
    column.operator("orbit_painter.guide_export", icon="GREASEPENCIL")
    column.operator("orbit_painter.reference_words", icon="TEXT")
    task = upkeep.task()
    if task is not None and task.title == ops_words.title():
        draw_task(layout, context)


def _draw_reference(layout: Any, context: Any, reference: Any) -> None:
    column = layout.column()
    if reference.image is not None:
        column.template_icon(icon_value=layout.icon(reference.image), scale=6.0)
    column.template_ID(reference, "image", open="image.open")
    if not reference.camera:
        row = column.row()
        row.use_property_split = True
        row.use_property_decorate = False
        row.prop(reference, "view")
        return
    row = column.row()
    row.label(
        text=tr("Guide of {names}", names=", ".join(guide_objects(reference))), icon="CAMERA_DATA", translate=False
    )
    row.operator("orbit_painter.reference_forget_camera", text="", icon="X", emboss=False)
    if not belongs_to(reference, [target.name for target in targets.overview(context).usable]):
        sentence(column, context, tr("It shows other objects and is not used now."), "INFO")


def _draw_generate(layout: Any, context: Any, settings: Any) -> None:
    column = layout.column()
    column.use_property_split = True
    column.use_property_decorate = False
    column.prop(settings, "engine")
    state = engine_state.state(settings.engine)
    if state.message:
        sentence(column, context, f"{state.message} {state.advice}", "ERROR", alert=True)
        column.operator("orbit_painter.open_preferences", icon="PREFERENCES")
    elif expected := forecast.text(settings):
        sentence(column, context, expected, "INFO")
    column.prop(settings, "quality")
    column.prop(settings, "seed")
    if has_unfinished():
        draw_jobs(layout, context)
        layout.operator("orbit_painter.generate", text="Add to Queue", icon="ADD")
    else:
        button = layout.row()
        button.scale_y = 1.6
        button.operator("orbit_painter.generate", icon="BRUSH_DATA")
        draw_jobs(layout, context)
    if notices.current():
        row = layout.row()
        sentence(row, context, notices.current(), "INFO")
        row.operator("orbit_painter.clear_notice", text="", icon="X", emboss=False)


CLASSES = (ORBIT_PAINTER_UL_references, ORBIT_PAINTER_PT_main)


register, unregister = registration_of(CLASSES)
