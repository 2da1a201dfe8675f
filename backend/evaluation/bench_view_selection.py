# SPDX-License-Identifier: GPL-3.0-or-later
"""View selection beside the published method and ICM, and diffusion (specs/texture-optimizer.md, A1, A2, A4 and A8).

The published method is stood in for by alpha-expansion over a dense table of voxels x labels, in which a view that does
not see a voxel costs 10, with PyMaxflow on graphs of all voxels, until a sweep gains nothing. GCO itself is for
research only and no dependency; where a person has installed gco-wrapper, it is measured as well.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..memory import peak_bytes, reset_peak
from ..texturing import maxflow_pymaxflow
from ..texturing.expansion import Expander
from ..texturing.fill import RADIUS, SMOOTHING_STEPS, chebyshev_weights, diffuse
from ..texturing.icm import icm
from ..texturing.neighbours import voxel_neighbours
from ..texturing.potts import PAD, SCALE, Potts, integer_potts
from ..texturing.problem import build_problem, labelling_energy
from ..texturing.types import Candidates, FuseParams, Problem, SurfaceVoxels
from ..texturing.view_selection import select_views
from .bench import Table, case, mib
from .view_selection_scene import bumpy_body, drifting_candidates

VIEWS = 122
INFEASIBLE = 10 * SCALE
NO_NUMBA = {"ORBIT_PAINTER_NO_NUMBA": "1"}
METHODS = {  # name -> (preset, solver, environment)
    "converged": ("converged", "numba", {}),
    "exact": ("exact", "numba", {}),
    "fast": ("fast", "numba", {}),
    "exact, PyMaxflow": ("exact", "pymaxflow", NO_NUMBA),
    "fast, PyMaxflow": ("fast", "pymaxflow", NO_NUMBA),
    "fast, NumPy alone": ("fast", "numpy", NO_NUMBA),
    "ICM": ("icm", "numba", {}),
    "dense table": ("dense", "pymaxflow", {}),
}
GCO_ABSENT = "The rows of GCO are absent: gco-wrapper, which is for research only, is not installed."


def measure(path: str, size: int, preset: str, solver: str) -> dict[str, Any]:
    """CPU seconds of build_problem and the solver, energy, and memory above that of the inputs."""
    voxels, candidates = _load(path, size)
    _solve(*_scene(2000, size), preset, solver)  # loads the kernels
    reset_peak()
    before = peak_bytes()
    begin, processor = time.perf_counter(), time.process_time()
    problem, labels = _solve(voxels, candidates, preset, solver)
    wall, cpu = time.perf_counter() - begin, time.process_time() - processor
    memory = peak_bytes() - before
    energy, _, _, infeasible = labelling_energy(problem, labels)
    return {
        "wall": wall, "cpu": cpu, "memory": memory, "energy": energy, "infeasible": infeasible, "voxels": len(voxels)
    }  # fmt: skip


def _solve(
    voxels: SurfaceVoxels, candidates: Candidates, preset: str, solver: Any
) -> tuple[Problem, NDArray[np.int16]]:
    neighbours = voxel_neighbours(voxels.coords, voxels.grid)
    problem = build_problem(voxels, candidates, neighbours, FuseParams())
    if preset == "gco":
        return problem, _gco(problem)
    if preset in ("icm", "dense"):
        potts, _ = integer_potts(problem, voxels.coords)
        return problem, icm(potts, potts.greedy()) if preset == "icm" else _dense(potts)
    if preset == "converged":
        return problem, select_views(problem, voxels.coords, "exact", solver=solver, tolerance=0)[0]
    return problem, select_views(problem, voxels.coords, "fast" if preset == "fast" else "exact", solver=solver)[0]


def _dense(potts: Potts) -> NDArray[np.int16]:
    label = np.tile(np.arange(VIEWS, dtype=np.int16), (len(potts), 1))
    cost = np.full(label.shape, INFEASIBLE, np.int32)
    rows, columns = np.nonzero(potts.cost < PAD)
    cost[rows, potts.label[rows, columns]] = potts.cost[rows, columns]
    expander = Expander(
        replace(potts, label=label, cost=cost), VIEWS, np.maximum(potts.greedy(), 0), maxflow_pymaxflow.min_cut
    )
    while sum(expander.expand(alpha) for alpha in range(VIEWS)) < 0:
        pass
    return expander.labels


def _gco(problem: Problem) -> NDArray[np.int16]:
    """What the published method does: GCO's expansion on a table of all labels, by way of gco-wrapper."""
    import gco  # pyright: ignore[reportMissingImports]

    unary = np.full((len(problem.label), VIEWS), INFEASIBLE / SCALE)
    rows, columns = np.nonzero(problem.label >= 0)
    unary[rows, problem.label[rows, columns]] = problem.cost[rows, columns]
    low, slot = np.nonzero((problem.neighbours >= 0) & (np.arange(6) % 2 == 0))
    edges = np.stack([low, problem.neighbours[low, slot]], axis=1)
    edges.sort(axis=1)
    pairwise = problem.smoothness * (1.0 - np.eye(VIEWS))
    return gco.cut_general_graph(edges, problem.weight[low, slot].astype(np.float64), unary, pairwise).astype(np.int16)


