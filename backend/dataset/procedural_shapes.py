# SPDX-License-Identifier: GPL-3.0-or-later
"""Random bodies: primitives, bumpy, turned and carved ones, and compositions of them, each part numbered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..evaluation.geometry import Patch, box, disc, lathe, mesh_of, tube
from ..mesh import MeshData, normalisation_of, simple_mesh
from .procedural_carving import Carved, carved_body

Part = list[Patch]  # a body of its own; `mesh_of` lays the patches of all parts out in one UV square
Random = np.random.Generator


def random_mesh(random: Random) -> tuple[MeshData, str]:
    """A normalised mesh with a UV map, whose objects are the parts of the body, and a word for what it is.

    What was cut into a carved body is a part of its own.
    """
    kind = str(random.choice([*_BODIES, CARVED], p=_SHARES))
    body = carved_body(random) if kind == CARVED else _BODIES[kind](random)
    turn = _rotation(random)
    shape = turn * np.exp(random.uniform(-0.25, 0.25, 3))  # stretched, then turned
    if isinstance(body, Carved):
        mesh, part_of_face = (
            _mesh_of_quads(body.vertices @ shape.T, body.quads),
            np.repeat(body.cut, 2).astype(np.int32),
        )
    else:
        parts = [[patch @ shape.T for patch in part] for part in body]
        mesh = mesh_of([patch for part in parts for patch in part])
        faces = [sum(2 * (p.shape[0] - 1) * (p.shape[1] - 1) for p in part) for part in parts]
        part_of_face = np.repeat(np.arange(len(parts), dtype=np.int32), faces)
    names = tuple(f"part {number}" for number in range(part_of_face.max() + 1))
    return replace(mesh, face_object=part_of_face, object_names=names), kind


def _mesh_of_quads(points: NDArray[np.float64], quads: NDArray[np.int64]) -> MeshData:
    """Two triangles a quad; in the UV square each quad has a cell of its own."""
    columns = int(np.ceil(np.sqrt(len(quads))))
    cell = np.stack(np.divmod(np.arange(len(quads)), columns)[::-1], axis=-1)
    corner = (cell[:, None] + [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]) / columns
    two = [[0, 1, 2], [0, 2, 3]]
    vertices = normalisation_of(points).apply(points)
    return simple_mesh(vertices, quads[:, two].reshape(-1, 3), corner[:, two].reshape(-1, 3, 2))


def _rotation(random: Random) -> NDArray[np.float64]:
    """A turn about Z, and now and then a tilt."""
    yaw, tilt = random.uniform(0, 2 * np.pi), random.choice([0.0, 0.0, 1.0]) * random.uniform(-0.6, 0.6)
    c, s, ct, st = np.cos(yaw), np.sin(yaw), np.cos(tilt), np.sin(tilt)
    about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]], np.float64)
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]], np.float64)
    return about_x @ about_z


def _sphere(radius: Callable[[NDArray[np.float64]], NDArray[np.float64]], segments: int = 40) -> Patch:
    """A closed body around the origin; `radius` of unit directions (..., 3) is (..., 1)."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, segments // 2 + 1)
    profile = np.stack([np.cos(latitude), np.sin(latitude)], axis=-1)
    direction = lathe(profile, segments)
    return direction * radius(direction)


