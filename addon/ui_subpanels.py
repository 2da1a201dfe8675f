# SPDX-License-Identifier: GPL-3.0-or-later
"""The sub-panels of the tab, closed until they are wanted: Quality, UV and Output, Advanced, Diagnostics."""

from __future__ import annotations

from typing import Any

import bpy

from . import jobs, ops_diagnostics, targets
from .classes import registration_of
from .props import settings_of
from .translations import tr
from .ui_panel import SidebarPanel
from .ui_text import sentence

ICONS = {"ok": "CHECKMARK", "note": "INFO", "problem": "ERROR"}


class SubPanel(SidebarPanel):
    bl_parent_id = "ORBIT_PAINTER_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not jobs.busy_in_window()

    def split(self) -> Any:
        """The layout with names in front of values."""
        layout: Any = self.layout  # pyright: ignore[reportAttributeAccessIssue]
        layout.use_property_split = True
        layout.use_property_decorate = False
        return layout


class ORBIT_PAINTER_PT_quality(SubPanel, bpy.types.Panel):
    bl_label = "Quality"
    bl_order = 30

    def draw(self, context: Any) -> None:
        settings = settings_of(context.scene)
        layout = self.split()
        layout.prop(settings, "quality")
        layout = layout.column()
        layout.enabled = settings.quality == "CUSTOM"
        column = layout.column(align=True)
        column.prop(settings, "views_horizontal")
        column.prop(settings, "views_vertical")
        layout.prop(settings, "frame_size")
        column = layout.column(align=True)
        column.prop(settings, "label_grid")
        column.prop(settings, "grid")
        if settings.engine == "projection":
            column.prop(settings, "surface_grid")


class ORBIT_PAINTER_PT_output(SubPanel, bpy.types.Panel):
    bl_label = "UV and Output"
    bl_order = 40

    def draw(self, context: Any) -> None:
        settings = settings_of(context.scene)
        layout = self.split()
        layout.prop(settings, "uv")
        if settings.uv == "NAMED":
            layout.prop(settings, "uv_name")
        layout.prop(settings, "atlas")
        layout.prop(settings, "texture_size")
        layout.prop(settings, "output")
        if settings.output == "TEXTURES":
            layout.prop(settings, "material_mode")
        if settings.output != "COLOR_ATTRIBUTE":
            layout.prop(settings, "storage")


class ORBIT_PAINTER_PT_advanced(SubPanel, bpy.types.Panel):
    bl_label = "Advanced"
    bl_order = 50

    def draw(self, context: Any) -> None:
        settings = settings_of(context.scene)
        layout = self.split()
        column = layout.column(heading="Passes")
        column.prop(settings, "process")
        column.prop(settings, "pose")
        column.prop(settings, "alpha")
        column.prop(settings, "renderer")
        row = column.row()
        row.enabled = settings.renderer == "cycles"
        row.prop(settings, "device")
        column.prop(settings, "supersample")
        _draw_existing(layout, context, settings)
        column = layout.column()
        if settings.engine == "projection":
            column.prop(settings, "symmetry")
            column.prop(settings, "detail")
        else:
            column.prop(settings, "speed")
            column.prop(settings, "memory")
        column.prop(settings, "keep_background")
        column.prop(settings, "engine_options")
        column = layout.column()
        column.prop(settings, "fuse_preset")
        row = column.row()
        row.enabled = settings.fuse_preset == "default"
        row.prop(settings, "smoothness")
        column.prop(settings, "margin")
        column.prop(settings, "fuse_options")
        column = layout.column()
        column.prop(settings, "turntable")
        column.prop(settings, "vxz")


def _draw_existing(layout: Any, context: Any, settings: Any) -> None:
    column = layout.column(heading="Start From")
    can = any(target.has_material for target in targets.overview(context).usable)
    row = column.row()
    row.enabled = can
    row.prop(settings, "use_existing", text="Existing Texture")
    row = column.row()
    row.enabled = can and settings.use_existing
    row.prop(settings, "existing")
    if settings.use_existing and not can:
        sentence(
            column, context, tr("None of the objects has a material, so there is no texture to start from."), "INFO"
        )


class ORBIT_PAINTER_PT_diagnostics(SubPanel, bpy.types.Panel):
    bl_label = "Diagnostics"
    bl_order = 60

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.operator("orbit_painter.diagnose", icon="VIEWZOOM")
        for finding in ops_diagnostics.findings:
            sentence(layout, context, finding.text, ICONS[finding.level], alert=finding.level == "problem")
        layout.operator("orbit_painter.open_preferences", icon="PREFERENCES")


CLASSES = (
    ORBIT_PAINTER_PT_quality,
    ORBIT_PAINTER_PT_output,
    ORBIT_PAINTER_PT_advanced,
    ORBIT_PAINTER_PT_diagnostics,
)


register, unregister = registration_of(CLASSES)
