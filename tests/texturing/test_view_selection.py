# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, UsageError
from orbit_painter.backend.evaluation.view_selection_scene import bumpy_body, drifting_candidates
from orbit_painter.backend.texturing import accel, maxflow_numpy, maxflow_pymaxflow
from orbit_painter.backend.texturing.coarsen import coarsen, hand_down
from orbit_painter.backend.texturing.expansion import Expander
from orbit_painter.backend.texturing.icm import icm
from orbit_painter.backend.texturing.inherit import parent_labels
from orbit_painter.backend.texturing.neighbours import voxel_neighbours
from orbit_painter.backend.texturing.potts import PAD, Potts, integer_potts
from orbit_painter.backend.texturing.problem import build_problem, labelling_energy
from orbit_painter.backend.texturing.types import Candidates, FuseParams, Problem, SurfaceVoxels
from orbit_painter.backend.texturing.view_selection import select_views

SOLVERS = {"numba": None, "pymaxflow": maxflow_pymaxflow.min_cut, "numpy": maxflow_numpy.min_cut}
PRESETS = ("fast", "exact")
VIEWS = 122


def body_problem(count: int, size: int = 10, **params) -> tuple[SurfaceVoxels, Candidates, Problem]:
    voxels = bumpy_body(count)
    candidates = drifting_candidates(voxels, size)
    candidates.label[::97] = -1  # some voxels no view sees
    near = voxel_neighbours(voxels.coords, voxels.grid)
    return voxels, candidates, build_problem(voxels, candidates, near, FuseParams(**params))


@pytest.fixture(scope="module")
def small():
    return body_problem(2500)


def random_potts(seed: int, nodes: int, labels: int = 4, side: int = 3, largest: int = 20) -> Potts:
    """A random part of a cubic lattice with random candidates, costs and weights."""
    random = np.random.default_rng(seed)
    cells = np.array(list(itertools.product(range(side), repeat=3)), np.int32)
    coords = cells[np.sort(random.choice(len(cells), nodes, replace=False))]
    near = voxel_neighbours(coords, side)
    weight = np.zeros(near.shape, np.int32)
    for slot in (0, 2, 4):
        rows = np.flatnonzero(near[:, slot] >= 0)
        weight[rows, slot] = random.integers(0, largest, len(rows))
        weight[near[rows, slot], slot + 1] = weight[rows, slot]
    label = np.full((nodes, labels), -1, np.int16)
    cost = np.full((nodes, labels), PAD, np.int32)
    for m in range(nodes):
        own = random.permutation(labels)[: random.integers(1, labels + 1)]
        label[m, : len(own)], cost[m, : len(own)] = own, random.integers(0, 3 * largest, len(own))
    return Potts(coords, label, cost, near, weight, np.ones(nodes, np.int32), 3 * largest)


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_expansion_equals_brute_force(solver):
    improved = 0
    for seed in range(80):
        potts = random_potts(seed, nodes=int(np.random.default_rng(seed).integers(2, 12)))
        random = np.random.default_rng(1000 + seed)
        labels = np.array([random.choice(row[row >= 0]) for row in potts.label], np.int16)
        alpha = int(random.integers(0, 4))
        can = np.flatnonzero((potts.label == alpha).any(axis=1) & (labels != alpha))
        best = min(
            potts.energy(_switched(labels, can[list(which)], alpha))
            for size in range(len(can) + 1)
            for which in itertools.combinations(range(len(can)), size)
        )
        before = potts.energy(labels)
        expander = Expander(potts, 4, labels.copy(), SOLVERS[solver])
        change = expander.expand(alpha)
        assert before + change == best == potts.energy(expander.labels), f"seed {seed}"
        np.testing.assert_array_equal(expander.label_cost, potts.cost_of(expander.labels))
        improved += change < 0
    assert improved > 20


def _switched(labels: np.ndarray, rows: np.ndarray, alpha: int) -> np.ndarray:
    out = labels.copy()
    out[rows] = alpha
    return out