def _scene(count: int, size: int) -> tuple[SurfaceVoxels, Candidates]:
    voxels = bumpy_body(count)
    return voxels, drifting_candidates(voxels, size)


def _save(path: Path, voxels: SurfaceVoxels, candidates: Candidates) -> None:
    fields = ("coords", "point", "normal", "triangle", "object_id", "grid")
    arrays = {name: np.asarray(getattr(voxels, name)) for name in fields}
    np.savez(path, label=candidates.label, conf=candidates.conf, colour=candidates.colour, **arrays)


def _load(path: str, size: int) -> tuple[SurfaceVoxels, Candidates]:
    with np.load(path) as saved:
        coords, point, normal, triangle, owner = (
            saved[name] for name in ("coords", "point", "normal", "triangle", "object_id")
        )
        label, conf, colour = (np.ascontiguousarray(saved[name][:, :size]) for name in ("label", "conf", "colour"))
        return SurfaceVoxels(coords, point, normal, triangle, owner, int(saved["grid"])), Candidates(
            label, conf, colour
        )


def tables(quick: bool) -> list[Table]:
    counts, sizes = ((10_000,), (10,)) if quick else ((50_000, 200_000, 800_000), (10, 30))
    methods = dict(METHODS)
    if importlib.util.find_spec("gco") is not None:
        methods["GCO"] = ("gco", "gco", {})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            path = Path(folder) / "scene.npz"
            _save(path, *_scene(count, max(sizes)))
            for size in sizes:
                found = {
                    name: case("view_selection", environment, path=str(path), size=size, preset=preset, solver=solver)
                    for name, (preset, solver, environment) in methods.items()
                }
                best, dense = found["converged"]["energy"], found["dense table"]
                for name, result in found.items():
                    gap = f"{100 * (result['energy'] / best - 1):+.2f} %"
                    rows.append(
                        [result["voxels"], size, name, result["energy"], gap, result["infeasible"], result["cpu"],
                         dense["cpu"] / result["cpu"], mib(result["memory"]),
                         dense["memory"] / max(result["memory"], 2**20)]
                    )  # fmt: skip
    head = ["voxels", "K", "method", "energy", "over converged", "infeasible", "CPU seconds", "times faster than dense",
            "memory, MiB", "times less"]  # fmt: skip
    notes = [
        "Targets: exact at most +0.1 %, fast at most +2 % (+1 % at 800,000); K 30 against dense: fast 20 times at "
        "200,000 and 30 times at 800,000, with PyMaxflow 10 and 15 times; exact 4 and 3.5 times; memory under a fifth."
    ] + [GCO_ABSENT] * ("GCO" not in methods)
    return [Table("View selection, 122 views", head, rows, notes), _diffusion(5_000 if quick else 100_000)]


