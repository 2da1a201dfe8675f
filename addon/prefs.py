# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences: engine, models, online access, logs. Drawn from memory alone (`upkeep.snapshot`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import bpy

from ..backend.environment.states import State
from . import engine_state, launching, upkeep
from .ops_environment import offline_reason, primary_action
from .sentences import said
from .translations import marked, tr
from .ui_text import sentence

if TYPE_CHECKING:
    from ..backend.models.store import ModelStatus

_DEVICES = [
    ("auto", "Automatic", "NVIDIA or Apple graphics where the driver allows it, else the processor"),
    ("cpu", "Processor", "Slow, for trying things out"),
    ("cuda", "NVIDIA", "CUDA 13; needs driver 580 or newer"),
    ("mps", "Apple", "Metal on Apple silicon; declared, not tried"),
    ("rocm", "AMD", "ROCm on Linux; declared, not tried"),
]
_STATES = {
    State.MISSING: (marked("Not Installed"), "X"),
    State.PREFLIGHT: (marked("Checking"), "SORTTIME"),
    State.UPDATING: (marked("Updating"), "SORTTIME"),
    State.FETCHING: (marked("Fetching"), "SORTTIME"),
    State.BUILDING: (marked("Installing"), "SORTTIME"),
    State.VERIFYING: (marked("Verifying"), "SORTTIME"),
    State.READY: (marked("Ready"), "CHECKMARK"),
    State.OUTDATED: (marked("Update Needed"), "ERROR"),
    State.FAILED: (marked("Needs Attention"), "ERROR"),
    State.REMOVING: (marked("Removing"), "SORTTIME"),
}
_MODEL_ICONS = {"ready": "CHECKMARK", "partial": "SORTTIME", "absent": "BLANK1", "lost": "ERROR"}


def _moved(self: Any, context: Any) -> None:
    apply(self)
    upkeep.refresh()


def _changed(self: Any, context: Any) -> None:
    apply(self)


def apply(settings: Any) -> None:
    """Tell those who start processes what was chosen."""
    launching.settings.root = upkeep.root()
    launching.settings.idle = 60.0 * settings.idle_minutes
    launching.settings.devices = tuple(re.findall(r"\d+", settings.devices)) or ("",)


class ORBIT_PAINTER_preferences(bpy.types.AddonPreferences):
    bl_idname = (__package__ or "").rpartition(".")[0]

    root: bpy.props.StringProperty(
        name="Folder",
        description="Folder for engines and models; empty: one for all Blender versions of this user",
        subtype="DIR_PATH",
        update=_moved,
    )
    device: bpy.props.EnumProperty(
        items=_DEVICES, name="Device", description="What the engine is installed for and computes on"
    )
    uv: bpy.props.StringProperty(
        name="Installer uv",
        description="Program uv to install with; empty: it is found, or fetched",
        subtype="FILE_PATH",
    )
    idle_minutes: bpy.props.IntProperty(
        name="Idle Minutes",
        description="Minutes without a job after which the engine ends and gives its memory back",
        default=10,
        min=1,
        soft_max=120,
        update=_changed,
    )

    devices: bpy.props.StringProperty(
        name="Devices",
        description="Numbers of the NVIDIA devices that each run an engine and a job, such as 0,1; empty: one engine",
        update=_changed,
    )

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        draw_task(layout, context)
        found = upkeep.snapshot()
        if found is None:
            layout.label(text="Looking at what is installed...")
            return
        _draw_engine(layout.box(), context, self, found)
        _draw_models(layout.box(), context, found)
        _draw_rest(layout, context, found)


def draw_task(layout: Any, context: Any) -> None:
    """The running task, with its bar, or how the last one ended; in the panel too, where it is about a reference."""
    task = upkeep.task()
    if task is None:
        return
    box = layout.box()
    row = box.row()
    row.label(text=task.title, translate=False, icon="SORTTIME" if task.state == "running" else "BLANK1")
    if task.state == "running":
        row.operator("orbit_painter.upkeep_cancel", icon="CANCEL")
        words = f"{_stage(task.stage)}  {said(task.detail)}".strip()
        if hasattr(box, "progress"):  # 4.0 on
            box.progress(factor=task.fraction, text=words, translate=False)
        else:
            box.label(text=f"{100 * task.fraction:.0f} %  {words}", translate=False)
    else:
        row.operator("orbit_painter.upkeep_dismiss", text="", icon="X", emboss=False)
        ending = {"done": tr("Done."), "cancelled": tr("Stopped; it can be continued.")}.get(task.state, task.message)
        icon = {"done": "CHECKMARK", "failed": "ERROR"}.get(task.state, "INFO")
        sentence(box, context, f"{ending} {task.advice}".strip(), icon, alert=task.state == "failed")
    for note in task.notes[-3:]:
        sentence(box, context, note, "INFO")


