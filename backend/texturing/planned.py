# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage before anything is painted: which of the planned views will see each texel (specs/texture-optimizer.md 4.3).

Visibility alone, as the candidates of a bake have it. View selection, which makes larger patches of one view out of
this, needs colours and is left out, so borders between views lie elsewhere in a bake; what is seen at all does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import Camera
from ..orbits.passes import PassSet
from ..painters.base import Frame
from ..progress import Progress, part, silent
from .atlas import texel_points, tile_surface
from .candidates import collect_candidates
from .depth import DepthSource, PassDepth
from .types import UNOBSERVED, UNOWNED, BakedTile, FuseParams, SurfaceVoxels, TextureTarget
from .visibility import two_sided_faces

TEXELS = 2**20  # of all tiles together
SIDES = 64, 512  # pixels of a tile, at least and at most


def planned_coverage(
    passes: PassSet,
    targets: Sequence[TextureTarget],
    references: Sequence[Camera],
    params: FuseParams,
    progress: Progress = silent,
) -> dict[str, list[BakedTile]]:
    """Small textures without colours whose labels and confidence say what will be seen: target name -> tiles.

    references  cameras of the reference pictures, which are views 0 to R - 1; the views of the passes follow
    label is the reference that looks at a texel most directly, where none sees it the view that does, where none of
    those does UNOBSERVED; confidence is 255 for references, 0 for views, whose colours are the painter's.
    """
    mesh = passes.mesh
    cameras = [*references, *passes.cameras]
    depth = PassDepth(DepthSource.of_mesh(mesh, cameras, params), passes, len(references))
    two_sided = two_sided_faces(mesh, cameras)
    largest = isqrt(TEXELS // max(1, sum(len(target.tiles) for target in targets)))
    side = min(max(largest, SIDES[0]), SIDES[1])
    sized = [replace(target, size=min(target.size, side)) for target in targets]
    shown = [_shown(mesh, target, tile) for target in sized for tile in target.tiles]
    points = np.concatenate([some.points for some in shown])
    normals = np.concatenate([some.normals for some in shown])
    faces = np.concatenate([some.faces for some in shown])
    progress(0.05, "views")
    nowhere = np.zeros((len(points), 3), np.int32)
    texels = SurfaceVoxels(nowhere, points, normals, faces, mesh.face_object[faces], params.label_grid)
    found = collect_candidates(
        texels,
        _blank_frames(cameras, len(references)),
        depth,
        replace(params, candidates=1),
        double_sided=two_sided[faces],
        progress=part(progress, 0.05, 1.0),
    )
    textures: dict[str, list[BakedTile]] = {target.name: [] for target in sized}
    ends = np.cumsum([len(some.texels) for some in shown])
    for some, best in zip(shown, np.split(found.label[:, 0], ends[:-1]), strict=True):
        label = np.full((some.size, some.size), UNOWNED, np.int16)
        label.reshape(-1)[some.texels] = np.where(best < 0, UNOBSERVED, best)
        confidence = np.where((label >= 0) & (label < len(references)), 255, 0).astype(np.uint8)
        blank = np.zeros((*label.shape, 4), np.uint8)
        textures[some.name].append(BakedTile(some.tile, blank, label, confidence))
    return textures


@dataclass(frozen=True, eq=False)
class _Shown:
    """What a tile of `size` pixels shows of the surface: flat indices (n,) of the texels that show any, and the point
    (n, 3), the normal (n, 3) and the mesh's face (n,) at each."""

    name: str
    tile: int
    size: int
    texels: NDArray[np.int64]
    points: NDArray[np.float32]
    normals: NDArray[np.float32]
    faces: NDArray[np.int32]


def _shown(mesh: MeshData, target: TextureTarget, tile: int) -> _Shown:
    owner, uv, corners, normals = tile_surface(mesh, target, tile)
    texels = np.flatnonzero(owner.reshape(-1) >= 0)
    face = owner.reshape(-1)[texels]
    points = texel_points(uv, corners, face, texels, target.size)
    return _Shown(target.name, tile, target.size, texels, points, normals[face], target.faces[face].astype(np.int32))


def _blank_frames(cameras: Sequence[Camera], references: int) -> list[Frame]:
    """Frames that show the object everywhere: what counts is where they look from, and that references are sure."""
    blank: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    frames = []
    for index, camera in enumerate(cameras):
        size = (camera.height, camera.width)
        picture, unsure = blank.setdefault(size, (np.full((*size, 4), 255, np.uint8), np.zeros(size, np.uint8)))
        frames.append(Frame(picture, camera, None if index < references else unsure))
    return frames
