# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, removing and ordering references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .classes import registration_of
from .props import SIDES, settings_of
from .translations import tr

PICTURES = "*.png;*.jpg;*.jpeg;*.webp;*.tif;*.tiff;*.bmp;*.tga;*.exr;*.hdr"


class ORBIT_PAINTER_OT_reference_add(bpy.types.Operator):
    """Add pictures of the object, chosen in a file browser"""

    bl_idname = "orbit_painter.reference_add"
    bl_label = "Add Reference"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(
        name="File", description="Picture file", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    directory: bpy.props.StringProperty(
        name="Folder", description="Folder of the picture files", subtype="DIR_PATH", options={"HIDDEN", "SKIP_SAVE"}
    )
    files: bpy.props.CollectionProperty(
        type=bpy.types.OperatorFileListElement,
        name="Files",
        description="Names of the picture files in the folder",
        options={"HIDDEN", "SKIP_SAVE"},
    )
    view: bpy.props.EnumProperty(items=SIDES, name="Shows", description="Side of the object that the picture shows")
    filter_glob: bpy.props.StringProperty(
        name="Filter", description="Names of files that are shown", default=PICTURES, options={"HIDDEN"}
    )

    def invoke(self, context: Any, event: Any) -> set[Any]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[Any]:
        from ..backend.images import is_cut_off  # needs NumPy, which enabling the extension must not

        settings = settings_of(context.scene)
        names = [file.name for file in self.files if file.name]
        paths = [Path(self.directory) / name for name in names] or [Path(bpy.path.abspath(self.filepath))]
        images = []
        for path in paths:
            try:
                image = bpy.data.images.load(str(path), check_existing=True)
            except RuntimeError:
                self.report({"ERROR"}, tr("{path} cannot be read. Choose a picture file.", path=path))
                return {"CANCELLED"}
            if 0 in image.size or image.source != "FILE" or is_cut_off(path):
                if image.users == 0:
                    bpy.data.images.remove(image)
                self.report(
                    {"ERROR"}, tr("{path} is not a picture that can be read. Save it again as PNG or JPEG.", path=path)
                )
                return {"CANCELLED"}
            images.append(image)
        for image in images:  # all or none: what is cancelled makes no undo step
            add_reference(settings, image, self.view)
        return {"FINISHED"}


def add_reference(settings: Any, image: bpy.types.Image, view: str = "front") -> Any:
    """A new entry of the list, which becomes the active one."""
    reference = settings.references.add()
    reference.image = image
    reference.view = view if view in {side for side, *_ in SIDES} else "front"
    settings.active_reference = len(settings.references) - 1
    return reference


class _OnActiveReference(bpy.types.Operator):
    @classmethod
    def poll(cls, context: Any) -> bool:
        settings = settings_of(context.scene)
        if 0 <= settings.active_reference < len(settings.references):
            return True
        cls.poll_message_set(tr("There is no reference; add one first"))
        return False


class ORBIT_PAINTER_OT_reference_remove(_OnActiveReference):
    """Remove the chosen reference from the list; the picture itself stays"""

    bl_idname = "orbit_painter.reference_remove"
    bl_label = "Remove Reference"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[Any]:
        settings = settings_of(context.scene)
        settings.references.remove(settings.active_reference)
        settings.active_reference = max(0, min(settings.active_reference, len(settings.references) - 1))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_reference_move(_OnActiveReference):
    """Move the chosen reference; where pictures show the same place, the first in the list wins"""

    bl_idname = "orbit_painter.reference_move"
    bl_label = "Move Reference"
    bl_options = {"REGISTER", "UNDO"}

    step: bpy.props.IntProperty(name="Step", description="Places down the list", default=1, min=-1, max=1)

    def execute(self, context: Any) -> set[Any]:
        settings = settings_of(context.scene)
        target = settings.active_reference + self.step
        if 0 <= target < len(settings.references):
            settings.references.move(settings.active_reference, target)
            settings.active_reference = target
        return {"FINISHED"}


class ORBIT_PAINTER_OT_reference_forget_camera(_OnActiveReference):
    """Treat the picture as one whose framing must be found, and no longer as painted over a guide"""

    bl_idname = "orbit_painter.reference_forget_camera"
    bl_label = "Forget Guide Camera"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[Any]:
        settings = settings_of(context.scene)
        reference = settings.references[settings.active_reference]
        reference.camera = reference.guide_objects = reference.guide_digest = ""
        return {"FINISHED"}


CLASSES = (
    ORBIT_PAINTER_OT_reference_add,
    ORBIT_PAINTER_OT_reference_remove,
    ORBIT_PAINTER_OT_reference_move,
    ORBIT_PAINTER_OT_reference_forget_camera,
)


register, unregister = registration_of(CLASSES)