@pytest.mark.parametrize("solver", SOLVERS)
def test_energy_never_rises_and_solvers_agree(solver):
    potts = random_potts(5, nodes=1500, labels=9, side=14)
    labels = potts.greedy()
    expander = Expander(potts, 9, labels, SOLVERS[solver])
    reference = Expander(potts, 9, labels.copy(), SOLVERS["pymaxflow"])
    energy = potts.energy(labels)
    for alpha in [*range(9), *range(9)]:
        change = expander.expand(alpha)
        assert change <= 0
        energy += change
        assert potts.energy(expander.labels) == energy
        assert reference.expand(alpha) == change
    np.testing.assert_array_equal(expander.labels, reference.labels)


def test_clean_labels_have_nothing_to_gain():
    """A label that is skipped because nothing near it changed would not have moved."""
    potts = random_potts(6, nodes=900, labels=12, side=14)
    expander = Expander(potts, 12, potts.greedy(), None)
    skipped = 0
    for _ in range(4):
        for alpha in range(12):
            clean = not expander.dirty[alpha]
            change = expander.expand(alpha)
            assert not (clean and change)
            skipped += clean
    assert skipped > 10


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_labels_are_feasible_and_the_same_with_every_solver(small, preset, solver):
    voxels, _, problem = small
    labels, report = select_views(problem, voxels.coords, preset, solver=solver)
    assert labels.dtype == np.int16
    assert report["solver"] == solver
    seen = problem.label[:, 0] >= 0
    assert ((labels >= 0) == seen).all()
    assert (problem.label[seen] == labels[seen, None]).any(axis=1).all()
    total, data, smooth, infeasible = labelling_energy(problem, labels)
    assert (report["energy"], report["data"], report["smooth"]) == (total, data, smooth)
    assert infeasible == report["infeasible"] == 0
    assert total < 0.6 * report["greedy_energy"]
    np.testing.assert_array_equal(labels, select_views(problem, voxels.coords, preset)[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_without_numba_the_labels_are_the_same(small, preset, monkeypatch):
    voxels, _, problem = small
    labels, _ = select_views(problem, voxels.coords, preset)
    monkeypatch.setattr(accel, "NUMBA", False)
    others, report = select_views(problem, voxels.coords, preset, solver="numpy")
    np.testing.assert_array_equal(labels, others)
    assert report["solver"] == "numpy"


@pytest.mark.parametrize("preset", PRESETS)
def test_order_of_voxels_does_not_matter(small, preset):
    voxels, candidates, problem = small
    order = np.random.default_rng(0).permutation(len(voxels))
    shuffled = SurfaceVoxels(
        voxels.coords[order], voxels.point[order], voxels.normal[order], voxels.triangle[order],
        voxels.object_id[order], voxels.grid,
    )  # fmt: skip
    mixed = Candidates(candidates.label[order], candidates.conf[order], candidates.colour[order])
    near = voxel_neighbours(shuffled.coords, shuffled.grid)
    again = build_problem(shuffled, mixed, near, FuseParams())
    labels, _ = select_views(problem, voxels.coords, preset)
    others, _ = select_views(again, shuffled.coords, preset)
    np.testing.assert_array_equal(labels[order], others)


def test_number_of_threads_does_not_matter(small):
    voxels, _, problem = small
    expected = int(select_views(problem, voxels.coords)[0].astype(np.int64).dot(np.arange(len(voxels))))
    program = (
        "import sys, runpy; sys.path[:0] = [sys.argv[1], sys.argv[2]]; import conftest; import numpy as np\n"
        "import test_view_selection as t\n"
        "voxels, _, problem = t.body_problem(2500)\n"
        "labels, _ = t.select_views(problem, voxels.coords)\n"
        "print(int(labels.astype(np.int64).dot(np.arange(len(labels)))))"
    )
    here = os.path.dirname(__file__)
    threads = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    out = subprocess.run(
        [sys.executable, "-c", program, os.path.dirname(here), here],
        env={**os.environ, **threads}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert int(out.stdout) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_no_smoothness_is_greedy(preset):
    voxels, _, problem = body_problem(3000, smoothness=0)
    labels, report = select_views(problem, voxels.coords, preset)
    rounding = 0.5e-5 * len(voxels)  # the solver's costs are whole multiples of 1e-5
    assert report["energy"] == pytest.approx(report["greedy_energy"], abs=rounding)
    chosen = (problem.label == labels[:, None]) & (problem.label >= 0)
    seen = chosen.any(axis=1)
    best = np.where(chosen, problem.cost, np.inf).min(axis=1)
    np.testing.assert_allclose(best[seen], problem.cost.min(axis=1)[seen], atol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
def test_one_candidate_leaves_no_choice(preset):
    voxels, candidates, problem = body_problem(3000, size=1)
    labels, _ = select_views(problem, voxels.coords, preset)
    np.testing.assert_array_equal(labels, candidates.label[:, 0])


@pytest.mark.parametrize("preset", PRESETS)
def test_locked_voxels_keep_the_first_frame(small, preset):
    voxels, candidates, problem = small
    locked = ((candidates.label == 0) & (candidates.conf >= 192)).any(axis=1)
    assert locked.any()
    labels, _ = select_views(problem, voxels.coords, preset)
    assert (labels[locked] == 0).all()


def test_init_is_improved_and_repaired(small):
    voxels, _, problem = small
    first, report = select_views(problem, voxels.coords, "exact")
    spoilt = first.copy()
    spoilt[::3] = 121  # mostly infeasible
    _, again = select_views(problem, voxels.coords, "exact", init=first)
    assert again["energy"] <= report["energy"]
    _, third = select_views(problem, voxels.coords, "exact", init=spoilt)
    assert third["infeasible"] == 0
    assert third["energy"] < 1.02 * again["energy"]


def test_no_voxels_and_nothing_visible():
    none = np.zeros((0, 3), np.int32)
    for count in (0, 2):
        coords = np.zeros((count, 3), np.int32)
        coords[:, 0] = np.arange(count)
        problem = Problem(
            np.full((count, 4), -1, np.int16),
            np.full((count, 4), np.inf, np.float32),
            voxel_neighbours(coords, 4) if count else np.zeros((0, 6), np.int32),
            np.zeros((count, 6), np.float32),
            2.0,
        )
        for preset, solver in itertools.product(PRESETS, SOLVERS):
            labels, report = select_views(problem, coords if count else none, preset, solver=solver)
            assert (labels == -1).all()
            assert len(labels) == count
            assert report["energy"] == 0


def test_progress_rises_and_cancels(small):
    voxels, _, problem = small
    for preset in PRESETS:
        seen: list[float] = []

        def note(fraction: float, detail: str = "", seen=seen) -> None:
            seen.append(fraction)

        select_views(problem, voxels.coords, preset, progress=note)
        assert seen == sorted(seen)
        assert seen[-1] == 1
        assert len(seen) > 122

    def stop(fraction: float, detail: str = "") -> None:
        if fraction > 0.3:
            raise CancelledError()

    with pytest.raises(CancelledError):
        select_views(problem, voxels.coords, progress=stop)


def test_unknown_names_are_errors(small):
    voxels, _, problem = small
    with pytest.raises(UsageError):
        select_views(problem, voxels.coords, "best")  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        select_views(problem, voxels.coords, solver="magic")  # type: ignore[arg-type]


@pytest.mark.parametrize("smoothness", [1e4, 1e6])
def test_huge_smoothness_does_not_overflow(smoothness):
    voxels, _, problem = body_problem(2000, smoothness=smoothness)
    for preset in PRESETS:
        _, report = select_views(problem, voxels.coords, preset)
        assert report["infeasible"] == 0
        assert 0 <= report["smooth"] < labelling_energy(problem, problem.label[:, 0])[2]


def test_icm_compiled_equals_numpy_and_ends_where_no_voxel_gains(monkeypatch):
    potts = random_potts(8, nodes=800, labels=9, side=12)
    labels = icm(potts, potts.greedy(), rounds=100)
    monkeypatch.setattr(accel, "NUMBA", False)
    np.testing.assert_array_equal(labels, icm(potts, potts.greedy(), rounds=100))
    energy = potts.energy(labels)
    for m in range(0, 800, 7):
        for k in potts.label[m][potts.label[m] >= 0]:
            assert potts.energy(_switched(labels, np.array([m]), k)) >= energy


def test_coarse_energy_is_the_fine_one_of_labels_constant_in_each_block(monkeypatch):
    potts = random_potts(9, nodes=600, labels=7, side=12)
    coarse, parent = coarsen(potts, 7)
    monkeypatch.setattr(accel, "NUMBA", False)
    plain, _ = coarsen(potts, 7)
    for name in ("coords", "label", "cost", "neighbours", "weight", "voxels"):
        np.testing.assert_array_equal(getattr(coarse, name), getattr(plain, name))
    assert len(coarse) < 0.5 * len(potts)
    np.testing.assert_array_equal(coarse.coords[parent], potts.coords // 2)
    labels = coarse.greedy()
    fine = labels[parent]
    cost = potts.cost_of(fine)
    lacking = cost == PAD
    data = int(np.where(lacking, potts.missing, cost).sum())
    smooth = potts.energy(fine) - int(cost.sum(dtype=np.int64))
    assert coarse.energy(labels) == data + smooth


def test_labels_are_handed_down_to_whom_they_fit():
    potts = random_potts(10, nodes=600, labels=7, side=12)
    coarse, parent = coarsen(potts, 7)
    above = coarse.greedy()
    labels = hand_down(potts, coarse, parent, above)
    cost = potts.cost_of(labels)
    assert (cost < PAD).all()
    fits = potts.cost_of(above[parent]) < PAD
    np.testing.assert_array_equal(labels[fits], above[parent][fits])
    near = coarse.neighbours[parent]
    for m in np.flatnonzero(~fits):
        offered = set(above[near[m][near[m] >= 0]].tolist()) & set(potts.label[m].tolist()) - {-1}
        if offered:
            assert labels[m] in offered
            assert cost[m] == min(potts.cost[m][potts.label[m] == k][0] for k in offered)
        else:
            assert cost[m] == potts.cost[m].min()


@pytest.mark.slow
@pytest.mark.parametrize("size", [10, 30])
def test_acceptance_at_50_thousand_voxels(size):
    """A1 and A2 of specs/texture-optimizer.md section 8 at the size a test can afford."""
    voxels, _, problem = body_problem(50_000, size)
    potts, scale = integer_potts(problem, voxels.coords)
    converged, best = select_views(problem, voxels.coords, "exact", tolerance=0)
    _, exact = select_views(problem, voxels.coords, "exact")
    _, fast = select_views(problem, voxels.coords, "fast")
    assert exact["energy"] <= 1.001 * best["energy"]
    assert fast["energy"] <= 1.02 * best["energy"]
    assert potts.energy(icm(potts, potts.greedy())) / scale > 1.2 * best["energy"]
    assert potts.energy(converged) / scale == pytest.approx(best["energy"], rel=1e-5)


def test_labels_of_parents():
    coarse = bumpy_body(2000)
    fine = bumpy_body(9000)  # grids that are not multiples of each other
    assert fine.grid % coarse.grid
    coarse_labels = (np.arange(len(coarse)) % 122).astype(np.int16)
    coarse_labels[::7] = -1
    labels = parent_labels(coarse, coarse_labels, fine)
    cells = {tuple(c): label for c, label in zip(coarse.coords.tolist(), coarse_labels.tolist(), strict=True)}
    for m in range(len(fine)):
        home = tuple(np.floor((fine.point[m].astype(float) + 0.5) * coarse.grid).astype(int).tolist())
        assert labels[m] == cells.get(home, -1)
    assert (labels >= 0).mean() > 0.8
