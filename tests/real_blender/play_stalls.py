# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender's main thread is busy at a time: without a job, during a whole job, and with our own code's part.

The window is small and its viewport plain, because this Blender draws with the processor. What is measured is the
processor time of the main thread between two ticks of a timer: time in which it waited for a processor that others used
is not its own. A virtual machine may hold everybody up, and what runs pays for it with processor time. So a bystander
(`bystander.py`) is watched as well: a gap in which it was held up, too, is the machine's, and told apart.
"""

import contextlib
import subprocess
import sys
import time
from functools import partial
from typing import NamedTuple

import bpy
import bystander
import driver
import numpy as np

PERIOD = 0.01
LONG = 0.04, 0.15  # seconds of processor time and by the clock from which on a gap is told
MOVES = 0.2  # seconds between two movements of the object
CALM = 6.0  # seconds that the same window is measured without a job


class Gap(NamedTuple):
    """Between two ticks: when (monotonic seconds); processor time of the main thread and what the clock says beyond the
    period, of all and of our part; what was done meanwhile."""

    begin: float
    end: float
    spent: float
    waited: float
    ours: float
    held: float
    doing: str


class Ticks:
    """Gaps between two ticks, with our part of them, and what `doing` says before and after."""

    def __init__(self, doing):
        self.gaps, self.ours, self.parts = [], (0.0, 0.0), {}
        self._doing, self._done = doing, ""
        self._last = time.thread_time(), time.monotonic()
        bpy.app.timers.register(self._tick, persistent=True)

    def _tick(self):
        (spent, begin), now = self._last, (time.thread_time(), time.monotonic())
        before, self._done = self._done, self._doing()
        doing = f"{before} -> {self._done}"
        self.gaps.append(Gap(begin, now[1], now[0] - spent, now[1] - begin - PERIOD, *self.ours, doing))
        self.ours, self._last = (0.0, 0.0), (time.thread_time(), time.monotonic())
        return PERIOD

    def watch(self, owner, name):
        """Count the time of a function of ours."""
        function = getattr(owner, name)
        label = f"{getattr(owner, '__name__', owner)}.{name}".rpartition("orbit_painter.")[2]

        def timed(*arguments, **named):
            start = time.thread_time(), time.monotonic()
            try:
                return function(*arguments, **named)
            finally:
                spent, held = time.thread_time() - start[0], time.monotonic() - start[1]
                self.ours = self.ours[0] + spent, self.ours[1] + held
                self.parts[label] = max(self.parts.get(label, 0.0), spent)

        # Blender counts the parameters of a panel's function.
        setattr(owner, name, (lambda self, context: timed(self, context)) if name == "draw" else timed)

    def take(self):
        taken, self.gaps, self.ours = self.gaps, [], (0.0, 0.0)
        return taken


@contextlib.contextmanager
def beside(path):
    """A bystander that writes to `path`."""
    with open(path, "w") as file:
        process = subprocess.Popen([sys.executable, bystander.__file__], stdin=subprocess.PIPE, stdout=file)
    with process:  # closes its input, and waits for it
        yield


def play(report, folder):
    told = folder / "bystander.txt"
    with beside(told):
        yield from whole_job(report, partial(bystander.held_up, told))


def whole_job(report, held_up):
    driver.first_scene(views=9, frame=128, label=64, grid=96, surface=64, texture=512)
    bpy.context.preferences.system.viewport_aa = "OFF"
    view = driver.view_area().spaces.active
    view.overlay.show_overlays = view.show_gizmo = False
    jobs = driver.module("addon.jobs")

    def doing():
        """What there is to draw: the stage, the number of frames, and whether the result is on."""
        view = jobs.jobs()[0] if jobs.jobs() else None
        shown = len(bpy.data.objects["Owl"].orbit_painter.variants)
        return f"{view.stage or view.state} {len(view.previews)} {shown}" if view else "calm"

    ticks = Ticks(doing)
    for name, functions in (("jobs", ["_pump", "submit"]), ("tray", ["_pump"]), ("threads", ["_tick"])):
        for function in functions:
            ticks.watch(driver.module(f"addon.{name}"), function)
    for name in ("main", "variants"):
        ticks.watch(getattr(bpy.types, f"ORBIT_PAINTER_PT_{name}"), "draw")
    ticks.watch(driver.module("addon.ops_generate").ORBIT_PAINTER_OT_generate, "_start")
    yield from driver.open_tab()

    moved = [0.0]

    def move():
        """The artist moves the object: not all the time, for drawing it takes the processors from the job."""
        if time.monotonic() - moved[0] > MOVES:
            bpy.data.objects["Owl"].location.x += 0.001
            moved[0] = time.monotonic()

    def calm():
        """The sidebar is drawn as often as during a job."""
        driver.region("UI").tag_redraw()
        move()
        return time.monotonic() > end

    end = time.monotonic() + CALM
    yield calm  # shaders are made, icons are drawn
    ticks.take()
    end = time.monotonic() + CALM
    yield calm
    report["calm"] = summary(ticks.take(), held_up())
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")

    def applied():
        move()
        assert jobs.jobs()[0].state not in ("failed", "cancelled"), jobs.jobs()[0]
        return bpy.data.objects["Owl"].orbit_painter.variants

    yield applied
    end = time.monotonic() + 1.0
    yield calm
    report["job"] = summary(ticks.take(), held_up())
    report["apply"] = apply_4k(jobs.jobs()[0].out)
    report["parts"] = {name: round(1000 * spent, 1) for name, spent in ticks.parts.items()}


def apply_4k(folder):
    """Milliseconds of putting a result with a 4K texture of noise on: the processor's, and by the clock."""
    noise = np.random.default_rng(1).integers(0, 256, (4096, 4096, 4), np.uint8)
    noise[..., 3] = 255
    driver.module("backend.files").write_png(folder / "textures" / "Owl.png", noise, level=1)
    with driver.in_view():
        bpy.ops.orbit_painter.variant_remove("EXEC_DEFAULT", True)
        start = time.thread_time(), time.monotonic()
        assert bpy.ops.orbit_painter.apply("EXEC_DEFAULT", True, job_dir=str(folder)) == {"FINISHED"}
        spent = time.thread_time() - start[0], time.monotonic() - start[1]
    (variant,) = bpy.data.objects["Owl"].orbit_painter.variants
    assert tuple(variant.textures[0].image.size) == (4096, 4096)
    return {"cpu": round(1000 * spent[0], 1), "wall": round(1000 * spent[1], 1)}


