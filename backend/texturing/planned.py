# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage before anything is painted: which of the planned views will see each texel (specs/texture-optimizer.md 4.3).

A bake of frames without colours, and without what needs colours: alignment, exposure, view selection and filling. View
selection makes larger patches of one view, so borders between views lie elsewhere in a bake; what is seen at all does
not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import Camera
from ..painters.base import Frame
from ..progress import Progress, part, silent
from .atlas import bake_target
from .candidates import collect_candidates
from .depth import DepthSource
from .texel_sampling import SurfaceSampler
from .types import BakedTile, FuseParams, TextureTarget
from .visibility import two_sided_faces
from .voxels import surface_voxels

TEXELS = 2**20  # of all tiles together
SIDES = 64, 512  # pixels of a tile, at least and at most
DEPTH = 512  # pixels of a depth map at most


def planned_coverage(
    mesh: MeshData,
    cameras: Sequence[Camera],
    targets: Sequence[TextureTarget],
    references: Sequence[Camera],
    params: FuseParams,
    progress: Progress = silent,
) -> dict[str, list[BakedTile]]:
    """Small textures without colours whose labels and confidence say what will be seen: target name -> tiles.

    references  cameras of the reference pictures, which are views 0 to R - 1; `cameras`, those of the frames, follow
    label is a reference where one sees a texel, else the view that looks at it most directly, UNOBSERVED where none
    sees it; confidence is 255 for references, 0 for views, whose colours are the painter's.
    """
    views = [*references, *cameras]
    params = replace(
        params, candidates=1, depth_size=min(params.depth_size, DEPTH), grid=params.label_grid, feather=0.0, margin=0
    )
    frames = _blank_frames(views, len(references))
    depth = DepthSource.of_mesh(mesh, views, params)
    two_sided = two_sided_faces(mesh, views)
    voxels = surface_voxels(mesh.vertices, mesh.faces, params.label_grid, mesh.face_object, part(progress, 0.0, 0.05))
    best = collect_candidates(
        voxels, frames, depth, params, double_sided=two_sided[voxels.triangle], progress=part(progress, 0.05, 0.7)
    )
    no_colour = np.zeros((len(voxels), 3), np.float32)
    exact = range(len(references))
    sampler = SurfaceSampler(voxels, best.label[:, 0], no_colour, frames, depth, params, exact_views=exact)
    largest = isqrt(TEXELS // max(1, sum(len(target.tiles) for target in targets)))
    side = min(max(largest, SIDES[0]), SIDES[1])
    textures = {}
    for index, target in enumerate(targets):
        span = part(progress, 0.7 + 0.3 * index / len(targets), 0.7 + 0.3 * (index + 1) / len(targets))
        small = replace(target, size=min(target.size, side))
        textures[target.name] = bake_target(mesh, small, sampler, double_sided=two_sided, progress=span)
    return textures


def _blank_frames(cameras: Sequence[Camera], references: int) -> list[Frame]:
    """Frames that show the object everywhere: what counts is where they look from, and that references are sure."""
    blank: dict[tuple[int, int], tuple[NDArray[np.uint8], NDArray[np.uint8]]] = {}
    frames = []
    for index, camera in enumerate(cameras):
        size = (camera.height, camera.width)
        picture, unsure = blank.setdefault(size, (np.full((*size, 4), 255, np.uint8), np.zeros(size, np.uint8)))
        frames.append(Frame(picture, camera, None if index < references else unsure))
    return frames
