# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender's main thread is busy at a time: without a job, during a whole job, and with our own code's part.

The window is small and its viewport plain, because this Blender draws with the processor. What is measured is the
processor time of the main thread between two ticks of a timer: time in which it waited for a processor that others used
is not its own. A virtual machine may take memory away from under everybody, and what runs next pays for it with
processor time. So at each tick some memory that nobody else uses is read: where that took long, the gap was the
machine's.
"""

import time

import bpy
import driver
import numpy as np

PERIOD = 0.01
LONG = 0.04, 0.15  # seconds of processor time and by the clock from which on a gap is told
CALM = 6.0  # seconds that the same window is measured without a job
MEMORY, PAGE = 64 * 2**20, 4096  # bytes that are read at each tick, one a page


class Ticks:
    """Processor and wall time between two ticks, our part of both, and what `doing` says where it was long."""

    def __init__(self, doing):
        self.gaps, self.ours, self.parts = [], (0.0, 0.0), {}
        self.long, self.reads, self._doing, self._done = [], [], doing, ""
        self._memory = np.ones(MEMORY, np.uint8)[::PAGE]
        self._last = time.thread_time(), time.perf_counter()
        bpy.app.timers.register(self._tick, persistent=True)

    def _tick(self):
        now = time.thread_time(), time.perf_counter()
        self.gaps.append((now[0] - self._last[0], now[1] - self._last[1] - PERIOD, *self.ours))
        self._memory.sum()
        self.reads.append(time.thread_time() - now[0])
        before, self._done = self._done, self._doing()
        spent, waited = self.gaps[-1][:2]
        if spent > LONG[0] or waited > LONG[1]:
            told = f"{1000 * spent:.0f} ms, {1000 * waited:.0f} by the clock: {before} -> {self._done}"
            self.long.append(f"{told}; reading memory {1000 * self.reads[-1]:.1f} ms")
        self.ours, self._last = (0.0, 0.0), (time.thread_time(), time.perf_counter())
        return PERIOD

    def watch(self, owner, name):
        """Count the time of a function of ours."""
        function = getattr(owner, name)
        label = f"{getattr(owner, '__name__', owner)}.{name}".rpartition("orbit_painter.")[2]

        def timed(*arguments, **named):
            start = time.thread_time(), time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent, held = time.thread_time() - start[0], time.perf_counter() - start[1]
                self.ours = self.ours[0] + spent, self.ours[1] + held
                self.parts[label] = max(self.parts.get(label, 0.0), spent)

        # Blender counts the parameters of a panel's function.
        setattr(owner, name, (lambda self, context: timed(self, context)) if name == "draw" else timed)

    def take(self):
        taken = self.gaps, self.reads, self.long
        self.gaps, self.reads, self.long, self.ours = [], [], [], (0.0, 0.0)
        return taken


def play(report, folder):
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

    def calm():
        """The sidebar is drawn as often as during a job, and the object moves as an artist moves it."""
        driver.region("UI").tag_redraw()
        bpy.data.objects["Owl"].location.x += 0.001
        return time.perf_counter() > end

    end = time.perf_counter() + CALM
    yield calm  # shaders are made, icons are drawn
    ticks.take()
    end = time.perf_counter() + CALM
    yield calm
    report["calm"] = summary(*ticks.take())
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")

    def applied():
        bpy.data.objects["Owl"].location.x += 0.001
        assert jobs.jobs()[0].state not in ("failed", "cancelled"), jobs.jobs()[0]
        return bpy.data.objects["Owl"].orbit_painter.variants

    yield applied
    end = time.perf_counter() + 1.0
    yield calm
    report["job"] = summary(*ticks.take())
    report["apply"] = apply_4k(jobs.jobs()[0].out)
    report["parts"] = {name: round(1000 * spent, 1) for name, spent in ticks.parts.items()}


def apply_4k(folder):
    """Milliseconds of putting a result with a 4K texture of noise on: the processor's, and by the clock."""
    noise = np.random.default_rng(1).integers(0, 256, (4096, 4096, 4), np.uint8)
    noise[..., 3] = 255
    driver.module("backend.files").write_png(folder / "textures" / "Owl.png", noise, level=1)
    with driver.in_view():
        bpy.ops.orbit_painter.variant_remove("EXEC_DEFAULT", True)
        start = time.thread_time(), time.perf_counter()
        assert bpy.ops.orbit_painter.apply("EXEC_DEFAULT", True, job_dir=str(folder)) == {"FINISHED"}
        spent = time.thread_time() - start[0], time.perf_counter() - start[1]
    (variant,) = bpy.data.objects["Owl"].orbit_painter.variants
    assert tuple(variant.textures[0].image.size) == (4096, 4096)
    return {"cpu": round(1000 * spent[0], 1), "wall": round(1000 * spent[1], 1)}


def summary(gaps, reads, long):
    """Milliseconds of the main thread's processor time in a gap: the median, what 95 % stay below, the longest, and
    the most that was our code. The same by the clock. Reading some memory: the median and the longest."""
    spent, waited, ours, held = zip(*gaps, strict=True)

    def at(values, share):
        return round(1000 * float(np.quantile(values, share)), 1)

    return {
        "ticks": len(gaps),
        "median": at(spent, 0.5),
        "usual": at(spent, 0.95),
        "longest": at(spent, 1),
        "ours": at(ours, 1),
        "clock": [at(waited, 0.5), at(waited, 0.95), at(waited, 1)],
        "clock ours": at(held, 1),
        "reading": [at(reads, 0.5), at(reads, 1)],
        "long": long,
    }
