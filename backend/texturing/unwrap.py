# SPDX-License-Identifier: GPL-3.0-or-later
"""New UV maps (specs/texture-optimizer.md 4.1): xatlas where it is installed, else boxes by normal direction."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..mesh import face_normals
from ..progress import Progress, part, silent
from .chart_packing import components, pack_charts, shared_edges
from .uv_raster import claim_texels, runs, sub_texels
from .voxels import expand

PADDING = 4  # texels at PACK_SIZE
PACK_SIZE = 1024
SECONDS = 60.0
SECONDS_PER_TRIANGLE = 2.0 / 10_000
MIN_AREA = 1e-14
ROUNDS = 4


def unwrap(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    polygon: NDArray[np.integer],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """UVs float32 (n, 3, 2) in 0..1 for triangles (n, 3) of vertices (V, 3); polygon int (n,): source polygon.

    Corners of one polygon that lie at one point get one UV, so the map can be written to the source's face corners.
    Never fails: without xatlas, on its failure or past its time limit (60 s, or 2 s per 10 000 triangles if that is
    more), `box_unwrap` serves. Triangles without area get UVs of their neighbours.
    """
    if importlib.util.find_spec("xatlas") is not None:
        try:
            return unwrap_xatlas(vertices, faces, polygon, progress)
        except UnwrapFailed:
            pass
    return box_unwrap(vertices, faces, polygon)


class UnwrapFailed(Exception):
    """xatlas crashed, ran too long, or left faces out. `unwrap` goes on without it."""


class _Welded:
    """The position-welded, degenerate-free copy of a mesh. kept int (k,): its triangles in the mesh."""

    def __init__(
        self, vertices: NDArray[np.floating], faces: NDArray[np.integer], polygon: NDArray[np.integer]
    ) -> None:
        self.polygon = np.asarray(polygon)
        flat = np.nan_to_num(np.asarray(vertices, np.float32)[faces.reshape(-1)], posinf=0.0, neginf=0.0)
        self.points, corner = np.unique(flat, axis=0, return_inverse=True)
        self.corner = corner.reshape(-1, 3)
        normals, area = face_normals(self.points, self.corner)
        finite = np.isfinite(np.asarray(vertices)[faces]).all(axis=(1, 2))
        extent = float(np.ptp(self.points, axis=0).max()) if len(self.points) else 0.0
        self.kept = np.flatnonzero(finite & (area > MIN_AREA * max(extent, 1e-12) ** 2))
        self.normals, self.area = normals[self.kept], area[self.kept]
        self.faces = self.corner[self.kept]
        self.of = np.unique(self.polygon[self.kept], return_inverse=True)[1].reshape(-1)

    def spread(self, uv: NDArray[np.floating]) -> NDArray[np.float32]:
        """UVs of the kept triangles (k, 3, 2) to all (n, 3, 2): one per polygon corner; others take a neighbour's."""
        result = np.zeros((len(self.corner), 3, 2), np.float32)
        if len(self.kept) == 0:
            return result
        flat = np.asarray(uv, np.float32).reshape(-1, 2)
        for key_of_all in (self.corner, self.polygon[:, None].astype(np.int64) * (len(self.points) + 1) + self.corner):
            key, index = np.unique(key_of_all[self.kept].reshape(-1), return_index=True)
            every = key_of_all.reshape(-1)
            at = np.minimum(np.searchsorted(key, every), len(key) - 1)
            hit = key[at] == every
            result.reshape(-1, 2)[hit] = flat[index[at[hit]]]
        return result


