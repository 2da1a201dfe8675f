# SPDX-License-Identifier: GPL-3.0-or-later
"""Where unseen points look for what they might look like, and which details may go there."""

from __future__ import annotations

import numpy as np
from orbit_painter.backend.orbits.cameras import orthographic_front
from orbit_painter.backend.painters.projection.counterparts import counterparts
from orbit_painter.backend.painters.projection.evidence import Picture, gather
from orbit_painter.backend.painters.projection.gbuffer import geometry_buffer
from orbit_painter.backend.painters.projection.motifs import connected, judge_motifs
from orbit_painter.backend.painters.projection.surface import surface_points

from .scenes import box

HALF = np.array([0.35, 0.2, 0.5])


def seen_from_the_front(mesh, size=256):
    buffer = geometry_buffer(mesh, orthographic_front(size))
    alpha = buffer.mask.astype(np.float32)
    return gather([Picture(np.repeat(alpha[..., None], 3, axis=2), alpha, buffer)])


def test_each_side_of_a_box_folds_the_front_back_at_its_edges():
    mesh = box(tuple(HALF))
    evidence, surface = seen_from_the_front(mesh), surface_points(mesh, 64)
    index = np.arange(len(surface), dtype=np.int32)
    found = counterparts(evidence, surface, index, np.zeros((evidence.source.size, 3), np.float32))
    there = evidence.position.reshape(-1, 3)[found.pixel]
    inner = (np.abs(surface.point) < 0.9 * HALF).sum(axis=1) == 2  # not next to an edge
    depth = HALF[1] - np.abs(surface.point[:, 1])
    for axis, sign in ((1, (-1, 1)), (0, (-1, 1)), (2, (1, -1))):
        side = inner & (np.abs(surface.normal[:, axis]) > 0.9) & (found.pixel >= 0)
        side &= (axis != 1) | (surface.point[:, 1] > 0)  # the front is its own counterpart
        assert side.sum() > 100
        assert (found.sign[side] == sign).all()
        expected = surface.point[side].copy()
        if axis != 1:
            expected[:, axis] = np.sign(expected[:, axis]) * (HALF[axis] - depth[side])
        error = np.abs(there[side] - expected)[:, [0, 2]]
        assert error.max() < 2 / 64


def test_parts_of_a_mask_are_numbered():
    mask = np.zeros((9, 12), bool)
    mask[1:3, 1:4] = mask[3, 4] = True  # joined at a corner
    mask[6:8, 8:11] = True
    number = connected(mask)
    assert (number[~mask] == -1).all()
    assert set(number[mask]) == {0, 1}
    assert number[1, 1] == number[3, 4] != number[7, 9]


def test_a_motif_holds_what_it_encloses():
    ordinary, source = np.ones((120, 100), np.float32), np.zeros((120, 100), bool)
    source[10:110, 10:90] = True
    ordinary[30:50, 40:44] = ordinary[30:50, 56:60] = ordinary[30:34, 40:60] = ordinary[46:50, 40:60] = 0  # a frame
    judged = judge_motifs(ordinary, source, 2.0)
    assert judged[32:48, 42:58].max() < 0.1  # with what it holds
    assert judged[60:70, 12:88].min() > 0.9
