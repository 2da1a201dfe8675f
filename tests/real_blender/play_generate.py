# SPDX-License-Identifier: GPL-3.0-or-later
"""An artist's first texture: open the tab, press Generate Texture, watch, look at the result, undo, redo."""

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import driver
from play_settings import use


def play(report):
    folder = Path(driver.words()[0]).parent
    draws = _measure_drawing()
    with driver.in_view():
        bpy.data.objects.remove(bpy.data.objects["Cube"])
        bpy.ops.import_scene.gltf(filepath=str(driver.ROOT / "examples" / "sample.glb"))
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
        bpy.ops.orbit_painter.reference_add(filepath=str(driver.ROOT / "examples" / "reference.png"))
    driver.view_area().spaces.active.shading.color_type = "TEXTURE"
    settings = bpy.context.scene.orbit_painter
    use(settings, views=9, frame=128, label=64, grid=96, surface=64, texture=256)
    with driver.in_view():
        bpy.ops.ed.undo_push(message="Import")
    owl = bpy.data.objects["Owl"]
    before = _materials(owl)
    jobs = driver.module("addon.jobs")

    yield from driver.open_tab()
    yield from driver.screenshot(folder / "panel.png")
    yield from driver.press_high_button(folder)

    def started():
        return jobs.jobs()

    yield started
    pressed = time.monotonic()
    assert _materials(owl) == before, "the file changed before the result was there"
    fractions, shown = [], False

    def moved_on():
        view = jobs.jobs()[0]
        if not fractions or view.fraction != fractions[-1]:
            fractions.append(view.fraction)
        return view.state in ("done", "failed", "cancelled") or (view.previews and view.fraction > 0.3 and not shown)

    yield moved_on
    if jobs.jobs()[0].previews:
        shown = True
        yield from driver.screenshot(folder / "running.png")
        yield moved_on
    view = jobs.jobs()[0]
    assert view.state == "done", (view.state, view.message, view.advice, view.log)

    def applied():
        return _materials(bpy.data.objects["Owl"]) != before

    yield applied
    yield from driver.screenshot(folder / "result.png")
    report["seconds"] = time.monotonic() - pressed
    report["fractions"] = fractions
    report["draw_ms"] = 1000 * min(draws)
    report["images"] = _images(bpy.data.objects["Owl"])
    with driver.in_view():
        bpy.ops.ed.undo()
    yield 0.5
    report["undone"] = _materials(bpy.data.objects["Owl"]) == before
    with driver.in_view():
        bpy.ops.ed.redo()
    yield 0.5
    report["redone"] = _materials(bpy.data.objects["Owl"]) != before


def _materials(obj):
    return [slot.material.name if slot.material else "" for slot in obj.material_slots]


def _images(obj):
    nodes = [node for slot in obj.material_slots if slot.material for node in slot.material.node_tree.nodes]
    return sorted({node.image.name for node in nodes if node.type == "TEX_IMAGE" and node.image})


def _measure_drawing():
    """Seconds of each drawing of the main panel."""
    cls = bpy.types.ORBIT_PAINTER_PT_main
    draw, seconds = cls.draw, []

    def timed(self, context):
        start = time.perf_counter()
        draw(self, context)
        seconds.append(time.perf_counter() - start)

    cls.draw = timed
    return seconds


driver.start(play)
