# SPDX-License-Identifier: GPL-3.0-or-later
"""Carved bodies: one solid cut by others (intersection, subtraction, union), from signed fields by surface nets.

A field is negative inside. Cutting fields cannot fail as cutting meshes can: the result is always closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # points (..., 3) -> (...)
Random = np.random.Generator
_CELLS = 48  # of the grid along a side
_REACH = 1.25  # half its side; all solids lie well inside


@dataclass(frozen=True, eq=False)
class Carved:
    """vertices float64 (V, 3); quads int64 (Q, 4), counter-clockwise from outside; cut: bool (Q,), made by a cut."""

    vertices: NDArray[np.float64]
    quads: NDArray[np.int64]
    cut: NDArray[np.bool_]


def carved_body(random: Random) -> Carved:
    """A block, ball or drum, perhaps rounded off by a ball, with one to three notches, dents or holes."""
    axis = np.linspace(-_REACH, _REACH, _CELLS + 1)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    whole = [_ball, _block, _drum][random.integers(3)](random, 0.6, 1.0)
    if random.random() < 0.4:
        whole = intersection(whole, _ball(random, 0.9, 1.1))
    if random.random() < 0.3:
        whole = union(whole, _moved(_drum(random, 0.3, 0.5), random.uniform(-0.6, 0.6, 3)))
    tools = [_tool(random) for _ in range(random.integers(1, 4))]
    body = whole
    for tool in tools:
        body = subtraction(body, tool)
    vertices, quads = surface_net(body(points), -_REACH, 2 * _REACH / _CELLS)
    centre = vertices[quads].mean(axis=1)
    cut = np.min([np.abs(tool(centre)) for tool in tools], axis=0) < np.abs(whole(centre))
    return Carved(vertices, quads, cut)


def union(a: Field, b: Field) -> Field:
    """What lies in either."""
    return lambda p: np.minimum(a(p), b(p))


def intersection(a: Field, b: Field) -> Field:
    """What lies in both."""
    return lambda p: np.maximum(a(p), b(p))


def subtraction(a: Field, b: Field) -> Field:
    """What lies in `a` and not in `b`."""
    return lambda p: np.maximum(a(p), -b(p))


def _ball(random: Random, low: float, high: float) -> Field:
    radius = random.uniform(low, high)
    return lambda p: np.linalg.norm(p, axis=-1) - radius


def _block(random: Random, low: float, high: float) -> Field:
    half = random.uniform(low, high, 3)
    return lambda p: (np.abs(p) - half).max(axis=-1)


def _drum(random: Random, low: float, high: float) -> Field:
    """A cylinder along one of the axes."""
    radius, height, axis = random.uniform(low, high), random.uniform(low, high), random.integers(3)
    around = [i for i in range(3) if i != axis]
    return lambda p: np.maximum(np.linalg.norm(p[..., around], axis=-1) - radius, np.abs(p[..., axis]) - height)


def _tool(random: Random) -> Field:
    """What is taken away: a hole right through, a dent or a notch. Too small to take everything."""
    if random.random() < 0.35:
        radius, around = random.uniform(0.15, 0.35), random.permutation(3)[:2]
        offset = random.uniform(-0.2, 0.2, 2)
        return lambda p: np.linalg.norm(p[..., around] - offset, axis=-1) - radius
    make = _ball if random.random() < 0.5 else _block
    place = random.normal(size=3)
    return _moved(make(random, 0.25, 0.5), 0.9 * place / np.linalg.norm(place))


def _moved(field: Field, offset: NDArray[np.float64]) -> Field:
    return lambda p: field(p - offset)


def surface_net(
    values: NDArray[np.float64], start: float, step: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The surface where a field on a grid (n, n, n) is zero: a vertex a cell, the mean of its edges' crossings.

    Returns vertices (V, 3), at start + step index, and quads (Q, 4), one about every edge of the grid that is crossed.
    The field must be positive on the border. (Gibson 1998, without relaxation.)
    """
    total, count = np.zeros((*values.shape, 3)), np.zeros(values.shape, np.int64)
    cells = []
    for axis in range(3):
        along = np.eye(3, dtype=np.int64)[axis]
        side, other = np.roll(along, 1), np.roll(along, 2)  # along x side = other, right-handed
        low = tuple(slice(None, -1) if i == axis else slice(None) for i in range(3))
        high = tuple(slice(1, None) if i == axis else slice(None) for i in range(3))
        edge = np.argwhere((values[low] < 0) != (values[high] < 0))
        a, b = values[tuple(edge.T)], values[tuple((edge + along).T)]
        crossing = edge + along * (a / (a - b))[:, None]
        about = np.stack([edge - side - other, edge - other, edge, edge - side], axis=1)  # counter-clockwise from ahead
        for corner in range(4):
            np.add.at(total, tuple(about[:, corner].T), crossing)
            np.add.at(count, tuple(about[:, corner].T), 1)
        about[a > 0] = about[a > 0, ::-1]
        cells.append(about)
    quads = np.ravel_multi_index(tuple(np.moveaxis(np.concatenate(cells), -1, 0)), values.shape)
    used, quads = np.unique(quads, return_inverse=True)
    vertices = total.reshape(-1, 3)[used] / count.reshape(-1, 1)[used]
    return start + step * vertices, quads.reshape(-1, 4)
