# SPDX-License-Identifier: GPL-3.0-or-later
"""Small meshes with known geometry, and exact rays, for the tests of geometry and visibility."""

from __future__ import annotations

import itertools

import numpy as np
from orbit_painter.backend.orbits.cameras import Camera

CUBE_FACES = np.array(
    [[0, 2, 3], [0, 3, 1], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4], [2, 6, 7], [2, 7, 3], [0, 4, 6], [0, 6, 2],
     [1, 3, 7], [1, 7, 5]],
    np.int32,
)  # fmt: skip


def join(*parts: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    base = np.cumsum([0, *(len(vertices) for vertices, _ in parts)])
    return (
        np.concatenate([vertices for vertices, _ in parts]).astype(np.float32),
        np.concatenate([faces + start for (_, faces), start in zip(parts, base, strict=False)]).astype(np.int32),
    )


def box(low, high) -> tuple[np.ndarray, np.ndarray]:
    """A closed axis-aligned box, 12 triangles, outward winding."""
    corners = np.array(list(itertools.product((0, 1), repeat=3)))[:, ::-1]  # index = x + 2 y + 4 z
    low, high = np.asarray(low, float), np.asarray(high, float)
    return (low + corners * (high - low)).astype(np.float32), CUBE_FACES.copy()


def sphere(rings: int = 32, radius: float = 0.49, centre=(0, 0, 0)) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere by latitude and longitude, outward winding."""
    theta, phi = np.meshgrid(
        np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings, endpoint=False), indexing="ij"
    )
    points = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    i, j = np.meshgrid(np.arange(rings), np.arange(2 * rings), indexing="ij")
    a, b = i * 2 * rings + j, i * 2 * rings + (j + 1) % (2 * rings)
    c, d = a + 2 * rings, b + 2 * rings
    faces = np.concatenate([np.stack([a, c, d], -1)[:-1].reshape(-1, 3), np.stack([a, d, b], -1)[1:].reshape(-1, 3)])
    return (points.reshape(-1, 3) * radius + centre).astype(np.float32), faces.astype(np.int32)


def cups() -> tuple[np.ndarray, np.ndarray]:
    """Thin-walled open boxes inside each other, walls of 0.01 (5 voxels at 512), and a rod across."""
    parts = []
    for half, top in ((0.45, 0.2), (0.3, 0.4), (0.12, 0.1)):
        wall = 0.01
        parts.append(box([-half, -half, -0.4], [half, half, -0.4 + wall]))
        parts.append(box([-half, -half, -0.4 + wall], [-half + wall, half, top]))
        parts.append(box([half - wall, -half, -0.4 + wall], [half, half, top]))
        parts.append(box([-half + wall, -half, -0.4 + wall], [half - wall, -half + wall, top]))
        parts.append(box([-half + wall, half - wall, -0.4 + wall], [half - wall, half, top]))
    parts.append(box([-0.48, -0.01, 0.42], [0.48, 0.01, 0.44]))
    return join(*parts)


class ExactRays:
    """First hits by ray casting (embree), for triangles (F, 3, 3)."""

    def __init__(self, triangles: np.ndarray) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        self.scene = rtcore_scene.EmbreeScene()
        self.mesh = TriangleMesh(self.scene, np.ascontiguousarray(triangles, np.float32))

    def distance(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Distance of the first hit along each unit direction, 1e30 where there is none."""
        limit = np.full(len(origins), 1e30, np.float32)
        return self.scene.run(origins.astype(np.float32), directions.astype(np.float32), dists=limit, query="DISTANCE")

    def sees(self, camera: Camera, points: np.ndarray, slack: float = 2e-4) -> np.ndarray:
        """Whether nothing lies between a perspective camera and each point."""
        direction = points.astype(np.float64) - camera.centre
        length = np.linalg.norm(direction, axis=1)
        return self.distance(np.tile(camera.centre, (len(points), 1)), direction / length[:, None]) >= length - slack
