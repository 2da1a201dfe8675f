# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference from Words: an image model of the artist's paints the front of the object (backend/reference_command.py).

The picture is looked at among the references before a job is started with it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import EngineMissingError, OrbitPainterError
from . import notices, targets, threads, upkeep
from .classes import registration_of
from .ops_references import add_reference
from .props import settings_of
from .sentences import said
from .translations import tr

SIZES = (256, 2048)  # pixels


class ORBIT_PAINTER_OT_reference_words(bpy.types.Operator):
    """Let an image model of yours paint the front of the object from words, and look at it before you paint with it"""

    bl_idname = "orbit_painter.reference_words"
    bl_label = "Reference from Words..."
    bl_options = {"REGISTER"}

    words: bpy.props.StringProperty(name="Words", description="What the object is and looks like")
    model: bpy.props.StringProperty(
        name="Image Model",
        description="Folder of a text-to-image pipeline in the layout of diffusers",
        subtype="DIR_PATH",
    )
    control: bpy.props.StringProperty(
        name="ControlNet", description="Its folder, where the image model has none of its own", subtype="DIR_PATH"
    )
    kind: bpy.props.EnumProperty(
        name="Guided by",
        description="What the image model sees of the object",
        items=[("depth", "Depth", "How far the surface is"), ("normal", "Normals", "Where the surface faces")],
    )
    size: bpy.props.IntProperty(
        name="Size", description="Width and height of the picture", default=1024, min=SIZES[0], max=SIZES[1], step=8
    )
    seed: bpy.props.IntProperty(name="Seed", description="Another seed gives another picture", default=0, min=0)

    @classmethod
    def poll(cls, context: Any) -> bool:
        problem = targets.overview(context).problem
        if not problem and upkeep.busy():
            problem = tr("Another task is running; wait for it or cancel it")
        if problem:
            cls.poll_message_set(problem)
        return not problem

    def invoke(self, context: Any, event: Any) -> set[Any]:
        return context.window_manager.invoke_props_dialog(self, width=420)

    def execute(self, context: Any) -> set[Any]:
        from .guides import prepare

        try:
            python = _engine_python()
            guide = prepare(context, "front", self.size - self.size % 8)
        except OrbitPainterError as error:
            self.report({"ERROR"}, said(error.message, error.advice))
            return {"CANCELLED"}
        folder = Path(bpy.app.tempdir) / f"words_{os.urandom(4).hex()}"
        mesh, picture = folder / "object.obj", folder / "reference.png"
        command = ["reference", "--mesh", mesh, "--text", self.words, "--model", bpy.path.abspath(self.model)]
        command += ["--control", bpy.path.abspath(self.control)] if self.control else []
        command += ["--kind", self.kind, "--seed", str(self.seed), "--size", str(guide.camera.width), "--out", picture]
        entry = {"scene": context.scene.name, "filepath": str(picture), "objects": guide.entry()["objects"]}

        def begin(written: None) -> None:
            try:
                task = upkeep.start(
                    title(),
                    *command,
                    program=[python, "-I", "-u", upkeep.PROGRAM],
                    finished=lambda: _add(entry),
                )
            except OSError as error:
                notices.show(tr("The task could not be started ({error}).", error=error))
                return
            if task.state == "failed":
                notices.show(said(task.message, task.advice))

        threads.start(lambda: _write(guide.mesh, mesh), begin, lambda error: notices.show(str(error)))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_reference_words_add(bpy.types.Operator):
    """Add the picture that was made from words to the references"""

    bl_idname = "orbit_painter.reference_words_add"
    bl_label = "Add Reference from Words"
    bl_options = {"INTERNAL", "UNDO"}

    scene: bpy.props.StringProperty(name="Scene", description="Scene that gets the reference")
    filepath: bpy.props.StringProperty(name="File", description="The picture; its camera is beside it")
    objects: bpy.props.StringProperty(name="Objects", description="Names of the objects it shows, as JSON")

    def execute(self, context: Any) -> set[Any]:
        path = Path(self.filepath)
        image = bpy.data.images.load(str(path))
        image.pack()  # the folder goes with this Blender
        reference = add_reference(settings_of(bpy.data.scenes.get(self.scene) or context.scene), image)
        camera = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        reference.camera, reference.guide_objects = json.dumps(camera), self.objects
        notices.show(tr("Look at the reference; if you like it, start the job, else try other words or another seed."))
        return {"FINISHED"}


def title() -> str:
    """Of the task, in the interface's language."""
    return tr("Reference from words")


def _add(entry: dict[str, str]) -> None:
    add: Any = bpy.ops.orbit_painter.reference_words_add  # pyright: ignore[reportAttributeAccessIssue]
    add("EXEC_DEFAULT", True, **entry)


def _engine_python() -> Path:
    """The Python that has PyTorch. Raises EngineMissingError."""
    from ..backend.environment.status import status  # not needed while enabling

    found = status(upkeep.root())
    if found.python is None:
        raise EngineMissingError("engine-missing", found.message, tr("Install it in the preferences."))
    return found.python


def _write(mesh: Any, path: Path) -> None:
    from ..backend.mesh_formats.obj_writer import write_obj  # needs NumPy, which enabling must not

    path.parent.mkdir(parents=True)
    write_obj(path, mesh)


CLASSES = (ORBIT_PAINTER_OT_reference_words, ORBIT_PAINTER_OT_reference_words_add)


register, unregister = registration_of(CLASSES)
