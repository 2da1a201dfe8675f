# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.evaluation.view_selection_scene import bumpy_body, drifting_candidates
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.neighbours import voxel_neighbours
from orbit_painter.backend.texturing.problem import build_problem, labelling_energy
from orbit_painter.backend.texturing.types import Candidates, FuseParams, SurfaceVoxels

OFF = FuseParams(lock=0)


@pytest.fixture(scope="module")
def body():
    voxels = bumpy_body(3000)
    return voxels, drifting_candidates(voxels, 8, (13, 13)), voxel_neighbours(voxels.coords, voxels.grid)


def row_of_voxels(count: int, normals=None) -> tuple[SurfaceVoxels, np.ndarray]:
    coords = np.stack([np.arange(count), np.zeros(count), np.zeros(count)], axis=1).astype(np.int32)
    normal = np.tile([0, 0, 1], (count, 1)) if normals is None else np.asarray(normals)
    voxels = SurfaceVoxels(
        coords, coords / 16.0, normal.astype(np.float32), np.zeros(count, np.int32), np.zeros(count, np.int32), 16
    )
    return voxels, voxel_neighbours(coords, 16)


def candidates_of(rows: list[list[tuple[int, float, tuple[int, int, int]]]], size: int) -> Candidates:
    """Rows of (view, cos theta, colour)."""
    out = Candidates(
        np.full((len(rows), size), -1, np.int16),
        np.zeros((len(rows), size), np.uint8),
        np.zeros((len(rows), size, 3), np.uint8),
    )
    for m, row in enumerate(rows):
        for k, (view, cosine, colour) in enumerate(row):
            out.label[m, k], out.conf[m, k], out.colour[m, k] = view, round(127.5 * (1 + cosine)), colour
    return out


def test_data_term_by_hand():
    voxels, near = row_of_voxels(1)
    rows = [[(3, 1.0, (100, 100, 100)), (5, 0.6, (110, 100, 100)), (9, 0.2, (240, 240, 240))]]
    problem = build_problem(voxels, candidates_of(rows, 4), near, OFF)
    conf = np.array([255, 204, 153]) / 255
    median = np.array([110, 100, 100])
    away = np.array([abs(np.subtract(c, median)).mean() / 255 for _, _, c in rows[0]])
    np.testing.assert_allclose(problem.cost[0, :3], 1 - conf + 1.5 * np.clip((away - 0.02) / 0.13, 0, 1), atol=1e-6)
    assert problem.cost[0, 0] == 0  # 10 / 3 / 255 from the median counts as agreed
    assert problem.cost[0, 3] == np.inf
    assert problem.label[0].tolist() == [3, 5, 9, -1]


def test_paper_preset_has_no_consensus():
    voxels, near = row_of_voxels(1)
    problem = build_problem(
        voxels,
        candidates_of([[(0, 1.0, (0, 0, 0)), (1, 0.0, (255, 255, 255))]], 2),
        near,
        OFF.replaced({"consensus": 0}),
    )
    np.testing.assert_allclose(problem.cost[0], [0, 0.5], atol=0.005)


def test_seams_are_cheap_where_views_agree():
    voxels, near = row_of_voxels(4)
    rows = [[(0, 1.0, (100, 100, 100)), (1, 0.9, (100 + d, 100 + d, 100 + d))] for d in (0, 0, 51, 51)]
    problem = build_problem(voxels, candidates_of(rows, 2), near, OFF)
    disagreement = np.array([0, 0.05, 0.1])  # half of the difference at both ends, on average
    expected = (disagreement + 0.02) / (disagreement.mean() + 0.02)
    np.testing.assert_allclose(problem.weight[:3, 0], expected, atol=1e-5)
    np.testing.assert_allclose(problem.weight[1:, 1], expected, atol=1e-5)


def test_edge_weights_by_hand():
    voxels, near = row_of_voxels(4)
    colours = [(0, 0, 0), (0, 0, 0), (100, 0, 0), (100, 0, 0)]
    contrast = OFF.replaced({"seams": "contrast"})
    problem = build_problem(voxels, candidates_of([[(0, 1.0, c)] for c in colours], 1), near, contrast)
    distance = np.array([0, 100, 0]) / 255
    expected = 1 / (1 + distance / (2 * distance.mean()))
    np.testing.assert_allclose(problem.weight[:3, 0], expected, atol=1e-5)
    np.testing.assert_allclose(problem.weight[1:, 1], expected, atol=1e-5)
    assert (problem.weight[:, 2:] == 0).all()
    assert problem.weight[3, 0] == problem.weight[0, 1] == 0


def test_no_weight_across_thin_walls_and_at_unobserved_voxels():
    voxels, near = row_of_voxels(4, [(0, 0, 1), (0, 0, -1), (0, 0, -1), (0, 0, -1)])
    problem = build_problem(voxels, candidates_of([[(0, 1.0, (9, 9, 9))]] * 3 + [[]], 1), near, OFF)
    assert problem.weight[:, 0].tolist() == [0, 1, 0, 0]
    assert problem.label[3, 0] == -1


