# SPDX-License-Identifier: GPL-3.0-or-later
"""What a camera sees of the mesh: first hits per pixel, and anti-aliased coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...mesh import MeshData, face_normals
from ...orbits.cameras import Camera
from ...texturing.depth import depth_map


@dataclass(frozen=True, eq=False)
class GeometryBuffer:
    """First hits at the pixel centres of `camera`.

    mask      bool (h, w)
    depth     float32 (h, w), along the viewing axis, infinite outside
    position  float32 (h, w, 3); normal float32 (h, w, 3), shading normal turned to the camera; 0 outside
    object, material   int32 (h, w), -1 outside (material also where a face has none)
    """

    camera: Camera
    mask: NDArray[np.bool_]
    depth: NDArray[np.float32]
    position: NDArray[np.float32]
    normal: NDArray[np.float32]
    object: NDArray[np.int32]
    material: NDArray[np.int32]

    @property
    def cosine(self) -> NDArray[np.float32]:
        """Cosine between the normal and the direction to the camera, 0 outside."""
        return np.einsum("hwc,hwc->hw", self.normal, self.camera.towards(self.position)).astype(np.float32)


def geometry_buffer(mesh: MeshData, camera: Camera) -> GeometryBuffer:
    """Rasterise `mesh` into `camera`."""
    depth, triangle = depth_map(mesh.vertices, mesh.faces, camera, holes=mesh.holes)
    mask = triangle >= 0
    origins, directions = camera.rays()
    along = directions @ camera.forward
    with np.errstate(invalid="ignore"):
        position = np.where(mask[..., None], origins + directions * (depth / along)[..., None], 0.0)
    hit = np.maximum(triangle, 0)
    normal = shading_normals(mesh, hit[mask], position[mask])
    normal *= np.sign(np.einsum("nc,nc->n", normal, camera.towards(position[mask])) + 1e-12)[:, None]
    normals = np.zeros(position.shape, np.float32)
    normals[mask] = normal
    return GeometryBuffer(
        camera,
        mask,
        np.where(mask, depth, np.inf).astype(np.float32),
        position.astype(np.float32),
        normals,
        np.where(mask, mesh.face_object[hit], -1).astype(np.int32),
        np.where(mask, mesh.face_material[hit], -1).astype(np.int32),
    )


def shading_normals(mesh: MeshData, triangle: NDArray[np.integer], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Interpolated unit corner normals (n, 3) at `points` (n, 3) of triangles (n,), on the side of the face normal."""
    corners = mesh.vertices[mesh.faces[triangle]].astype(np.float64)
    e1, e2, q = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    d11, d12, d22 = (e1 * e1).sum(1), (e1 * e2).sum(1), (e2 * e2).sum(1)
    q1, q2 = (q * e1).sum(1), (q * e2).sum(1)
    det = np.maximum(d11 * d22 - d12 * d12, 1e-30)
    b1, b2 = (d22 * q1 - d12 * q2) / det, (d11 * q2 - d12 * q1) / det
    weights = np.clip(np.stack([1 - b1 - b2, b1, b2], axis=1), 0, 1)
    normal = np.einsum("nk,nkc->nc", weights, mesh.corner_normals[triangle].astype(np.float64))
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    flat, _ = face_normals(mesh.vertices, mesh.faces[triangle])
    normal = np.where(length > 0.3, normal / np.maximum(length, 1e-9), flat)
    side = np.einsum("nc,nc->n", normal, flat)
    return np.where((side < 0.1)[:, None], flat, normal)


def coverage(mesh: MeshData, camera: Camera, samples: int = 4) -> NDArray[np.float32]:
    """Fraction of each pixel that the mesh covers, float32 (h, w), from samples x samples points per pixel."""
    fine = camera.resized(camera.width * samples, camera.height * samples)
    _, triangle = depth_map(mesh.vertices, mesh.faces, fine, holes=mesh.holes)
    hit = (triangle >= 0).astype(np.float32)
    return hit.reshape(camera.height, samples, camera.width, samples).mean(axis=(1, 3))
