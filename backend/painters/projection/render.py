# SPDX-License-Identifier: GPL-3.0-or-later
"""Orbit frames from the evidence and the completed texture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...orbits.passes import ViewPasses
from ...texturing import accel
from ..base import Frame
from .evidence import Evidence
from .sampling import bilinear
from .synthesis import Texture

BLOCK = 16_384  # points; what is worked on at once stays in the cache
MARGIN = 3  # pixels by which colours are continued beyond the silhouette


def render_frame(
    view: ViewPasses, evidence: Evidence, texture: Texture, kept: NDArray[np.float32] | None = None
) -> Frame:
    """The object's colours in one view: references where they show the surface, the completed texture elsewhere.

    kept: float32 (h, w, 4), the present colours, and in the last channel how much of them stays where no reference
    shows the surface, 0 ... 1
    """
    rows = np.flatnonzero(view.mask.ravel())
    points, normals = view.position.reshape(-1, 3)[rows], view.normal.reshape(-1, 3)[rows]
    colour, confidence = np.empty((len(rows), 3), np.float32), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = np.s_[start : start + BLOCK]
        some = None if kept is None else kept.reshape(-1, 4)[rows[block]]
        colour[block], confidence[block] = surface_colour(points[block], normals[block], evidence, texture, some)
    height, width = view.mask.shape
    image = np.zeros((height * width, 4), np.uint8)
    image[rows, :3] = np.floor(np.clip(colour, 0, 1) * 255 + 0.5)
    image[rows, 3] = 255
    sure = np.zeros(height * width, np.uint8)
    sure[rows] = np.floor(np.clip(confidence, 0, 1) * 255 + 0.5)
    return Frame(_with_margin(image.reshape(height, width, 4), view.mask), view.camera, sure.reshape(height, width))


def surface_colour(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    evidence: Evidence,
    texture: Texture,
    kept: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (n, 3) and confidence (n,), 0 ... 1, of surface points (n, 3) whose normals face the viewer.

    kept: float32 (n, 4), a colour that the completed texture gives way to, and how far, 0 ... 1
    """
    total = np.zeros((len(points), 3), np.float32)
    weight = np.zeros(len(points), np.float32)
    unseen = np.ones(len(points), np.float32)
    for k, camera in enumerate(evidence.cameras):
        uv, trust = evidence.look(k, points, normals)
        at = np.flatnonzero(trust > 0.01)
        cosine = np.abs((camera.towards(points[at]) * normals[at]).sum(axis=1)).astype(np.float32)
        share = trust[at] * (0.02 + cosine**3)
        total[at] += share[:, None] * bilinear(evidence.colour, uv[at])
        weight[at] += share
        unseen[at] *= 1 - trust[at]
    colour = total / np.maximum(weight, 1e-9)[:, None]
    confidence = 1 - unseen
    at = np.flatnonzero(unseen > 0.01)
    if len(at):
        invented, mirrored = completed_colour(points[at], normals[at], texture)
        if kept is not None:
            stays = kept[at, 3:]
            invented, mirrored = invented * (1 - stays) + kept[at, :3] * stays, mirrored * (1 - stays[:, 0])
        share = unseen[at]
        colour[at] = colour[at] * (1 - share[:, None]) + invented * share[:, None]
        confidence[at] = np.maximum(confidence[at], 0.5 * mirrored * share)
    return colour, confidence


def completed_colour(
    points: NDArray[np.float32], normals: NDArray[np.float32], texture: Texture
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour (n, 3) from the texture, and the share (n,) of it that was mirrored.

    Each of the eight surface points around a point continues its own place in the atlas up to it; the votes are mixed
    trilinearly. Where they continue each other they agree, and the picture is as sharp as the reference.
    """
    surface = texture.surface
    if accel.NUMBA:
        from .kernels import mix_votes

        height, width = texture.image.shape[:2]
        colour, mirrored = np.empty((len(points), 3), np.float32), np.empty(len(points), np.float32)
        frame = (surface.point, surface.normal, surface.right, surface.down)
        source = (texture.place, texture.jacobian, texture.change, texture.mirrored, texture.image.reshape(-1, 3))
        mix_votes(points, normals, surface.grid, surface.lookup, *frame, *source, width, height, colour, mirrored)
        return colour, mirrored
    grid = (points + 0.5) * surface.grid - 0.5
    low = np.floor(grid).astype(np.int32)
    fraction = (grid - low).astype(np.float32)
    total = np.zeros((len(points), 3), np.float32)
    weight = np.full(len(points), 1e-12, np.float32)
    mirrored = np.zeros(len(points), np.float32)
    for corner in np.ndindex(2, 2, 2):
        step = np.array(corner, np.int32)
        share = np.abs(1 - step - fraction).prod(axis=1) + np.float32(1e-4)
        j = surface.lookup[surface.cells(low + step)]
        at = np.flatnonzero(j >= 0)
        j = j[at]
        facing = (surface.normal[j] * normals[at]).sum(axis=1)
        share = share[at] * np.where(facing > 0.0, 0.05 + facing, 1e-4)
        delta = points[at] - surface.point[j]
        along = np.stack([(delta * surface.right[j]).sum(1), (delta * surface.down[j]).sum(1)], axis=1)
        uv = texture.place[j] + np.einsum("nij,nj->ni", texture.jacobian[j], along)
        total[at] += share[:, None] * (bilinear(texture.image, uv) + texture.change[j])
        mirrored[at] += share * texture.mirrored[j]
        weight[at] += share
    return total / weight[:, None], mirrored / weight


def _with_margin(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Colours continued MARGIN pixels beyond `mask`, so that bilinear taps at the edge find no background."""
    filled = mask.copy()
    for _ in range(MARGIN):
        ready = filled.copy()
        for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
            near = np.roll(ready, step, axis)
            new = near & ~filled
            image[new, :3] = np.roll(image[..., :3], step, axis)[new]
            filled |= new
    return image
