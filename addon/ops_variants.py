# SPDX-License-Identifier: GPL-3.0-or-later
"""Switching, comparing and removing variants, and going back to the original."""

from __future__ import annotations

import json
from typing import Any

import bpy

from ..backend.errors import OrbitPainterError
from . import compat, results_store, variant_files, variants
from .classes import registration_of
from .props import settings_of
from .sentences import said
from .translations import tr
from .variant_props import results_of


class _OnObject(bpy.types.Operator):
    """Acts on the active object, and on the other selected ones that it concerns as well."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        obj = context.object
        if obj is None or obj.type != "MESH":
            cls.poll_message_set(tr("Choose a mesh that has results."))
        elif obj.library is not None:
            cls.poll_message_set(tr("The object is linked from another file; make a library override of it."))
        elif context.mode not in ("OBJECT", "POSE"):
            cls.poll_message_set(tr("Go to Object Mode first."))
        elif compat.is_rendering():
            cls.poll_message_set(tr("A render is running. Wait until it has ended."))
        else:
            return True
        return False

    def refuse(self, error: OrbitPainterError) -> Any:
        self.report({"ERROR"}, said(error.message, error.advice))
        return {"CANCELLED"}

    def show(self, context: Any, recipe_id: str) -> Any:
        """Show a variant, or the original look for an empty id."""
        from .variant_show import restore_original, show_variant

        try:
            if not recipe_id:
                restore_original(chosen(context, variants.can_restore))
                return {"FINISHED"}
            objects = chosen(context, lambda obj: variants.find(obj, recipe_id) is not None)
            if not objects:
                self.report({"ERROR"}, tr("The object has no such variant."))
                return {"CANCELLED"}
            for note in show_variant(objects, recipe_id):
                self.report({"INFO"}, said(note))
        except OrbitPainterError as error:
            return self.refuse(error)
        return {"FINISHED"}


def chosen(context: Any, fits: Any) -> list[bpy.types.Object]:
    """The active object and the selected ones, as far as they are local meshes and fit."""
    found = dict.fromkeys([context.object, *context.selected_objects])
    return [obj for obj in found if obj and obj.type == "MESH" and obj.library is None and fits(obj)]


def _active(context: Any) -> Any:
    """The variant that is selected in the list of the active object, or None."""
    results = results_of(context.object)
    return results.variants[results.active] if 0 <= results.active < len(results.variants) else None


class _OnVariant(_OnObject):
    recipe_id: bpy.props.StringProperty(
        name="Variant", description="Which result; empty: the one selected in the list", options={"SKIP_SAVE"}
    )

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not super().poll(context):
            return False
        if not results_of(context.object).variants:
            cls.poll_message_set(tr("The object has no variants yet."))
            return False
        return True

    def which(self, context: Any) -> str:
        active = _active(context)
        return self.recipe_id or (active.recipe_id if active is not None else "")


class ORBIT_PAINTER_OT_variant_show(_OnVariant):
    """Show this variant on the selected objects that have it"""

    bl_idname = "orbit_painter.variant_show"
    bl_label = "Show Variant"

    def execute(self, context: Any) -> Any:
        recipe_id = self.which(context)
        return self.show(context, recipe_id) if recipe_id else {"CANCELLED"}


class ORBIT_PAINTER_OT_variant_compare(_OnVariant):
    """Switch to what was shown before; press again to switch back"""

    bl_idname = "orbit_painter.variant_compare"
    bl_label = "Compare"

    def execute(self, context: Any) -> Any:
        obj = context.object
        previous = results_of(obj).previous
        if previous and variants.find(obj, previous) is None:
            previous = ""
        if not previous and not variants.can_restore(obj):
            self.report({"INFO"}, tr("Nothing else was shown yet. Click another variant first."))
            return {"CANCELLED"}
        return self.show(context, previous)


class ORBIT_PAINTER_OT_restore_original(_OnObject):
    """Give the selected objects the materials back that they had before their first result; variants are kept"""

    bl_idname = "orbit_painter.restore_original"
    bl_label = "Restore Original"

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not super().poll(context):
            return False
        if not variants.can_restore(context.object):
            cls.poll_message_set(tr("The object looks as it did originally."))
            return False
        return True

    def execute(self, context: Any) -> Any:
        return self.show(context, "")


class ORBIT_PAINTER_OT_variant_remove(_OnVariant):
    """Remove this variant from the selected objects; its files go to the trash, and come back with Undo"""

    bl_idname = "orbit_painter.variant_remove"
    bl_label = "Remove Variant"

    def execute(self, context: Any) -> Any:
        from .variant_show import remove

        recipe_id = self.which(context)
        objects = chosen(context, lambda obj: variants.find(obj, recipe_id) is not None)
        if not objects:
            return {"CANCELLED"}
        files = [path for obj in objects for path in remove(obj, recipe_id)]
        try:
            for path in files:
                results_store.discard(path)
        except OrbitPainterError as error:
            self.report({"WARNING"}, said(error.message, error.advice))
        return {"FINISHED"}


class ORBIT_PAINTER_OT_variant_copy_settings(_OnVariant):
    """Set the panel to the settings and the seed that made this variant"""

    bl_idname = "orbit_painter.variant_copy_settings"
    bl_label = "Copy Settings"

    def execute(self, context: Any) -> Any:
        from ..backend.job import Job
        from . import settings_from_job

        variant = variants.find(context.object, self.which(context))
        if variant is None:
            return {"CANCELLED"}
        try:
            settings_from_job.copy(Job.from_json(json.loads(variant.recipe)), settings_of(context.scene))
        except OrbitPainterError as error:
            return self.refuse(error)
        return {"FINISHED"}


class ORBIT_PAINTER_OT_gather_results(bpy.types.Operator):
    """Copy the textures of all results beside the .blend, so that they travel with it"""

    bl_idname = "orbit_painter.gather_results"
    bl_label = "Move Textures Beside the File"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not bpy.data.filepath:
            cls.poll_message_set(tr("Save the file first; its textures then move beside it by themselves."))
            return False
        return True

    def execute(self, context: Any) -> Any:
        try:
            variant_files.gather(bpy.data.filepath)
        except OrbitPainterError as error:
            self.report({"ERROR"}, said(error.message, error.advice))
            return {"CANCELLED"}
        return {"FINISHED"}


class ORBIT_PAINTER_OT_empty_trash(bpy.types.Operator):
    """Delete the files of removed variants for good; their removal cannot be undone afterwards"""

    bl_idname = "orbit_painter.empty_trash"
    bl_label = "Empty Trash"
    bl_options = {"REGISTER"}

    def invoke(self, context: Any, event: Any) -> Any:
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, context: Any) -> Any:
        count, size = results_store.trash_size()
        try:
            results_store.empty_trash()
        except OrbitPainterError as error:
            self.report({"ERROR"}, said(error.message, error.advice))
            return {"CANCELLED"}
        self.report({"INFO"}, tr("{count} files, {size} MB deleted.", count=count, size=f"{size / 1e6:.1f}"))
        return {"FINISHED"}


CLASSES = (
    ORBIT_PAINTER_OT_variant_show,
    ORBIT_PAINTER_OT_variant_compare,
    ORBIT_PAINTER_OT_restore_original,
    ORBIT_PAINTER_OT_variant_remove,
    ORBIT_PAINTER_OT_variant_copy_settings,
    ORBIT_PAINTER_OT_gather_results,
    ORBIT_PAINTER_OT_empty_trash,
)


register, unregister = registration_of(CLASSES)
