# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple lights for reference pictures: ambient, distant and point lights, diffuse and a highlight, no shadows.

Blender renders better ones; these need nothing and teach the same lesson, that the reference is lit and the target
is not (specs/orbitpainter.md section 11, "light augmentation").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..orbits.cameras import Camera


@dataclass(frozen=True, eq=False)
class Lights:
    """ambient (3,); position (n, 3), of unit length times `DISTANT` for lights far away; colour (n, 3), linear."""

    ambient: NDArray[np.float64]
    position: NDArray[np.float64]
    colour: NDArray[np.float64]


def studio() -> Lights:
    """One fixed set: soft light from above left, and from the front."""
    towards = np.array([[-0.5, -0.6, 0.6], [0.6, -0.7, 0.1]])
    return Lights(np.full(3, 0.55), 50.0 * towards, np.array([[0.5] * 3, [0.25] * 3]))


def random_lights(random: np.random.Generator) -> Lights:
    """One to three distant lights of any colour temperature over a random ambient."""
    count = random.integers(1, 4)
    direction = random.normal((0, -0.8, 0.5), 1.0, (count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    strength = random.uniform(0.2, 0.9, (count, 1)) / np.sqrt(count)
    ambient = random.uniform(0.25, 0.7) * (1 + random.normal(0, 0.06, 3))
    return Lights(ambient, 50 * direction, strength * (1 + random.normal(0, 0.1, (count, 3))))


def point_lights(random: np.random.Generator) -> Lights:
    """Three white lights near the object."""
    direction = random.normal((0, -0.6, 0.4), 1.0, (3, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return Lights(np.full(3, 0.35), random.uniform(1.2, 2.0, (3, 1)) * direction, np.full((3, 3), 0.32))


def lit(
    albedo: NDArray[np.floating],
    points: NDArray[np.floating],
    normals: NDArray[np.floating],
    camera: Camera,
    lights: Lights,
    metallic: float = 0.0,
    roughness: float = 0.5,
) -> NDArray[np.float32]:
    """sRGB float32 (n, 3) of lit surface points with sRGB base colours `albedo` (n, 3)."""
    base, towards = srgb_to_linear(albedo), camera.towards(points)
    light = np.broadcast_to(lights.ambient, base.shape).copy()
    highlight = np.zeros_like(base)
    power = 2 / max(roughness, 0.1) ** 4
    for position, colour in zip(lights.position, lights.colour, strict=True):
        to_light = position - points
        to_light /= np.linalg.norm(to_light, axis=1, keepdims=True)
        light += np.maximum((normals * to_light).sum(axis=1, keepdims=True), 0) * colour
        half = to_light + towards
        half /= np.maximum(np.linalg.norm(half, axis=1, keepdims=True), 1e-6)
        highlight += np.maximum((normals * half).sum(axis=1, keepdims=True), 0) ** power * colour
    specular = (1 - metallic) * 0.08 + metallic * 0.6 * base
    linear = (1 - 0.5 * metallic) * base * light + specular * highlight
    return linear_to_srgb(linear).astype(np.float32)


def srgb_to_linear(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """The sRGB transfer function, inverted; 0...1."""
    value = np.asarray(value, np.float64)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """The sRGB transfer function, clipped to 0...1."""
    value = np.clip(value, 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
