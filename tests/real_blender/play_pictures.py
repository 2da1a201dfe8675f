# SPDX-License-Identifier: GPL-3.0-or-later
"""The screenshots of docs/user-guide.md: a whole first texture, guide painting, and the sub-panels."""

import json
import math
import sys
from pathlib import Path

import bpy
from mathutils import Euler

sys.path.insert(0, str(Path(__file__).resolve().parent))
import driver

FINE = {
    "quality": "CUSTOM",
    "views_horizontal": 13,
    "views_vertical": 13,
    "frame_size": 256,
    "label_grid": 128,
    "grid": 192,
    "surface_grid": 128,
    "texture_size": 1024,
}
FIRST = ("panel", "running", "result")


def play(report):
    folder = Path(driver.words()[0]).parent
    driver.PATIENCE = 900
    with driver.in_view():
        bpy.data.objects.remove(bpy.data.objects["Cube"])
        bpy.ops.import_scene.gltf(filepath=str(driver.ROOT / "examples" / "sample.glb"))
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
        bpy.ops.orbit_painter.reference_add(filepath=str(driver.ROOT / "examples" / "reference.png"))
        bpy.ops.ed.undo_push(message="Import")
    view = driver.view_area().spaces.active
    view.shading.color_type = "TEXTURE"
    view.overlay.show_overlays = False
    yield 1.0
    view.region_3d.view_perspective = "PERSP"
    view.region_3d.view_rotation = Euler((math.radians(76), 0, math.radians(-28))).to_quaternion()
    settings = bpy.context.scene.orbit_painter
    for name, value in FINE.items():
        setattr(settings, name, value)
    yield from driver.open_tab()
    settings.quality = "STANDARD"
    yield from driver.screenshot(folder / "panel.png")
    for name, value in FINE.items():
        setattr(settings, name, value)
    jobs = driver.module("addon.jobs")
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")

    def shows_frames():
        return jobs.jobs()[0].previews and jobs.jobs()[0].fraction > 0.35

    yield shows_frames
    yield from driver.screenshot(folder / "running.png")

    def is_on_it():
        state = jobs.jobs()[0].state
        assert state not in ("failed", "cancelled"), jobs.jobs()[0]
        return state == "done" and bpy.data.objects["Owl"].orbit_painter.variants

    yield is_on_it
    yield from driver.screenshot(folder / "result.png")
    report["job"] = str(jobs.jobs()[0].out)

    for name in ("output", "advanced", "views"):
        yield from _alone(name)
        yield from driver.screenshot(folder / f"{name}.png")
    with driver.in_view():
        bpy.ops.orbit_painter.diagnose()
    yield from _alone("diagnostics")
    yield from driver.screenshot(folder / "diagnostics.png")

    with driver.in_view():
        bpy.ops.orbit_painter.guide_export(
            filepath=str(folder / "guide.png"), view="VIEWPORT", size=512, in_thread=True
        )

    def has_guide():
        return any(reference.camera for reference in settings.references)

    yield has_guide
    report["camera"] = json.loads(settings.references[settings.active_reference].camera)


def _alone(name):
    """Show one sub-panel, open, and none of the other panels."""
    panels = [getattr(bpy.types, cls) for cls in dir(bpy.types) if cls.startswith("ORBIT_PAINTER_PT_")]
    for cls in panels:
        cls.draw_before = getattr(cls, "draw_before", None) or cls.draw
        cls.draw = cls.draw_before if cls.__name__.endswith(name) else _nothing
    cls = getattr(bpy.types, f"ORBIT_PAINTER_PT_{name}")
    if "DEFAULT_CLOSED" in cls.bl_options:
        bpy.utils.unregister_class(cls)
        cls.bl_options = set()
        bpy.utils.register_class(cls)
    yield 0.5


def _nothing(self, context):
    pass


driver.start(play)
