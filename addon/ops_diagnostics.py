# SPDX-License-Identifier: GPL-3.0-or-later
"""Find Problems, and what opens files and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .classes import registration_of
from .translations import tr

if TYPE_CHECKING:
    from .doctor import Finding

findings: list[Finding] = []  # of the last examination


class ORBIT_PAINTER_OT_diagnose(bpy.types.Operator):
    """Look for what could keep Orbit Painter from working, and copy a report to the clipboard"""

    bl_idname = "orbit_painter.diagnose"
    bl_label = "Find Problems"
    bl_options = {"REGISTER"}

    def execute(self, context: Any) -> set[Any]:
        from . import doctor

        findings[:] = doctor.examine(context)
        if context.window_manager is not None:
            context.window_manager.clipboard = doctor.report(findings)
        problems = [finding for finding in findings if finding.level == "problem"]
        if problems:
            self.report({"WARNING"}, problems[0].text)
        else:
            self.report({"INFO"}, tr("No problem was found. A report is on the clipboard."))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_open_file(bpy.types.Operator):
    """Open this file or folder in the system's own program"""

    bl_idname = "orbit_painter.open_file"
    bl_label = "Open"
    bl_options = {"INTERNAL"}

    filepath: bpy.props.StringProperty(name="File", description="What to open", subtype="FILE_PATH")

    def execute(self, context: Any) -> set[Any]:
        try:
            bpy.ops.wm.path_open(filepath=self.filepath)
        except RuntimeError as error:
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
            return {"CANCELLED"}
        return {"FINISHED"}


class ORBIT_PAINTER_OT_open_preferences(bpy.types.Operator):
    """Open the preferences of Orbit Painter, where engines are installed"""

    bl_idname = "orbit_painter.open_preferences"
    bl_label = "Open Preferences"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        package = (__package__ or "").rpartition(".")[0]
        bpy.ops.preferences.addon_show(module=package)
        return {"FINISHED"}


CLASSES = (ORBIT_PAINTER_OT_diagnose, ORBIT_PAINTER_OT_open_file, ORBIT_PAINTER_OT_open_preferences)


register, unregister = registration_of(CLASSES)
