# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's first texture: open the tab, look at the coverage beforehand, press Generate Texture, watch, look at the
result, undo, redo."""

import time

import bpy
import driver


def play(report, folder):
    draws = _measure_drawing()
    driver.first_scene(views=9, frame=128, label=64, grid=96, surface=64, texture=256)
    driver.view_area().spaces.active.shading.color_type = "TEXTURE"
    before = driver.materials("Owl")
    jobs = driver.module("addon.jobs")

    yield from driver.open_tab()
    yield driver.checked
    yield from driver.screenshot(folder / "panel.png")
    report["planned"] = yield from _look_ahead(folder, before)
    yield from driver.press_high_button(jobs.jobs)
    pressed = time.monotonic()
    assert driver.materials("Owl") == before, "the file changed before the result was there"
    fractions = []

    def shows_frames():
        view = jobs.jobs()[0]
        fractions.append(view.fraction)
        assert view.state not in ("failed", "cancelled"), view
        return view.previews

    yield shows_frames
    driver.hold()
    yield from driver.screenshot(folder / "running.png")
    driver.go_on()

    def applied():
        shows_frames()
        return driver.materials("Owl") != before

    yield applied
    report["seconds"] = time.monotonic() - pressed
    report["fractions"] = fractions
    yield from driver.screenshot(folder / "result.png")
    report["draw_ms"] = 1000 * min(draws)
    report["images"] = _images(bpy.data.objects["Owl"])
    with driver.in_view():
        bpy.ops.ed.undo()
    yield
    report["undone"] = driver.materials("Owl") == before
    with driver.in_view():
        bpy.ops.ed.redo()
    yield
    report["redone"] = driver.materials("Owl") != before


def _look_ahead(folder, before):
    """Preview Coverage in the sub-panel Views; the name of its picture."""
    planned, jobs = driver.module("addon.planned"), driver.module("addon.jobs")
    with driver.in_view():
        assert bpy.ops.orbit_painter.coverage("INVOKE_DEFAULT") == {"FINISHED"}
    assert [view.stages for view in jobs.jobs()] == [("passes", "coverage")]

    def looked():
        assert all(view.state not in ("failed", "cancelled") for view in jobs.jobs()), jobs.jobs()
        return planned.of(bpy.data.objects["Owl"])

    yield looked
    plan = planned.of(bpy.data.objects["Owl"])
    assert not jobs.jobs(), "a look ahead that is done is still listed"
    assert driver.materials("Owl") == before, "it changed the file"
    return [path.name for path in driver.module("addon.ui_views").planned_pictures(plan.out)]


def _images(obj):
    nodes = [node for slot in obj.material_slots if slot.material for node in slot.material.node_tree.nodes]
    return sorted({node.image.name for node in nodes if node.type == "TEX_IMAGE" and node.image})


def _measure_drawing():
    """Processor time of each drawing of the main panel, seconds."""
    cls = bpy.types.ORBIT_PAINTER_PT_main
    draw, seconds = cls.draw, []

    def timed(self, context):
        start = time.thread_time()
        draw(self, context)
        seconds.append(time.thread_time() - start)

    cls.draw = timed
    return seconds
