# SPDX-License-Identifier: GPL-3.0-or-later
"""Voxels of surface that materials cut out (backend/cutouts.py): they are filled, and never looked at."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from .fill import diffuse
from .types import UNOBSERVED, FuseParams, SurfaceVoxels

RIM = 4  # steps between neighbours from the inside of a leaf to its rim


def forget_holes(mesh: MeshData, voxels: SurfaceVoxels, labels: NDArray[np.int16]) -> None:
    """Take the views (N, ...) from voxels that are cut out: what is seen there lies behind them."""
    if mesh.holes is not None:
        labels[~_solid(mesh, voxels, 0.0)] = UNOBSERVED


def fill_voxels(
    mesh: MeshData,
    voxels: SurfaceVoxels,
    colours: NDArray[np.floating] | NDArray[np.uint8],
    labels: NDArray[np.int16],
    neighbours: NDArray[np.int32],
    params: FuseParams,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """`diffuse` from the voxels with a label (4.10): colours (N, 3) and where they come from.

    At the rim of a hole a pixel shows what lies behind it, too. So the rim of a leaf takes its colours from the inside
    of the leaf, and keeps its own only where it has no inside, as in a twig.
    """
    known = labels != UNOBSERVED
    values = np.asarray(colours, np.float32)
    spreads = known
    if mesh.holes is not None:
        inner = known & _solid(mesh, voxels, 1.0 / voxels.grid)
        spreads = inner | (known & ~_widened(inner, neighbours))
    return diffuse(neighbours, values, spreads, points=voxels.point, part=voxels.object_id, mode=params.diffusion)


def _widened(chosen: NDArray[np.bool_], neighbours: NDArray[np.int32]) -> NDArray[np.bool_]:
    """bool (N,): the chosen voxels and those at most RIM steps from one."""
    reached = np.append(chosen, False)  # the last one stands for neighbours that are not there
    for _ in range(RIM):
        reached[:-1] |= reached[neighbours].any(axis=1)
    return reached[:-1]


def _solid(mesh: MeshData, voxels: SurfaceVoxels, distance: float) -> NDArray[np.bool_]:
    """bool (N,): neither a voxel's point nor, if `distance` is not 0, the eight so far around it lie in a hole."""
    assert mesh.holes is not None
    rows = np.flatnonzero(mesh.holes.image[voxels.triangle] >= 0)
    triangle, points = voxels.triangle[rows], voxels.point[rows].astype(np.float64)
    corner = mesh.vertices[mesh.faces[triangle]].astype(np.float64)
    right = corner[:, 1] - corner[:, 0]
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-30)
    other = corner[:, 2] - corner[:, 0]
    down = other - np.einsum("ij,ij->i", other, right)[:, None] * right
    down /= np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-30)
    solid = np.ones(len(voxels), bool)
    steps = itertools.product((-distance, 0.0, distance), repeat=2) if distance else [(0.0, 0.0)]
    for along, across in steps:
        places = points + along * right + across * down
        solid[rows] &= mesh.holes.is_solid_point(triangle, places, mesh.vertices, mesh.faces)
    return solid
