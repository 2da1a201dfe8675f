# SPDX-License-Identifier: GPL-3.0-or-later
"""Two objects one by one: both are queued, the first is cancelled with the button, the second is deleted meanwhile."""

import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))
import driver
from play_settings import use_tiny


def play(report):
    folder = Path(driver.words()[0]).parent
    with driver.in_view():
        bpy.data.objects.remove(bpy.data.objects["Cube"])
        bpy.ops.import_scene.gltf(filepath=str(driver.ROOT / "examples" / "sample.glb"))
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
        bpy.ops.orbit_painter.reference_add(filepath=str(driver.ROOT / "examples" / "reference.png"))
        report["ready"] = bpy.ops.orbit_painter.generate.poll()
    settings = bpy.context.scene.orbit_painter
    use_tiny(settings)
    settings.combine = "EACH"
    before = _materials("Owl")
    jobs, tray = driver.module("addon.jobs"), driver.module("addon.tray")
    with driver.in_view():
        bpy.ops.ed.undo_push(message="Import")
        bpy.ops.orbit_painter.generate("INVOKE_DEFAULT")
    report["queued"] = [view.state for view in jobs.jobs()]

    def first_runs():
        return jobs.jobs()[0].stage == "paint"

    yield first_runs
    yield from driver.press_high_button(folder)  # Cancel

    def first_ended():
        return jobs.jobs()[0].state == "cancelled"

    yield first_ended
    first, second = (view.title for view in jobs.jobs())
    report["unchanged"] = _materials(first) == before

    def second_runs():
        return jobs.jobs()[1].stage in ("paint", "bake")

    yield second_runs
    bpy.data.objects.remove(bpy.data.objects[second])

    def result_waits():
        assert jobs.jobs()[1].state != "failed", jobs.jobs()[1]
        return [item for item in tray.items() if item.code]

    yield result_waits
    report["said"] = tray.items()[0].message
    yield from driver.screenshot(folder / "queue.png")
    settings.engine = "orbitpainter"
    with driver.in_view():
        report["engine without weights"] = bpy.ops.orbit_painter.generate.poll()
        bpy.ops.orbit_painter.open_preferences()
    yield 2.0
    report["windows"] = len(bpy.context.window_manager.windows)
    yield from driver.screenshot(folder / "preferences.png")


def _materials(name):
    return [slot.material for slot in bpy.data.objects[name].material_slots]


driver.start(play)
