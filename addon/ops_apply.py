# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts finished results onto objects: one undo step each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import OrbitPainterError
from . import tray
from .classes import registration_of
from .sentences import said


class ORBIT_PAINTER_OT_apply(bpy.types.Operator):
    """Put this result onto the objects that it was made for"""

    bl_idname = "orbit_painter.apply"
    bl_label = "Apply Result"
    bl_options = {"REGISTER", "UNDO"}

    job_dir: bpy.props.StringProperty(
        name="Job Folder", description="Folder of the finished job", subtype="DIR_PATH", options={"SKIP_SAVE"}
    )
    targets: bpy.props.StringProperty(
        name="Objects",
        description="The objects as they were when the job started, as JSON; empty: found by name",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    mode: bpy.props.EnumProperty(
        name="Material",
        description="How the materials of the objects get the result",
        items=[
            ("new_material", "New Material", "Copies of the materials show it; the old ones stay in the file"),
            ("add_to_existing", "Add to Existing", "The base colour of the materials themselves shows it"),
            ("image_only", "Image Only", "Nothing shows it yet"),
        ],
    )
    storage: bpy.props.EnumProperty(
        name="Images",
        description="Where the images are kept",
        items=[
            ("BESIDE", "Beside the File", "In the folder textures beside the .blend, once that is saved"),
            ("PACKED", "Packed", "Inside the .blend"),
        ],
    )
    domain: bpy.props.EnumProperty(
        name="Domain",
        description="Where a color attribute has its colors",
        items=[
            ("POINT", "Vertex", "One color for each vertex; sculpting keeps them"),
            ("CORNER", "Face Corner", "One color for each corner of a face, with hard borders"),
        ],
    )

    def execute(self, context: Any) -> Any:
        from .apply_result import Options, apply_result  # needs NumPy, which enabling the extension must not

        job_dir = Path(bpy.path.abspath(self.job_dir)).absolute()
        options = Options(self.mode, self.storage, self.domain)
        try:
            notes = apply_result(job_dir, tray.refs_of_text(self.targets), options)
        except OrbitPainterError as error:
            message = said(error.message, error.advice)
            tray.refused(job_dir, error.code, message)
            self.report({"WARNING"}, message)
            return {"CANCELLED"}
        tray.take(job_dir)
        for note in notes:
            self.report({"INFO"}, said(note))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_apply_waiting(bpy.types.Operator):
    """Put this result onto its objects now"""

    bl_idname = "orbit_painter.apply_waiting"
    bl_label = "Apply"
    bl_options = {"INTERNAL"}

    job_dir: bpy.props.StringProperty(name="Job Folder", description="Folder of the finished job", subtype="DIR_PATH")

    def execute(self, context: Any) -> Any:
        tray.attempt(Path(self.job_dir))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_dismiss_waiting(bpy.types.Operator):
    """Take this result off the list; its files stay in the job's folder"""

    bl_idname = "orbit_painter.dismiss_waiting"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    job_dir: bpy.props.StringProperty(name="Job Folder", description="Folder of the finished job", subtype="DIR_PATH")

    def execute(self, context: Any) -> Any:
        tray.take(Path(self.job_dir))
        return {"FINISHED"}


CLASSES = (ORBIT_PAINTER_OT_apply, ORBIT_PAINTER_OT_apply_waiting, ORBIT_PAINTER_OT_dismiss_waiting)


register, unregister = registration_of(CLASSES)
