# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample's shape: a ceramic owl on a drum, made of smooth grids. Metres, Z up, front towards -Y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DEPTH = 0.88  # the body is this much narrower from front to back than from side to side

# (radius, height) of the body's outline, bottom to top
OUTLINE = [(0.0, -0.46), (0.17, -0.46), (0.25, -0.435), (0.325, -0.34), (0.36, -0.2), (0.352, -0.06), (0.318, 0.06)]
OUTLINE += [(0.306, 0.14), (0.312, 0.22), (0.3, 0.3), (0.245, 0.37), (0.15, 0.415), (0.0, 0.43)]

EYE_X, EYE_Z, DISC = 0.132, 0.205, 0.15  # centre and radius of the facial discs, seen from the front
WING_ANGLE, WING_TOP, WING_BOTTOM, WING_WIDTH = np.radians(-12), 0.085, -0.405, np.radians(50)
BASE_TOP, BASE_RADIUS = -0.452, 0.33


@dataclass(frozen=True, eq=False)
class Part:
    """vertices float64 (n, 3); faces: vertex indices of each; uv: float64 (corners, 2) of each face."""

    name: str
    vertices: Array
    faces: list[NDArray[np.int64]]
    uv: list[Array]


def owl() -> list[Part]:
    """All parts; faces that lie inside another part are left out."""
    sides = (-1, 1)
    parts = [_body(), _base(), _beak(), _tail()]
    for side in sides:
        parts += [_ear(side), _wing(side), _disc(side), _eye(side), *_toes(side)]
    return [_visible(part) for part in parts]


# The body, in polar coordinates: angle -90 degrees is the front, 0 is +X


def _spline(points: Array, steps: int = 24) -> Array:
    """A Catmull-Rom curve through `points` (n, d)."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.arange(steps)[:, None] / steps
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate([*pieces, points[-1:]])


_CURVE = _spline(np.array(OUTLINE))[24:]  # without the flat bottom
_CURVE[:, 1] = np.maximum.accumulate(_CURVE[:, 1])


def radius(z: Array) -> Array:
    """Half width of the body at height z; 0 outside it."""
    return np.where(z < OUTLINE[0][1], 0.0, np.interp(z, _CURVE[:, 1], np.maximum(_CURVE[:, 0], 0), right=0.0))


def body_point(angle: Array, z: Array, lift: Array | float = 0.0) -> Array:
    """Points on the body, `lift` away from it along its normal."""

    def at(a: Array, h: Array) -> Array:
        r = radius(h)
        return np.stack([r * np.cos(a), DEPTH * r * np.sin(a), h], axis=-1)

    angle, z = np.broadcast_arrays(angle, z)
    normal = np.cross(at(angle + 1e-3, z) - at(angle - 1e-3, z), at(angle, z + 1e-3) - at(angle, z - 1e-3))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    return at(angle, z) + normal * np.asarray(lift)[..., None]


def body_angle(points: Array) -> Array:
    return np.arctan2(points[..., 1] / DEPTH, points[..., 0])


def wing_place(points: Array) -> tuple[Array, Array]:
    """Where points lie on their side's wing: across [-1, 1] (front to back) and down [-1, 1]; outside beyond 1."""
    angle = body_angle(np.stack([np.abs(points[..., 0]), points[..., 1], points[..., 2]], axis=-1))
    down = (WING_TOP + WING_BOTTOM - 2 * points[..., 2]) / (WING_TOP - WING_BOTTOM)
    across = (angle - _wing_centre(down)) / WING_WIDTH
    return across, down


def _wing_centre(down: Array) -> Array:
    """Wings hang backwards: their tips lie further behind than their shoulders."""
    return WING_ANGLE + np.radians(26) * np.clip(down, -1, 1)


def drop_half_width(down: Array) -> Array:
    """A drop, round above and pointed below: its half width at `down` in [-1, 1]."""
    inside = np.clip(1 - down**2, 0, 1)
    return np.where(down > 0, inside**0.85 * (1 - 0.35 * down), np.sqrt(inside))


