# SPDX-License-Identifier: GPL-3.0-or-later
"""Simple lights for reference pictures: ambient, distant and point lights; diffuse, a highlight, hard shadows.

A path tracer makes better ones; these take milliseconds and teach the same lesson, that the reference is lit and the
target is not (specs/orbitpainter.md section 11, "light augmentation").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..orbits.cameras import Camera

DISTANT = 50.0  # unit-cube lengths; the rays of a light so far away are as good as parallel
BIAS = 2e-3  # how far from its surface a shadow ray starts
# points (n, 3), unit directions (n, 3) -> bool (n,), something is in the way
ShadowTest = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class Lights:
    """ambient (3,), linear; position (n, 3); colour (n, 3), linear, what a white surface that faces it reflects."""

    ambient: NDArray[np.float64]
    position: NDArray[np.float64]
    colour: NDArray[np.float64]


def studio() -> Lights:
    """One fixed set: soft light from above left, and from the front."""
    towards = np.array([[-0.5, -0.6, 0.6], [0.6, -0.7, 0.1]])
    return Lights(np.full(3, 0.55), DISTANT * towards, np.array([[0.5] * 3, [0.25] * 3]))


def random_lights(random: np.random.Generator) -> Lights:
    """One to three distant lights of any colour temperature over a random ambient."""
    count = random.integers(1, 4)
    direction = random.normal((0, -0.8, 0.5), 1.0, (count, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    strength = random.uniform(0.2, 0.9, (count, 1)) / np.sqrt(count)
    ambient = random.uniform(0.25, 0.7) * (1 + random.normal(0, 0.06, 3))
    return Lights(ambient, DISTANT * direction, strength * (1 + random.normal(0, 0.1, (count, 3))))


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
    metallic: NDArray[np.floating],
    roughness: NDArray[np.floating],
    shadows: ShadowTest | None = None,
) -> NDArray[np.float32]:
    """sRGB float32 (n, 3) of lit surface points with sRGB base colours `albedo` (n, 3)."""
    base, towards = srgb_to_linear(albedo), camera.towards(points)
    metal = metallic[:, None].astype(np.float64)
    light = np.broadcast_to(lights.ambient, base.shape).copy()
    highlight = np.zeros_like(base)
    power = 2 / np.maximum(roughness[:, None].astype(np.float64), 0.1) ** 4
    for position, colour in zip(lights.position, lights.colour, strict=True):
        to_light = _unit(position - points)
        reached = np.ones((len(points), 1))
        if shadows is not None:
            reached[shadows(points + BIAS * normals, to_light)] = 0
        half = _unit(to_light + towards)
        light += reached * np.maximum((normals * to_light).sum(axis=1, keepdims=True), 0) * colour
        highlight += reached * np.maximum((normals * half).sum(axis=1, keepdims=True), 0) ** power * colour
    specular = (1 - metal) * 0.08 + metal * 0.6 * base
    linear = (1 - 0.5 * metal) * base * light + specular * highlight
    return linear_to_srgb(linear).astype(np.float32)


def shadow_test(scene: Any) -> ShadowTest:
    """The test against an Embree scene. Lights are outside the object, so any hit is in the way."""

    def test(points: NDArray[np.floating], directions: NDArray[np.floating]) -> NDArray[np.bool_]:
        hits = scene.run(points.astype(np.float32), directions.astype(np.float32))
        return np.asarray(hits) >= 0

    return test


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def srgb_to_linear(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """The sRGB transfer function, inverted; 0...1."""
    value = np.asarray(value, np.float64)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: NDArray[np.floating]) -> NDArray[np.float64]:
    """The sRGB transfer function, clipped to 0...1."""
    value = np.clip(value, 0, 1)
    return np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
