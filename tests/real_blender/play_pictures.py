# SPDX-License-Identifier: GPL-3.0-or-later
"""The screenshots of the guides: a whole first texture, guide painting, the sub-panels, and the preferences."""

import importlib
import json
import math
from dataclasses import replace

import bpy
import driver
from mathutils import Euler

FINE = {"views": 13, "frame": 256, "label": 128, "grid": 192, "surface": 128, "texture": 1024}
# Headers of the sub-panels where all are closed and the main panel is empty: pixels below the top of the screen
HEADERS = {"views": 149, "quality": 175, "output": 201, "advanced": 227, "diagnostics": 253}


def play(report, folder):
    driver.PATIENCE = 900
    settings = driver.first_scene()
    settings.quality = "STANDARD"
    view = driver.view_area().spaces.active
    view.shading.color_type = "TEXTURE"
    view.overlay.show_overlays = False
    yield
    view.region_3d.view_perspective = "PERSP"
    view.region_3d.view_rotation = Euler((math.radians(76), 0, math.radians(-28))).to_quaternion()
    yield from driver.open_tab()
    yield driver.checked
    yield from driver.screenshot(folder / "panel.png")
    driver.use(settings, **(driver.TINY if "quick" in driver.words() else FINE))
    jobs, planned = driver.module("addon.jobs"), driver.module("addon.planned")
    with driver.in_view():
        bpy.ops.orbit_painter.coverage("INVOKE_DEFAULT")

    def looked_ahead():
        assert all(view.state not in ("failed", "cancelled") for view in jobs.jobs()), jobs.jobs()
        return planned.of(bpy.data.objects["Owl"])

    yield looked_ahead
    yield from _alone("views", folder, "planned")
    for cls in _panels():
        cls.draw = cls.draw_before
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

    with driver.in_view():
        bpy.ops.orbit_painter.diagnose()
    settings.quality = "STANDARD"
    for name in ("quality", "output", "advanced", "views", "diagnostics"):
        yield from _alone(name, folder)

    with driver.in_view():
        bpy.ops.orbit_painter.guide_export(
            filepath=str(folder / "guide.png"), view="VIEWPORT", size=512, in_thread=True
        )

    def has_guide():
        return any(reference.camera for reference in settings.references)

    yield has_guide
    report["camera"] = json.loads(settings.references[settings.active_reference].camera)
    yield from _engine(settings, folder)
    yield from _preferences(folder)


def _engine(settings, folder):
    """The panel as it is where the neural engine and its weights are installed, on a computer with this card."""
    states, forecast = driver.module("addon.engine_state"), driver.module("addon.forecast")
    machine = importlib.import_module(f"{driver.package()}.backend.painters.orbitpainter.forecast").Machine
    states._states["orbitpainter"] = replace(states.state("orbitpainter"), message="", advice="")
    states._items[:] = [(*item[:3], "CHECKMARK", item[4]) for item in states._items]
    forecast._known[:] = [machine("NVIDIA RTX", 24 * 2**30, 64 * 2**30)]
    settings.engine = "orbitpainter"
    for cls in _panels():
        cls.draw = cls.draw_before
    yield from driver.screenshot(folder / "engine.png")


def _preferences(folder):
    """The preferences in the place of the viewport."""
    root = "/tmp/OrbitPainter"
    bpy.context.preferences.addons[driver.package()].preferences.root = root
    with driver.in_view():
        bpy.ops.orbit_painter.open_preferences()

    def opened():
        return len(driver.windows()) == 2

    yield opened
    with bpy.context.temp_override(window=driver.windows()[1]):
        bpy.ops.wm.window_close()
    driver.view_area().type = "PREFERENCES"

    def looked_up():
        driver.redraw()
        found = driver.module("addon.upkeep").snapshot()
        return found is not None and str(found.root) == root

    yield looked_up
    yield from driver.screenshot(folder / "preferences.png")


def _alone(name, folder, picture=""):
    """A picture with one sub-panel open and the others empty, under the sub-panel's name or another."""
    for cls in _panels():
        cls.draw_before = getattr(cls, "draw_before", None) or cls.draw
        cls.draw = cls.draw_before if cls.__name__.endswith(name) else _nothing
    yield from driver.screenshot(folder / "closed.png")
    header = driver.region("UI").x + 100, driver.window().height - HEADERS[name]
    yield from driver.click(*header)
    yield from driver.screenshot(folder / f"{picture or name}.png")
    yield from driver.click(*header)


def _panels():
    return [getattr(bpy.types, cls) for cls in dir(bpy.types) if cls.startswith("ORBIT_PAINTER_PT_")]


def _nothing(self, context):
    pass
