# SPDX-License-Identifier: GPL-3.0-or-later
"""Small meshes, pass sets and unlit pictures of them for the painter tests."""

from __future__ import annotations

import numpy as np
from orbit_painter.backend.mesh import EXTENT, MeshData, simple_mesh
from orbit_painter.backend.orbits.cameras import Camera, orbit_cameras
from orbit_painter.backend.orbits.passes import ViewPasses
from orbit_painter.backend.painters.projection.gbuffer import geometry_buffer


class MemoryPassSet:
    """Passes made when they are asked for."""

    def __init__(self, mesh: MeshData, cameras: list[Camera]) -> None:
        self.mesh, self.cameras, self.orbit_counts = mesh, cameras, (len(cameras), 0)

    def __len__(self) -> int:
        return len(self.cameras)

    def view(self, index: int) -> ViewPasses:
        buffer = geometry_buffer(self.mesh, self.cameras[index])
        return ViewPasses(buffer.camera, buffer.position, buffer.normal, buffer.mask, buffer.object.astype(np.int16))

    def __iter__(self):
        return (self.view(k) for k in range(len(self)))


def four_views(size: int = 128) -> list[Camera]:
    """Front, right, back and left."""
    return orbit_cameras("H", 4, size)


def box(half=(0.35, 0.2, 0.5)) -> MeshData:
    """A box without subdivisions."""
    corners = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32) * half
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return simple_mesh(corners * EXTENT, np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]))


def blob(sections: int = 48) -> MeshData:
    """A lopsided, curved body: no mirror symmetry, and an outline that fixes scale and offset."""
    theta = np.linspace(0, np.pi, sections)
    phi = np.linspace(0, 2 * np.pi, 2 * sections, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    radius = 1 + 0.2 * np.sin(3 * p + 1) * np.sin(t) ** 2 + 0.25 * np.cos(2 * t + 0.4) + 0.1 * np.cos(p) * np.sin(t)
    vertices = np.stack(
        [radius * np.sin(t) * np.cos(p) * 0.8, radius * np.sin(t) * np.sin(p) * 0.7, radius * np.cos(t)], axis=-1
    ).reshape(-1, 3)
    vertices = vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    vertices *= EXTENT / (vertices.max(axis=0) - vertices.min(axis=0)).max()
    rows, columns = np.meshgrid(np.arange(sections - 1), np.arange(2 * sections), indexing="ij")
    a, b = rows * 2 * sections + columns, rows * 2 * sections + (columns + 1) % (2 * sections)
    c, d = a + 2 * sections, b + 2 * sections
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return simple_mesh(vertices.astype(np.float32), faces.astype(np.int32))


def paint(mesh: MeshData, camera: Camera, colour, samples: int = 4) -> np.ndarray:
    """An anti-aliased unlit RGBA picture uint8 of the mesh with `colour(points (n, 3), normals) -> (n, 3)`, 0 ... 1."""
    fine = camera.resized(camera.width * samples, camera.height * samples)
    buffer = geometry_buffer(mesh, fine)
    value = np.zeros((*buffer.mask.shape, 4))
    value[buffer.mask, :3] = colour(buffer.position[buffer.mask], buffer.normal[buffer.mask])
    value[buffer.mask, 3] = 1
    value = value.reshape(camera.height, samples, camera.width, samples, 4).mean(axis=(1, 3))
    value[..., :3] /= np.maximum(value[..., 3:], 1e-6)
    return np.floor(value * 255 + 0.5).astype(np.uint8)


def waves(points, normals=None) -> np.ndarray:
    """A smooth colour pattern with some detail."""
    phase = points @ np.array([[23.0, 5, 2], [4, 19, 7], [9, 3, 31]])
    return 0.5 + 0.35 * np.sin(phase)
