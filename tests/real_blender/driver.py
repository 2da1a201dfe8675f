# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays an artist in a Blender with its interface: runs inside Blender, started with --enable-event-simulate.

A play is a generator. It yields a number (seconds to wait) or a function (wait until it returns something true), and
goes on when that is so; Blender draws and runs its timers meanwhile. It ends Blender with status 0, or 9 and a
traceback.
"""

import json
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds that a condition may take
TAB = "Orbit Painter"
BUTTON = 30, 36  # pixels: height of Generate Texture and Cancel, which are higher than all others


def words():
    return sys.argv[sys.argv.index("--") + 1 :]


def start(play):
    """Run the generator `play(report)` beside Blender's main loop; the file named by the first word gets `report`."""
    report = {}
    steps = play(report)
    state = {"until": time.monotonic() + 1.0, "wait": None}
    bpy.context.preferences.view.show_splash = False

    def step():
        try:
            if state["wait"] is not None:
                if not state["wait"]():
                    if time.monotonic() > state["until"]:
                        raise TimeoutError(f"waited {PATIENCE} s for {state['wait'].__name__}")
                    return 0.05
            elif time.monotonic() < state["until"]:
                return 0.05
            wanted = next(steps)
            state["wait"] = wanted if callable(wanted) else None
            state["until"] = time.monotonic() + (PATIENCE if callable(wanted) else wanted)
        except StopIteration:
            Path(words()[0]).write_text(json.dumps(report))
            leave(0)
        except BaseException:
            traceback.print_exc()
            leave(9)
        return 0.05

    bpy.app.timers.register(step, first_interval=0.5, persistent=True)


def leave(status):
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def package():
    """The installed extension's package."""
    return next(name for name in sys.modules if name.startswith("bl_ext.") and name.endswith(".orbit_painter"))


def module(name):
    """A module of the extension, by its name below the package."""
    return sys.modules[f"{package()}.{name}"]


def window():
    return bpy.context.window_manager.windows[0]


def in_view():
    """The context of the 3D viewport, for operators."""
    return bpy.context.temp_override(window=window(), area=view_area(), region=region("WINDOW"))


def view_area():
    return max((a for a in window().screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)


def region(kind):
    return next(r for r in view_area().regions if r.type == kind)


def click(x, y):
    """The left button at window coordinates, origin at the lower left."""
    w, x, y = window(), int(x), int(y)
    w.event_simulate(type="MOUSEMOVE", value="NOTHING", x=x, y=y)
    yield 0.3
    w.event_simulate(type="LEFTMOUSE", value="PRESS", x=x, y=y)
    yield 0.1
    w.event_simulate(type="LEFTMOUSE", value="RELEASE", x=x, y=y)
    yield 0.3


def open_tab():
    """Show the sidebar and click on its tabs until ours is open."""
    view_area().spaces.active.show_region_ui = True
    yield 1.0
    side = region("UI")
    for down in range(20, side.height, 20):
        if side.active_panel_category == TAB:
            break
        yield from click(side.x + side.width - 10, side.y + side.height - down)
    assert side.active_panel_category == TAB, side.active_panel_category


def windows():
    return list(bpy.context.window_manager.windows)


def modal():
    """Names of the operators that run in any window."""
    return [operator.bl_idname for w in windows() for operator in w.modal_operators]


def key(name, where=None, x=400, y=400):
    """A key, pressed and released. The press may close its window: to touch that one again would crash Blender."""
    for value in ("PRESS", "RELEASE"):
        open_one = where if where in windows() else window()
        open_one.event_simulate(type=name, value=value, x=x, y=y)
        yield 0.1


def accept_file():
    """Press Return in the file browser that is open, wherever it is, as its big button does."""
    for w in windows():
        for area in w.screen.areas:
            if area.type == "FILE_BROWSER":
                yield from key("RET", w, area.x + area.width // 2, area.y + area.height // 2)
                return
    raise AssertionError("no file browser is open")


def first_scene():
    """The sample from the front, selected, with its reference; one undo step."""
    with in_view():
        bpy.data.objects.remove(bpy.data.objects["Cube"])
        bpy.ops.import_scene.gltf(filepath=str(ROOT / "examples" / "sample.glb"))
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
        bpy.ops.orbit_painter.reference_add(filepath=str(ROOT / "examples" / "reference.png"))
        bpy.ops.ed.undo_push(message="Import")


def materials(name):
    """Names of the materials in an object's slots."""
    return [slot.material.name if slot.material else "" for slot in bpy.data.objects[name].material_slots]


def press_high_button(folder, picture="screen.png"):
    """Click on the topmost of the high buttons of the panel, found in a picture of the screen."""
    path = Path(folder) / picture
    yield from screenshot(path)
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    side = region("UI")
    x = side.x + 60  # left of the button's words, right of its icon
    column = np.round(255 * pixels.reshape(height, width, 4)[:, x, :3])[::-1]  # rows from the top
    alike = np.abs(column - (84, 84, 84)).max(axis=1) <= 2  # a button of the default theme
    edges = np.flatnonzero(np.diff(np.concatenate([[0], alike.astype(int), [0]])))
    high = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if BUTTON[0] <= b - a <= BUTTON[1]]
    assert high, f"no high button in {path}: {[(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]}"
    top, bottom = high[0]
    yield from click(side.x + side.width // 2 - 20, height - (top + bottom) // 2)


def redraw():
    for area in window().screen.areas:
        area.tag_redraw()


def screenshot(path):
    """The whole screen, taken from outside so that it shows what a person sees."""
    for _ in range(5):  # panels that moved glide into place
        redraw()
        yield 0.3
    subprocess.run(["import", "-window", "root", str(path)], check=True)


class Stalls:
    """Measures how long Blender's main thread was busy at a time."""

    PERIOD = 0.01

    def __init__(self):
        self.longest, self._last = 0.0, time.perf_counter()
        bpy.app.timers.register(self._tick, persistent=True)

    def _tick(self):
        now = time.perf_counter()
        self.longest, self._last = max(self.longest, now - self._last - self.PERIOD), now
        return self.PERIOD

    def restart(self):
        self.longest, self._last = 0.0, time.perf_counter()
