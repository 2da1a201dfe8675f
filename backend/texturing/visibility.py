# SPDX-License-Identifier: GPL-3.0-or-later
"""Which surface points a view sees (specs/texture-optimizer.md 4.3).

A view sees a point when it projects into the frame, its normal is turned to the camera by at least cos_min, and its
depth differs from the depth map by at most t h + s p tan(theta): t voxels of edge h, plus s times what the surface
moves along the viewing axis within one depth pixel, whose length at the point is p = z / f. A length, never NDC.
Besides, it may not lie behind everything that the map shows in the 3 x 3 pixels around, by more than BEHIND +
0.5 p tan(theta): a thing just under another, by less than a voxel, is hidden all the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import Camera
from . import accel
from .depth import NEAR, depth_map
from .depth import depth_camera as camera_of_size
from .types import FuseParams

MAX_SLOPE = 10.0  # tan theta counts no more than this
BEHIND = 1e-4  # what a point may lie behind its surroundings, unit-cube lengths
BEHIND_SLOPE = 0.5  # and depth pixels on a slope: how far the bottom of a crease may be from a pixel centre
TWO_SIDED_SHARE = 0.02
BLOCKS = 16
SMALL_BLOCK = 4_096  # rows that are not worth another thread


@dataclass(frozen=True, eq=False)
class View:
    """One view ready for testing points: a depth map and the numbers both code paths read.

    packed float64 (24,): rotation 0-8, centre 9-11, frame focal, cx, cy, width, height 12-16, depth focal, cx, cy
    17-19, tolerance (length) 20, slope tolerance 21, cos_min 22, orthographic 23
    """

    packed: NDArray[np.float64]
    depth: NDArray[np.float32]

    @staticmethod
    def of(
        camera: Camera,
        depth: NDArray[np.float32],
        depth_camera: Camera,
        tolerance: float,
        slope_tolerance: float,
        cos_min: float,
    ) -> View:
        if not np.abs(camera.matrix - depth_camera.matrix).max() <= 1e-9:
            raise ValueError("the depth map belongs to another view")
        packed = np.array(
            [
                *camera.rotation.ravel(), *camera.centre,
                camera.focal, *camera.principal, camera.width, camera.height,
                depth_camera.focal, *depth_camera.principal,
                tolerance, slope_tolerance, cos_min, float(camera.orthographic),
            ],
            np.float64,
        )  # fmt: skip
        return View(packed, np.ascontiguousarray(depth, np.float32))


def visible(
    points: NDArray[np.float32],
    normals: NDArray[np.float32],
    camera: Camera,
    depth: NDArray[np.float32],
    depth_camera: Camera,
    voxel_size: float,
    params: FuseParams,
    *,
    tolerance_voxels: float | None = None,
    double_sided: bool | NDArray[np.bool_] = False,
    cos_min: float | None = None,
    alpha: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32]]:
    """Test points against one view.

    points, normals   (N, 3), normalised frame, unit normals
    camera            of the frame; depth (h, w) along the viewing axis and depth_camera: the same view, any size
    voxel_size        h, unit-cube lengths
    tolerance_voxels  t, default params.tolerance
    double_sided      one bool or bool (N,): |cos theta| counts
    cos_min           default params.cos_min
    alpha             uint8 (H, W) of the frame: a point whose four bilinear taps have alpha 0 is not seen

    Returns sees bool (N,), cos theta float32 (N,) (of the side that counts), uv float32 (N, 2) in frame pixels.
    cos and uv of points that are not seen are only meaningful where the point is in front of the camera.
    """
    view = View.of(
        camera,
        depth,
        depth_camera,
        (params.tolerance if tolerance_voxels is None else tolerance_voxels) * voxel_size,
        params.slope_tolerance,
        params.cos_min if cos_min is None else cos_min,
    )
    two_sided = sides(double_sided, len(points))
    sees = np.zeros(len(points), bool)
    cosine = np.zeros(len(points), np.float32)
    uv = np.zeros((len(points), 2), np.float32)
    if accel.NUMBA:
        from .kernels_visibility import see_all

        def test(block: tuple[int, int]) -> None:
            see_all(points, normals, two_sided, view.packed, view.depth, *block, sees, cosine, uv)

        for _ in accel.mapped(test, blocks(len(points))):
            pass
    else:
        for begin, end in blocks(len(points)):
            local = _to_local(points[begin:end], view)
            cosine[begin:end] = _facing(local, normals[begin:end], two_sided[begin:end], view)
            uv[begin:end] = np.stack(_to_frame(local, view)[:2], axis=1)
            seen = see(points[begin:end], normals[begin:end], two_sided[begin:end], view)
            sees[begin + seen.rows] = True
    if alpha is not None:
        rows = np.flatnonzero(sees)
        _, weight = sample_frame(alpha[..., None], uv[rows, 0], uv[rows, 1])
        sees[rows] = weight > 0
    return sees, cosine, uv


@dataclass(frozen=True, eq=False)
class Seen:
    """The points one view sees: rows int64 (n,) of the arrays tested, and per row, float64 (n,): cos theta, u, v in
    frame pixels, depth z and the length of one depth pixel there."""

    rows: NDArray[np.int64]
    cosine: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    z: NDArray[np.float64]
    pixel: NDArray[np.float64]

    def some(self, index: NDArray[np.integer]) -> Seen:
        """Some of them, by index."""
        return Seen(*(getattr(self, field.name)[index] for field in fields(self)))


def see(points: NDArray[np.float32], normals: NDArray[np.float32], two_sided: NDArray[np.bool_], view: View) -> Seen:
    """The NumPy reference of kernels_visibility.see for points (N, 3): only those that are seen."""
    p = view.packed
    near = np.flatnonzero(two_sided | ~_turned_away(points, normals, view))
    local = _to_local(points[near], view)
    cosine = _facing(local, normals[near], two_sided[near], view)
    rows = np.flatnonzero((cosine >= p[22]) & (local[2] > NEAR))
    local, cosine, rows = [axis[rows] for axis in local], cosine[rows], near[rows]
    u, v, scale, pixel = _to_frame(local, view)
    inside = (u >= 0) & (u < p[15]) & (v >= 0) & (v < p[16])
    rows, u, v, pixel, scale = rows[inside], u[inside], v[inside], pixel[inside], scale[inside]
    right, down, z = (axis[inside] for axis in local)
    cosine = cosine[inside]
    height, width = view.depth.shape
    column = np.clip((right * scale + p[18]).astype(np.int64), 0, width - 1)
    row = np.clip((down * scale + p[19]).astype(np.int64), 0, height - 1)
    slope = np.minimum(np.sqrt(np.maximum(1.0 - cosine * cosine, 0.0)) / np.maximum(cosine, 1e-9), MAX_SLOPE)
    behind = z - view.depth[row, column]
    sees = abs(behind) <= p[20] + p[21] * pixel * slope
    least = BEHIND + BEHIND_SLOPE * pixel * slope
    doubtful = np.flatnonzero(sees & (behind > least))
    _, far = _depth_range(view.depth, row[doubtful], column[doubtful], 1)
    sees[doubtful] = z[doubtful] - far <= least[doubtful]
    return Seen(rows[sees], cosine[sees], u[sees], v[sees], z[sees], pixel[sees])


def _turned_away(points: NDArray[np.float32], normals: NDArray[np.float32], view: View) -> NDArray[np.bool_]:
    """Which points (n, 3) a view surely sees from behind, found in single precision."""
    if view.packed[23] > 0:
        return normals @ view.packed[6:9].astype(np.float32) > 1e-4
    ray = points - view.packed[9:12].astype(np.float32)
    return np.einsum("ij,ij->i", ray, normals) > 1e-4


def _to_local(points: NDArray[np.floating], view: View) -> list[NDArray[np.float64]]:
    """Right, down and ahead of points (N, 3); sums written out, so that every machine rounds alike."""
    p = view.packed
    x, y, z = (points[:, axis].astype(np.float64) - p[9 + axis] for axis in range(3))
    return [p[k] * x + p[k + 1] * y + p[k + 2] * z for k in (0, 3, 6)]


def _facing(
    local: list[NDArray[np.float64]], normals: NDArray[np.floating], two_sided: NDArray[np.bool_], view: View
) -> NDArray[np.float64]:
    """cos theta of points given in camera space."""
    p = view.packed
    nx, ny, nz = (normals[:, axis].astype(np.float64) for axis in range(3))
    turned = [p[k] * nx + p[k + 1] * ny + p[k + 2] * nz for k in (0, 3, 6)]
    if p[23] > 0:
        cosine = -turned[2]
    else:
        x, y, z = local
        cosine = -(turned[0] * x + turned[1] * y + turned[2] * z) / np.sqrt(x * x + y * y + z * z)
    return np.where(two_sided, abs(cosine), cosine)


def _to_frame(local: list[NDArray[np.float64]], view: View) -> tuple[NDArray[np.float64], ...]:
    """u, v in frame pixels; the scale to depth pixels; the length of one depth pixel."""
    p = view.packed
    right, down, ahead = local
    if p[23] > 0:
        scale, depth_scale, pixel = (np.full(len(ahead), value) for value in (p[12], p[17], 1.0 / p[17]))
    else:
        near = np.maximum(ahead, 1e-9)
        scale, depth_scale, pixel = p[12] / near, p[17] / near, near / p[17]
    return right * scale + p[13], down * scale + p[14], depth_scale, pixel


def at_depth_edge(seen: Seen, radius: int, view: View) -> NDArray[np.bool_]:
    """Which points lie within `radius` depth pixels of a depth discontinuity (more than 0.02 + 3 radius pixel)."""
    p = view.packed
    height, width = view.depth.shape
    column = np.clip(((seen.u - p[13]) * (p[17] / p[12]) + p[18]).astype(np.int64), 0, width - 1)
    row = np.clip(((seen.v - p[14]) * (p[17] / p[12]) + p[19]).astype(np.int64), 0, height - 1)
    near, far = _depth_range(view.depth, row, column, radius)
    return far - near > 0.02 + 3.0 * radius * seen.pixel


def _depth_range(
    depth: NDArray[np.float32], row: NDArray[np.int64], column: NDArray[np.int64], radius: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The least and the greatest depth float32 (n,) within `radius` pixels of each place (n,)."""
    height, width = depth.shape
    near = np.full(len(row), np.inf, np.float32)
    far = np.full(len(row), -np.inf, np.float32)
    for j in range(-radius, radius + 1):
        line = np.clip(row + j, 0, height - 1)
        for i in range(-radius, radius + 1):
            value = depth[line, np.clip(column + i, 0, width - 1)]
            np.minimum(near, value, out=near)
            np.maximum(far, value, out=far)
    return near, far