def _wing_outline(theta: Array) -> tuple[Array, Array]:
    """(across, down) of the wing's border."""
    down = -np.sin(theta)
    return np.sign(np.cos(theta)) * drop_half_width(down), down


# Parts


def _body() -> Part:
    ring = np.linspace(0, 2 * np.pi, 72, endpoint=False)  # begins at +X, so that the seams run under the wings
    curve = _spline(np.array(OUTLINE), 4)
    points = np.stack(
        [
            curve[:, :1] * np.cos(ring),
            DEPTH * curve[:, :1] * np.sin(ring),
            np.broadcast_to(curve[:, 1:], (len(curve), 72)),
        ],
        axis=-1,
    )
    return _tube("body", points, charts=2)


def _base() -> Part:
    outline = [(0.0, -0.56), (0.31, -0.56), (0.33, -0.55), (0.33, -0.47), (0.318, -0.452), (0.0, -0.452)]
    rows = []
    for (r0, z0), (r1, z1), count in zip(outline, outline[1:], (5, 1, 3, 2, 8), strict=False):
        t = np.arange(count)[:, None] / count
        rows.append(np.array([[r0, z0]]) * (1 - t) + np.array([[r1, z1]]) * t)
    curve = np.concatenate([*rows, np.array([outline[-1]])])
    ring = np.linspace(0, 2 * np.pi, 64, endpoint=False) + np.pi / 2
    points = np.stack(
        [curve[:, :1] * np.cos(ring), curve[:, :1] * np.sin(ring), np.broadcast_to(curve[:, 1:], (len(curve), 64))],
        axis=-1,
    )
    side = slice(5, 12)  # the side is one strip, top and bottom are discs
    return _join("base", [_tube("", points[side]), _cap(points[:6]), _cap(points[11:][::-1], turned=True)])


def _ear(side: int) -> Part:
    path = _spline(np.array([(0.17, 0.0, 0.31), (0.215, 0.0, 0.4), (0.25, 0.005, 0.48), (0.285, 0.02, 0.56)]), 4)
    thick = np.interp(np.linspace(0, 1, len(path)), [0, 0.35, 0.8, 1], [0.105, 0.082, 0.033, 0.0])
    return _mirrored("ear", path, thick, thick * 0.72, side, around=24)


def _beak() -> Part:
    y = -DEPTH * radius(np.array(0.16))
    path = _spline(np.array([(0, y + 0.05, 0.2), (0, y - 0.01, 0.185), (0, y - 0.05, 0.15), (0, y - 0.05, 0.085)]), 4)
    thick = np.interp(np.linspace(0, 1, len(path)), [0, 0.45, 0.85, 1], [0.062, 0.052, 0.022, 0.0])
    return _sweep("beak", path, thick, thick * 0.95, around=20)


def _tail() -> Part:
    path = _spline(np.array([(0, 0.2, -0.26), (0, 0.3, -0.34), (0, 0.365, -0.41), (0, 0.415, -0.475)]), 4)
    thick = np.interp(np.linspace(0, 1, len(path)), [0, 0.7, 0.93, 1], [0.12, 0.15, 0.11, 0.0])
    return _sweep("tail", path, thick, np.minimum(thick * 0.3, 0.032), around=24)


def _toes(side: int) -> list[Part]:
    toes = []
    for turn in (-0.38, 0.0, 0.38):
        direction = np.array([np.sin(turn), -np.cos(turn)])
        start = np.array([0.105 + 0.018 * np.sin(turn), -0.16])
        along = np.linspace(0, 0.145 if turn == 0 else 0.13, 9)
        xy = start + along[:, None] * direction
        t = np.linspace(0, 1, 9)
        height = BASE_TOP + 0.02 + 0.02 * np.sin(np.pi * np.clip(t * 0.9, 0, 1))
        thick = 0.034 * np.sqrt(np.clip(1 - ((t - 0.55) / 0.45) ** 2, 0, 1)) * (t > 0.5) + 0.03 * (t <= 0.5)
        thick = np.where(t <= 0.5, 0.026 + 0.016 * t, np.maximum(thick, 0))
        toes.append(_mirrored("toe", np.column_stack([xy, height]), thick, thick * 0.95, side, around=14))
    return toes


