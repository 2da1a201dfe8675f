# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments at which a result must wait, or somebody else works with the file: a drag, a render, saving; a guide's browser."""

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
    jobs, tray, compat = driver.module("addon.jobs"), driver.module("addon.tray"), driver.module("addon.compat")

    def done():
        assert jobs.jobs()[-1].state not in ("failed", "cancelled"), jobs.jobs()[-1]
        return jobs.jobs()[-1].state == "done"

    def waits():
        return [item.code for item in tray.items() if item.code]

    def applied():
        return len(bpy.data.objects["Owl"].orbit_painter.variants) == count and not tray.items()

    # A drag begins while the job runs and is still going on when the result arrives.
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
        bpy.ops.transform.translate("INVOKE_DEFAULT")
    yield 1.0
    report["dragging"] = driver.modal()
    yield done
    yield waits
    report["drag"] = waits()
    report["dragged on"] = driver.modal()
    report["while dragged"] = len(bpy.data.objects["Owl"].orbit_painter.variants)
    yield from driver.key("ESC")
    count = 1
    yield applied
    report["after the drag"] = list(bpy.data.objects["Owl"].location)

    # The file is saved with its dialog while a job runs.
    settings.seed = 1
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
        bpy.ops.wm.save_as_mainfile("INVOKE_DEFAULT", filepath=str(folder / "saved.blend"))
    yield 1.0
    yield from driver.accept_file()

    def saved():
        return (folder / "saved.blend").exists()

    yield saved
    report["saved during"] = jobs.jobs()[-1].state
    count = 2
    yield done
    yield applied

    # A render runs when the result arrives: it waits, and nothing of ours is started.
    settings.seed = 2
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples, scene.cycles.use_denoising = "CYCLES", 100_000, False
    scene.render.resolution_x = scene.render.resolution_y = 512
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
        bpy.ops.render.render("INVOKE_DEFAULT")

    def renders():
        return compat.is_rendering()

    yield renders
    yield done
    yield waits
    report["render"] = waits()
    report["while rendered"] = len(bpy.data.objects["Owl"].orbit_painter.variants)
    report["still renders"] = compat.is_rendering()
    with driver.in_view():
        report["shown while rendered"] = bpy.ops.orbit_painter.restore_original.poll()
    yield from driver.key("ESC", driver.windows()[-1])

    def rests():
        return not compat.is_rendering()

    yield rests
    count = 3
    yield applied
    for extra in driver.windows()[1:]:
        with bpy.context.temp_override(window=extra):
            bpy.ops.wm.window_close()
    yield 1.0

    # Export Guide, with its file browser.
    with driver.in_view():
        bpy.ops.orbit_painter.guide_export("INVOKE_DEFAULT", filepath=str(folder / "guide.png"), view="front", size=128)
    yield 1.5
    yield from driver.screenshot(folder / "guide_browser.png")
    yield from driver.accept_file()

    def has_guide():
        return any(reference.camera for reference in bpy.context.scene.orbit_painter.references)

    yield has_guide
    report["guide"] = (folder / "guide.png").exists()


driver.start(play)
