# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a textured mesh, rendered from its own textures with the z-buffer: what a perfect painter would give."""

from __future__ import annotations

import numpy as np
from orbit_painter.backend.painters.base import Frame
from orbit_painter.backend.texturing.depth import depth_map

GREY = np.array([128, 128, 128, 255], np.uint8)


def render_frames(mesh, uv_map, textures, cameras, size=512, supersample=2):
    """One Frame per camera; materials without a texture are grey."""
    return [render_frame(mesh, uv_map, textures, camera.resized(size, size), supersample) for camera in cameras]


def render_frame(mesh, uv_map, textures, camera, supersample=2):
    size = camera.width * supersample
    large = camera.resized(size, size)
    _, triangle = depth_map(mesh.vertices, mesh.faces, large)
    rows, columns = np.nonzero(triangle >= 0)
    hit = triangle[rows, columns]
    origins, directions = large.rays(np.stack([columns + 0.5, rows + 0.5], axis=1))
    corner = mesh.vertices[mesh.faces[hit]].astype(float)
    weights = _ray_weights(corner, origins, directions)
    uv = (weights[..., None] * mesh.uv[uv_map][hit]).sum(axis=1)
    colour = np.tile(GREY, (len(hit), 1)).astype(float)
    for material, texture in textures.items():
        of = mesh.face_material[hit] == material
        colour[of] = lookup(texture, uv[of])
    image = np.zeros((size, size, 4))
    image[rows, columns, :3] = colour[:, :3]
    image[rows, columns, 3] = 255
    image = image.reshape(camera.height, supersample, camera.width, supersample, 4)
    total = image[..., 3].sum(axis=(1, 3))
    mean = (image[..., :3] * image[..., 3:]).sum(axis=(1, 3)) / np.maximum(total, 1)[..., None]
    alpha = np.where(total > 0, 255, 0)
    return Frame(np.rint(np.concatenate([mean, alpha[..., None]], axis=2)).astype(np.uint8), camera)


def lookup(texture, uv):
    """Bilinear, repeating; uv (m, 2), V up. Returns float (m, channels)."""
    height, width = texture.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    i, j = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - i)[:, None], (y - j)[:, None]

    def tap(dj, di):
        return texture[(j + dj) % height, (i + di) % width].astype(float)

    return (tap(0, 0) * (1 - fx) + tap(0, 1) * fx) * (1 - fy) + (tap(1, 0) * (1 - fx) + tap(1, 1) * fx) * fy


def _ray_weights(corner, origins, directions):
    """Barycentric weights (m, 3) where rays meet the planes of triangles (m, 3, 3)."""
    u, v = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    n = np.cross(u, v)
    t = ((corner[:, 0] - origins) * n).sum(axis=1) / (directions * n).sum(axis=1)
    w = origins + t[:, None] * directions - corner[:, 0]
    nn = (n * n).sum(axis=1)
    beta = (np.cross(w, v) * n).sum(axis=1) / nn
    gamma = (np.cross(u, w) * n).sum(axis=1) / nn
    return np.clip(np.stack([1 - beta - gamma, beta, gamma], axis=1), 0, 1)