def _disc(side: int) -> Part:
    """A shallow dish that follows the face."""
    rings, around = 9, 40
    rho = np.linspace(0, 1, rings)[:, None] ** 0.8
    theta = np.linspace(0, 2 * np.pi, around, endpoint=False)
    x = EYE_X + DISC * rho * np.cos(theta)
    z = EYE_Z + DISC * rho * np.sin(theta)
    angle = -np.arccos(np.clip(x / np.maximum(radius(z), 1e-6), -0.98, 0.98))
    lift = 0.030 * (1 - rho**10) - 0.014 - 0.014 * np.exp(-((rho / 0.75) ** 4))
    points = body_point(angle, z, np.broadcast_to(lift, x.shape))
    return _reflect(_cap(points[::-1], "disc"), side)


def _eye(side: int) -> Part:
    centre = body_point(np.array(-np.arccos(EYE_X / radius(np.array(EYE_Z)))), np.array(EYE_Z), 0.0)
    forward = np.array([0.12, -1.0, 0.0])
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    up = np.cross(right, forward)
    polar = np.linspace(0, np.radians(105), 9)[:, None]
    theta = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    r = 0.072
    disc = np.sin(polar) * np.cos(theta), np.sin(polar) * np.sin(theta), np.broadcast_to(np.cos(polar), (9, 28))
    points = centre + r * (disc[0][..., None] * -right + disc[1][..., None] * up + 0.72 * disc[2][..., None] * forward)
    return _reflect(_cap(points[::-1], "eye"), side)


def _wing(side: int) -> Part:
    rings, around = 16, 56
    rho = np.sin(np.linspace(0, np.pi / 2, rings))[:, None]
    theta = np.linspace(0, 2 * np.pi, around, endpoint=False)
    across, down = _wing_outline(theta)
    across, down = rho * across, rho * down
    z = (WING_TOP + WING_BOTTOM - down * (WING_TOP - WING_BOTTOM)) / 2
    angle = _wing_centre(down) + WING_WIDTH * across
    flare = 0.03 * np.clip(down, 0, 1) ** 2
    lift = (0.045 + flare) * (1 - rho**8) - 0.012
    return _reflect(_cap(body_point(angle, z, lift)[::-1], "wing"), side)


# Grids