def _superellipsoid(random: Random) -> Part:
    power = random.choice([0.6, 1.0, 1.0, 2.0, 4.0])

    def radius(d: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.power(np.abs(d), 2 * power).sum(axis=-1, keepdims=True)
        return np.power(total, -1 / (2 * power))

    return [_sphere(radius)]


def _bumpy(random: Random) -> Part:
    wave, phase = random.normal(0, 3.0, (3, 4)), random.uniform(0, 2 * np.pi, 4)
    depth = random.uniform(0.03, 0.09)

    def radius(d: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 + depth * np.sin(d @ wave + phase).sum(axis=-1, keepdims=True)

    return [_sphere(radius)]


def _box(random: Random) -> Part:
    half = random.uniform(0.45, 1.0, 3)
    return list(box((-half).tolist(), half.tolist(), 4))


def _turned(random: Random) -> Part:
    """A vase, bottle or chess piece: a smooth random profile, closed at both ends."""
    z = np.linspace(-1, 1, 25)
    wave = random.normal(0, 0.22, 4) / np.arange(1, 5)
    radius = 0.5 + sum(a * np.cos(np.pi * (k + 1) * (z + 1) / 2) for k, a in enumerate(wave))
    radius = np.clip(radius * random.uniform(0.7, 1.2), 0.12, 1.0)
    caps = [(0.001, -1.0), *np.stack([radius, z], -1), (0.001, 1.0)]
    return [lathe(caps, 36)]


def _hollow(random: Random) -> Part:
    """A bowl or a cup with an inside."""
    z = np.linspace(-0.8, 0.8, 17)
    outer = 0.55 + random.uniform(-0.15, 0.35) * z + random.uniform(0, 0.3) * (1 - z**2)
    inner = np.maximum(outer - random.uniform(0.06, 0.15), 0.05)
    wall = [(0.001, -0.8), *np.stack([outer, z], -1), *np.stack([inner, z], -1)[:2:-1], (0.001, z[3])]
    return [lathe(wall, 36)]


def _torus(random: Random) -> Part:
    thick = random.uniform(0.2, 0.4)
    angle = np.linspace(0, 2 * np.pi, 21)
    ring = np.stack([1 - thick + thick * np.cos(angle), thick * np.sin(angle)], axis=-1)
    patch = lathe(ring, 40)
    turn = np.eye(3)[[0, 2, 1]] if random.random() < 0.5 else np.eye(3)
    return [patch @ turn * np.linalg.det(turn)]  # an odd permutation would turn it inside out


def _cylinder(random: Random) -> Part:
    top, height = random.uniform(0.1, 1.0), random.uniform(0.6, 1.3)
    wall = [(0.001, -height), *[(1 - t + top * t, -height + 2 * height * t) for t in np.linspace(0, 1, 9)]]
    return [lathe([*wall, (0.001, height)], 36)]


def _pipe(random: Random) -> Part:
    path = np.cumsum(random.normal((0.0, 0.0, 0.7), 0.5, (4, 3)), axis=0)
    t = np.linspace(0, 3, 19)
    smooth = np.stack([np.interp(t, range(4), path[:, axis]) for axis in range(3)], axis=-1)
    kernel = np.ones(5) / 5
    smooth[2:-2] = np.stack([np.convolve(smooth[:, axis], kernel, "valid") for axis in range(3)], axis=-1)
    return tube(smooth, random.uniform(0.2, 0.35), 14)


_PARTS = (_superellipsoid, _bumpy, _box, _turned, _cylinder, _torus)


def _placed(part: Part, scale: NDArray[np.float64], offset: Sequence[float]) -> Part:
    return [patch * scale + np.asarray(offset) for patch in part]


def _stack(random: Random) -> list[Part]:
    """Two to four bodies on top of each other."""
    parts, height = [], 0.0
    for _ in range(random.integers(2, 5)):
        half = random.uniform(0.25, 0.6)
        part = _PARTS[random.integers(len(_PARTS))](random)
        parts.append(_placed(part, random.uniform(0.4, 0.9) * np.array([1, 1, 0]) + [0, 0, half], (0, 0, height)))
        height += 1.6 * half
    return parts


def _cluster(random: Random) -> list[Part]:
    """A body with smaller ones stuck on it, mirrored left and right: heads, wheels, handles."""
    parts = [_PARTS[random.integers(len(_PARTS))](random)]
    for _ in range(random.integers(1, 3)):
        scale, place = random.uniform(0.25, 0.45) * np.ones(3), random.normal(0, 1, 3)
        place *= 0.95 / np.linalg.norm(place)
        place[0] = abs(place[0])
        part = _PARTS[random.integers(len(_PARTS))](random)
        parts.append(_placed(part, scale, place.tolist()))
        mirrored = _placed(part, scale, place.tolist())
        parts.append([patch[:, ::-1] * [-1, 1, 1] for patch in mirrored])
    return parts


def _table(random: Random) -> list[Part]:
    """A plate on legs."""
    depth, leg = random.uniform(0.5, 1.0), random.uniform(0.06, 0.12)
    legs: Part = []
    for x in (-0.85, 0.85):
        for y in (-0.8 * depth, 0.8 * depth):
            legs += box((x - leg, y - leg, -1), (x + leg, y + leg, -0.05), 2)
    parts = [list(box((-1, -depth, -0.1), (1, depth, 0.1), 4)), legs]
    if random.random() < 0.5:  # a chair
        parts.append(list(box((-1, depth - 0.15, 0.1), (1, depth, 1.2), 4)))
    return parts


def _badge(random: Random) -> list[Part]:
    """A coin or a shield, standing."""
    thick = random.uniform(0.08, 0.3)
    right, up = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])
    rim = lathe([(1.0, -thick), (1.0, thick)], 36) @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return [[rim, disc((0, -thick, 0), right, up, 10), disc((0, thick, 0), -right, up, 10)]]


_BODIES: dict[str, Callable[[Random], list[Part]]] = {
    "ellipsoid": lambda random: [_superellipsoid(random)],
    "bumpy body": lambda random: [_bumpy(random)],
    "box": lambda random: [_box(random)],
    "turned body": lambda random: [_turned(random)],
    "cup": lambda random: [_hollow(random)],
    "ring": lambda random: [_torus(random)],
    "cylinder": lambda random: [_cylinder(random)],
    "pipe": lambda random: [_pipe(random)],
    "stack": _stack,
    "figure": _cluster,
    "furniture": _table,
    "badge": _badge,
}
CARVED = "carved body"
_SHARES = np.array([2, 2, 2, 2, 1, 1, 1, 1, 3, 3, 1, 1, 3]) / 23
