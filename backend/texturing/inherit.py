# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels and colours of a voxel grid from the labels of a coarser one (specs/texture-optimizer.md section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..painters.base import Frame
from ..progress import Progress, part, silent
from .candidates import collect_candidates, look_through
from .depth import DepthMaps
from .neighbours import voxel_keys
from .types import UNOBSERVED, FuseParams, SurfaceVoxels

BLOCK = 262_144


def inherit_labels(
    coarse: SurfaceVoxels,
    coarse_labels: NDArray[np.int16],
    fine: SurfaceVoxels,
    frames: Sequence[Frame],
    depth_source: DepthMaps,
    params: FuseParams,
    *,
    double_sided: bool | NDArray[np.bool_],
    gains: NDArray[np.floating] | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Labels int16 (N,) and colours uint8 (N, 3) of the fine voxels.

    A voxel takes the label of the coarse voxel that holds its surface point if that view sees it, else the view that
    sees it best; UNOBSERVED and black where none does. The grids need not be multiples of each other. The other
    arguments are those of `collect_candidates`. Memory: 60 bytes a fine voxel.
    """
    parent = parent_labels(coarse, coarse_labels, fine)
    own = look_through(
        fine, parent, frames, depth_source, params,
        double_sided=double_sided, gains=gains, progress=part(progress, 0.0, 0.5),
    )  # fmt: skip
    label, colour = own.label[:, 0], own.colour[:, 0]
    rest = np.flatnonzero(label < 0)
    if len(rest):
        best = collect_candidates(
            fine.rows(rest), frames, depth_source, replace(params, candidates=1),
            double_sided=double_sided if isinstance(double_sided, bool) else double_sided[rest],
            gains=gains, progress=part(progress, 0.5, 1.0),
        )  # fmt: skip
        label[rest], colour[rest] = best.label[:, 0], best.colour[:, 0]
    return np.ascontiguousarray(label), np.ascontiguousarray(colour)


def parent_labels(coarse: SurfaceVoxels, coarse_labels: NDArray[np.int16], fine: SurfaceVoxels) -> NDArray[np.int16]:
    """Label int16 (N,) of the coarse voxel that holds each fine voxel's surface point; UNOBSERVED without one."""
    labels = np.full(len(fine), UNOBSERVED, np.int16)
    keys = voxel_keys(coarse.coords, coarse.grid)
    for start in range(0, len(fine) if len(keys) else 0, BLOCK):
        rows = slice(start, start + BLOCK)
        cell = np.floor((fine.point[rows].astype(np.float64) + 0.5) * coarse.grid)
        wanted = voxel_keys(np.clip(cell, 0, coarse.grid - 1).astype(np.int64), coarse.grid)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        labels[rows] = np.where(keys[at] == wanted, coarse_labels[at], UNOBSERVED)
    return labels
