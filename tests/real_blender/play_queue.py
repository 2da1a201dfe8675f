# SPDX-License-Identifier: GPL-3.0-or-later
"""Two objects one by one: both are queued, the first is cancelled with the button, the second is deleted meanwhile."""

import bpy
import driver


def play(report, folder):
    settings = driver.first_scene()
    with driver.in_view():
        bpy.ops.orbit_painter.reference_remove()
        bpy.ops.object.duplicate()
        bpy.ops.object.select_all(action="DESELECT")
    yield from driver.open_tab()
    with driver.in_view():
        report["nothing selected"] = bpy.ops.orbit_painter.generate.poll()
        for name in ("Owl", "Owl.001"):
            bpy.data.objects[name].select_set(True)
        bpy.context.view_layer.objects.active = bpy.data.objects["Owl"]
        bpy.context.view_layer.update()
        report["no reference"] = bpy.ops.orbit_painter.generate.poll()
        driver.add_reference()
        report["ready"] = bpy.ops.orbit_painter.generate.poll()
    settings = bpy.context.scene.orbit_painter
    settings.combine = "EACH"
    before = driver.materials("Owl")
    jobs, tray = driver.module("addon.jobs"), driver.module("addon.tray")
    with driver.in_view():
        bpy.ops.ed.undo_push(message="Ready")
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
    report["queued"] = [view.state for view in jobs.jobs()]

    def first_runs():
        return jobs.jobs()[0].state == "running"

    yield first_runs
    driver.hold()
    report["waits"] = jobs.jobs()[1].state

    def stops():
        return jobs.jobs()[0].state in ("finishing", "cancelled")

    yield from driver.press_high_button(stops)  # Cancel
    driver.go_on()

    def first_ended():
        return jobs.jobs()[0].state == "cancelled"

    yield first_ended
    first, second = (view.title for view in jobs.jobs())
    report["unchanged"] = driver.materials(first) == before

    def second_runs():
        return jobs.jobs()[1].state == "running"

    yield second_runs
    driver.hold()
    bpy.data.objects.remove(bpy.data.objects[second])
    driver.go_on()

    def result_waits():
        assert jobs.jobs()[1].state != "failed", jobs.jobs()[1]
        return [item for item in tray.items() if item.code]

    yield result_waits
    report["said"] = tray.items()[0].message
    yield from driver.screenshot(folder / "queue.png")
    settings = bpy.context.scene.orbit_painter
    settings.engine = "orbitpainter"
    with driver.in_view():
        report["engine without weights"] = bpy.ops.orbit_painter.generate.poll()
        bpy.ops.orbit_painter.open_preferences()

    def opened():
        return len(driver.windows()) == 2

    yield opened
    yield from driver.screenshot(folder / "preferences.png")