def test_weights_are_symmetric(body):
    voxels, candidates, near = body
    weight = build_problem(voxels, candidates, near, OFF).weight
    assert (weight[near >= 0] > 0).any()
    assert (weight[near < 0] == 0).all()
    for slot in range(6):
        rows = np.flatnonzero(near[:, slot] >= 0)
        np.testing.assert_array_equal(weight[rows, slot], weight[near[rows, slot], slot ^ 1])


@pytest.mark.parametrize("angle", [0, 30, 60, 180])
def test_lock(body, angle):
    voxels, candidates, near = body
    problem = build_problem(voxels, candidates, near, OFF, locked_views=(0, 4), locked_angle=angle)
    within = candidates.conf / 127.5 - 1 >= np.cos(np.deg2rad(angle)) - 1 / 255
    expected = np.isin(candidates.label, (0, 4)) & within & (angle > 0)
    for m in range(len(voxels)):
        given = candidates.label[m][expected[m]] if expected[m].any() else candidates.label[m][candidates.label[m] >= 0]
        assert problem.label[m][problem.label[m] >= 0].tolist() == given.tolist()
    assert np.isinf(problem.cost[problem.label < 0]).all()
    assert np.isfinite(problem.cost[problem.label >= 0]).all()
    if angle:
        assert expected.any()


def trusting(rows, **changes) -> np.ndarray:
    """Costs of one voxel whose view 7 is trusted."""
    voxels, near = row_of_voxels(1)
    params = FuseParams().replaced(changes)
    return build_problem(voxels, candidates_of([rows], 4), near, params, trusted_views=(7,)).cost[0]


def test_what_differs_from_a_trusted_view_pays():
    rows = [(2, 1.0, (200, 200, 200)), (3, 0.9, (201, 201, 201)), (7, 0.6, (100, 100, 100)), (4, 0.5, (104, 104, 104))]
    cost = trusting(rows)
    assert cost.argmin() == 2
    np.testing.assert_allclose(cost, [1.5, 0.05 + 1.5, 0.2, 0.25], atol=0.003)
    assert trusting(rows, lock=45.0).argmin() != 2  # 0.6 is 53 degrees
    assert trusting(rows, lock=0.0).argmin() != 2


def test_a_trusted_view_wins_nothing_where_views_agree():
    assert trusting([(2, 1.0, (103, 100, 100)), (7, 0.6, (100, 100, 100))]).argmin() == 0


def test_a_trusted_view_is_locked_without_consensus():
    cost = trusting([(2, 1.0, (100, 100, 100)), (7, 0.6, (100, 100, 100))], consensus=0.0)
    assert np.isfinite(cost).sum() == 1
    assert cost[0] == pytest.approx(0.2, abs=0.003)


def test_priorities(body):
    voxels, candidates, near = body
    orbit = np.repeat([0, 1], 13)
    plain, soft, strict = (
        build_problem(voxels, candidates, near, OFF.replaced({"priority": p}), view_orbit=orbit)
        for p in ("none", "soft", "strict")
    )
    known = plain.label >= 0
    vertical = known & (orbit[np.maximum(plain.label, 0)] == 1)
    np.testing.assert_allclose(soft.cost[vertical] - plain.cost[vertical], 0.25, atol=1e-6)
    np.testing.assert_array_equal(soft.cost[known & ~vertical], plain.cost[known & ~vertical])
    mixed = (known & ~vertical).any(axis=1)
    assert mixed.any()
    assert not mixed.all()
    assert (orbit[np.maximum(strict.label, 0)] * (strict.label >= 0))[mixed].max() == 0
    np.testing.assert_array_equal(strict.label[~mixed], plain.label[~mixed])


def test_view_prior_is_added(body):
    voxels, candidates, near = body
    prior = np.linspace(0, 1, 26, dtype=np.float32)
    plain = build_problem(voxels, candidates, near, OFF)
    with_prior = build_problem(voxels, candidates, near, OFF, view_prior=prior)
    known = plain.label >= 0
    np.testing.assert_allclose(with_prior.cost[known] - plain.cost[known], prior[plain.label[known]], atol=1e-6)


def test_compiled_equals_numpy(body, monkeypatch):
    voxels, candidates, near = body
    params = FuseParams(priority="soft")
    orbit = np.repeat([0, 1], 13)
    compiled = build_problem(voxels, candidates, near, params, view_orbit=orbit, trusted_views=(3,))
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = build_problem(voxels, candidates, near, params, view_orbit=orbit, trusted_views=(3,))
    for name in ("label", "cost", "weight"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name))


def test_energy_counts_each_edge_once_and_what_is_infeasible():
    voxels, near = row_of_voxels(3)
    rows = [[(0, 1.0, (9, 9, 9)), (1, 0.6, (9, 9, 9))]] * 3
    problem = build_problem(voxels, candidates_of(rows, 2), near, OFF)
    assert labelling_energy(problem, np.array([0, 0, 0])) == (0, 0, 0, 0)
    total, data, smooth, infeasible = labelling_energy(problem, np.array([0, 1, 0]))
    assert (data, smooth, infeasible) == (pytest.approx(0.2), pytest.approx(2 * OFF.smoothness), 0)
    assert total == data + smooth
    assert labelling_energy(problem, np.array([0, 7, -1]))[3] == 2
