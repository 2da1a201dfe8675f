# SPDX-License-Identifier: GPL-3.0-or-later
"""The acceptance scenes (specs/texture-optimizer.md section 8): meshes whose true colour is known everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from .geometry import Patch, bilinear, box, disc, hexahedron, lathe, line, mesh_of, tube

# colour(points float32 (n, 3), normalised frame) -> float32 (n, 3), the encoded colour in 0..1. It is defined off the
# surface too, because drift looks it up a little beside the point.
Colour = Callable[[NDArray[np.floating]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Scene:
    """A mesh with a UV map and its true colour."""

    name: str
    mesh: MeshData
    colour: Colour


def scenes() -> list[Scene]:
    """All acceptance scenes: bumpy sphere, tent, hollow assembly, vase."""
    return [bumpy_sphere(), tent(), assembly(), vase()]


def bumpy_sphere() -> Scene:
    """A closed smooth body with shallow bumps."""
    patches = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            right, up, out = (np.eye(3)[(axis + k) % 3] for k in (1, 2, 0))
            face = bilinear([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], 40, 40)
            angle = np.tan(face * np.pi / 4)  # equal angles, so that texels are of similar size
            cube = sign * angle[..., :1] * right + angle[..., 1:2] * up + sign * out
            direction = cube / np.linalg.norm(cube, axis=-1, keepdims=True)
            x, y, z = np.moveaxis(direction, -1, 0)
            radius = 1 + 0.05 * np.cos(7 * x + 1) * np.cos(6 * y) + 0.05 * np.cos(8 * z + 3 * x) * np.sin(5 * y + 2)
            patches.append(direction * radius[..., None])
    return Scene("bumpy-sphere", mesh_of(patches), SolidTexture(1))


def tent() -> Scene:
    """A ridge tent of thin cloth, open to the front, with poles, ropes and a ground sheet."""
    t, half, depth, height = 0.012, 0.55, 0.75, 0.8
    patches: list[Patch] = []
    for s in (-1.0, 1.0):  # the two slopes, each a thin slab
        foot, ridge = (s * half, 0.02), (s * 0.005, height)
        inner_foot, inner_ridge = (s * (half - 1.6 * t), 0.02), (s * 0.005, height - 1.9 * t)
        ring = [foot, inner_foot, inner_ridge, ridge] if s > 0 else [inner_foot, foot, ridge, inner_ridge]
        front = [(x, -depth, z) for x, z in ring]
        back = [(x, depth, z) for x, z in ring]
        # The slab seen along +Y: its "bottom" is the back end, its "top" the front end.
        patches += hexahedron(back[::-1], front[::-1], 12)
    wall = [(-half + 0.03, 0.02), (half - 0.03, 0.02), (0.02, height - 0.06), (-0.02, height - 0.06)]
    near, far = [(x, depth - 0.05, z) for x, z in wall], [(x, depth - 0.05 + t, z) for x, z in wall]
    patches += hexahedron(far, near, 12)
    patches += box((-half, -depth, 0.0), (half, depth, t))
    for x, y in ((0.0, -depth + 0.1), (0.0, depth - 0.15)):
        patches += tube(line((x, y, 0.0), (x, y, height - 0.02)), 0.018)
    for s in (-1.0, 1.0):
        patches += tube(line((s * 0.02, -depth - 0.02, height + 0.06), (s * (half + 0.12), -depth - 0.02, 0.0)), 0.014)
        patches += tube(line((s * half * 0.5, 0.0, height * 0.53), (s * (half + 0.3), 0.0, 0.0)), 0.008)
    return Scene("tent", mesh_of(patches), SolidTexture(2))


def assembly() -> Scene:
    """A housing with thick walls and an open front, with pipes, a rod and a knob inside and through it."""
    w = 0.05
    patches = [
        *box((-0.5, -0.35, -0.5), (0.5, 0.35, -0.5 + w)),
        *box((-0.5, -0.35, 0.5 - w), (0.5, 0.35, 0.5)),
        *box((-0.5, -0.35, -0.5 + w), (-0.5 + w, 0.35, 0.5 - w)),
        *box((0.5 - w, -0.35, -0.5 + w), (0.5, 0.35, 0.5 - w)),
        *box((-0.5 + w, 0.35 - w, -0.5 + w), (0.5 - w, 0.35, 0.5 - w)),
    ]
    pipe = [  # outside, front rim, inside, back rim of a hollow pipe along the viewing direction
        lathe([(0.2, z) for z in np.linspace(-0.3, 0.55, 13)]),
        lathe([(0.2, 0.55), (0.16, 0.55)]),
        lathe([(0.16, z) for z in np.linspace(0.55, -0.3, 13)]),
        lathe([(0.16, -0.3), (0.2, -0.3)]),
    ]
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float64)  # Z to -Y
    patches += [p @ turn.T + (-0.12, 0.0, 0.12) for p in pipe]
    patches += tube(line((-0.44, -0.12, -0.26), (0.44, -0.12, -0.26)), 0.035)
    for x in (-0.3, 0.0, 0.3):
        patches += tube(line((x, -0.28, -0.44), (x, -0.28, -0.3)), 0.03)
    arc = np.linspace(0, np.pi, 25)[:, None]
    bend = (0.28, -0.1, 0.0) + 0.14 * (np.sin(arc) * (0, -1, 0) + np.cos(arc) * (0, 0, 1))
    patches += tube(bend, 0.035, 20)
    knob = lathe([(0.001, 0.5), (0.06, 0.5), (0.085, 0.53), (0.09, 0.58), (0.06, 0.63), (0.001, 0.65)], 32)
    patches.append(knob)
    return Scene("assembly", mesh_of(patches), SolidTexture(3))


def vase() -> Scene:
    """A turned vase with an inside and a handle."""
    z = np.linspace(0, 1.1, 45)
    outer = 0.22 + 0.14 * np.sin(2.6 * z + 0.25) - 0.1 * z + 0.09 * np.exp(-(((z - 1.1) / 0.09) ** 2))
    inner = np.maximum(outer - 0.03, 0.03)
    keep = z > 0.05
    patches: list[Patch] = [
        lathe(np.stack([outer, z], -1)),
        lathe([(outer[-1], 1.1), (inner[-1], 1.1)]),
        lathe(np.stack([inner, z], -1)[keep][::-1]),
        disc((0, 0, z[keep][0]), inner[keep][0] * np.eye(3)[0], inner[keep][0] * np.eye(3)[1], 16),
        disc((0, 0, 0), outer[0] * np.eye(3)[1], outer[0] * np.eye(3)[0], 16),
    ]
    angle = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 33)[:, None]
    handle = (0.24, 0.0, 0.66) + np.cos(angle) * (0.24, 0, 0) + np.sin(angle) * (0, 0, 0.27)
    patches += tube(handle, 0.035, 20)
    return Scene("vase", mesh_of(patches), SolidTexture(4))


_GLYPHS = {  # seven rows of five bits each
    "A": (14, 17, 17, 31, 17, 17, 17),
    "B": (30, 17, 17, 30, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "T": (31, 4, 4, 4, 4, 4, 4),
    " ": (0, 0, 0, 0, 0, 0, 0),
}


def _text_bitmap(text: str) -> NDArray[np.bool_]:
    """Bits (7, 6 * length) of a line of text, bottom row first, one empty column after each letter."""
    rows = np.array([_GLYPHS[c] for c in text])[:, ::-1]  # (length, 7)
    bits = (rows[:, :, None] >> np.array([4, 3, 2, 1, 0, 6])) & 1 == 1
    return bits.transpose(1, 0, 2).reshape(7, -1)


class SolidTexture:
    """A colour for every point in space: soft colour fields, hard-edged regions, thin lines and rows of text.

    Text and lines are drawn on the three coordinate planes and carried onto a point along the axis in which the
    point lies farthest out, so that they face outwards. Equal seeds give equal colours.
    """

    cell = 0.0075  # size of a pixel of the letters; a stroke covers about 2.5 pixels of a 512-pixel frame

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._wave = random.normal(0, 7, (3, 9)).astype(np.float32)
        self._phase = random.uniform(0, 2 * np.pi, 9).astype(np.float32)
        self._mix = random.normal(0, 0.05, (9, 3)).astype(np.float32)
        self._palette = random.uniform(0.3, 0.75, (4, 3)).astype(np.float32)
        self._region = random.normal(0, 9, (3, 2)).astype(np.float32)
        self._text = _text_bitmap("ORBIT PAINTER ")

    def __call__(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        points = np.ascontiguousarray(points, np.float32)
        region = np.sin(points @ self._region + 1) > 0
        colour = self._palette[2 * region[:, 0] + region[:, 1]]
        colour = colour + np.cos(points @ self._wave + self._phase) @ self._mix
        u, v, outwards = _dominant_plane(points)
        row, column = np.floor(v / self.cell).astype(np.int32), np.floor(u / self.cell).astype(np.int32)
        block, row = row // 11, row % 11
        letter = self._text[np.minimum(row, 6), (column + 17 * block) % self._text.shape[1]]
        text = letter & (row < 7) & (block % 3 != 1)
        # Thin slanted lines fill the blocks without text; a grid of lines crosses everything.
        hatch = (block % 3 == 1) & ((u + 0.6 * v) % 0.045 < 0.007)
        grid = (u % 0.23 < 0.006) | ((v + 0.11) % 0.25 < 0.006)
        dark = colour.mean(axis=1, keepdims=True) < 0.5
        ink = np.where(dark, np.float32(0.93), np.float32(0.07))
        colour = np.where(text[:, None], ink, colour)
        colour = np.where(hatch[:, None], np.array([0.75, 0.15, 0.12], np.float32), colour)
        colour = np.where(grid[:, None], np.where(outwards[:, None], np.float32(0.12), np.float32(0.9)), colour)
        return np.clip(colour, 0.03, 0.97).astype(np.float32)


def _dominant_plane(
    points: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Coordinates (u right, v up) of each point on the side of the cube it lies nearest to, and whether x + y > 0."""
    x, y, z = points.T
    size = np.abs(points)
    along_x = (size[:, 0] > size[:, 1]) & (size[:, 0] >= size[:, 2])
    along_z = ~along_x & (size[:, 2] > size[:, 1])
    u = np.where(along_x, y * np.sign(x), np.where(along_z, x, -x * np.sign(y)))
    v = np.where(along_z, y * np.sign(z), z)
    return u, v, x + y > 0