def _sweep(name: str, path: Array, wide: Array, deep: Array, around: int) -> Part:
    """A tube along `path` (n, 3); half widths across X and across the other direction; ends where they are 0."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    across = np.array([1.0, 0.0, 0.0]) - tangent[:, :1] * tangent
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(tangent, across)
    theta = np.linspace(0, 2 * np.pi, around, endpoint=False) + np.pi / 2
    points = (
        path[:, None]
        + (wide[:, None] * np.cos(theta))[..., None] * across[:, None]
        + (deep[:, None] * np.sin(theta))[..., None] * other[:, None]
    )
    return _tube(name, points)


def _mirrored(name: str, path: Array, wide: Array, deep: Array, side: int, around: int) -> Part:
    return _reflect(_sweep(name, path, wide, deep, around), side)


def _reflect(part: Part, side: int) -> Part:
    if side > 0:
        return part
    faces = [face[::-1] for face in part.faces]
    uv = [corners[::-1] * (-1, 1) for corners in part.uv]
    return Part(part.name, part.vertices * (-1, 1, 1), faces, uv)


def _tube(name: str, points: Array, charts: int = 1) -> Part:
    """A grid (rows, around, 3) closed around; UVs by the sinusoidal projection, cut into `charts` strips."""
    rows, around = points.shape[:2]
    length = np.linalg.norm(np.roll(points, -1, axis=1) - points, axis=2).mean(axis=1)
    step = np.linalg.norm(np.diff(points, axis=0), axis=2).mean(axis=1)
    v = np.concatenate([[0], np.cumsum(step)])
    width = around // charts

    def uv(row: int, column: int, chart: int) -> tuple[float, float]:
        return (column - (chart + 0.5) * width) * length[row] + 4 * chart, v[row]

    quads, corners = [], []
    for i in range(rows - 1):
        for j in range(around):
            k = (j + 1) % around
            quads.append([i * around + j, i * around + k, (i + 1) * around + k, (i + 1) * around + j])
            c = j // width
            corners.append([uv(i, j, c), uv(i, j + 1, c), uv(i + 1, j + 1, c), uv(i + 1, j, c)])
    return _welded(name, points.reshape(-1, 3), np.array(quads), np.array(corners))


def _cap(points: Array, name: str = "", turned: bool = False) -> Part:
    """A grid (rings, around, 3) whose first or last ring is one point; UVs as a disc."""
    rows, around = points.shape[:2]
    inside = points if np.ptp(points[0], axis=0).max() < 1e-9 else points[::-1]
    step = np.linalg.norm(np.diff(inside, axis=0), axis=2).mean(axis=1)
    r = np.concatenate([[0], np.cumsum(step)])
    r = r if inside is points else r[::-1]
    theta = np.linspace(0, 2 * np.pi, around + 1)
    quads, corners = [], []
    for i in range(rows - 1):
        for j in range(around):
            k = (j + 1) % around
            quads.append([i * around + j, i * around + k, (i + 1) * around + k, (i + 1) * around + j])
            spots = ((i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j))
            corners.append([(r[a] * np.cos(theta[b]), r[a] * np.sin(theta[b])) for a, b in spots])
    quads, corners = np.array(quads), np.array(corners)
    if turned:
        quads, corners = quads[:, ::-1], corners[:, ::-1]
    return _welded(name, points.reshape(-1, 3), quads, corners)


def _welded(name: str, vertices: Array, quads: NDArray[np.int64], uv: Array) -> Part:
    """Join points at the same place; quads that lose a side become triangles."""
    _, first, same = np.unique(np.round(vertices, 7), axis=0, return_index=True, return_inverse=True)
    same = same.reshape(-1)
    faces, corners = [], []
    for quad, places in zip(same[quads], uv, strict=True):
        keep = quad != np.roll(quad, 1)
        if keep.sum() >= 3:
            faces.append(quad[keep])
            corners.append(places[keep])
    return Part(name, vertices[first], faces, corners)


def _join(name: str, parts: list[Part]) -> Part:
    vertices, faces, uv = [], [], []
    start = 0
    for index, part in enumerate(parts):
        vertices.append(part.vertices)
        faces += [face + start for face in part.faces]
        uv += [corners + np.array([5 * index, 0]) for corners in part.uv]
        start += len(part.vertices)
    everything = np.concatenate(vertices)
    _, first, same = np.unique(np.round(everything, 7), axis=0, return_index=True, return_inverse=True)
    return Part(name, everything[first], [same.reshape(-1)[face] for face in faces], uv)


# What cannot be seen


def _visible(part: Part) -> Part:
    hidden = _inside(part)
    kept = [i for i, face in enumerate(part.faces) if not hidden[face].all()]
    used = np.unique(np.concatenate([part.faces[i] for i in kept]))
    number = np.full(len(part.vertices), -1)
    number[used] = np.arange(len(used))
    faces = [number[part.faces[i]] for i in kept]
    return Part(part.name, part.vertices[used], faces, [part.uv[i] for i in kept])


def _inside(part: Part) -> NDArray[np.bool_]:
    x, y, z = part.vertices.T
    in_base = (z < BASE_TOP - 0.004) & (np.hypot(x, y) < BASE_RADIUS - 0.02)
    if part.name == "body":
        across, down = wing_place(part.vertices)
        under_wing = (np.abs(across) < 0.72 * drop_half_width(down)) & (np.abs(down) < 0.8)
        under_disc = (np.hypot(np.abs(x) - EYE_X, z - EYE_Z) < 0.8 * DISC) & (y < 0)
        return in_base | under_wing | under_disc
    depth = radius(z) - np.hypot(x, y / DEPTH)
    if part.name in ("wing", "disc"):
        return np.zeros(len(x), bool)
    if part.name == "base":
        return (z > BASE_TOP - 0.001) & (np.hypot(x, y) < 0.17)
    return (depth > 0.012) | (in_base if part.name in ("toe", "tail") else np.zeros(len(x), bool))