def sample_frame(
    image: NDArray[np.uint8], u: NDArray[np.floating], v: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bilinear straight colours at pixel coordinates (n,), the last channel (alpha) being the weight of each tap.

    image (h, w, C + 1). Returns colours float64 (n, C) in 0...255 and the alpha sampled, float64 (n,); colour 0 where
    alpha is 0. Taps outside are those on the border.
    """
    height, width, channels = image.shape
    x, y = np.floor(u - 0.5), np.floor(v - 0.5)
    fx, fy = u - 0.5 - x, v - 0.5 - y
    i0, j0 = x.astype(np.int64), y.astype(np.int64)
    i1, j1 = np.clip(i0 + 1, 0, width - 1), np.clip(j0 + 1, 0, height - 1)
    i0, j0 = np.clip(i0, 0, width - 1), np.clip(j0, 0, height - 1)
    total = np.zeros(len(x))
    colour = np.zeros((len(x), channels - 1))
    for j, i, share in (
        (j0, i0, (1.0 - fx) * (1.0 - fy)),
        (j0, i1, fx * (1.0 - fy)),
        (j1, i0, (1.0 - fx) * fy),
        (j1, i1, fx * fy),
    ):
        tap = image[j, i]
        weight = share * tap[:, -1]
        total += weight
        colour += weight[:, None] * tap[:, :-1]
    colour /= np.where(total > 0, total, 1.0)[:, None]
    return colour, total


def sides(double_sided: bool | NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """A contiguous bool (count,) from one bool or one per point."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(double_sided, bool), (count,)))


def blocks(count: int) -> list[tuple[int, int]]:
    """Fixed parts of range(count), the units of threading."""
    edges = np.linspace(0, count, min(BLOCKS, 1 + count // SMALL_BLOCK) + 1).astype(int)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges) if b > a]


def two_sided_faces(mesh: MeshData, cameras: Sequence[Camera]) -> NDArray[np.bool_]:
    """bool (F,): faces seen from both sides, by their material or because the winding cannot be trusted (4.1)."""
    if winding_needs_two_sides(mesh.vertices, mesh.faces, cameras):
        return np.ones(len(mesh.faces), bool)
    return np.zeros(len(mesh.faces), bool) if mesh.double_sided is None else mesh.double_sided


def winding_needs_two_sides(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], cameras: Sequence[Camera], views: int = 8
) -> bool:
    """Whether the mesh's winding cannot be trusted: more than 2 % of the first hits are back faces.

    Looked at from `views` cameras spread evenly over those given, 256 pixels each. specs/texture-optimizer.md 4.1.
    """
    hits = back = 0
    for index in np.unique(np.linspace(0, len(cameras), views, endpoint=False).astype(int)) if len(cameras) else ():
        camera = camera_of_size(cameras[index], 256)
        _, triangle = depth_map(vertices, faces, camera)
        corner = vertices[faces[triangle[triangle >= 0]]].astype(np.float64)
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        back += int(((normal * camera.towards(corner.mean(axis=1))).sum(axis=1) < 0).sum())
        hits += len(corner)
    return back > TWO_SIDED_SHARE * hits
