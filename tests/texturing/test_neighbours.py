# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools

import numpy as np
import pytest
from orbit_painter.backend.texturing.neighbours import voxel_neighbours

STEPS = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]


def slow_neighbours(coords: np.ndarray) -> np.ndarray:
    index = {tuple(c): m for m, c in enumerate(coords.tolist())}
    return np.array([[index.get(tuple(np.add(c, s)), -1) for s in STEPS] for c in coords.tolist()]).reshape(-1, 6)


def some_voxels(grid: int, share: float, seed: int) -> np.ndarray:
    cells = np.array(list(itertools.product(range(grid), repeat=3)), np.int32)
    return cells[np.random.default_rng(seed).random(len(cells)) < share]


@pytest.mark.parametrize(("grid", "share"), [(1, 1.0), (2, 1.0), (3, 0.5), (9, 0.3), (9, 1.0)])
def test_equal_to_a_dictionary(grid, share):
    coords = some_voxels(grid, share, 1)
    found = voxel_neighbours(coords, grid)
    assert found.dtype == np.int32
    assert found.shape == (len(coords), 6)
    np.testing.assert_array_equal(found, slow_neighbours(coords))


def test_no_wrap_at_the_borders():
    """Voxels that follow each other in sorted order, but lie on opposite faces of the grid, are not neighbours."""
    grid = 4
    coords = np.array([[0, 0, 3], [0, 1, 0], [0, 3, 3], [1, 0, 0], [3, 3, 3]], np.int32)
    assert (voxel_neighbours(coords, grid) == -1).all()


def test_any_order():
    coords = some_voxels(8, 0.4, 2)
    shuffled = coords[np.random.default_rng(3).permutation(len(coords))]
    np.testing.assert_array_equal(voxel_neighbours(shuffled, 8), slow_neighbours(shuffled))


def test_slots_point_at_each_other():
    near = voxel_neighbours(some_voxels(10, 0.5, 4), 10)
    for slot in range(6):
        rows = np.flatnonzero(near[:, slot] >= 0)
        np.testing.assert_array_equal(near[near[rows, slot], slot ^ 1], rows)


def test_no_voxels():
    assert voxel_neighbours(np.zeros((0, 3), np.int32), 16).shape == (0, 6)
