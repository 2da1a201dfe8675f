# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample's paint: a colour for every point of the owl, as folk-art ornaments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .owl_shape import BASE_TOP, DISC, EYE_X, EYE_Z, Array, body_angle, drop_half_width, wing_place

Mask = NDArray[np.bool_]

CREAM, TEAL, DEEP, CORAL = (0.957, 0.914, 0.827), (0.122, 0.373, 0.396), (0.075, 0.204, 0.243), (0.839, 0.318, 0.247)
MUSTARD, ROSE, SKY, ORANGE = (0.906, 0.667, 0.235), (0.925, 0.612, 0.537), (0.435, 0.678, 0.671), (0.898, 0.478, 0.165)
WHITE, WINE = (0.992, 0.984, 0.965), (0.541, 0.165, 0.192)


def paint(points: Array, name: str) -> Array:
    """sRGB in [0, 1], float64 (n, 3), of points (n, 3) on the part `name`."""
    colour = {
        "body": _body,
        "wing": _wing,
        "disc": _disc,
        "eye": _eye,
        "ear": _ear,
        "beak": _beak,
        "toe": _toe,
        "tail": _tail,
        "base": _base,
    }[name](points)
    return np.clip(colour * _brush(points)[:, None], 0, 1)


def _brush(p: Array) -> Array:
    """Paint lies a little thicker here and thinner there, and is lighter towards the top."""
    x, y, z = p.T
    wash = np.sin(7 * x + 3 * z + 1) * np.sin(5 * y - 6 * z) + 0.6 * np.sin(17 * x - 9 * y + 4) * np.sin(
        13 * z + 11 * y
    )
    streak = np.sin(90 * z + 5 * np.sin(9 * x) + 4 * np.sin(11 * y)) * np.sin(23 * x + 19 * y + 6 * z)
    return 0.985 + 0.02 * wash + 0.014 * streak + 0.03 * z


def _fill(count: int, colour: tuple[float, float, float]) -> Array:
    return np.tile(np.array(colour), (count, 1))


def _scales(x: Array, y: Array, width: float, height: float) -> tuple[NDArray[np.int64], Array, Array]:
    """Overlapping scales that hang down, upper rows over lower ones: row, dx, dy (in radii).

    Row 0 is centred on y = 0; rows go down.
    """
    size = 0.56 * width
    first = np.floor(-y / height).astype(np.int64)
    row = np.zeros(len(x), np.int64)
    dx, dy = np.zeros(len(x)), np.zeros(len(x))
    done = np.zeros(len(x), bool)
    for k in range(-3, 3):
        this = first + k
        shift = 0.5 * (this % 2)
        cell = np.round(x / width - shift)
        u, v = (x - (cell + shift) * width) / size, (y + this * height) / size
        hit = ~done & (np.hypot(u, v) <= 1)
        for target, value in ((row, this), (dx, u), (dy, v)):
            target[hit] = value[hit]
        done |= hit
    return row, dx, dy


def _flower(c: Array, x: Array, y: Array, size: float, petals: int, outer, inner, heart, turn: float = 0.0) -> Mask:
    """Paint a flower of `size` centred on (0, 0) into c; where it is."""
    r, a = np.hypot(x, y) / size, np.arctan2(y, x) + turn
    shape = 0.62 + 0.38 * np.abs(np.cos(a * petals / 2)) ** 0.7
    c[r < shape] = outer
    c[r < 0.66 * shape] = inner
    c[(r < 0.62) & (np.abs(np.cos(a * petals / 2)) > 0.985)] = outer
    c[r < 0.27] = heart
    c[r < 0.12] = CREAM
    return r < shape


def _leaf(c: Array, x: Array, y: Array, length: float, width: float, turn: float, colour, vein) -> None:
    """A pointed leaf that starts at (0, 0)."""
    u = (x * np.cos(turn) + y * np.sin(turn)) / length
    v = (-x * np.sin(turn) + y * np.cos(turn)) / width
    inside = (u > 0) & (u < 1) & (np.abs(v) < np.sin(np.pi * np.clip(u, 0, 1)) ** 0.8)
    c[inside] = colour
    c[inside & (np.abs(v) < 0.13) & (u < 0.85)] = vein


def _dots(x: Array, y: Array, step: float, size: float) -> Mask:
    row = np.round(y / step)
    column = x / step - 0.5 * (row % 2)
    return np.hypot(column - np.round(column), y / step - row) < size / step


# Parts


