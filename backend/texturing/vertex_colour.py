# SPDX-License-Identifier: GPL-3.0-or-later
"""Corner colours for meshes that are to stay without UVs."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData, face_normals
from ..progress import Progress, part, silent
from .texel_sampling import Samples
from .types import UNOBSERVED, SurfaceVoxels
from .voxel_files import VoxelTexture
from .voxel_lookup import VoxelLookup

BLOCK = 262_144
INSET = 1e-3  # share of the way to the triangle's centre, so that a corner is looked at on its own face


class Sampler(Protocol):
    """What finds colours: a SurfaceSampler, or a VoxelSampler."""

    def sample(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        double_sided: bool | NDArray[np.bool_] = False,
        progress: Progress = silent,
        face: NDArray[np.integer] | None = None,
    ) -> Samples: ...


class VoxelSampler:
    """Colours of surface points from a finished voxel texture alone: the trilinear mean of the voxels around a point
    that face its way, else its nearest voxel."""

    def __init__(self, texture: VoxelTexture) -> None:
        centre = ((texture.coords + 0.5) / texture.grid - 0.5).astype(np.float32)
        none = np.zeros(len(centre), np.int32)
        self.lookup = VoxelLookup.of(SurfaceVoxels(texture.coords, centre, texture.normal, none, none, texture.grid))
        self.colours = texture.colour.astype(np.float32)

    def sample(
        self,
        points: NDArray[np.float32],
        normals: NDArray[np.float32],
        double_sided: bool | NDArray[np.bool_] = False,
        progress: Progress = silent,
        face: NDArray[np.integer] | None = None,
    ) -> Samples:
        """See SurfaceSampler.sample. Memory: 250 bytes a point."""
        near, weight = self.lookup.around(points, normals)
        total = weight.sum(axis=1, keepdims=True)
        colour = np.full((len(points), 4), 255.0, np.float32)
        colour[:, :3] = (weight[..., None] * self.colours[near]).sum(axis=1) / np.where(total > 1e-6, total, 1.0)
        lost = np.flatnonzero(total[:, 0] <= 1e-6)
        if len(lost):
            home = self.lookup.nearest(np.asarray(points, np.float32)[lost], np.asarray(normals, np.float32)[lost])
            home = np.where(home <= -2, -2 - home, home)
            colour[lost, :3] = np.where((home >= 0)[:, None], self.colours[home], self.colours.mean(axis=0))
        progress(1.0, "colours of corners")
        unseen = np.full(len(points), UNOBSERVED, np.int16)
        return Samples(colour, unseen, np.zeros(len(points), np.uint8))


def corner_colours(
    mesh: MeshData,
    sampler: Sampler,
    *,
    double_sided: bool | NDArray[np.bool_] = False,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """Colour uint8 (F, 3, 4) of every triangle corner, found as the colour of a texel is found.

    Corners at one point whose faces meet softly (their normals within 60 degrees) get the mean of their colours, so
    that smooth surfaces show no facets. Faces without area get the colours of the voxels there. Memory: 100 bytes a
    corner of one block, and 60 a corner.
    """
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    two_sided = np.broadcast_to(np.asarray(double_sided, bool), (len(mesh.faces),))
    colours = np.zeros((len(mesh.faces), 3, 4), np.float32)
    for start in range(0, len(mesh.faces), BLOCK):
        face = np.arange(start, min(start + BLOCK, len(mesh.faces)))
        block = slice(start, start + BLOCK)
        corner = np.nan_to_num(mesh.vertices[mesh.faces[block]])
        inset = corner + INSET * (corner.mean(axis=1, keepdims=True) - corner)
        found = sampler.sample(
            inset.reshape(-1, 3),
            np.repeat(normals[block], 3, axis=0).astype(np.float32),
            np.repeat(two_sided[block], 3),
            part(progress, start / len(mesh.faces), min(1.0, (start + BLOCK) / len(mesh.faces))),
            np.repeat(face, 3),
        )
        colours[block] = found.colour.reshape(-1, 3, 4)
    return np.clip(np.rint(_smoothed(mesh, normals, colours)), 0, 255).astype(np.uint8)


def _smoothed(mesh: MeshData, normals: NDArray[np.float64], colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over corners at one position whose normals fall into the same octahedral direction group."""
    flat = mesh.vertices[mesh.faces].reshape(-1, 3)
    _, point = np.unique(flat, axis=0, return_inverse=True)
    point = point.reshape(-1)
    normal = np.repeat(normals, 3, axis=0)
    mean = np.stack([np.bincount(point, normal[:, axis]) for axis in range(3)], axis=1)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    soft = (mean[point] * normal).sum(axis=1) > 0.866  # within 30 degrees of the mean
    result = colours.reshape(-1, 4).copy()
    count = np.bincount(point[soft], minlength=len(mean))
    for channel in range(4):
        total = np.bincount(point[soft], result[soft, channel], len(mean))
        result[soft, channel] = (total / np.maximum(count, 1))[point[soft]]
    return result.reshape(colours.shape)
