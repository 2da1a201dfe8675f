# SPDX-License-Identifier: GPL-3.0-or-later
"""How long Blender's main thread is busy at a time: without a job, during a whole job, and with our own code's part.

The window is small, because this Blender draws with the processor. What is measured is the processor time of the main
thread between two ticks of a timer: time in which it waited for a processor that others used is not its own.
"""

import time

import bpy
import driver
import numpy as np

PERIOD = 0.01
LONG = 0.04  # seconds of processor time between two ticks that are told one by one
CALM = 6.0  # seconds that the same window is measured without a job


class Ticks:
    """Processor and wall time between two ticks, our part of each, and what `doing` says where it was long."""

    def __init__(self, doing):
        self.gaps, self.ours, self.parts = [], 0.0, {}
        self.long, self._doing, self._done = [], doing, ""
        self._last = time.thread_time(), time.perf_counter()
        bpy.app.timers.register(self._tick, persistent=True)

    def _tick(self):
        now = time.thread_time(), time.perf_counter()
        self.gaps.append((now[0] - self._last[0], now[1] - self._last[1] - PERIOD, self.ours))
        before, self._done = self._done, self._doing()
        if self.gaps[-1][0] > LONG:
            self.long.append(f"{1000 * self.gaps[-1][0]:.0f} ms: {before} -> {self._done}")
        self.ours, self._last = 0.0, now
        return PERIOD

    def watch(self, owner, name):
        """Count the time of a function of ours."""
        function = getattr(owner, name)
        label = f"{getattr(owner, '__name__', owner)}.{name}".rpartition("orbit_painter.")[2]

        def timed(*arguments, **named):
            start = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                spent = time.thread_time() - start
                self.ours += spent
                self.parts[label] = max(self.parts.get(label, 0.0), spent)

        # Blender counts the parameters of a panel's function.
        setattr(owner, name, (lambda self, context: timed(self, context)) if name == "draw" else timed)

    def take(self):
        gaps, self.gaps, self.ours = self.gaps, [], 0.0
        long, self.long = self.long, []
        return gaps, long


def play(report, folder):
    driver.first_scene(views=9, frame=128, label=64, grid=96, surface=64, texture=512)
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


def summary(gaps, long):
    """Milliseconds; `ours`: the most of one gap that was our code; `others`: of one gap outside our code."""
    return {
        "ticks": len(gaps),
        "longest": round(1000 * max(cpu for cpu, _, _ in gaps), 1),
        "wall": round(1000 * max(wall for _, wall, _ in gaps), 1),
        "ours": round(1000 * max(ours for _, _, ours in gaps), 1),
        "others": round(1000 * max(cpu - ours for cpu, _, ours in gaps), 1),
        "long": long,
    }
