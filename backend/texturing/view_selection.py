# SPDX-License-Identifier: GPL-3.0-or-later
"""Which view colours each voxel (Ink3D Eq. 8; specs/texture-optimizer.md 4.8)."""

from __future__ import annotations

import time
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..progress import Progress, part, silent
from . import accel
from .coarsen import coarsen, hand_down
from .expansion import Expander, MinCut
from .icm import icm
from .potts import Potts, feasible_labels, integer_potts
from .problem import labelling_energy
from .types import Problem

Solver = Literal["numba", "pymaxflow", "numpy"]
LEVELS = 3  # coarser levels of preset fast
SEAM = 8  # preset fast: voxels within so many of a seam may switch
REACH = 16  # and a label spreads so far in one move
TOLERANCE = 1e-3  # relative gain of a sweep below which sweeps end
MAX_SWEEPS = 100


def select_views(
    problem: Problem,
    coords: NDArray[np.int32],
    preset: Literal["fast", "exact"] = "fast",
    init: NDArray[np.integer] | None = None,
    progress: Progress = silent,
    *,
    solver: Solver | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[NDArray[np.int16], dict[str, Any]]:
    """Labels int16 (N,) of low energy, UNOBSERVED where a voxel has no candidate, and a report.

    coords     int32 (N, 3), voxel coordinates
    preset     exact: alpha-expansion over all candidates until a sweep gains no more than `tolerance` (0: converged);
               fast: from coarse to fine, then expansions near the seams
    init       labels to start from (exact only); infeasible ones are replaced by the greedy choice
    solver     of the minimum cuts; default: numba, else PyMaxflow, else NumPy. Labels are the same with each.

    The result depends neither on the order of the voxels nor on the number of threads. Report: solver, preset, energy
    data, smooth, greedy_energy, infeasible (always 0), sweeps, seconds. Memory: 8 K + 60 bytes a voxel besides the
    problem, and while a label is expanded 120 bytes for each voxel that has it as a candidate.
    """
    begin = time.perf_counter()
    if preset not in ("fast", "exact"):
        raise UsageError("solver-preset-unknown", f"There is no preset named {preset}.", "Use fast or exact.")
    chosen = solver or default_solver()
    min_cut = _min_cut(chosen)
    potts, scale = integer_potts(problem, coords)
    views = int(potts.label.max(initial=-1)) + 1
    start = feasible_labels(potts, init)
    greedy = potts.energy(start if init is None else potts.greedy()) / scale
    if preset == "fast" and init is None:
        labels, sweeps = _fast(potts, views, min_cut, tolerance, progress)
    else:
        labels = icm(potts, start)
        sweeps = _sweeps(Expander(potts, views, labels, min_cut), tolerance, progress)
    total, data, smooth, infeasible = labelling_energy(problem, labels)
    progress(1.0, "view selection")
    return labels, {
        "solver": chosen,
        "preset": preset,
        "energy": total,
        "data": data,
        "smooth": smooth,
        "greedy_energy": greedy,
        "infeasible": infeasible,
        "sweeps": sweeps,
        "seconds": round(time.perf_counter() - begin, 3),
    }


def default_solver() -> Solver:
    """The fastest solver that can be used here."""
    if accel.NUMBA:
        return "numba"
    try:
        import maxflow  # noqa: F401
    except ImportError:
        return "numpy"
    return "pymaxflow"


def _min_cut(solver: Solver) -> MinCut | None:
    if solver == "numba":
        return None
    if solver == "pymaxflow":
        from .maxflow_pymaxflow import min_cut

        return min_cut
    if solver == "numpy":
        from .maxflow_numpy import min_cut

        return min_cut
    raise UsageError("solver-unknown", f"There is no solver named {solver}.", "Use numba, pymaxflow or numpy.")


def _fast(
    potts: Potts, views: int, min_cut: MinCut | None, tolerance: float, progress: Progress
) -> tuple[NDArray[np.int16], int]:
    """Coarse to fine: solve the coarsest level, hand its labels down and repair them near the seams, level by level."""
    levels, parents = [potts], []
    for _ in range(LEVELS):
        coarse, parent = coarsen(levels[-1], views)
        levels.append(coarse)
        parents.append(parent)
    labels = icm(levels[-1], levels[-1].greedy())
    sweeps = _sweeps(Expander(levels[-1], views, labels, min_cut), tolerance, part(progress, 0.0, 0.1))
    for k in range(LEVELS - 1, -1, -1):
        labels = hand_down(levels[k], levels[k + 1], parents[k], labels)
        labels = icm(levels[k], labels)
        expander = Expander(levels[k], views, labels, min_cut)
        expander.free = near_seam(levels[k], labels, SEAM)
        expander.reach = REACH
        share = part(progress, 0.1 + 0.9 * 0.25 ** (k + 1), 0.1 + 0.9 * 0.25**k)
        sweeps = _sweeps(expander, tolerance, share, 1)
    return labels, sweeps


def _sweeps(expander: Expander, tolerance: float, progress: Progress, most: int = MAX_SWEEPS) -> int:
    """Expand all labels in order, again and again; returns the number of sweeps."""
    energy = expander.potts.energy(expander.labels)
    views = len(expander.dirty)
    for sweep in range(most):
        gain = 0
        for alpha in range(views):
            if expander.dirty[alpha]:
                gain -= expander.expand(alpha)
            progress(1 - 0.6**sweep * (1 - 0.4 * (alpha + 1) / views), f"view selection, sweep {sweep + 1}")
        energy -= gain
        if gain <= tolerance * energy:
            return sweep + 1
    return most


def near_seam(potts: Potts, labels: NDArray[np.int16], distance: int) -> NDArray[np.bool_]:
    """Voxels within `distance` steps of one whose neighbour has another label: bool (N,)."""
    near = np.zeros(len(labels), bool)
    for slot in range(6):
        near |= (potts.weight[:, slot] > 0) & (labels[potts.neighbours[:, slot]] != labels)
    front = np.flatnonzero(near)
    for _ in range(distance - 1):
        next_ = potts.neighbours[front][potts.weight[front] > 0]
        next_ = next_[~near[next_]]
        near[next_] = True
        front = np.unique(next_)
    return near
