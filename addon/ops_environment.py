# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons of the preferences: install, repair, update and remove the engine; download, add and remove models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..backend.environment.states import State
from ..backend.errors import OrbitPainterError
from . import upkeep
from .classes import registration_of
from .sentences import said
from .translations import marked, tr

_TITLES = {
    "install": marked("Installing the engine"),
    "update": marked("Updating the engine"),
    "repair": marked("Repairing the engine"),
    "rollback": marked("Going back to the engine before"),
    "remove": marked("Removing the engine"),
}


def offline_reason() -> str:
    """Why nothing may be fetched, in the interface's language; empty if it may."""
    if bpy.app.online_access:
        return ""
    if bpy.app.online_access_override:
        return tr("Blender was started with a command line that forbids online access.")
    return tr("Allow Online Access is off in Preferences > System.")


class _Task:
    """What the buttons have in common: one task at a time, and its failure is reported."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        if upkeep.busy():
            cls.poll_message_set(tr("Another task is running; wait for it or cancel it"))  # pyright: ignore
            return False
        return True

    def run(self, title: str, *words: str | Path) -> set[Any]:
        try:
            task = upkeep.start(title, *words)
        except OSError as error:
            self.report({"ERROR"}, tr("The task could not be started ({error}).", error=error))  # pyright: ignore
            return {"CANCELLED"}
        if task.state == "failed":
            self.report({"ERROR"}, said(task.message, task.advice))  # pyright: ignore
            return {"CANCELLED"}
        return {"FINISHED"}


class ORBIT_PAINTER_OT_environment(_Task, bpy.types.Operator):
    """Install, update, repair or go back"""

    bl_idname = "orbit_painter.environment"
    bl_label = "Install Engine"
    bl_options = {"INTERNAL"}

    action: bpy.props.EnumProperty(
        items=[
            ("install", "Install", "Fetch and install the engine; a stopped installation is continued"),
            ("update", "Update", "Install the engine of this version; the old one works until the new one does"),
            ("repair", "Repair", "Check all files of the engine and fetch bad ones again"),
            ("rollback", "Go Back", "Use the engine before again"),
        ],
        name="Action",
        description="What to do with the engine",
    )

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        items = properties.bl_rna.properties["action"].enum_items
        return tr(items[properties.action].description)

    def execute(self, context: Any) -> set[Any]:
        if self.action in ("install", "update", "repair") and (reason := offline_reason()):
            self.report({"ERROR"}, reason + " " + tr("Use Install from Folder."))
            return {"CANCELLED"}
        words = [self.action]
        if self.action != "rollback":
            chosen = upkeep.preferences()
            words += ["--device", getattr(chosen, "device", "auto")]
            if path := getattr(chosen, "uv", ""):
                words += ["--uv", bpy.path.abspath(path)]
        return self.run(tr(_TITLES[self.action]), "environment", *words)


class ORBIT_PAINTER_OT_environment_folder(_Task, bpy.types.Operator):
    """Install the engine from a folder that 'environment bundle' made on another computer; no connection is made"""

    bl_idname = "orbit_painter.environment_folder"
    bl_label = "Install from Folder..."
    bl_options = {"INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", name="Folder", description="Folder to install from")
    filter_folder: bpy.props.BoolProperty(name="Folders", description="Show folders", default=True, options={"HIDDEN"})

    def invoke(self, context: Any, event: Any) -> set[Any]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[Any]:
        return self.run(tr(_TITLES["install"]), "environment", "install", "--from", self.directory)


class ORBIT_PAINTER_OT_environment_remove(_Task, bpy.types.Operator):
    """Delete the engine, its downloads and its logs. Removing the extension does not do that: do it here before"""

    bl_idname = "orbit_painter.environment_remove"
    bl_label = "Remove Engine"
    bl_options = {"INTERNAL"}

    models: bpy.props.BoolProperty(
        name="Delete the Models Too", description="Delete everything that was downloaded for the engine's models"
    )

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return context.window_manager.invoke_props_dialog(self)

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.label(text=str(upkeep.root()), translate=False)
        layout.prop(self, "models")

    def execute(self, context: Any) -> set[Any]:
        extra = ["--models"] if self.models else []
        return self.run(tr(_TITLES["remove"]), "environment", "remove", *extra)


class ORBIT_PAINTER_OT_model_download(_Task, bpy.types.Operator):
    """Download this model, or all that an engine lacks, from the hub; a stopped download is continued"""

    bl_idname = "orbit_painter.model_download"
    bl_label = "Download Model"
    bl_options = {"INTERNAL"}

    name: bpy.props.StringProperty(name="Model", description="Name of the model in the catalogue, or of an engine")

    @classmethod
    def poll(cls, context: Any) -> bool:
        if reason := offline_reason():
            cls.poll_message_set(reason)
            return False
        return super().poll(context)

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return context.window_manager.invoke_props_dialog(self, width=460)

    def draw(self, context: Any) -> None:
        """Size, source, destination and licence, before anything is fetched."""
        from ..backend.models.catalogue import model_named, size_text
        from ..backend.models.hub import hub_address

        found = upkeep.snapshot()
        lacking = {} if found is None else found.lacking
        layout: Any = self.layout
        for model in lacking.get(self.name) or (model_named(self.name),):
            column = layout.column(align=True)
            column.label(text=f"{model.title}: {size_text(model.bytes)}", translate=False)
            column.label(text=f"{hub_address()}/{model.repository}", icon="URL", translate=False)
            column.label(text=str(upkeep.root() / "models" / model.name), icon="FILE_FOLDER", translate=False)
            column.label(text=tr("Licence: {licence}", licence=model.licence), icon="TEXT", translate=False)
            if model.note:
                column.label(text=model.note, icon="INFO", translate=False)

    def execute(self, context: Any) -> set[Any]:
        return self.run(tr("Downloading {name}", name=self.name), "models", "download", self.name, "--yes")


class ORBIT_PAINTER_OT_model_remove(_Task, bpy.types.Operator):
    """Delete this model, or forget the folder that was added; your own folder is not touched"""

    bl_idname = "orbit_painter.model_remove"
    bl_label = "Remove Model"
    bl_options = {"INTERNAL"}

    name: bpy.props.StringProperty(name="Model", description="Name of the model in the catalogue")

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Any) -> set[Any]:
        return self.run(tr("Removing {name}", name=self.name), "models", "remove", self.name, "--yes")


class ORBIT_PAINTER_OT_model_add(bpy.types.Operator):
    """Use models that you have: a copy of a repository, or a converted folder"""

    bl_idname = "orbit_painter.model_add"
    bl_label = "Add Model Folder..."
    bl_options = {"INTERNAL"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", name="Folder", description="Folder with models")
    filter_folder: bpy.props.BoolProperty(name="Folders", description="Show folders", default=True, options={"HIDDEN"})

    def invoke(self, context: Any, event: Any) -> set[Any]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[Any]:
        from ..backend.models.store import ModelStore

        try:
            found = ModelStore(upkeep.root()).add(Path(self.directory))
        except OrbitPainterError as error:
            self.report({"ERROR"}, said(error.message, error.advice))
            return {"CANCELLED"}
        upkeep.refresh()
        self.report({"INFO"}, tr("Found: {names}", names=", ".join(model.title for model in found)))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_upkeep_cancel(bpy.types.Operator):
    """Stop the running task; what it has fetched is kept, and the task can be continued"""

    bl_idname = "orbit_painter.upkeep_cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        upkeep.cancel()
        return {"FINISHED"}


class ORBIT_PAINTER_OT_upkeep_dismiss(bpy.types.Operator):
    """Close this message"""

    bl_idname = "orbit_painter.upkeep_dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        upkeep.dismiss()
        return {"FINISHED"}


class ORBIT_PAINTER_OT_upkeep_refresh(bpy.types.Operator):
    """Look again at what is installed"""

    bl_idname = "orbit_painter.upkeep_refresh"
    bl_label = "Refresh"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[Any]:
        upkeep.refresh()
        return {"FINISHED"}


def primary_action(state: State) -> str:
    """The one button that stands out in each state."""
    if state is State.OUTDATED:
        return "update"
    return "install" if state in (State.MISSING, State.FAILED) else "repair"


_CLASSES = (
    ORBIT_PAINTER_OT_environment,
    ORBIT_PAINTER_OT_environment_folder,
    ORBIT_PAINTER_OT_environment_remove,
    ORBIT_PAINTER_OT_model_download,
    ORBIT_PAINTER_OT_model_remove,
    ORBIT_PAINTER_OT_model_add,
    ORBIT_PAINTER_OT_upkeep_cancel,
    ORBIT_PAINTER_OT_upkeep_dismiss,
    ORBIT_PAINTER_OT_upkeep_refresh,
)


register, unregister = registration_of(_CLASSES)
