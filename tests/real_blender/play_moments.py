# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments at which a result must wait, or others use the file: a drag, saving, a render; and the browser of a guide."""

import time

import bpy
import driver


class Endless(bpy.types.RenderEngine):
    """A render that lasts until it is told to end, on a machine of any speed."""

    bl_idname = "ENDLESS"
    bl_label = "Endless"
    going = True

    def render(self, depsgraph):
        while Endless.going:
            time.sleep(0.02)


def play(report, folder):
    driver.first_scene()
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

    def runs():
        return jobs.jobs()[0].state == "running"

    yield runs
    driver.hold()
    with driver.in_view():
        bpy.ops.wm.save_as_mainfile("INVOKE_DEFAULT", filepath=str(folder / "saved.blend"))
    yield from driver.accept_file()

    def saved():
        return bpy.data.filepath == str(folder / "saved.blend")

    yield saved
    report["saved during"] = jobs.jobs()[0].state
    with driver.in_view():
        bpy.ops.transform.translate("INVOKE_DEFAULT")
    driver.go_on()
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
    bpy.utils.register_class(Endless)
    bpy.context.preferences.view.render_display_type = "NONE"
    bpy.context.scene.render.engine = Endless.bl_idname
    with driver.in_view():
        bpy.ops.render.render("INVOKE_DEFAULT")
    yield compat.is_rendering
    tray.job_done(jobs.jobs()[0])
    yield codes
    report["render"], report["still renders"] = codes(), compat.is_rendering()
    report["while rendered"] = len(variants())
    Endless.going = False
    yield applied

    # Export Guide, with its file browser.
    with driver.in_view():
        bpy.ops.orbit_painter.guide_export("INVOKE_DEFAULT", filepath=str(folder / "guide.png"), view="front", size=128)
    yield driver.file_browser
    yield from driver.screenshot(folder / "guide_browser.png")
    yield from driver.accept_file()

    def has_guide():
        return any(reference.camera for reference in bpy.context.scene.orbit_painter.references)

    yield has_guide
    report["guide"] = (folder / "guide.png").exists()
