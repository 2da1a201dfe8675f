# SPDX-License-Identifier: GPL-3.0-or-later
"""Passes without Blender: the first surface along the ray through each pixel's centre.

Which triangle that is comes from Embree where it can be imported, else from our own z-buffer (texturing/depth.py),
which agrees with it; where the ray meets the triangle is computed exactly here.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cutouts import Holes
from ..mesh import MeshData, face_normals
from ..progress import Progress, silent
from ..texturing.depth import depth_map
from .cameras import Camera
from .files import save_view, turned, view_name
from .passes import ViewPasses

BEHIND = 1e-5  # unit lengths behind a hole where a ray goes on
ROWS = 256  # of a picture that Embree is asked for at once


def raycast_view(mesh: MeshData, camera: Camera, scene: Any = None) -> ViewPasses:
    """The passes of one view at the camera's size, as Cycles renders them with one sample (docs/orbits.md).

    Normals are interpolated from the corners and negated on faces seen from behind. Memory: 250 bytes a pixel.
    scene: what `embree_scene` made of the mesh, for many views of one mesh.
    """
    triangle = first_hits(mesh, camera, scene)
    mask = triangle >= 0
    hit, face = np.unique(triangle[mask], return_inverse=True)
    corners = mesh.vertices.astype(np.float64)[mesh.faces[hit]]
    weight, behind = _weights(camera, corners, face, np.argwhere(mask)[:, ::-1] + 0.5)

    position = np.zeros((*mask.shape, 3), np.float32)
    normal = np.zeros((*mask.shape, 3), np.float32)
    object_id = np.full(mask.shape, -1, np.int16)
    position[mask] = _blend(weight, corners, face)
    shading = _blend(weight, mesh.corner_normals[hit].astype(np.float64), face)
    cancelled = np.linalg.norm(shading, axis=1) < 1e-6
    shading[cancelled] = face_normals(mesh.vertices, mesh.faces[hit])[0][face[cancelled]]
    normal[mask] = np.where(behind[face, None], -shading, shading)
    object_id[mask] = mesh.face_object[hit][face]
    return ViewPasses(camera, position, turned(normal, position, mask, camera), mask, object_id)


def embree_scene(mesh: MeshData) -> Any:
    """The mesh sorted for rays, or None where Embree cannot be imported."""
    if importlib.util.find_spec("embreex") is None:
        return None
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene(robust=True)
    TriangleMesh(scene, np.ascontiguousarray(mesh.vertices, np.float32), np.ascontiguousarray(mesh.faces, np.int32))
    return scene


def first_hits(mesh: MeshData, camera: Camera, scene: Any = None) -> NDArray[np.int32]:
    """The triangle that the ray through each pixel's centre meets first, int32 (h, w), -1 where there is none."""
    scene = scene or embree_scene(mesh)
    if scene is None:
        return depth_map(mesh.vertices, mesh.faces, camera, holes=mesh.holes)[1]
    triangle = np.empty((camera.height, camera.width), np.int32)
    for start in range(0, camera.height, ROWS):
        rows = np.arange(start, min(start + ROWS, camera.height))
        u, v = np.meshgrid(np.arange(camera.width) + 0.5, rows + 0.5)
        origins, directions = camera.rays(np.stack([u, v], axis=-1).reshape(-1, 2))
        hits = np.asarray(scene.run(origins.astype(np.float32), directions.astype(np.float32)), np.int32)
        if mesh.holes is not None:
            _go_through_holes(mesh, mesh.holes, scene, origins, directions, hits)
        triangle[rows] = hits.reshape(u.shape)
    return triangle


def _go_through_holes(
    mesh: MeshData,
    holes: Holes,
    scene: Any,
    origins: NDArray[np.float64],
    directions: NDArray[np.float64],
    hits: NDArray[np.int32],
) -> None:
    """Let the rays (n, 3) whose `hits` (n,) lie in holes go on until they meet something solid, or nothing."""
    rows, reached = np.flatnonzero(hits >= 0), np.zeros(len(hits))
    while len(rows):
        corners = mesh.vertices[mesh.faces[hits[rows]]].astype(np.float64)
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        along = np.einsum("ij,ij->i", directions[rows], normal)
        gone = np.einsum("ij,ij->i", corners[:, 0] - origins[rows], normal) / np.where(along == 0, 1e-30, along)
        points = origins[rows] + gone[:, None] * directions[rows]
        open_ = ~holes.is_solid_point(hits[rows], points, mesh.vertices, mesh.faces)
        rows = rows[open_]
        reached[rows] = np.maximum(reached[rows], gone[open_]) + BEHIND  # it never stands still
        start = origins[rows] + reached[rows, None] * directions[rows]
        hits[rows] = scene.run(start.astype(np.float32), directions[rows].astype(np.float32))
        rows = rows[hits[rows] >= 0]


def _weights(
    camera: Camera, corners: NDArray[np.float64], face: NDArray[np.intp], pixels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Barycentric coordinates (n, 3) of the ray through each pixel (n, 2) in its triangle, and whether each of the
    triangles corners (t, 3, 3) is seen from behind. face (n,): the row of `corners` for each pixel.

    A pixel's ray is a direction p = (x, y, 1), a corner a vector h = (x, y, z) from the camera ((x, y, 1) if that is
    orthographic); solving p = sum w_k h_k by Cramer's rule gives w up to a factor.
    """
    h = (corners - camera.centre) @ camera.rotation.T
    if camera.orthographic:
        h[..., 2] = 1
    opposite = np.cross(np.roll(h, -1, axis=1), np.roll(h, -2, axis=1))  # row k: h_(k+1) x h_(k+2)
    behind = (opposite[:, 0] * h[:, 0]).sum(axis=1) > 0  # the image's v axis points down
    ray = (pixels - camera.principal) / camera.focal
    rows = opposite[face]
    weight = rows[:, :, 0] * ray[:, :1] + rows[:, :, 1] * ray[:, 1:] + rows[:, :, 2]
    weight = np.maximum(np.where(behind[face, None], weight, -weight), 0)  # a centre may lie on the very edge
    total = weight.sum(axis=1, keepdims=True)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / 3), behind


def _blend(weight: NDArray[np.float64], values: NDArray[np.float64], face: NDArray[np.intp]) -> NDArray[np.float64]:
    """Corner values (t, 3, 3) interpolated to pixels, (n, 3)."""
    blended = weight[:, :1] * values[face, 0]
    blended += weight[:, 1:2] * values[face, 1]
    blended += weight[:, 2:] * values[face, 2]
    return blended


def raycast_passes(mesh: MeshData, cameras: Sequence[Camera], folder: Path | str, progress: Progress = silent) -> None:
    """Write one view file per camera into the existing `folder` (files.py). `cameras` are at render size.

    Raises OutputError, and CancelledError through `progress`.
    """
    for index, camera in enumerate(cameras):
        progress(index / len(cameras), f"view {index + 1} of {len(cameras)}")
        save_view(Path(folder) / view_name(index), raycast_view(mesh, camera))
    progress(1.0, "passes done")
