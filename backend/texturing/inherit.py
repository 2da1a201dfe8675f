# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of the label grid carried over to a finer voxel grid (specs/texture-optimizer.md section 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .neighbours import voxel_keys
from .types import UNOBSERVED, Candidates, SurfaceVoxels

BLOCK = 262_144


def inherit_labels(
    coarse: SurfaceVoxels, coarse_labels: NDArray[np.int16], fine: SurfaceVoxels, candidates: Candidates
) -> NDArray[np.int16]:
    """Labels int16 (N,) of the fine voxels.

    A voxel takes the label of the coarse voxel that holds its surface point if that view is among its candidates, else
    its own best candidate; UNOBSERVED where it has none. The grids need not be multiples of each other.
    """
    labels = candidates.label[:, 0].copy()
    keys = voxel_keys(coarse.coords, coarse.grid)
    for start in range(0, len(labels) if len(keys) else 0, BLOCK):
        rows = slice(start, start + BLOCK)
        cell = np.floor((fine.point[rows].astype(np.float64) + 0.5) * coarse.grid)
        wanted = voxel_keys(np.clip(cell, 0, coarse.grid - 1).astype(np.int64), coarse.grid)
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        parent = np.where(keys[at] == wanted, coarse_labels[at], UNOBSERVED)
        sees = (candidates.label[rows] == parent[:, None]).any(axis=1) & (parent != UNOBSERVED)
        labels[rows][sees] = parent[sees]
    return labels
