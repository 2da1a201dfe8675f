# SPDX-License-Identifier: GPL-3.0-or-later
"""Precision and recall of visibility against exact rays (specs/texture-optimizer.md, A7)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import EngineMissingError
from ..meshfile import read_mesh_file
from ..orbits.cameras import Camera
from ..texturing.depth import DepthSource
from ..texturing.types import FuseParams
from ..texturing.visibility import sides, visible
from ..texturing.voxels import surface_voxels
from .bench import Table, case
from .bench_inputs import SCENES, cameras

MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "assets"
SLACK = 2e-4  # a ray that ends this much before the point still reaches it


def measure(scene: str, grid: int, views: int) -> dict[str, Any]:
    """Over all voxels that face a view by at least cos_min. scene: one of SCENES, or the name of a model's file."""
    mesh = SCENES[scene]().mesh if scene in SCENES else read_mesh_file(scene)[0]
    params = FuseParams(grid=grid)
    voxels = surface_voxels(mesh.vertices, mesh.faces, grid)
    every = cameras(122)
    chosen = [every[i] for i in np.linspace(4, 117, views).round().astype(int)]
    depth = DepthSource.of_mesh(mesh, chosen, params)
    two_sided = sides(False if mesh.double_sided is None else mesh.double_sided, len(mesh.faces))[voxels.triangle]
    rays = _Rays(mesh.triangles)
    both = ours = truth = 0
    for index, camera in enumerate(chosen):
        sees, cosine, _ = visible(
            voxels.point, voxels.normal, camera, *depth.depth(index), 1 / grid, params, double_sided=two_sided
        )
        facing = np.flatnonzero(cosine >= params.cos_min)
        exact = np.zeros(len(voxels), bool)
        exact[facing] = rays.reach(camera, voxels.point[facing])
        both, ours, truth = both + int((sees & exact).sum()), ours + int(sees.sum()), truth + int(exact.sum())
    return {"precision": both / max(ours, 1), "recall": both / max(truth, 1), "voxels": len(voxels)}


def tables(quick: bool) -> list[Table]:
    if importlib.util.find_spec("embreex") is None:
        raise EngineMissingError("embree-missing", "embreex is not installed.", "Run 'make test' once, it installs it.")
    rows = []
    models = sorted(MODELS.glob("*/model.[og][bl][jb]"))
    for scene in ("tent",) if quick else (*SCENES, *map(str, models)):
        found = case("visibility", scene=scene, grid=512, views=3 if quick else 9)
        name = scene if scene in SCENES else Path(scene).parent.name
        rows.append([name, found["voxels"], found["precision"], found["recall"]])
    notes = ["Targets: precision at least 0.975, recall at least 0.965, thin walls (tent, assembly) included."]
    if not models:
        notes.append(
            "The shared test models are not beside this checkout, so only the procedural scenes were measured."
        )
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
