# SPDX-License-Identifier: GPL-3.0-or-later
"""Free GPU Memory."""

from __future__ import annotations

from typing import Any

import bpy

from . import jobs
from .translations import tr


class ORBIT_PAINTER_OT_free_memory(bpy.types.Operator):
    """Let the engine that waits for jobs give back what it holds; the next job loads it again"""

    bl_idname = "orbit_painter.free_memory"
    bl_label = "Free GPU Memory"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        if not jobs.idle_workers():
            cls.poll_message_set(tr("No engine is loaded and waiting"))
            return False
        return True

    def execute(self, context: Any) -> set[Any]:
        jobs.free_memory()
        return {"FINISHED"}


def register() -> None:
    bpy.utils.register_class(ORBIT_PAINTER_OT_free_memory)


def unregister() -> None:
    bpy.utils.unregister_class(ORBIT_PAINTER_OT_free_memory)