def _body(p: Array) -> Array:
    x, y, z = p.T
    c = _fill(len(p), TEAL)
    angle = body_angle(p) + np.pi / 2
    around = angle * 0.34
    c[_dots(around, z - 0.02, 0.058, 0.0105)] = SKY
    front = y < 0
    _belly(c, x, z, front)
    _collar(c, around, z)
    _hem(c, around, z)
    _forehead(c, np.where(front, x, 9.0), z)
    return c


def _belly(c: Array, x: Array, z: Array, front: Mask) -> None:
    r = np.where(front, np.hypot(x / 0.235, (z + 0.2) / 0.235), 9)
    c[r < 1.0] = CORAL
    c[r < 0.93] = CREAM
    theta = np.arctan2(z + 0.2, x) * 36 / (2 * np.pi)
    pearl = np.hypot((theta - np.round(theta)) * 0.155, r - 0.865) < 0.042
    c[pearl] = TEAL
    inner = r < 0.79
    row, dx, dy = _scales(x, z + 0.055, 0.088, 0.06)
    fills = np.array([CORAL, MUSTARD, SKY, ROSE])[row % 4]
    far = np.hypot(dx, dy)
    scale = np.where((far > 0.9)[:, None], np.array(DEEP), fills)
    scale[(far < 0.9) & (far > 0.74)] = CREAM
    drop = np.hypot(dx / 0.24, (dy + 0.3) / 0.36) < 1
    scale[drop] = np.array([WINE, ORANGE, TEAL, CORAL])[row % 4][drop]
    c[inner] = scale[inner]
    c[(r < 0.79) & (r > 0.755)] = DEEP


def _collar(c: Array, around: Array, z: Array) -> None:
    band = np.abs(z - 0.042)
    c[band < 0.036] = CREAM
    c[band < 0.030] = CORAL
    t = around / 0.0445
    saw = np.abs(t - np.round(t)) * 2
    inside = band < 0.030
    c[inside & (z - 0.042 < 0.026 - 0.052 * saw)] = WINE
    c[inside & (np.hypot((t - np.round(t)) * 0.0445, z - 0.034) < 0.0095)] = MUSTARD


def _hem(c: Array, around: Array, z: Array) -> None:
    c[z < -0.385] = DEEP
    t = around / 0.07
    c[(z < -0.385) & (np.hypot((t - np.round(t)) * 0.07, z + 0.385) < 0.03)] = MUSTARD
    c[(z < -0.385) & (np.hypot((t - np.round(t)) * 0.07, z + 0.385) < 0.018)] = CORAL
    c[np.abs(z + 0.385) < 0.005] = CREAM
    c[np.hypot((t - np.floor(t) - 0.5) * 0.07, z + 0.418) < 0.010] = CREAM


def _forehead(c: Array, x: Array, z: Array) -> None:
    y = z - 0.315
    for side in (-1, 1):
        _leaf(c, side * x, y + 0.01, 0.1, 0.022, 0.25, SKY, TEAL)
        _leaf(c, side * x, y + 0.01, 0.085, 0.02, 0.85, MUSTARD, TEAL)
    _flower(c, x, y, 0.052, 6, CORAL, ROSE, MUSTARD, np.pi / 6)


def _wing(p: Array) -> Array:
    across, down = wing_place(p)
    x, y = across * 0.3, -down * 0.245
    c = _fill(len(p), CORAL)
    row, dx, dy = _scales(x, y - 0.02, 0.1, 0.06)
    far = np.hypot(dx, dy)
    index = np.clip(row, 0, 4)
    fills = np.array([MUSTARD, CREAM, SKY, ROSE, MUSTARD])[index]
    marks = np.array([CORAL, TEAL, DEEP, WINE, CORAL])[index]
    feather = np.where((far > 0.88)[:, None], np.array(DEEP), fills)
    quill = (np.abs(dx) < 0.075) & (dy > -0.62)
    feather[quill] = marks[quill]
    bud = np.hypot(dx, dy + 0.42) < 0.2
    feather[bud] = marks[bud]
    low = (row >= 0) & (y < 0.05)
    c[low] = feather[low]
    shoulder = ~low
    local = c[shoulder]
    fx, fy = x[shoulder], y[shoulder] - 0.125
    for turn in np.radians((20, 160, 215, 325)):
        _leaf(local, fx, fy, 0.125, 0.026, float(turn), DEEP, SKY)
    local[np.hypot(np.abs(fx) - 0.115, fy - 0.045) < 0.011] = CREAM
    _flower(local, fx, fy, 0.07, 8, CREAM, MUSTARD, WINE)
    c[shoulder] = local
    rim = (np.abs(across) > 0.9 * drop_half_width(down)) | (np.abs(down) > 0.955)
    c[rim] = DEEP
    return c


