# SPDX-License-Identifier: GPL-3.0-or-later
"""Precision and recall of visibility against exact rays (specs/texture-optimizer.md, A7)."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np

from ..errors import EngineMissingError
from ..orbits.cameras import Camera
from ..texturing.depth import DepthSource
from ..texturing.types import FuseParams
from ..texturing.visibility import visible
from ..texturing.voxels import surface_voxels
from .bench import Table, case
from .bench_inputs import SCENES, cameras

SLACK = 2e-4  # a ray that ends this much before the point still reaches it


def measure(scene: str, grid: int, views: int) -> dict[str, Any]:
    """Over all voxels that face a view by at least cos_min."""
    mesh = SCENES[scene]().mesh
    params = FuseParams(grid=grid)
    voxels = surface_voxels(mesh.vertices, mesh.faces, grid)
    every = cameras(122)
    chosen = [every[i] for i in np.linspace(4, 117, views).round().astype(int)]
    depth = DepthSource.of_mesh(mesh, chosen, params)
    rays = _Rays(mesh.triangles)
    both = ours = truth = 0
    for index, camera in enumerate(chosen):
        sees, cosine, _ = visible(voxels.point, voxels.normal, camera, *depth.depth(index), 1 / grid, params)
        facing = np.flatnonzero(cosine >= params.cos_min)
        exact = np.zeros(len(voxels), bool)
        exact[facing] = rays.reach(camera, voxels.point[facing])
        both, ours, truth = both + int((sees & exact).sum()), ours + int(sees.sum()), truth + int(exact.sum())
    return {"precision": both / max(ours, 1), "recall": both / max(truth, 1), "voxels": len(voxels)}


def tables(quick: bool) -> list[Table]:
    if importlib.util.find_spec("embreex") is None:
        raise EngineMissingError("embree-missing", "embreex is not installed.", "Run 'make test' once, it installs it.")
    rows = []
    for scene in ("tent",) if quick else SCENES:
        found = case("visibility", scene=scene, grid=512, views=3 if quick else 9)
        rows.append([scene, found["voxels"], found["precision"], found["recall"]])
    notes = ["Targets: precision at least 0.975, recall at least 0.965, thin walls included."]
    return [Table("Visibility at 512 against Embree's rays", ["scene", "voxels", "precision", "recall"], rows, notes)]


class _Rays:
    """First hits among triangles float32 (F, 3, 3)."""

    def __init__(self, triangles: np.ndarray) -> None:
        from embreex import rtcore_scene
        from embreex.mesh_construction import TriangleMesh

        embree: Any = rtcore_scene
        self._scene = embree.EmbreeScene()
        self._mesh = TriangleMesh(self._scene, np.ascontiguousarray(triangles, np.float32))

    def reach(self, camera: Camera, points: np.ndarray) -> np.ndarray:
        """Whether nothing lies between a perspective camera and each point: bool (n,)."""
        direction = points.astype(np.float64) - camera.centre
        length = np.linalg.norm(direction, axis=1)
        direction = (direction / length[:, None]).astype(np.float32)
        origin = np.tile(camera.centre, (len(points), 1)).astype(np.float32)
        limit = np.full(len(points), 1e30, np.float32)
        return self._scene.run(origin, direction, dists=limit, query="DISTANCE") >= length - SLACK
