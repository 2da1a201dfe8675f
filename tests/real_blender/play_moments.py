# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments at which a result must wait, or others use the file: a drag, saving, a render; and the browser of a guide."""

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

    def variants():
        return bpy.data.objects["Owl"].orbit_painter.variants

    def codes():
        return [item.code for item in tray.items() if item.code]

    def applied():
        return len(variants()) == 1 and not tray.items()

    # The file is saved with its dialog while a job runs, and a drag is going on when the result arrives.
    with driver.in_view():
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
        bpy.ops.wm.save_as_mainfile("INVOKE_DEFAULT", filepath=str(folder / "saved.blend"))
    yield 1.0
    yield from driver.accept_file()

    def saved():
        return (folder / "saved.blend").exists()

    yield saved
    report["saved during"] = jobs.jobs()[0].state
    with driver.in_view():
        bpy.ops.transform.translate("INVOKE_DEFAULT")
    yield codes
    report["drag"] = codes()
    report["dragged"] = driver.modal()
    report["while dragged"] = len(variants())
    yield from driver.key("ESC")
    yield applied
    report["after the drag"] = list(bpy.data.objects["Owl"].location)

    # A render runs when a result arrives: it waits, and nothing is shown or restored by hand.
    with driver.in_view():
        bpy.ops.orbit_painter.variant_remove("EXEC_DEFAULT", True)
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.samples = "CYCLES", 30_000  # half a minute, where no key stops it
    scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False  # or it would end at once
    scene.render.resolution_x = scene.render.resolution_y = 64
    scene.render.threads_mode, scene.render.threads = "FIXED", 1  # the window draws with the processor, too
    with driver.in_view():
        bpy.ops.render.render("INVOKE_DEFAULT")

    def renders():
        return compat.is_rendering()

    yield renders
    tray.job_done(jobs.jobs()[0])
    yield codes
    report["render"], report["still renders"] = codes(), compat.is_rendering()
    report["while rendered"] = len(variants())
    for where in driver.windows():  # Blender's own way to stop a render
        yield from driver.key("ESC", where)

    def rests():
        return not compat.is_rendering()

    yield rests
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
