# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in this Blender itself: cancelled with the button, with Esc, and then done; the window lives meanwhile."""

import importlib
import threading
import time

import bpy
import driver

ENDED = ("done", "failed", "cancelled")
PATIENCE = 60  # seconds that the job's thread waits to be seen


def play(report, folder):
    settings = driver.first_scene()
    settings.process = "IN_PROCESS"
    before = driver.materials("Owl")
    jobs = driver.module("addon.jobs")
    seen, held = set(), {"paint"}
    _pace(importlib.import_module(f"{driver.package()}.addon.in_process").Work, seen, held)

    def running():
        return driver.modal()

    def paints():
        seen.add(jobs.jobs()[-1].stage)
        assert jobs.jobs()[-1].state in ("queued", "running"), jobs.jobs()[-1]
        return jobs.jobs()[-1].stage == "paint"

    def stops():
        return jobs.jobs()[-1].detail == "Stopping" or jobs.jobs()[-1].state in ENDED

    def ended():
        seen.add(jobs.jobs()[-1].stage)
        return jobs.jobs()[-1].state in ENDED and not driver.modal()

    yield from driver.open_tab()
    yield driver.checked
    yield from driver.press_high_button(running)  # Generate Texture
    yield paints
    report["running"] = driver.modal()
    yield from driver.press_high_button(stops)  # Cancel
    yield ended
    report["button"] = jobs.jobs()[-1].state
    jobs.dismiss(jobs.jobs()[-1].id)
    yield from driver.press_high_button(running)
    yield paints
    yield from driver.key("ESC")
    yield ended
    report["esc"] = jobs.jobs()[-1].state
    report["unchanged"] = driver.materials("Owl") == before
    jobs.dismiss(jobs.jobs()[-1].id)
    seen.clear()
    held.clear()
    yield from driver.press_high_button(running)
    yield ended
    report["done"], report["stages"] = jobs.jobs()[-1].state, sorted(seen)

    def applied():
        return driver.materials("Owl") != before

    yield applied
    report["scenes"] = [scene.name for scene in bpy.data.scenes]


def _pace(work, seen, held):
    """The job's thread waits where a stage begins until that was seen, and in the `held` stages until it is stopped."""
    begin, progress = work.begin, work.progress

    def stopped(self):
        try:
            self._check()
        except Exception:  # what it raises where the job is cancelled; the stage's next step does, too
            return True
        return False

    def wait(self, why):
        end = time.monotonic() + PATIENCE
        while why() and not stopped(self) and time.monotonic() < end:
            time.sleep(0.01)

    def begun(self, stage):
        begin(self, stage)
        wait(self, lambda: stage not in seen)

    def progressed(self, stage, *words):
        progress(self, stage, *words)
        if threading.current_thread() is not threading.main_thread():
            wait(self, lambda: stage in held)

    work.begin, work.progress = begun, progressed
