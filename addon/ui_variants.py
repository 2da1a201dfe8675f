# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panel Variants: results on their way, and every result of the active object. Drawing reads memory only."""

from __future__ import annotations

from typing import Any

import bpy

from . import jobs, thumbnails, tray, variants
from .classes import registration_of
from .translations import tr
from .ui_text import sentence
from .variant_props import results_of


class ORBIT_PAINTER_UL_variants(bpy.types.UIList):
    """Variants with a star, and an eye on the one that is shown."""

    def draw_item(
        self, context, layout, data, item: Any, icon, active_data, active_property, index=0, flt_flag=0
    ) -> None:
        obj = item.id_data
        row = layout.row(align=True)
        visible = variants.shown(obj) == item.recipe_id
        show = row.operator(
            "orbit_painter.variant_show", text="", icon="HIDE_OFF" if visible else "HIDE_ON", emboss=False
        )
        show.recipe_id = item.recipe_id
        row.prop(item, "name", text="", emboss=False)
        side = row.row()
        side.alignment = "RIGHT"
        side.active = False
        side.label(text=tr("seed {seed}", seed=item.seed), translate=False)
        row.prop(item, "favourite", text="", icon="SOLO_ON" if item.favourite else "SOLO_OFF", emboss=False)


class ORBIT_PAINTER_PT_variants(bpy.types.Panel):
    bl_label = "Variants"
    bl_idname = "ORBIT_PAINTER_PT_variants"
    bl_parent_id = "ORBIT_PAINTER_PT_main"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Orbit Painter"
    bl_order = 10

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not jobs.busy_in_window()

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        for item in tray.items():
            _draw_waiting(layout, context, item)
        obj = context.object
        if obj is None or obj.type != "MESH" or not results_of(obj).variants:
            sentence(layout, context, tr("The results of the chosen object will be kept here."), "INFO")
            return
        _draw_list(layout, context, obj)


def _draw_waiting(layout: Any, context: Any, item: tray.Waiting) -> None:
    box = layout.box()
    row = box.row()
    row.label(text=item.title, icon="SORTTIME" if item.goes_on else "ERROR", translate=False)
    row.operator("orbit_painter.dismiss_waiting", text="", icon="X", emboss=False).job_dir = str(item.job_dir)
    if item.message:
        sentence(box, context, item.message, "NONE", alert=not item.goes_on)
    if not item.goes_on:
        box.operator("orbit_painter.apply_waiting", icon="CHECKMARK").job_dir = str(item.job_dir)


def _draw_list(layout: Any, context: Any, obj: Any) -> None:
    results = results_of(obj)
    row = layout.row()
    row.template_list("ORBIT_PAINTER_UL_variants", "", results, "variants", results, "active", rows=3, maxrows=8)
    column = row.column(align=True)
    column.operator("orbit_painter.variant_remove", text="", icon="REMOVE")
    column.operator("orbit_painter.empty_trash", text="", icon="TRASH")
    if 0 <= results.active < len(results.variants):
        _draw_variant(layout, context, results.variants[results.active])
    row = layout.row(align=True)
    row.operator("orbit_painter.variant_compare", icon="ARROW_LEFTRIGHT")
    row.operator("orbit_painter.restore_original", icon="LOOP_BACK")
    _draw_shading_hint(layout, context)


def _draw_variant(layout: Any, context: Any, variant: Any) -> None:
    picture = variants.sidecars_of(variant)[0]
    layout.template_icon(icon_value=thumbnails.icon(picture), scale=8.0)
    column = layout.column(align=True)
    column.active = False
    column.label(text=f"{variant.engine}, {variant.created}", translate=False)
    if variants.is_unsaved(variant):
        sentence(layout, context, tr("Not saved with the file."), "ERROR")
        layout.operator("orbit_painter.gather_results", icon="FILE_TICK")
    row = layout.row(align=True)
    row.operator("orbit_painter.variant_show", icon="HIDE_OFF")
    row.operator("orbit_painter.variant_copy_settings", icon="COPYDOWN")


def _draw_shading_hint(layout: Any, context: Any) -> None:
    """In Solid shading, textures show only if the colour is set to them; it is never changed without a click."""
    shading = getattr(context.space_data, "shading", None)
    if shading is not None and shading.type == "SOLID" and shading.color_type not in ("TEXTURE", "VERTEX"):
        layout.prop_enum(shading, "color_type", "TEXTURE", text="Show Textures in Solid Shading", icon="TEXTURE")


CLASSES = (ORBIT_PAINTER_UL_variants, ORBIT_PAINTER_PT_variants)


register, unregister = registration_of(CLASSES)
