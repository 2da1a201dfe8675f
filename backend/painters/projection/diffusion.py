# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth continuation of values over the surface graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...progress import Progress, silent


def diffuse(
    neighbours: NDArray[np.int32],
    values: NDArray[np.float32],
    weight: NDArray[np.float32],
    iterations: int,
    keep: float = 0.96,
    conductance: NDArray[np.float32] | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Continue `values` (N, c) of points with `weight` (N,) > 0 to the others.

    Screened Jacobi iteration: weight decays by `keep` per step away from the known points, and colours mix by weight,
    so that near evidence counts most. neighbours int32 (N, m), -1 where there is none; conductance float32 (N, m) of
    the edges, default 1. Returns the values and the weights, 0 where nothing arrived.
    """
    known = weight > 0
    w = weight.astype(np.float32)
    c = values * w[:, None]
    free = np.flatnonzero(~known)
    if len(free) == 0:
        return values, w
    near = neighbours[free]
    share = (near >= 0).astype(np.float32)
    if conductance is not None:
        share *= conductance[free]
    share *= keep / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    for step in range(iterations):
        if step % 4 == 0:
            progress(step / iterations, "continuing the colours")
        new_w = (w[near] * share).sum(axis=1)
        new_c = np.einsum("nmc,nm->nc", c[near], share)
        w[free], c[free] = new_w, new_c
    result = np.where(w[:, None] > 1e-12, c / np.maximum(w, 1e-12)[:, None], 0)
    result[known] = values[known]
    return result.astype(np.float32), w