def _stage(name: str) -> str:
    """A stage's name in the interface's language; of `fetching wan-vae` the first word is one."""
    first, _, rest = name.partition(" ")
    label = tr(_STATES[State(first)][0]) if first in frozenset(State) else first
    return f"{label} {rest}".strip()


def _draw_engine(box: Any, context: Any, settings: Any, found: upkeep.Snapshot) -> None:
    engine = found.engine
    label, icon = _STATES[engine.state]
    row = box.row()
    row.label(text="Engine of the Neural Painters")
    row.label(text=label, icon=icon)
    row.operator("orbit_painter.upkeep_refresh", text="", icon="FILE_REFRESH", emboss=False)
    if engine.message:
        sentence(box, context, f"{engine.message} {engine.advice}", alert=engine.state is State.FAILED)
    elif engine.device:
        box.label(text=tr("Version {version} for {device}", version=engine.version, device=engine.device))
    column = box.column()
    column.enabled = not upkeep.busy()
    column.prop(settings, "device")
    column.prop(settings, "root")
    if not settings.root:
        column.label(text=str(found.root), icon="FILE_FOLDER", translate=False)
    column.prop(settings, "uv")
    column.prop(settings, "idle_minutes")
    column.prop(settings, "devices")
    column.operator("orbit_painter.free_memory")
    reason = offline_reason()
    if reason:
        sentence(box, context, reason + " " + tr("Install from Folder makes no connection."), "INTERNET_OFFLINE")
    _draw_engine_buttons(box, engine.state, bool(engine.previous), bool(reason))


def _draw_engine_buttons(box: Any, state: State, previous: bool, offline: bool) -> None:
    first = primary_action(state)
    labels = {"install": marked("Install"), "update": marked("Update"), "repair": marked("Repair")}
    main = box.row()
    main.scale_y = 1.4
    main.enabled = not offline
    main.operator("orbit_painter.environment", text=labels[first], icon="IMPORT").action = first
    row = box.row()
    row.operator("orbit_painter.environment_folder")
    if state in (State.FAILED, State.OUTDATED):
        again = row.row()
        again.enabled = not offline
        again.operator("orbit_painter.environment", text="Repair").action = "repair"
    if previous:
        row.operator("orbit_painter.environment", text="Go Back").action = "rollback"
    if state is not State.MISSING:
        row.operator("orbit_painter.environment_remove")


def _draw_models(box: Any, context: Any, found: upkeep.Snapshot) -> None:
    from ..backend.models.catalogue import size_text  # not while enabling

    row = box.row()
    row.label(text="Models")
    total = sum(model.bytes for model in found.models if not model.external)
    row.label(text=tr("{size} on this disk", size=size_text(total)), translate=False)
    row.operator("orbit_painter.model_add", icon="FILEBROWSER")
    for engine, models in found.lacking.items():
        if len(models) > 1:
            size = size_text(sum(model.bytes for model in models))
            text = tr("Download All for {engine} ({size})", engine=tr(engine_state.state(engine).label), size=size)
            box.operator("orbit_painter.model_download", text=text, translate=False, icon="IMPORT").name = engine
    column = box.column(align=True)
    for model in found.models:
        # What is made, and not fetched, is shown once it is there.
        if model.model.repository or model.state != "absent":
            _draw_model(column.row(), model)


def _draw_model(row: Any, found: ModelStatus) -> None:
    from ..backend.models.catalogue import size_text

    model = found.model
    title = model.title if model.required else tr("{title} (optional)", title=model.title)
    split = row.split(factor=0.5)
    split.label(text=title, icon=_MODEL_ICONS[found.state], translate=False)
    facts = split.row()
    facts.label(text=size_text(found.bytes or model.bytes) if found.bytes or model.bytes else "")
    facts.label(text=model.licence, translate=False)
    if found.state in ("ready", "lost"):
        facts.operator("orbit_painter.model_remove", text="", icon="TRASH").name = model.name
    else:
        facts.operator("orbit_painter.model_download", text="", icon="IMPORT").name = model.name


def _draw_rest(layout: Any, context: Any, found: upkeep.Snapshot) -> None:
    row = layout.row()
    row.operator("wm.path_open", text="Open Log Folder", icon="FILE_FOLDER").filepath = str(found.root / "logs")
    row.operator("orbit_painter.diagnose", text="Copy Diagnostics", icon="COPYDOWN")


def register() -> None:
    bpy.utils.register_class(ORBIT_PAINTER_preferences)
    chosen = upkeep.preferences()
    if chosen is not None:
        apply(chosen)


def unregister() -> None:
    bpy.utils.unregister_class(ORBIT_PAINTER_preferences)
