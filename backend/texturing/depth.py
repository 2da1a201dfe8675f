# SPDX-License-Identifier: GPL-3.0-or-later
"""Depth maps from our own z-buffer (specs/texture-optimizer.md 4.3).

One sample at each pixel centre, 1/z interpolated linearly on the screen (z itself for orthographic cameras), both
sides of every triangle drawn. A centre on a shared edge belongs to both triangles, so closed surfaces have no pinholes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..cutouts import Holes
from ..mesh import MeshData
from ..orbits.cameras import Camera
from ..orbits.passes import PassSet
from . import accel
from .sheets import connected_parts, sheet_map
from .types import FuseParams
from .voxels import expand

NEAR = 1e-4  # unit-cube lengths; what lies nearer or behind is clipped
NO_SHEETS = np.zeros((0, 0), np.int16)
# The fields of Holes where there are none
NO_HOLES = (
    np.zeros(0, np.int32), np.zeros((0, 3, 2)), np.zeros((0, 2), np.int64), np.zeros(0, np.int64), np.zeros(0, bool)
)  # fmt: skip
BANDS = 8
CACHE_BYTES = 2 * 2**30
BLOCK_TRIANGLES = 131_072
BLOCK_ROWS = 65_536
BLOCK_PIXELS = 32_768
TILE = 16
SPAN = 4


class DepthMaps(Protocol):
    """Where visibility gets its depth from: one map per view, along the viewing axis, infinite for background.

    sheets  what each pixel of a view of its camera's size shows (sheets.py), empty where that is not known
    part    name int16 (F,) in those maps of the part each face belongs to, empty where that is not known
    """

    @property
    def cameras(self) -> Sequence[Camera]: ...
    @property
    def part(self) -> NDArray[np.int16]: ...
    def depth(self, view: int) -> tuple[NDArray[np.float32], Camera]: ...
    def sheets(self, view: int) -> NDArray[np.int16]: ...


class DepthSource:
    """Depth maps of a mesh from its own z-buffer, made when they are asked for.

    vertices float32 (V, 3), faces int32 (F, 3), cameras one per view, size pixels of the longer side.
    Maps are kept as float32 until `cache_bytes` (default 2 GiB: 128 maps of 2048^2) are used up; those that do not
    fit are computed again each time. Maps of sheets, 2 bytes a frame pixel, are always kept.
    holes   of the faces, through which is seen
    margin  frame pixels around a pixel that mix into it, beside the pixel itself; negative: no maps of sheets
    """

    def __init__(
        self,
        vertices: NDArray[np.float32],
        faces: NDArray[np.int32],
        cameras: Sequence[Camera],
        size: int = 1024,
        cache_bytes: int = CACHE_BYTES,
        margin: float = 0.0,
        holes: Holes | None = None,
    ) -> None:
        self.vertices = vertices
        self.faces = faces
        self.cameras = cameras
        self.size = size
        self.room = cache_bytes
        self.holes = holes
        self._kept: dict[int, tuple[NDArray[np.float32], Camera]] = {}
        self._margin = margin
        self._part: NDArray[np.int16] | None = None
        self._sheets: dict[int, NDArray[np.int16]] = {}

    @staticmethod
    def of_mesh(
        mesh: MeshData, cameras: Sequence[Camera], params: FuseParams, cache_bytes: int = CACHE_BYTES
    ) -> DepthSource:
        """For a mesh, at FuseParams.depth_size and at least 2048 for grids above 512."""
        size, margin = params.depth_map_size, params.edge_erosion - 1.0
        return DepthSource(mesh.vertices, mesh.faces, cameras, size, cache_bytes, margin, mesh.holes)

    @property
    def part(self) -> NDArray[np.int16]:
        if self._part is None:
            known = self._margin >= 0
            self._part = connected_parts(self.vertices, self.faces) if known else np.zeros(0, np.int16)
        return self._part

    def depth(self, view: int) -> tuple[NDArray[np.float32], Camera]:
        """(depth float32 (h, w), the camera of that size) of a view."""
        kept = self._kept.get(view)
        if kept is None:
            kept = self._made(view)
            if kept[0].nbytes <= self.room:
                self.room -= kept[0].nbytes
                self._kept[view] = kept
        return kept

    def _made(self, view: int) -> tuple[NDArray[np.float32], Camera]:
        camera = depth_camera(self.cameras[view], self.size)
        depth, triangle = depth_map(self.vertices, self.faces, camera, holes=self.holes)
        if view not in self._sheets and len(self.part):
            size = self.cameras[view].width, self.cameras[view].height
            self._sheets[view] = sheet_map(depth, triangle, camera, self.part, *size, self._margin)
        return depth, camera

    def sheets(self, view: int) -> NDArray[np.int16]:
        """int16 (h, w) of the view's own size."""
        if view not in self._sheets and len(self.part):
            self.depth(view)
        return self._sheets.get(view, NO_SHEETS)


