# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes backend/painters/orbitpainter/agx_inverse.npy from Blender's own colour management (needs the bpy module).

Run it again where a new Blender changes its AgX view transform; tests/painters/test_view_transform.py compares.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import bpy
import numpy as np
from numpy.typing import NDArray

OUT = Path(__file__).resolve().parents[1] / "backend" / "painters" / "orbitpainter" / "agx_inverse.npy"
SIDE = 33  # of the table, along each axis
STEPS = 30


def agx(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """What Blender's AgX shows for base colours whose plain sRGB values these are, (n, 3) in 0 to 1."""
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    scene = bpy.context.scene
    scene.display_settings.display_device = "sRGB"
    scene.view_settings.view_transform, scene.view_settings.look = "AgX", "None"
    scene.view_settings.exposure, scene.view_settings.gamma = 0.0, 1.0
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "PNG", "16"
    scene.render.image_settings.color_mode = "RGB"
    width = 1024
    height = -(-len(linear) // width)
    pixels = np.zeros((width * height, 4), np.float32)
    pixels[:, 3] = 1
    pixels[: len(linear), :3] = linear
    image = bpy.data.images.new("agx", width, height, float_buffer=True)
    image.pixels.foreach_set(pixels.ravel())
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "agx.png")
        image.save_render(path, scene=scene)
        shown = bpy.data.images.load(path)
        shown.colorspace_settings.name = "Non-Color"
        shown.pixels.foreach_get(pixels.ravel())
        bpy.data.images.remove(shown)
    bpy.data.images.remove(image)
    return pixels[: len(linear), :3].astype(np.float64)


def inverse() -> NDArray[np.uint8]:
    """For AgX values (r, g, b) in 32nds the plain sRGB value, uint8 (SIDE, SIDE, SIDE, 3): Gauss-Newton steps, halved
    where they do not help. What AgX never shows for a base colour gets the nearest that it does, roughly.
    """
    axis = np.linspace(0, 1, SIDE)
    wanted = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    found = np.clip(wanted * 1.2, 0, 1)
    best, error = found.copy(), np.full(len(wanted), np.inf)
    small = 1e-3
    for _ in range(STEPS):
        probes = [np.clip(found + small * (np.arange(3) == k), 0, 1) for k in range(3)]
        values = agx(np.concatenate([found, *probes])).reshape(4, -1, 3)
        rest = wanted - values[0]
        distance = np.abs(rest).max(axis=1)
        better = distance < error
        best[better], error[better] = found[better], distance[better]
        length = np.stack([(probe - found)[:, k] for k, probe in enumerate(probes)], axis=-1)
        slope = (
            np.stack([values[k + 1] - values[0] for k in range(3)], axis=-1) / np.where(length, length, small)[:, None]
        )
        normal = slope.transpose(0, 2, 1) @ slope + 1e-5 * np.eye(3)
        step = np.linalg.solve(normal, slope.transpose(0, 2, 1) @ rest[..., None])[..., 0]
        found = np.where(better[:, None], found + np.clip(step, -0.2, 0.2), (best + found) / 2).clip(0, 1 - small)
    return np.round(255 * best).astype(np.uint8).reshape(SIDE, SIDE, SIDE, 3)


if __name__ == "__main__":
    np.save(OUT, inverse())
    sys.stdout.write(f"{OUT}\n")
