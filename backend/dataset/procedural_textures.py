# SPDX-License-Identifier: GPL-3.0-or-later
"""Random base colours as functions of the point and the normal: stripes, checks, plaid, noise, text and logos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.floating]
# Points (n, 3) and their unit normals -> weight of the second colour, float32 (n,), 0...1
Pattern = Callable[[Points, Points], NDArray[np.float32]]
Random = np.random.Generator

# A small set of signs, 5 x 7 bits each, top row first: enough for words that mean nothing.
_SIGNS = {
    "A": (14, 17, 17, 31, 17, 17, 17), "C": (14, 17, 16, 16, 16, 17, 14), "E": (31, 16, 16, 30, 16, 16, 31),
    "H": (17, 17, 17, 31, 17, 17, 17), "K": (17, 18, 20, 24, 20, 18, 17), "L": (16, 16, 16, 16, 16, 16, 31),
    "O": (14, 17, 17, 17, 17, 17, 14), "R": (30, 17, 17, 30, 20, 18, 17), "T": (31, 4, 4, 4, 4, 4, 4),
    "X": (17, 17, 10, 4, 10, 17, 17), "3": (30, 1, 1, 14, 1, 1, 30), "7": (31, 1, 2, 4, 8, 8, 8),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class SolidColour:
    """Base colour of every point; each part of the body has a pattern, all parts share the decoration.

    parts   for each part: two sRGB colours float32 (2, 3) in 0...1 and the pattern that mixes them
    layers  drawn over all parts, in order: colour (3,) and its cover
    """

    parts: tuple[tuple[NDArray[np.float32], Pattern], ...]
    layers: tuple[tuple[NDArray[np.float32], Pattern], ...]
    words: str

    def __call__(self, points: Points, normals: Points, part: NDArray[np.integer]) -> NDArray[np.float32]:
        """sRGB float32 (n, 3) of points (n, 3) in the normalised frame, with unit normals, on the parts `part` (n,)."""
        colour = np.empty((len(points), 3), np.float32)
        for number, (colours, pattern) in enumerate(self.parts):
            rows = np.flatnonzero(part == number)
            weight = pattern(points[rows], normals[rows])[:, None]
            colour[rows] = (1 - weight) * colours[0] + weight * colours[1]
        for paint, cover in self.layers:
            weight = cover(points, normals)[:, None]
            colour = (1 - weight) * colour + weight * paint
        return colour


def random_colour(random: Random, parts: int, patterns: Sequence[str] = ()) -> SolidColour:
    """A colouring for a body of so many parts. patterns: names of the surfaces to choose from, and of what is
    drawn over each of them (see PATTERNS); empty: any surface, and now and then something over it.
    """
    surfaces = [name for name in SURFACES if not patterns or name in patterns]
    palette = _palette(random)
    made, words = [], []
    for _ in range(parts):
        name = str(random.choice(surfaces))
        words.append(name)
        pair = palette[random.choice(len(palette), 2, replace=False)]
        made.append((pair, SURFACES[name](random)))
    layers = []
    for name, make in DECORATIONS.items():
        if name in patterns or (not patterns and random.random() < 0.18):
            words.append(name)
            paint = _WEATHER.get(name, palette[random.integers(len(palette))])
            layers.append((np.asarray(paint, np.float32), make(random)))
    return SolidColour(tuple(made), tuple(layers), ", ".join(dict.fromkeys(words)))


def _palette(random: Random) -> NDArray[np.float32]:
    """Five sRGB colours that differ."""
    hue = (random.uniform() + np.array([0, 0.08, 0.35, 0.55, 0.5]) + random.normal(0, 0.05, 5)) % 1
    saturation, value = random.uniform(0.15, 0.95, 5), np.sort(random.uniform(0.2, 1.0, 5))
    k = (np.array([5, 3, 1]) + hue[:, None] * 6) % 6
    rgb = value[:, None] * (1 - saturation[:, None] * np.clip(np.minimum(k, 4 - k), 0, 1))
    return random.permutation(rgb).astype(np.float32)


def _direction(random: Random) -> NDArray[np.float64]:
    """Mostly an axis, else any direction."""
    if random.random() < 0.7:
        return np.eye(3)[random.choice(3, p=[0.25, 0.25, 0.5])]
    d = random.normal(size=3)
    return d / np.linalg.norm(d)


def _across(random: Random) -> NDArray[np.float64]:
    """Any direction across the front view: what changes along it is seen there, and goes on at the back."""
    angle = random.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), 0.0, np.sin(angle)])


def _stripes(random: Random, low: float = 0.12, high: float = 0.4) -> Pattern:
    direction, width, phase = _direction(random), random.uniform(low, high), random.uniform(0, 1)
    share = random.uniform(0.3, 0.7)
    return lambda p, _: (((p @ direction) / width + phase) % 1 < share).astype(np.float32)


def _checks(random: Random) -> Pattern:
    width, phase = random.uniform(0.12, 0.3), random.uniform(0, 1, 3)
    return lambda p, _: (np.floor(p / width + phase).sum(axis=1) % 2).astype(np.float32)


def _plaid(random: Random) -> Pattern:
    first, second = _stripes(random), _stripes(random)
    return lambda p, n: 0.5 * (first(p, n) + second(p, n))


def _field(random: Random, scale: float) -> Callable[[Points], NDArray[np.float32]]:
    wave, phase = random.normal(0, scale, (3, 5)), random.uniform(0, 2 * np.pi, 5)
    return lambda p: np.cos(p @ wave + phase).sum(axis=1).astype(np.float32)


def _noise(random: Random) -> Pattern:
    field = _field(random, 9.0)
    return lambda p, _: np.clip(0.5 + 0.3 * field(p), 0, 1).astype(np.float32)


def _spots(random: Random) -> Pattern:
    field, level = _field(random, 10.0), random.uniform(-0.5, 1.0)
    return lambda p, _: (field(p) > level).astype(np.float32)


def _gradient(random: Random) -> Pattern:
    direction = _direction(random)
    return lambda p, _: np.clip(0.5 + p @ direction, 0, 1).astype(np.float32)


def _plain(random: Random) -> Pattern:
    field = _field(random, 4.0)
    return lambda p, _: np.clip(0.06 * (field(p) + 1), 0, 1).astype(np.float32)


def _facing(random: Random) -> Pattern:
    """Another colour where the surface looks in a direction that the front shows: snow, dust, a painted lid."""
    direction, level = _across(random), random.uniform(-0.3, 0.6)
    return lambda _, n: np.clip(0.5 + 4 * (n @ direction - level), 0, 1).astype(np.float32)


def _waves(random: Random) -> Pattern:
    """Wide soft bands."""
    direction, length, phase = _across(random), random.uniform(0.6, 1.4), random.uniform(0, 2 * np.pi)
    return lambda p, _: (0.5 + 0.5 * np.cos(2 * np.pi / length * (p @ direction) + phase)).astype(np.float32)


SURFACES: dict[str, Callable[[Random], Pattern]] = {
    "stripes": _stripes,
    "checks": _checks,
    "plaid": _plaid,
    "noise": _noise,
    "spots": _spots,
    "gradient": _gradient,
    "plain": _plain,
    "facing": _facing,
    "waves": _waves,
}


def _band(random: Random) -> Pattern:
    """One belt around the body."""
    direction, height, half = _direction(random), random.uniform(-0.25, 0.25), random.uniform(0.03, 0.08)
    return lambda p, _: (np.abs(p @ direction - height) < half).astype(np.float32)


def _logo(random: Random) -> Pattern:
    """A star, a ring or a disc, seen from the front and from the back."""
    centre, radius = random.uniform(-0.15, 0.15, 2), random.uniform(0.12, 0.25)
    points, hole = random.choice([0, 0, 3, 5, 6]), random.choice([0.0, 0.0, 0.5])

    def cover(p: Points, _: Points) -> NDArray[np.float32]:
        x, z = p[:, 0] - centre[0], p[:, 2] - centre[1]
        reach = radius * (1 + 0.35 * np.cos(points * np.arctan2(x, z))) if points else radius
        distance = np.hypot(x, z)
        return ((distance < reach) & (distance >= hole * radius)).astype(np.float32)

    return cover


def _text(random: Random) -> Pattern:
    """Rows of letters on the front and the back, readable from outside."""
    letters = random.choice(list(_SIGNS), 4)
    bits = np.array(
        [[[(row << 1) >> (5 - x) & 1 for x in range(6)] for row in _SIGNS[str(letter)]] for letter in letters]
    )
    bitmap = np.concatenate(list(bits), axis=1).astype(bool)  # (7, 24), top row first
    cell, top = random.uniform(0.025, 0.05), random.uniform(0.0, 0.3)

    def cover(p: Points, _: Points) -> NDArray[np.float32]:
        x = np.where(p[:, 1] < 0, p[:, 0], -p[:, 0])
        column = np.floor(x / cell).astype(int) % bitmap.shape[1]
        row = np.floor((top - p[:, 2]) / cell).astype(int)
        inside = (row >= 0) & (row < 7)
        return (inside & bitmap[np.clip(row, 0, 6), column]).astype(np.float32)

    return cover


def _dust(random: Random) -> Pattern:
    """What lies on surfaces that look up."""
    level, strength = random.uniform(0.1, 0.4), random.uniform(0.75, 0.95)
    return lambda _, n: (strength * np.clip((n[:, 2] - level) / 0.4, 0, 1)).astype(np.float32)


def _dirt(random: Random) -> Pattern:
    """What has splashed up from below."""
    height, strength = random.uniform(-0.2, 0.05), random.uniform(0.75, 0.95)
    return lambda p, _: (strength * np.clip((height - p[:, 2]) / 0.25, 0, 1)).astype(np.float32)


def _wear(random: Random) -> Pattern:
    """What stands out far from the middle is rubbed down to the copper."""
    reach, strength = random.uniform(0.36, 0.42), random.uniform(0.75, 0.95)
    return lambda p, _: (strength * np.clip((np.linalg.norm(p, axis=1) - reach) / 0.1, 0, 1)).astype(np.float32)


# The colours of weather are not the object's own.
_WEATHER = {"dirt": (0.24, 0.17, 0.11), "dust": (0.87, 0.85, 0.79), "wear": (0.8, 0.42, 0.2)}
DECORATIONS: dict[str, Callable[[Random], Pattern]] = {
    "band": _band,
    "logo": _logo,
    "text": _text,
    "dirt": _dirt,
    "dust": _dust,
    "wear": _wear,
}
PATTERNS = (*SURFACES, *DECORATIONS)