def unwrap_xatlas(
    vertices: NDArray[np.floating],
    faces: NDArray[np.integer],
    polygon: NDArray[np.integer],
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """As `unwrap`, with xatlas alone. Raises UnwrapFailed.

    xatlas knows only triangles and may tear a polygon apart. Such a polygon is laid flat beside its largest triangle;
    if it covers others there it becomes a chart of its own. Then all charts are packed again.
    """
    mesh = _Welded(vertices, faces, polygon)
    if len(mesh.kept) == 0:
        return mesh.spread(np.zeros((0, 3, 2)))
    deadline = time.monotonic() + max(SECONDS, SECONDS_PER_TRIANGLE * len(mesh.kept))
    uv, joint, extent = _run_xatlas(mesh.points, mesh.faces, deadline, part(progress, 0.0, 0.8))
    torn = _torn_polygons(mesh, uv)
    if torn.any():
        chart = components(len(joint), *shared_edges(joint))
        uv, alone = _lay_flat(mesh, uv, chart, torn, extent)
        # Corners are joined where vertex and UV agree, but charts of one polygon stay alone.
        owner = np.where(alone, 1 + mesh.of, 0)
        place = np.concatenate(
            [owner.repeat(3)[:, None], mesh.faces.reshape(-1, 1), np.rint(uv.reshape(-1, 2) * 64)], axis=1
        )
        _, first, index = np.unique(place, axis=0, return_index=True, return_inverse=True)
        points = uv.reshape(-1, 2)[first]
        uv, _, extent = _run_xatlas(points, index.reshape(-1, 3), deadline, part(progress, 0.8, 1.0))
    return mesh.spread(uv / extent)


def _run_xatlas(
    points: NDArray[np.floating], faces: NDArray[np.integer], deadline: float, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """UVs in texels (n, 3, 2), joined corners (n, 3) and the atlas' width and height, from the child process."""
    with tempfile.TemporaryDirectory(prefix="orbit-painter-") as folder:
        source, result = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            source, points=points.astype(np.float32), faces=faces.astype(np.uint32), size=PACK_SIZE, padding=PADDING
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        start = time.monotonic()
        # -P: this folder must not be searched for modules, its types.py is not the standard library's.
        process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("xatlas_child.py")), str(source), str(result)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while process.poll() is None:
                progress(min(0.95, (time.monotonic() - start) / max(1.0, deadline - start)), "unwrapping")
                if time.monotonic() > deadline:
                    raise UnwrapFailed("xatlas took too long")
                try:
                    process.wait(0.2)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0 or not result.is_file():
            raise UnwrapFailed("xatlas failed")
        with np.load(result, allow_pickle=False) as data:
            extent = np.array([data["width"], data["height"]], np.float64)
            uv = data["uv"].astype(np.float64)
            joint = data["vertex"].astype(np.int64)
    if not np.isfinite(uv).all() or not (extent > 0).all():
        raise UnwrapFailed("xatlas gave no usable UVs")
    return uv * (extent if uv.max(initial=0.0) <= 1.0 + 1e-6 else 1.0), joint, extent


def _torn_polygons(mesh: _Welded, uv: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which kept triangles (k,) belong to a polygon with two UVs at one corner."""
    key = mesh.of[:, None] * np.int64(len(mesh.points)) + mesh.faces
    _, first, index = np.unique(key.reshape(-1), return_index=True, return_inverse=True)
    flat = uv.reshape(-1, 2)
    apart = (abs(flat - flat[first][index.reshape(-1)]) > 1e-3).any(axis=1).reshape(-1, 3).any(axis=1)
    bad = np.zeros(mesh.of.max(initial=0) + 1, bool)
    bad[mesh.of[apart]] = True
    return bad[mesh.of]


def _lay_flat(
    mesh: _Welded,
    uv: NDArray[np.float64],
    chart: NDArray[np.int64],
    torn: NDArray[np.bool_],
    extent: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Torn polygons in the plane of their largest triangle; alone bool (k,): in a chart of their own."""
    uv = uv.copy()
    rows = np.flatnonzero(torn)
    order = rows[np.lexsort((-mesh.area[rows], mesh.of[rows]))]
    first = np.concatenate([[True], mesh.of[order][1:] != mesh.of[order][:-1]])
    anchor_of = np.zeros(len(mesh.of), np.int64)
    anchor_of[order] = order[first][np.cumsum(first) - 1]
    anchor = anchor_of[rows]
    p = mesh.points.astype(np.float64)
    base = p[mesh.faces[anchor]]
    u, v = base[:, 1] - base[:, 0], base[:, 2] - base[:, 0]
    gram = np.stack([np.stack([(u * u).sum(1), (u * v).sum(1)], 1), np.stack([(u * v).sum(1), (v * v).sum(1)], 1)], 1)
    w = p[mesh.faces[rows]] - base[:, None, 0]
    right = np.stack([(w * u[:, None]).sum(2), (w * v[:, None]).sum(2)], axis=2)
    share = np.linalg.solve(gram, right.transpose(0, 2, 1)).transpose(0, 2, 1)
    corner = uv[anchor]
    moved = corner[:, None, 0] + share @ np.stack([corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]], axis=1)
    chart = chart.copy()
    chart[rows] = chart[anchor]
    uv[rows] = moved
    # Does the polygon now cover other triangles of the chart it joined?
    side = float(extent.max())
    scale = np.array([1.0, 1.0]) / side
    settled = claim_texels(np.where(torn[:, None, None], np.nan, uv) * scale, PACK_SIZE)
    clash = np.zeros(len(mesh.of), bool)
    points = sub_texels(np.where(torn[:, None, None], uv, np.nan) * scale, PACK_SIZE)
    for triangle, row, start, end in runs(points, PACK_SIZE):
        run, step = expand(end - start + 1)
        under = settled[row[run], start[run] + step]
        hit = (under >= 0) & (chart[under] == chart[triangle[run]])
        clash[triangle[run][hit]] = True
    bad = np.zeros(mesh.of.max(initial=0) + 1, bool)
    bad[mesh.of[clash]] = True
    bad[mesh.of[rows[~np.isfinite(moved).all(axis=(1, 2))]]] = True
    alone = bad[mesh.of]
    # Move lonely polygons out of the way, each to a place of its own.
    uv[alone] += (2.0 * side * (1 + mesh.of[alone]))[:, None, None]
    return uv, alone


def box_unwrap(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], polygon: NDArray[np.integer]
) -> NDArray[np.float32]:
    """UVs float32 (n, 3, 2) by projection along the axes, as `unwrap` gives them. NumPy only, never fails.

    Polygons are grouped by the axis (and side) their normal is nearest to and by connectivity; each group is
    projected along its axis, and the boxes are packed onto shelves. Parts of a group that cover each other (stacked
    layers, the threads of a screw) are split off until they do not, at most four times.
    """
    mesh = _Welded(vertices, faces, polygon)
    if len(mesh.kept) == 0:
        return mesh.spread(np.zeros((0, 3, 2)))
    total = np.stack([np.bincount(mesh.of, mesh.normals[:, axis] * mesh.area) for axis in range(3)], axis=1)
    axis = abs(total).argmax(axis=1)
    side = total[np.arange(len(total)), axis] < 0
    direction = (2 * axis + side)[mesh.of]
    p = mesh.points[mesh.faces].astype(np.float64)
    # Right and up for each direction, so that the triangles keep their winding.
    right = np.array([1, 1, 2, 2, 0, 0])[direction]
    up = np.array([2, 2, 0, 0, 1, 1])[direction]
    pick = np.arange(len(p))
    flat = np.stack([p[pick, :, right], p[pick, :, up]], axis=-1)
    mirrored = direction % 2 == 1
    flat[mirrored, :, 0] *= -1
    layer = np.zeros(len(p), np.int64)
    uv = np.zeros_like(flat)
    for _ in range(ROUNDS):
        chart = _charts(mesh, direction, layer)
        uv = pack_charts(flat, chart, PADDING / PACK_SIZE)
        covered = _covered(uv, mesh.of)
        if not covered.any():
            break
        layer = np.where(covered[mesh.of], layer.max() + 1, layer)
    return mesh.spread(uv)


