# SPDX-License-Identifier: GPL-3.0-or-later
"""Export Guide: a picture of the bare object to paint over, whose camera is remembered (backend/guide.py)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import OrbitPainterError
from . import notices, targets, threads
from .classes import registration_of
from .ops_references import add_reference
from .props import SIDES, settings_of
from .sentences import said
from .translations import tr

SMALLEST, LARGEST = 64, 4096  # pixels, as backend.guide.SIZES


class ORBIT_PAINTER_OT_guide_export(bpy.types.Operator):
    """Save a picture of the bare object to paint over in any program; the painting comes back aligned to the pixel"""

    bl_idname = "orbit_painter.guide_export"
    bl_label = "Export Guide"
    bl_options = {"REGISTER"}

    filepath: bpy.props.StringProperty(
        name="File", description="PNG picture to write; the camera is written beside it", subtype="FILE_PATH"
    )
    view: bpy.props.EnumProperty(
        name="View",
        description="Side of the object that the guide shows",
        items=[("VIEWPORT", "Viewport", "As the 3D viewport looks at the object now, framed on the object"), *SIDES],
    )
    size: bpy.props.IntProperty(
        name="Size",
        description="Width and height of the picture",
        default=1024,
        min=SMALLEST,
        max=LARGEST,
        subtype="PIXEL",
    )
    in_thread: bpy.props.BoolProperty(
        name="In a Thread",
        description="Return at once and add the reference when the picture is drawn",
        default=False,
        options={"HIDDEN", "SKIP_SAVE"},
    )
    filter_glob: bpy.props.StringProperty(
        name="Filter", description="Names of files that are shown", default="*.png", options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        problem = targets.overview(context).problem
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def invoke(self, context: Any, event: Any) -> set[Any]:
        self.in_thread = True
        if not self.filepath:
            folder = Path(bpy.path.abspath("//")) if bpy.data.filepath else Path.home()
            word = re.sub(r"[^\w.-]+", "_", targets.usable_objects(context)[0].name)
            self.filepath = str(folder / f"{word}_guide.png")
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[Any]:
        from .guides import prepare

        if not self.filepath:
            self.report({"ERROR"}, tr("Say in which file the guide is to be saved."))
            return {"CANCELLED"}
        path = Path(bpy.path.abspath(self.filepath)).with_suffix(".png")
        try:
            guide = prepare(context, self.view, self.size)
            digest = "" if self.in_thread else guide.write(path)
        except OrbitPainterError as error:
            self.report({"ERROR"}, said(error.message, error.advice))
            return {"CANCELLED"}
        entry = {"scene": context.scene.name, "filepath": str(path), "view": self.view, **guide.entry()}
        add: Any = bpy.ops.orbit_painter.guide_add  # pyright: ignore[reportAttributeAccessIssue]
        if self.in_thread:
            threads.start(
                lambda: guide.write(path),
                lambda written: add("EXEC_DEFAULT", True, digest=written, **entry),
                lambda error: notices.show(said(str(error))),
            )
        else:
            add("EXEC_DEFAULT", True, digest=digest, **entry)
        return {"FINISHED"}


class ORBIT_PAINTER_OT_guide_add(bpy.types.Operator):
    """Add a guide that has been drawn to the references"""

    bl_idname = "orbit_painter.guide_add"
    bl_label = "Add Guide"
    bl_options = {"INTERNAL", "UNDO"}

    scene: bpy.props.StringProperty(name="Scene", description="Scene that gets the reference")
    filepath: bpy.props.StringProperty(name="File", description="The guide's picture")
    camera: bpy.props.StringProperty(name="Camera", description="The guide's camera, as JSON")
    objects: bpy.props.StringProperty(name="Objects", description="Names of the objects it shows, as JSON")
    view: bpy.props.StringProperty(name="View", description="Side of the object that it shows")
    digest: bpy.props.StringProperty(name="Digest", description="Checksum of the guide's file")

    def execute(self, context: Any) -> set[Any]:
        settings = settings_of(bpy.data.scenes.get(self.scene) or context.scene)
        image = bpy.data.images.load(self.filepath, check_existing=True)
        image.reload()
        reference = next((r for r in settings.references if r.image == image and r.camera), None)
        if reference is None:
            reference = add_reference(settings, image, self.view)
        reference.camera, reference.guide_objects, reference.guide_digest = self.camera, self.objects, self.digest
        notices.show(tr("Paint over {path} and save it; it is already among the references.", path=self.filepath))
        return {"FINISHED"}


CLASSES = (ORBIT_PAINTER_OT_guide_export, ORBIT_PAINTER_OT_guide_add)


register, unregister = registration_of(CLASSES)
