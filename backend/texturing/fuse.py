# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole of TextureOptimizer: frames -> voxel labels -> textures and voxel colours (specs/texture-optimizer.md)."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..mesh import MeshData
from ..orbits.passes import PassSet
from ..painters.base import Frame, PaintedFrames
from ..progress import Progress, part, silent
from .align import align_frames
from .atlas import bake_target
from .budget import fitting
from .candidates import collect_candidates
from .coverage import coverage_numbers, seam_error
from .cut_voxels import fill_voxels, forget_holes
from .depth import DepthSource, PassDepth
from .exposure import apply_gains, exposure_gains
from .inherit import inherit_labels
from .neighbours import voxel_neighbours
from .problem import build_problem
from .texel_sampling import SurfaceSampler
from .types import UNOBSERVED, Candidates, FuseParams, FuseResult, SurfaceVoxels, TextureTarget
from .view_selection import select_views
from .visibility import two_sided_faces
from .voxels import surface_voxels


def fuse(
    mesh: MeshData,
    targets: Sequence[TextureTarget],
    painted: PaintedFrames,
    params: FuseParams,
    orbit_counts: tuple[int, int],
    progress: Progress = silent,
    passes: PassSet | None = None,
) -> FuseResult:
    """Fuse painted frames into textures and a voxel texture.

    passes  one view a frame; their depth decides what is seen where params.depth is "passes"
    Views are numbered anchors first, then frames. The anchors are locked; without any, frame 0 is trusted (4.9, where
    it is locked too: 0.1 dB worse where frames agree, no better at 2 px of drift).
    Raises InputError where no view sees any of the surface, MemoryLimitError where the textures alone do not fit into
    memory; grids that do not fit are lowered, with a warning (budget.py).
    """
    clock = _Clock()
    warnings: list[str] = []
    views, orbit = _views(painted, orbit_counts, warnings)
    anchors = len(painted.anchors)
    locked = tuple(range(anchors))
    trusted = () if anchors else (0,)
    cameras = [view.camera.resized(*view.image.shape[1::-1]) for view in views]
    budget = fitting(mesh, targets, views, params)
    params = budget.params
    warnings += budget.warnings
    depth = DepthSource.of_mesh(mesh, cameras, params, budget.depth_cache)
    if params.depth == "passes" and passes is not None:
        depth = PassDepth(depth, passes, anchors)

    with clock("voxels"):
        voxels = surface_voxels(
            mesh.vertices, mesh.faces, params.label_grid, mesh.face_object, part(progress, 0.0, 0.05)
        )
        two_sided = two_sided_faces(mesh, cameras)
    gains, flow = None, None
    if params.alignment and all(view.image.dtype == np.uint8 for view in views):
        with clock("alignment"):
            views, flow = align_frames(mesh, views, anchors, part(progress, 0.05, 0.3))
    with clock("candidates"):
        candidates = collect_candidates(
            voxels, views, depth, params,
            double_sided=two_sided[voxels.triangle], locked_views=locked or trusted, progress=part(progress, 0.3, 0.5),
        )  # fmt: skip
        forget_holes(mesh, voxels, candidates.label)
        if params.exposure:
            gains = exposure_gains(candidates, len(views))
            candidates = apply_gains(candidates, gains)
    if not (candidates.label >= 0).any():
        raise InputError(
            "nothing-visible",
            "No view sees any of the surface.",
            "Check that the object has faces, and that the frames show it.",
        )
    with clock("view selection"):
        neighbours = voxel_neighbours(voxels.coords, voxels.grid)
        problem = build_problem(
            voxels, candidates, neighbours, params, view_orbit=orbit, locked_views=locked, trusted_views=trusted
        )
        labels, solved = select_views(problem, voxels.coords, preset=params.solver, progress=part(progress, 0.5, 0.65))
    with clock("fill"):
        colours, source = fill_voxels(mesh, voxels, chosen_colours(candidates, labels), labels, neighbours, params)
    del candidates, problem
    with clock("atlas"):
        sampler = SurfaceSampler(voxels, labels, colours, views, depth, params, exact_views=range(anchors), gains=gains)
        textures = {}
        for index, target in enumerate(targets):
            span = part(progress, 0.65 + 0.2 * index / len(targets), 0.65 + 0.2 * (index + 1) / len(targets))
            textures[target.name] = bake_target(mesh, target, sampler, double_sided=two_sided, progress=span)
    with clock("voxel texture"):
        out, out_colour, out_label = _voxel_texture(
            mesh, voxels, labels, colours, views, depth, params, two_sided, gains, part(progress, 0.85, 1.0)
        )
    report = {
        "voxels": len(voxels),
        "grid": params.grid,
        "label_grid": params.label_grid,
        "planned_bytes": budget.planned,
        "views": len(views),
        "anchors": anchors,
        "energy": solved,
        "filled_voxels": {
            name: round(float(np.mean(source == value)), 4)
            for value, name in enumerate(("observed", "diffused", "nearest", "part mean", "grey"))
        },
        "coverage": coverage_numbers(textures),
        "seams": {t.name: seam_error(mesh, t, textures[t.name]) for t in targets},
        "gains": None if gains is None else np.round(gains, 4).tolist(),
        "flow_pixels": flow,
        "seconds": clock.seconds,
        "warnings": warnings,
    }
    progress(1.0, "fused")
    return FuseResult(textures, out, out_colour, out_label, report)


