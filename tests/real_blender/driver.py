# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays an artist in a Blender with its interface: runs inside Blender, started with --enable-event-simulate.

    blender --enable-event-simulate -P tests/real_blender/driver.py -- PLAY REPORT WORDS...

A play is a module with a generator `play(report, folder)`. It yields a function (go on when it returns something true)
or None (go on when Blender has handled what was asked of it, and drawn); Blender draws and runs its timers meanwhile.
It ends Blender with status 0, or 9 and a traceback.

Nothing may be assumed about speed: what must happen during a job is done while its processes are held, and windows,
areas and regions are looked up again after each yield, since what was done may have closed them.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 600  # seconds that a condition may take
TAB = "Orbit Painter"
BUTTON = 30, 36  # pixels: height of Generate Texture and Cancel, which are higher than all others
BUTTON_COLOUR = 84, 84, 84  # of the default theme
LOOKS = 6  # pictures of a screen that does not come to rest, as a bar moves
TINY = {"views": 5, "frame": 64, "label": 32, "grid": 48, "surface": 32, "texture": 128}  # a job takes seconds


def words():
    """What follows the report's path."""
    return sys.argv[sys.argv.index("--") + 3 :]


def start(play, path):
    """Run a play beside Blender's main loop; its report goes to `path`, its pictures beside it."""
    report = {}
    steps = play(report, path.parent)
    state = {"until": 0.0, "wait": None}
    view = bpy.context.preferences.view
    view.show_splash, view.smooth_view = False, 0

    def step():
        try:
            if state["wait"] is not None and not state["wait"]():
                if time.monotonic() > state["until"]:
                    raise TimeoutError(f"waited {PATIENCE} s for {state['wait'].__name__}")
                return 0.05
            state["wait"] = next(steps)
            state["until"] = time.monotonic() + PATIENCE
        except StopIteration:
            path.write_text(json.dumps(report))
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
    """The extension's package: the installed one, or that of this folder."""
    return next(name for name in sys.modules if re.fullmatch(r"(bl_ext\..+\.)?orbit_painter", name))


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
    for kind, value in (("MOUSEMOVE", "NOTHING"), ("LEFTMOUSE", "PRESS"), ("LEFTMOUSE", "RELEASE")):
        window().event_simulate(type=kind, value=value, x=int(x), y=int(y))
        yield


def open_tab():
    """Show the sidebar with our tab."""
    view_area().spaces.active.show_region_ui = True

    def shown():
        side = region("UI")
        redraw()
        if side.active_panel_category not in ("UNSUPPORTED", TAB):  # it has been drawn
            side.active_panel_category = TAB
        return side.active_panel_category == TAB

    yield shown


def windows():
    return list(bpy.context.window_manager.windows)


def modal():
    """Names of the operators that run in any window."""
    return [operator.bl_idname for w in windows() for operator in w.modal_operators]


def key(name, where=None, x=400, y=400):
    """A key, pressed and released at once: the press may close the window, which must not be touched afterwards."""
    where = where or window()
    for value in ("PRESS", "RELEASE"):
        where.event_simulate(type=name, value=value, x=x, y=y)
    yield


def file_browser():
    """The window and the area of the file browser that is open and shows its folder."""
    for where in windows():
        for area in where.screen.areas:
            if area.type == "FILE_BROWSER" and area.spaces.active.params and area.spaces.active.active_operator:
                return where, area
    return None


def accept_file():
    """Press Return in the file browser that is open, wherever it is, as its big button does."""
    yield file_browser
    for _ in range(2):  # it is drawn
        redraw()
        yield
    for _ in range(100):
        if (found := file_browser()) is None:
            return
        where, area = found
        yield from key("RET", where, area.x + area.width // 2, area.y + area.height // 2)
    raise AssertionError("Return does not close the file browser")


def use(settings, *, views, frame, label, grid, surface, texture):
    """Set the size of a job."""
    settings.quality = "CUSTOM"
    settings.views_horizontal = settings.views_vertical = views
    settings.frame_size, settings.texture_size = frame, texture
    settings.label_grid, settings.grid, settings.surface_grid = label, grid, surface


def first_scene(**size):
    """The sample from the front, selected, with its reference, and the settings of a small job, which are returned."""
    settings = bpy.context.scene.orbit_painter
    use(settings, **(size or TINY))
    with in_view():
        bpy.data.objects.remove(bpy.data.objects["Cube"])
        bpy.ops.import_scene.gltf(filepath=str(ROOT / "examples" / "sample.glb"))
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
        add_reference()
        bpy.ops.ed.undo_push(message="Import")
    return settings


def add_reference():
    bpy.ops.orbit_painter.reference_add(filepath=str(ROOT / "examples" / "reference.png"))


def after(seconds):
    """A condition: so much time has passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def checked():
    """The UV maps of all that is selected are known, so the panel's lines stay where they are."""
    found = module("addon.targets").overview(bpy.context).targets
    return found and all(target.check or target.problem for target in found)


def hold():
    """Stop the processes of jobs where they are, so that what follows happens during a job."""
    _signal(signal.SIGSTOP)


def go_on():
    _signal(signal.SIGCONT)


def _signal(number):
    for child in module("addon.launching")._children:
        if child.status is None:
            os.killpg(child.pid, number)


def materials(name):
    """Names of the materials in an object's slots."""
    return [slot.material.name if slot.material else "" for slot in bpy.data.objects[name].material_slots]


def press_high_button(happened):
    """Click on the topmost of the high buttons of the panel until `happened()`."""
    end = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < end, f"pressed the button, and not {happened.__name__}"
        yield from click(*(yield from _high_button()))


def _high_button():
    """Where the topmost high button is, in window coordinates, once two pictures of the screen agree."""
    before = None
    for _ in range(50):
        screen = yield from glance()
        side = region("UI")
        column = screen[:, side.x + 60].astype(int)  # left of the button's words, right of its icon
        alike = np.abs(column - BUTTON_COLOUR).max(axis=1) <= 2
        edges = np.flatnonzero(np.diff(np.concatenate([[0], alike.astype(int), [0]]))).tolist()
        bars = list(zip(edges[::2], edges[1::2], strict=True))  # rows from the top
        found = next(((a, b) for a, b in bars if BUTTON[0] <= b - a <= BUTTON[1]), None)
        if found is not None and found == before:
            return side.x + side.width // 2 - 20, len(screen) - sum(found) // 2
        before = found
    raise AssertionError(f"no high button that rests among {bars}")


def redraw():
    for where in windows():
        for area in where.screen.areas:
            area.tag_redraw()


def glance():
    """The screen as a person sees it, taken from outside (height, width, 3), uint8."""
    redraw()
    yield after(0.2)  # panels that moved glide into place for as long
    taken = subprocess.check_output(["import", "-window", "root", "-depth", "8", "ppm:-"])
    _, size, _, pixels = taken.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def look():
    """The same once it rests, or after a while where a bar moves."""
    screen = yield from glance()
    for _ in range(LOOKS):
        before, screen = screen, (yield from glance())
        if np.array_equal(before, screen):
            break
    return screen


def screenshot(path):
    """A picture of the whole screen, as a file."""
    screen = yield from look()
    size = f"{screen.shape[1]}x{screen.shape[0]}"
    command = ["convert", "-size", size, "-depth", "8", "rgb:-", str(path)]
    subprocess.run(command, check=True, input=screen.tobytes())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    sys.modules["driver"] = sys.modules["__main__"]
    name, report = sys.argv[sys.argv.index("--") + 1 :][:2]
    start(importlib.import_module(name).play, Path(report))