def _diffusion(count: int) -> Table:
    """Diffusion beside a queue of single voxels that does the same: half of them to be filled, then small holes."""
    voxels = bumpy_body(count)
    neighbours = voxel_neighbours(voxels.coords, voxels.grid)
    truth = (127 + 100 * np.sin(9 * voxels.point + np.array([0, 1, 2], np.float32))).astype(np.float32)
    rows, notes = [], []
    for radius in (0.2, 0.1):
        centres = voxels.point[np.linspace(0, len(voxels) - 1, 12).astype(int)]
        known = np.min([np.linalg.norm(voxels.point - c, axis=1) for c in centres], axis=0) > radius
        cpu, error = {}, {}
        for name in ("mean", "first_come"):

            def fill(mode: Any = name, known: NDArray[np.bool_] = known) -> NDArray[np.float32]:
                return diffuse(neighbours, truth, known, points=voxels.point, part=voxels.object_id, mode=mode)[0]

            fill()  # loads the kernels
            begin = time.process_time()
            out = fill()
            cpu[name], error[name] = time.process_time() - begin, float(abs(out - truth)[~known].mean())
            begin = time.process_time()
            same = _one_by_one(neighbours, truth, known, name == "mean")
            queue = time.process_time() - begin
            far = float(abs(same - truth)[~known].mean())
            rows += [[f"{(~known).sum():,}", name, cpu[name], queue / cpu[name], error[name]]]
            rows += [[f"{(~known).sum():,}", f"{name}, a queue of voxels in Python", queue, 1.0, far]]
        notes.append(
            f"{(~known).sum():,} to fill: the error of mean is {error['mean'] / error['first_come']:.2f} of the other."
        )
    notes = [f"{len(voxels):,} voxels. Targets: 20 times as fast as the queue, 0.9 of the error.", *notes]
    head = ["voxels to fill", "method", "CPU seconds", "times faster than the queue", "mean error, 0 to 255"]
    return Table("Diffusion", head, rows, [" ".join(notes)])


def _queue(neighbours: NDArray[np.int32], known: NDArray[np.bool_], out: list[Any]) -> dict[int, int]:
    """Copy colours into the list `out` from voxel to voxel; returns the level of each voxel filled, in their order."""
    level: dict[int, int] = {}
    done = known.tolist()
    queue = deque(np.flatnonzero(known).tolist())
    while queue:
        m = queue.popleft()
        for q in neighbours[m].tolist():
            if q >= 0 and not done[q]:
                out[q] = out[m]
                done[q], level[q] = True, level.get(m, 0) + 1
                queue.append(q)
    return level


def _one_by_one(
    neighbours: NDArray[np.int32], colours: NDArray[np.float32], known: NDArray[np.bool_], mean: bool
) -> NDArray[np.float32]:
    """What `diffuse` does, one voxel at a time."""
    out = colours.tolist()
    level = _queue(neighbours, known, out)
    if mean:
        near = {m: [q for q in neighbours[m].tolist() if q >= 0] for m in level}
        for m in level:
            out[m] = _average([out[q] for q in near[m] if level.get(q, 0) < level[m]])
        before = {m: out[m] for m in level}
        for weight in chebyshev_weights(SMOOTHING_STEPS, RADIUS).tolist():
            means = {m: _average([out[q] for q in near[m]]) for m in level}
            for m, mean_colour in means.items():
                new = [weight * (a - b) + b for a, b in zip(mean_colour, before[m], strict=True)]
                before[m], out[m] = out[m], new
    filled = np.array(out, np.float32)
    return np.clip(filled, filled[known].min(axis=0), filled[known].max(axis=0))


def _average(colours: list[list[float]]) -> list[float]:
    return [sum(channel) / len(colours) for channel in zip(*colours, strict=True)]
