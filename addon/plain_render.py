# SPDX-License-Identifier: GPL-3.0-or-later
"""An ordinary Cycles render of the views whose passes we make: what the benchmark compares the passes with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from .passes import PREFIX, fill_mesh, set_camera
from .quiet import no_stdout


def render_plain(mesh: MeshData, cameras: Sequence[Camera], folder: Path, samples: int = 64) -> list[float]:
    """Seconds of each view: Cycles on the CPU, default material and bounces, a sun and a grey sky, no denoiser.

    Writes PNGs into `folder`; what it adds to the open file is removed again.
    """
    before = set(_blocks())
    seconds = []
    try:
        scene = _build(mesh, samples)
        for index, camera in enumerate(cameras):
            set_camera(scene, camera, mesh)
            scene.render.filepath = str(folder / f"plain_{index:04}.png")
            begin = time.perf_counter()
            with no_stdout():
                bpy.ops.render.render(write_still=True, scene=scene.name)
            seconds.append(time.perf_counter() - begin)
    finally:
        for name, collection in [block for block in _blocks() if block not in before]:
            blocks = getattr(bpy.data, collection)
            blocks.remove(blocks[name])
    return seconds


def _blocks() -> list[tuple[str, str]]:
    kinds = ("scenes", "objects", "meshes", "cameras", "lights", "materials", "worlds")
    return [(block.name, kind) for kind in kinds for block in getattr(bpy.data, kind)]


def _build(mesh: MeshData, samples: int) -> bpy.types.Scene:
    scene = bpy.data.scenes.new(f"{PREFIX}_plain")
    scene.render.engine = "CYCLES"  # pyright: ignore[reportAttributeAccessIssue]
    cycles: Any = scene.cycles  # pyright: ignore[reportAttributeAccessIssue]
    cycles.device, cycles.samples = "CPU", samples
    cycles.use_adaptive_sampling = cycles.use_denoising = False
    scene.render.use_persistent_data = True
    scene.render.resolution_percentage = 100
    scene.world = bpy.data.worlds.new(f"{PREFIX}_plain")
    body = bpy.data.meshes.new(f"{PREFIX}_plain")
    fill_mesh(body, mesh)
    material = bpy.data.materials.new(f"{PREFIX}_plain")
    body.materials.append(material)
    sun = bpy.data.objects.new(f"{PREFIX}_sun", bpy.data.lights.new(f"{PREFIX}_sun", "SUN"))
    sun.rotation_euler = (0.8, 0.3, 0.0)
    camera = bpy.data.objects.new(f"{PREFIX}_plain_camera", bpy.data.cameras.new(f"{PREFIX}_plain"))
    for obj in (bpy.data.objects.new(f"{PREFIX}_plain", body), sun, camera):
        scene.collection.objects.link(obj)
    scene.camera = camera
    return scene
