# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the surface goes on at the other side of a UV seam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAME_UV = 1e-6


def seam_mates(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], uv: NDArray[np.floating]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The triangle edge on the other side of each edge, and where charts end.

    vertices (V, 3), faces (n, 3), uv (n, 3, 2). Edge 3 t + k runs from corner k to corner k + 1 of triangle t.
    Returns mate int32 (n, 3): the number of the edge that is the same in space, -1 for open edges and edges with more
    than two faces; and seam bool (n, 3): the chart ends here, because there is no mate or its UVs differ. Vertices are
    welded by position.
    """
    count = len(faces)
    corner = welded(vertices)[faces].reshape(count, 3)
    start, end = corner, np.roll(corner, -1, axis=1)
    key = (np.minimum(start, end) * (corner.max(initial=0) + 1) + np.maximum(start, end)).reshape(-1)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if count else np.zeros(0, int)
    length = np.diff(np.concatenate([first, [len(key)]]))
    mate = np.full(3 * count, -1, np.int32)
    pair = first[length == 2]
    a, b = order[pair], order[pair + 1]
    proper = start.reshape(-1)[a] != end.reshape(-1)[a]
    a, b = a[proper], b[proper]
    mate[a], mate[b] = b, a
    at, to = uv.reshape(-1, 2), np.roll(uv, -1, axis=1).reshape(-1, 2)
    linked = np.flatnonzero(mate >= 0)
    other = mate[linked]
    turned = start.reshape(-1)[linked] != start.reshape(-1)[other]
    gap_start = abs(at[linked] - np.where(turned[:, None], to[other], at[other])).max(axis=1, initial=0)
    gap_end = abs(to[linked] - np.where(turned[:, None], at[other], to[other])).max(axis=1, initial=0)
    joined = linked[np.maximum(gap_start, gap_end) <= SAME_UV]
    seam = np.ones(3 * count, bool)
    seam[joined] = False
    return mate.reshape(count, 3), seam.reshape(count, 3)


def welded(vertices: NDArray[np.floating]) -> NDArray[np.int64]:
    """The same number for vertices (V, 3) in the same place: int64 (V,)."""
    bits = (np.asarray(vertices, np.float32) + np.float32(0)).view(np.uint32).astype(np.uint64)  # -0 becomes 0
    number = bits[:, 0]
    for axis in (1, 2):
        _, number = np.unique((number << np.uint64(32)) | bits[:, axis], return_inverse=True)
        number = number.astype(np.uint64)
    return number.astype(np.int64)


def same_direction(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], edge: NDArray[np.integer], mate: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """Whether an edge and its mate (both int (m,), numbered 3 t + k) start at the same point in space, bool (m,)."""
    start = vertices[faces[edge // 3, edge % 3]]
    other = vertices[faces[mate // 3, mate % 3]]
    other_end = vertices[faces[mate // 3, (mate % 3 + 1) % 3]]
    near = ((start - other) ** 2).sum(axis=1)
    far = ((start - other_end) ** 2).sum(axis=1)
    return near <= far