class PassDepth(DepthSource):
    """Depth maps from rendered float passes, whose size should be at least that of the frames (4.3).

    The views are `first` anchors, which have no pass and get the z-buffer of `own`, then those of the passes. Nothing
    is known of sheets.
    """

    def __init__(self, own: DepthSource, passes: PassSet, first: int) -> None:
        super().__init__(own.vertices, own.faces, own.cameras, own.size, own.room, margin=-1.0, holes=own.holes)
        self._passes = passes
        self._first = first

    def _made(self, view: int) -> tuple[NDArray[np.float32], Camera]:
        if view < self._first:
            return super()._made(view)
        passes = self._passes.view(view - self._first)
        return passes.depth, passes.camera


def depth_camera(camera: Camera, size: int) -> Camera:
    """The same view with `size` pixels along the longer side."""
    longer = max(camera.width, camera.height)
    return camera.resized(max(1, round(camera.width * size / longer)), max(1, round(camera.height * size / longer)))


def depth_map(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    camera: Camera,
    size: int | None = None,
    holes: Holes | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The first surface behind each pixel centre.

    vertices (V, 3), faces (F, 3); camera in the same frame; size: pixels of the longer side, default the camera's own.
    holes: of these faces; triangles that are clipped are solid.
    Returns depth float32 (h, w) along the viewing axis, +inf for background, and triangle int32 (h, w), -1 for
    background; among equal depths the lowest triangle index. Triangles are clipped at 1e-4 in front of the camera,
    those with non-finite corners or seen edge-on draw nothing. Memory: 24 bytes a vertex, 8 a pixel, and 200 MiB.
    """
    if size is not None:
        camera = depth_camera(camera, size)
    local = _to_camera(vertices, camera)
    local, faces, owner = _clip(local, np.ascontiguousarray(faces, np.int32))
    screen = _to_screen(local, camera)
    if holes is not None and len(owner):
        holes = _of_clipped(holes, owner, (faces >= len(vertices)).any(axis=1))
    draw = _draw_compiled if accel.NUMBA else _draw_numpy
    return draw(screen, faces, owner, camera, holes)


def _of_clipped(holes: Holes, owner: NDArray[np.int32], cut: NDArray[np.bool_]) -> Holes:
    """The holes of what clipping has left: faces with their source triangle (m,) and whether they were cut (m,)."""
    kept = holes.some(owner)
    return replace(kept, image=np.where(cut, np.int32(-1), kept.image))


def _to_camera(points: NDArray[np.floating], camera: Camera) -> NDArray[np.float64]:
    """World points (N, 3) to right, down, forward; sums written out, so that every machine rounds alike."""
    x, y, z = (np.asarray(points[:, axis], np.float64) - camera.centre[axis] for axis in range(3))
    local = np.empty((len(points), 3))
    with np.errstate(invalid="ignore"):  # vertices may be infinite; their triangles draw nothing
        for row, (a, b, c) in enumerate(camera.rotation):
            local[:, row] = a * x + b * y + c * z
    return local


def _to_screen(local: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Camera space (N, 3) to u, v and what is linear on the screen: 1/z, or z for orthographic cameras."""
    screen = np.empty_like(local)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = camera.focal if camera.orthographic else camera.focal / local[:, 2]
        for axis in range(2):
            screen[:, axis] = local[:, axis] * scale + camera.principal[axis]
        screen[:, 2] = local[:, 2] if camera.orthographic else 1.0 / local[:, 2]
    return screen


def _clip(
    local: NDArray[np.float64], faces: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """Cut triangles at z = NEAR. Returns vertices, faces and the source triangle of each (empty: its own index)."""
    front = local[:, 2] > NEAR
    if front.all():
        return local, faces, np.zeros(0, np.int32)
    inside = front[faces]
    count = inside.sum(axis=1)
    whole = np.flatnonzero(count == 3)
    new_faces, owners, new_vertices = [faces[whole]], [whole], [local]
    next_vertex = len(local)
    for corners_in_front in (1, 2):
        cut = np.flatnonzero(count == corners_in_front)
        # Rotate so that the corner that is alone on its side comes first.
        alone = np.argmax(inside[cut] == (corners_in_front == 1), axis=1)
        a, b, c = (faces[cut, (alone + k) % 3] for k in range(3))
        ab, ac = _crossing(local, a, b, corners_in_front), _crossing(local, a, c, corners_in_front)
        p = np.arange(next_vertex, next_vertex + len(cut))
        q = p + len(cut)
        next_vertex += 2 * len(cut)
        new_vertices += [ab, ac]
        pieces = [(a, p, q)] if corners_in_front == 1 else [(p, b, c), (p, c, q)]
        for piece in pieces:
            new_faces.append(np.stack(piece, axis=1))
            owners.append(cut)
    return (
        np.concatenate(new_vertices),
        np.ascontiguousarray(np.concatenate(new_faces), np.int32),
        np.concatenate(owners).astype(np.int32),
    )


def _crossing(
    local: NDArray[np.float64], alone: NDArray[np.int32], other: NDArray[np.int32], corners_in_front: int
) -> NDArray[np.float64]:
    """Where edges cross z = NEAR, always computed from the front end, so that neighbours agree."""
    start, end = (local[alone], local[other]) if corners_in_front == 1 else (local[other], local[alone])
    with np.errstate(invalid="ignore"):
        t = (start[:, 2] - NEAR) / (start[:, 2] - end[:, 2])
        point = start + t[:, None] * (end - start)
    point[:, 2] = NEAR
    return point


def _draw_compiled(
    screen: NDArray[np.float64],
    faces: NDArray[np.int32],
    owner: NDArray[np.int32],
    camera: Camera,
    holes: Holes | None,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    from .kernels_depth import rasterise

    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    triangle = np.full((camera.height, camera.width), -1, np.int32)
    edges = np.linspace(0, camera.height, min(BANDS, camera.height) + 1).astype(np.int64)
    cut = NO_HOLES if holes is None else (holes.image, holes.uv, holes.size, holes.start, holes.solid)

    def draw(band: int) -> None:
        rasterise(screen, faces, owner, camera.orthographic, edges[band], edges[band + 1], depth, triangle, *cut)

    for _ in accel.mapped(draw, range(len(edges) - 1)):
        pass
    return depth, triangle


def _draw_numpy(
    screen: NDArray[np.float64],
    faces: NDArray[np.int32],
    owner: NDArray[np.int32],
    camera: Camera,
    holes: Holes | None,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """The same in NumPy. Depth (as its bit pattern) and triangle share one integer, whose minimum is what is seen."""
    width, height = camera.width, camera.height
    nothing = np.uint64((0x7F800000 << 32) | 0xFFFFFFFF)  # +inf, triangle -1
    seen = np.full(height * width, nothing, np.uint64)
    for start in range(0, len(faces), BLOCK_TRIANGLES):
        p = screen[faces[start : start + BLOCK_TRIANGLES]]
        index = np.arange(start, start + len(p)) if len(owner) == 0 else owner[start : start + len(p)]
        with np.errstate(invalid="ignore", over="ignore"):
            low, high = p[..., :2].min(axis=1), p[..., :2].max(axis=1)
            area = (p[:, 1, 0] - p[:, 0, 0]) * (p[:, 2, 1] - p[:, 0, 1]) - (p[:, 1, 1] - p[:, 0, 1]) * (
                p[:, 2, 0] - p[:, 0, 0]
            )
            drawn = (high >= 0).all(axis=1) & (low <= (width, height)).all(axis=1) & np.isfinite(area) & (area != 0)
        drawn = np.flatnonzero(drawn)
        low, high = low[drawn], high[drawn]
        first = np.ceil(np.maximum(low, 0.0) - 0.5).astype(np.int64)
        last = np.floor(np.minimum(high, (width, height)) - 0.5).astype(np.int64)
        covers = (first <= last).all(axis=1)
        drawn, first, last = drawn[covers], first[covers], last[covers]
        near = p[drawn, :, 2].min(axis=1) if camera.orthographic else 1.0 / p[drawn, :, 2].max(axis=1)
        positive = area[drawn] > 0
        # Of a closed body's two sides the nearer one first: most of the other lies behind it and need not be drawn.
        depths = [near[side].mean() if side.any() else np.inf for side in (positive, ~positive)]
        nearer = positive == (depths[0] < depths[1])
        for side in (True, False):
            shown = np.flatnonzero(nearer == side)
            if not side:
                shown = shown[~_hidden(seen.reshape(height, width), near[shown], first[shown], last[shown])]
            triangles = drawn[shown]
            mine = None if holes is None else holes.some(start + triangles)
            for pixel, key in _fragments(
                p[triangles], index[triangles], positive[shown], first[shown], last[shown], camera, mine
            ):
                np.minimum.at(seen, pixel, key)
    depth = (seen >> np.uint64(32)).astype(np.uint32).view(np.float32)
    triangle = (seen & np.uint64(0xFFFFFFFF)).astype(np.uint32).view(np.int32)
    return depth.reshape(height, width), triangle.reshape(height, width)


def _hidden(
    seen: NDArray[np.uint64], near: NDArray[np.float64], first: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which triangles (n,) lie behind everything drawn so far in the pixels `first` to `last` (n, [u, v]) around them.

    near: least depth (n,). Tested on squares of TILE pixels, up to SPAN squares each way.
    """
    low, high = first // TILE, last // TILE
    reach = int(np.minimum((high - low).max(initial=0), SPAN - 1))
    across = np.maximum.reduceat(seen, np.arange(0, seen.shape[1], TILE), axis=1)
    far = np.maximum.reduceat(across, np.arange(0, seen.shape[0], TILE), axis=0)
    deepest = np.zeros(len(near), np.uint64)
    for j in range(reach + 1):
        for i in range(reach + 1):
            deepest = np.maximum(
                deepest, far[np.minimum(low[:, 1] + j, high[:, 1]), np.minimum(low[:, 0] + i, high[:, 0])]
            )
    depth = (deepest >> np.uint64(32)).astype(np.uint32).view(np.float32)
    return ((high - low) < SPAN).all(axis=1) & (near * (1.0 - 1e-5) > depth)


def _fragments(
    p: NDArray[np.float64],
    index: NDArray[np.integer],
    positive: NDArray[np.bool_],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    camera: Camera,
    holes: Holes | None,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint64]]]:
    """Blocks of (pixel index, depth bits << 32 | triangle) for triangles p (n, 3 corners, [u, v, q]) with holes."""
    # Edge k faces corner k. It is evaluated from its lesser to its greater end (see kernels_depth.py).
    edges = [_canonical(p[:, (k + 1) % 3], p[:, (k + 2) % 3], positive) for k in range(3)]
    face, offset = expand(last[:, 1] - first[:, 1] + 1)
    j = first[face, 1] + offset
    for begin in range(0, len(face), BLOCK_ROWS):
        rows = slice(begin, begin + BLOCK_ROWS)
        f, y = face[rows], j[rows] + 0.5
        lines = [tuple(values[f] for values in edge) for edge in edges]
        near, far = _row_span(lines, y)
        i_first = np.maximum(first[f, 0], np.ceil(np.clip(near, 0, 1e9) - 0.5).astype(np.int64))
        i_last = np.minimum(last[f, 0], np.floor(np.clip(far, -1, 1e9) - 0.5).astype(np.int64))
        count = np.maximum(i_last - i_first + 1, 0)
        # What one row of a triangle needs, by columns, so that widening to pixels copies runs.
        columns = [j[rows] * camera.width, index[f].astype(np.uint64), *(p[f, k, 2] for k in range(3))]
        for sign, su, sv, du, dv in lines:
            columns += [sign * (du * (y - sv)), sign * dv, su]
        total = np.concatenate([[0], np.cumsum(count)])
        low = 0
        while low < len(count):
            high = max(low + 1, int(np.searchsorted(total, total[low] + BLOCK_PIXELS, side="right")) - 1)
            some = slice(low, high)
            low = high
            row, offset = expand(count[some])
            i = i_first[some][row] + offset
            x = i + 0.5
            line, triangle, *corner = (np.repeat(column[some], count[some]) for column in columns[:5])
            weights = []
            for k in range(5, len(columns), 3):
                rise, dv, su = (np.repeat(column[some], count[some]) for column in columns[k : k + 3])
                weights.append(rise - dv * (x - su))
            total_weight = weights[0] + weights[1] + weights[2]
            hit = (weights[0] >= 0) & (weights[1] >= 0) & (weights[2] >= 0) & (total_weight > 0)
            value = weights[0] * corner[0] + weights[1] * corner[1] + weights[2] * corner[2]
            value = value[hit] / total_weight[hit]
            z = (value if camera.orthographic else 1.0 / value).astype(np.float32)
            if holes is not None:
                true = weights if camera.orthographic else [w * q for w, q in zip(weights, corner, strict=True)]
                own = np.repeat(f[some], count[some])[hit]
                solid = holes.is_solid(own, np.stack([w[hit] for w in true], axis=1))
                hit[hit] = solid
                z = z[solid]
            yield line[hit] + i[hit], (z.view(np.uint32).astype(np.uint64) << np.uint64(32)) | triangle[hit]


# sign, start u, start v, delta u, delta v
Edge = tuple[NDArray[np.float64], ...]


def _canonical(start: NDArray[np.float64], end: NDArray[np.float64], positive: NDArray[np.bool_]) -> Edge:
    """Edges (n,) from their lesser to their greater end, and the sign that makes the inside positive."""
    u0, v0, u1, v1 = start[:, 0], start[:, 1], end[:, 0], end[:, 1]
    swap = (u1 < u0) | ((u1 == u0) & (v1 < v0))
    su, sv = np.where(swap, u1, u0), np.where(swap, v1, v0)
    return np.where(swap == positive, -1.0, 1.0), su, sv, np.where(swap, u0, u1) - su, np.where(swap, v0, v1) - sv


def _row_span(lines: list[Edge], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First and last u, a little generous, at which the line v = y may meet the three sides of a triangle."""
    near, far = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for _, u0, v0, delta, rise in lines:
        meets = (np.minimum(v0, v0 + rise) - 1e-6 <= y) & (y <= np.maximum(v0, v0 + rise) + 1e-6)
        steep = abs(rise) > 1e-3
        slope = delta / np.where(steep, rise, 1.0)
        u = u0 + slope * (y - v0)
        slack = 1e-6 + abs(slope) * (1e-6 + 1e-15 * abs(v0))
        near = np.where(meets, np.minimum(near, np.where(steep, u - slack, np.minimum(u0, u0 + delta))), near)
        far = np.where(meets, np.maximum(far, np.where(steep, u + slack, np.maximum(u0, u0 + delta))), far)
    return near, far