def _charts(mesh: _Welded, direction: NDArray[np.integer], layer: NDArray[np.int64]) -> NDArray[np.int64]:
    """Chart of each kept triangle: connected polygons of one direction and layer."""
    a, b = shared_edges(mesh.faces)
    joined = (direction[a] == direction[b]) & (layer[a] == layer[b])
    order = np.argsort(mesh.of, kind="stable")
    same = mesh.of[order][1:] == mesh.of[order][:-1]
    return components(
        len(mesh.of),
        np.concatenate([a[joined], order[:-1][same]]),
        np.concatenate([b[joined], order[1:][same]]),
    )


def _covered(uv: NDArray[np.floating], polygon: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Which polygons lose most of their texels to triangles of others, bool (polygons,)."""
    order = np.argsort(polygon, kind="stable")  # whole polygons win, so the first one always stays
    uv, polygon = uv[order], polygon[order]
    owner = claim_texels(uv, PACK_SIZE)
    count = int(polygon.max(initial=0)) + 1
    lost, all_texels = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for triangle, row, first, last in runs(sub_texels(uv, PACK_SIZE), PACK_SIZE):
        run, step = expand(last - first + 1)
        own = polygon[triangle[run]]
        other = polygon[owner[row[run], first[run] + step]] != own
        all_texels += np.bincount(own, minlength=count)
        lost += np.bincount(own[other], minlength=count)
    return lost * 4 > all_texels