def _views(
    painted: PaintedFrames, orbit_counts: tuple[int, int], warnings: list[str]
) -> tuple[list[Frame], NDArray[np.int32]]:
    """Anchors and frames in one list, and the orbit of each: 0 horizontal (and anchors), 1 vertical."""
    views = [*painted.anchors, *painted.frames]
    if not views:
        raise InputError("frames-missing", "There are no frames.", "Run 'paint' first.")
    if len(views) > 255:
        raise InputError("frames-many", f"There are {len(views)} frames.", "Use at most 255 frames and references.")
    for index, view in enumerate(views):
        _check_view(index, view)
    empty = [i for i, view in enumerate(views) if not (view.image[..., 3] > 0).any()]
    if empty:
        warnings.append(f"{len(empty)} of {len(views)} frames show nothing of the object and were left out.")
    orbit = np.zeros(len(views), np.int32)
    orbit[len(painted.anchors) + orbit_counts[0] :] = 1
    return views, orbit


def _check_view(index: int, view: Frame) -> None:
    """Raises InputError for what would only fail, or give nonsense, much later."""
    image, camera = view.image, view.camera
    if image.ndim != 3 or image.shape[2] != 4 or min(image.shape) < 1 or image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            "frame-format",
            f"Frame {index} is an array of {image.shape} {image.dtype}.",
            "Frames are 8 or 16 bit and have four channels.",
        )
    if not (np.isfinite(camera.matrix).all() and np.isfinite([camera.focal, *camera.principal]).all()):
        raise InputError(
            "camera-invalid", f"The camera of frame {index} has values that are not numbers.", "Run 'passes' again."
        )


def chosen_colours(candidates: Candidates, labels: NDArray[np.int16]) -> NDArray[np.float32]:
    """Colour float32 (N, 3) of each voxel in the view that its label names; 0 where unobserved."""
    hit = (candidates.label == labels[:, None]) & (labels[:, None] >= 0)
    column = hit.argmax(axis=1)
    colour = candidates.colour[np.arange(len(labels)), column].astype(np.float32)
    colour[labels == UNOBSERVED] = 0.0
    return colour


def _voxel_texture(
    mesh: MeshData,
    voxels: SurfaceVoxels,
    labels: NDArray[np.int16],
    colours: NDArray[np.float32],
    views: Sequence[Frame],
    depth: DepthSource,
    params: FuseParams,
    two_sided: NDArray[np.bool_],
    gains: NDArray[np.float32] | None,
    progress: Progress,
) -> tuple[SurfaceVoxels, NDArray[np.uint8], NDArray[np.int16]]:
    """The voxel texture at `params.grid`: labels inherited from the label grid (section 3)."""
    if params.grid == params.label_grid:
        return voxels, _bytes(colours), labels
    fine = surface_voxels(mesh.vertices, mesh.faces, params.grid, mesh.face_object, part(progress, 0.0, 0.2))
    fine_labels, seen_colours = inherit_labels(
        voxels,
        labels,
        fine,
        views,
        depth,
        params,
        double_sided=two_sided[fine.triangle],
        gains=gains,
        progress=part(progress, 0.2, 0.9),
    )
    forget_holes(mesh, fine, fine_labels)
    neighbours = voxel_neighbours(fine.coords, fine.grid)
    fine_colours, _ = fill_voxels(mesh, fine, seen_colours, fine_labels, neighbours, params)
    return fine, _bytes(fine_colours), fine_labels


def _bytes(colours: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.round(colours), 0, 255).astype(np.uint8)


class _Clock:
    """Seconds of each named step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[Any]:
        start = time.perf_counter()
        yield
        self.seconds[step] = round(time.perf_counter() - start, 2)
