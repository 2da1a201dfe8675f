# SPDX-License-Identifier: GPL-3.0-or-later
"""A view selection problem of any size without rendering: a bumpy body seen from both orbits by drifting frames."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..orbits.cameras import Camera, orbit_cameras
from ..texturing.types import Candidates, SurfaceVoxels
from ..texturing.voxels import surface_voxels

FOCAL = 560.0  # pixels, of 512 pixel frames
BLOCK = 65_536


def bumpy_body(count: int) -> SurfaceVoxels:
    """About `count` surface voxels of a closed body with shallow bumps."""
    rings = 160
    theta, phi = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.linspace(0, 2 * np.pi, 2 * rings), indexing="ij")
    direction = np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    x, y, z = np.moveaxis(direction, -1, 0)
    radius = 0.44 + 0.03 * np.cos(7 * x + 1) * np.cos(6 * y) + 0.03 * np.cos(8 * z + 3 * x) * np.sin(5 * y + 2)
    vertices = (direction * radius[..., None]).reshape(-1, 3).astype(np.float32)
    index = np.arange(len(vertices)).reshape(rings + 1, 2 * rings)
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    grid = round(np.sqrt(count / 4.0))
    voxels = surface_voxels(vertices, faces.astype(np.int32), grid)
    return surface_voxels(vertices, faces.astype(np.int32), round(grid * np.sqrt(count / len(voxels))))


def drifting_candidates(
    voxels: SurfaceVoxels, size: int, orbit_counts: tuple[int, int] = (61, 61), pixels: float = 2.0, seed: int = 0
) -> Candidates:
    """The `size` best views of each voxel, occlusion aside, with colours of a drifting solid texture.

    pixels: standard deviation of the drift along an axis, far from frame 0 (specs/texture-optimizer.md 8.1, with fewer
    waves). Gains differ by 5 %. Candidates are those with cos theta >= 0.259.
    """
    cameras = [*orbit_cameras("H", orbit_counts[0]), *orbit_cameras("V", orbit_counts[1])]
    random = np.random.default_rng(seed)
    waves = [(random.normal(0, 6, (3, 6, 3)), random.uniform(0, 6.3, (3, 6))) for _ in range(2)]
    gains = 1 + 0.05 * random.standard_normal((len(cameras), 3))
    gains[0] = 1
    pattern = random.normal(0, 14, (8, 3)), random.uniform(0, 6.3, 8), random.normal(0, 0.12, (8, 3))
    shape = (len(voxels), size)
    out = Candidates(np.full(shape, -1, np.int16), np.zeros(shape, np.uint8), np.zeros((*shape, 3), np.uint8))
    for start in range(0, len(voxels), BLOCK):
        rows = slice(start, start + BLOCK)
        point, normal = voxels.point[rows], voxels.normal[rows]
        cosine = np.stack([_cosine(camera, point, normal) for camera in cameras], axis=1)
        conf = np.where(cosine >= 0.259, np.rint(127.5 * (1 + cosine)), 0).astype(np.uint8)
        best = np.argsort(255 - conf, axis=1, kind="stable")[:, :size]
        conf = np.take_along_axis(conf, best, axis=1)
        m, k = np.nonzero(conf)
        view = best[m, k]
        seen = point[m] + _drift(point[m], view, orbit_counts[0], waves) * np.float32(pixels * 1.25 / FOCAL)
        out.label[rows] = np.where(conf > 0, best, -1)
        out.conf[rows] = conf
        out.colour[start + m, k] = np.clip(255 * _colour(seen, *pattern) * gains[view], 0, 255)
    return out


def _cosine(camera: Camera, point: NDArray[np.float32], normal: NDArray[np.float32]) -> NDArray[np.float32]:
    return (camera.towards(point) * normal).sum(axis=1).astype(np.float32)


def _drift(point: NDArray[np.float32], view: NDArray[np.int64], horizontal: int, waves: list) -> NDArray[np.float32]:
    """Unit drift (n, 3), growing over the first 15 frames of each orbit."""
    out = np.zeros_like(point)
    for orbit, (frequency, phase) in enumerate(waves):
        mine = (view >= horizontal) == bool(orbit)
        frame = (view[mine] - orbit * horizontal).astype(np.float32)
        ramp = np.minimum(frame / 15, 1)
        for axis in range(3):
            angle = point[mine] @ frequency[axis].T.astype(np.float32) + phase[axis].astype(np.float32)
            out[mine, axis] = ramp * np.cos(angle + 0.3 * frame[:, None]).sum(axis=1) / np.sqrt(3)
    return out


def _colour(
    point: NDArray[np.float32], frequency: NDArray[np.float64], phase: NDArray[np.float64], tint: NDArray[np.float64]
) -> NDArray[np.float32]:
    """A solid texture in 0...1: soft waves and fine dark lines."""
    wave = np.cos(point @ frequency.T.astype(np.float32) + phase.astype(np.float32))
    colour = 0.5 + wave @ tint.astype(np.float32)
    lines = abs(np.sin(60 * point[:, :1] + 25 * wave[:, :1] * 0.1) * np.sin(55 * point[:, 2:]))
    return colour * np.where(lines < 0.08, np.float32(0.4), np.float32(1))
