# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels of a frame show one piece of the surface and nothing else.

Frames are anti-aliased: a pixel that two parts share shows a mixture of both, and a texel within a pixel of where one
part lies on another would take its colour from there. A *part* is what faces hold together by their corners.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..orbits.cameras import Camera
from . import accel

MIXED = -2
EMPTY = -1
NAMES = 32_749  # parts beyond so many share the name of another, so that names fit into two bytes
STEP, SLOPE = 0.02, 3.0  # a jump of depth: more than STEP + SLOPE radius pixel, as in 4.3
WELD = 2.0**20  # corners closer than a millionth of the cube are one


def connected_parts(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> NDArray[np.int16]:
    """Name int16 (F,), 0 or more, of the part that each face belongs to; faces that share a place of a corner are one.

    Faces with corners that are not finite connect nothing. Memory: 60 bytes a vertex, 24 a face.
    """
    finite = np.isfinite(vertices).all(axis=1)
    place = np.rint((np.where(finite[:, None], vertices, 0.0).astype(np.float64) + 0.5) * WELD).astype(np.int64)
    key = (place[:, 0] * 2**42) + (place[:, 1] * 2**21) + place[:, 2]
    _, corner = np.unique(key, return_inverse=True)
    corner = corner.reshape(-1)[faces]
    sound = finite[faces].all(axis=1)
    part = np.arange(len(vertices))
    if accel.NUMBA:
        from .kernels_sheets import unite

        unite(corner[sound], part)
    else:
        _unite_numpy(corner[sound], part)
    _, name = np.unique(part[corner[:, 0]], return_inverse=True) if len(faces) else (None, np.zeros(0, np.int64))
    return (name.reshape(-1) % NAMES).astype(np.int16)


def _unite_numpy(corner: NDArray[np.int64], part: NDArray[np.int64]) -> None:
    """part <- the least corner that each corner (n, 3) is connected with."""
    while True:
        least = part[corner].min(axis=1)
        before = part.copy()
        for k in range(3):
            np.minimum.at(part, corner[:, k], least)
            np.minimum.at(part, before[corner[:, k]], least)
        part[:] = part[part]
        if (part == before).all():
            return


def sheet_map(
    depth: NDArray[np.float32],
    triangle: NDArray[np.int32],
    depth_camera: Camera,
    part: NDArray[np.int16],
    width: int,
    height: int,
    margin: float,
) -> NDArray[np.int16]:
    """What each pixel of a frame of width x height shows: a part's name, EMPTY for background, MIXED for several
    things or for a jump of depth (more than 0.02 + 3 radius pixel), int16 (height, width).

    depth, triangle  as from `depth_map`, of any size, with their camera; part int16 (F,)
    margin           frame pixels around each pixel that count too: as far as the frame's filter reaches
    """
    across, down = (_spans(n, m, margin) for n, m in ((width, depth.shape[1]), (height, depth.shape[0])))
    radius = max(1.0, (0.5 + margin) * depth.shape[1] / width)
    slope = SLOPE * radius / depth_camera.focal
    out = np.empty((height, width), np.int16)
    if accel.NUMBA:
        from .kernels_sheets import sheet_rows

        edges = np.linspace(0, height, 5).astype(int)

        def work(k: int) -> None:
            sheet_rows(
                depth, triangle, part, *across, *down, slope, depth_camera.orthographic, edges[k], edges[k + 1], out
            )

        for _ in accel.mapped(work, range(4)):
            pass
        return out
    name = np.where(triangle >= 0, part[np.maximum(triangle, 0)] if len(part) else 0, EMPTY).astype(np.int16)
    low, high = _reduced(name, across, down, np.minimum), _reduced(name, across, down, np.maximum)
    near, far = _reduced(depth, across, down, np.minimum), _reduced(depth, across, down, np.maximum)
    with np.errstate(invalid="ignore"):
        jump = far - near > np.float32(STEP) + np.float32(slope) * (1 if depth_camera.orthographic else near)
    out[:] = np.where((low != high) | (jump & (low >= 0)), MIXED, low)
    return out


Spans = tuple[NDArray[np.int64], NDArray[np.int64]]


def _spans(count: int, fine: int, margin: float) -> Spans:
    """First and last fine pixel whose centre lies in each of `count` pixels and its margin, at least one."""
    place, ratio = np.arange(count), fine / count
    first = np.ceil((place - margin) * ratio - 0.5 - 1e-9).astype(np.int64)
    last = np.floor((place + 1 + margin) * ratio - 0.5 + 1e-9).astype(np.int64)
    middle = ((place + 0.5) * ratio).astype(np.int64)
    first, last = np.minimum(first, middle), np.maximum(last, middle)
    return np.clip(first, 0, fine - 1), np.clip(last, 0, fine - 1)


def _reduced(image: NDArray, across: Spans, down: Spans, choose: np.ufunc) -> NDArray:
    """The least or greatest value in the spans of each pixel."""
    for axis, (first, last) in ((1, across), (0, down)):
        result = np.take(image, first, axis)
        for step in range(1, int((last - first).max()) + 1):
            result = choose(result, np.take(image, np.minimum(first + step, last), axis))
        image = result
    return image