def _disc(p: Array) -> Array:
    x, z = np.abs(p[:, 0]) - EYE_X, p[:, 2] - EYE_Z
    r, a = np.hypot(x, z) / DISC, np.arctan2(z, x)
    c = _fill(len(p), CREAM)
    t = a * 18 / (2 * np.pi)
    ray = np.abs(t - np.round(t))
    petal = (ray < 0.33 * np.sqrt(np.clip(1 - ((r - 0.7) / 0.17) ** 2, 0, 1))) & (np.abs(r - 0.7) < 0.17)
    c[petal] = np.where((np.round(t) % 2 == 0)[:, None], np.array(CORAL), np.array(MUSTARD))[petal]
    c[r > 0.895] = DEEP
    pearl = np.hypot((ray) * 2 * np.pi * r / 18, r - 0.945) < 0.028
    c[pearl] = CREAM
    c[r < 0.515] = TEAL
    return c


def _eye(p: Array) -> Array:
    x, z = np.abs(p[:, 0]) - EYE_X, p[:, 2] - EYE_Z
    r, a = np.hypot(x, z) / 0.072, np.arctan2(z, x)
    c = _fill(len(p), DEEP)
    c[r < 0.93] = MUSTARD
    t = a * 20 / (2 * np.pi)
    c[(r < 0.93) & (np.abs(t - np.round(t)) < 0.16) & (r > 0.66)] = ORANGE
    c[r < 0.6] = (0.055, 0.075, 0.11)
    c[np.hypot(p[:, 0] - np.sign(p[:, 0]) * EYE_X + 0.016, z - 0.019) < 0.0145] = WHITE
    c[np.hypot(p[:, 0] - np.sign(p[:, 0]) * EYE_X - 0.015, z + 0.016) < 0.006] = WHITE
    return c


def _ear(p: Array) -> Array:
    x, y, z = np.abs(p[:, 0]), p[:, 1], p[:, 2]
    c = _fill(len(p), TEAL)
    middle = np.interp(z, [0.31, 0.4, 0.48, 0.56], [0.17, 0.215, 0.25, 0.285])
    half = np.interp(z, [0.3, 0.36, 0.43, 0.5, 0.545], [0.0, 0.05, 0.045, 0.02, 0.0])
    inside = (y < 0.01) & (np.abs(x - middle - 0.004) < half)
    c[(y < 0.01) & (np.abs(x - middle - 0.004) < half + 0.011) & (z > 0.32)] = CREAM
    c[inside] = CORAL
    c[inside & (np.abs(x - middle - 0.004) < 0.35 * half)] = MUSTARD
    c[z > 0.522] = MUSTARD
    return c


def _beak(p: Array) -> Array:
    c = _fill(len(p), ORANGE)
    c[p[:, 2] < 0.112] = WINE
    c[np.abs(p[:, 2] - 0.114) < 0.004] = CREAM
    c[np.hypot(np.abs(p[:, 0]) - 0.018, (p[:, 2] - 0.176) * 0.7) < 0.006] = WINE
    return c


def _toe(p: Array) -> Array:
    c = _fill(len(p), MUSTARD)
    reach = np.hypot(np.abs(p[:, 0]) - 0.105, p[:, 1] + 0.16)
    c[np.abs(reach - 0.06) < 0.006] = ORANGE
    c[np.abs(reach - 0.085) < 0.006] = ORANGE
    c[reach > 0.122] = DEEP
    return c


def _tail(p: Array) -> Array:
    bands = np.array([TEAL, CREAM, CORAL, MUSTARD, DEEP, CREAM, CORAL])
    t = (0.45 - p[:, 1] + 0.35 * np.abs(p[:, 0])) / 0.036
    return bands[np.clip(t.astype(int), 0, 6)]


def _base(p: Array) -> Array:
    x, y, z = p.T
    around = np.arctan2(x, -y) / (2 * np.pi)
    c = _fill(len(p), WINE)
    r = np.hypot(x, y)
    top = z > BASE_TOP - 0.008
    c[top] = DEEP
    c[top & (np.abs(r - 0.285) < 0.006)] = CREAM
    c[top & (r > 0.312)] = MUSTARD
    t = around * 32
    saw = np.abs(t - np.round(t)) * 2
    side = (z < -0.468) & (z > -0.548)
    c[side] = CREAM
    c[side & ((z + 0.508) < 0.034 - 0.07 * saw)] = CORAL
    c[side & ((z + 0.508) < -0.004 - 0.07 * saw)] = MUSTARD
    u = t - np.floor(t) - 0.5
    c[side & (np.hypot(u * 0.065, z + 0.487) < 0.008)] = TEAL
    c[(z <= -0.548) | ((z >= -0.468) & ~top)] = WINE
    return c
