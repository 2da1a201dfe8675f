# SPDX-License-Identifier: GPL-3.0-or-later
"""A job in this Blender itself: cancelled with the button, with Esc, and then done; the window lives meanwhile."""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import driver
from play_settings import use_tiny


def play(report):
    folder = Path(driver.words()[0]).parent
    driver.first_scene()
    settings = bpy.context.scene.orbit_painter
    use_tiny(settings)
    settings.process = "IN_PROCESS"
    before = driver.materials("Owl")
    jobs = driver.module("addon.jobs")
    stages = set()

    def paints():
        stages.add(jobs.jobs()[-1].stage)
        return jobs.jobs()[-1].stage == "paint" or jobs.jobs()[-1].state in ("done", "failed")

    def ended():
        stages.add(jobs.jobs()[-1].stage)
        return jobs.jobs()[-1].state in ("done", "failed", "cancelled") and not driver.modal()

    settings.surface_grid = 192  # painting takes a while
    yield from driver.open_tab()
    yield from driver.press_high_button(folder)  # Generate Texture
    yield paints
    report["running"] = driver.modal()
    yield from driver.press_high_button(folder, "window.png")  # Cancel
    yield ended
    report["button"] = jobs.jobs()[-1].state
    jobs.dismiss(jobs.jobs()[-1].id)
    yield 0.5
    yield from driver.press_high_button(folder)
    yield paints
    driver.window().event_simulate(type="ESC", value="PRESS", x=400, y=400)
    yield 0.1
    driver.window().event_simulate(type="ESC", value="RELEASE", x=400, y=400)
    yield ended
    report["esc"] = jobs.jobs()[-1].state
    report["unchanged"] = driver.materials("Owl") == before
    jobs.dismiss(jobs.jobs()[-1].id)
    settings.surface_grid = 32
    yield 0.5
    stages.clear()
    yield from driver.press_high_button(folder)
    yield paints
    yield ended
    report["done"], report["stages"] = jobs.jobs()[-1].state, sorted(stages)

    def applied():
        return driver.materials("Owl") != before

    yield applied
    report["scenes"] = [scene.name for scene in bpy.data.scenes]


driver.start(play)