def summary(gaps, held_up):
    """Milliseconds of the main thread's processor time in a gap: the median, what 95 % stay below, the longest, and
    the most that was our code. The same by the clock. `window`: the longest of the gaps in which nothing held the
    bystander up; `machine`: how many others there are."""

    def at(values, share):
        return round(1000 * float(np.quantile(values, share)), 1)

    def machines(gap):
        return any(begin < gap.end and end > gap.begin for begin, end in held_up)

    def told(gap):
        whose = "; the bystander was held up, too" if machines(gap) else ""
        return f"{1000 * gap.spent:.0f} ms, {1000 * gap.waited:.0f} by the clock: {gap.doing}{whose}"

    spent, waited = [gap.spent for gap in gaps], [gap.waited for gap in gaps]
    quiet = [gap for gap in gaps if not machines(gap)]
    return {
        "ticks": len(gaps),
        "median": at(spent, 0.5),
        "usual": at(spent, 0.95),
        "longest": at(spent, 1),
        "ours": at([gap.ours for gap in gaps], 1),
        "clock": [at(waited, 0.5), at(waited, 0.95), at(waited, 1)],
        "clock ours": at([gap.held for gap in gaps], 1),
        "machine": len(gaps) - len(quiet),
        "window": at([gap.spent for gap in quiet] or [0], 1),
        "clock window": at([gap.waited for gap in quiet] or [0], 1),
        "long": [told(gap) for gap in gaps if gap.spent > LONG[0] or gap.waited > LONG[1]],
    }
