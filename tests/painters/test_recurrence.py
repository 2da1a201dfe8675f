# SPDX-License-Identifier: GPL-3.0-or-later
"""Textures with a period, and the rare things in them: a brick wall with a sign."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.mesh import EXTENT
from orbit_painter.backend.orbits.cameras import orthographic_front
from orbit_painter.backend.painters.base import PaintRequest, Reference
from orbit_painter.backend.painters.projection.engine import ProjectionPainter
from orbit_painter.backend.painters.projection.recurrence import mending, recurrence
from orbit_painter.backend.painters.projection.sampling import local_minimum
from orbit_painter.backend.progress import silent

from .scenes import MemoryPassSet, box, four_views, paint

HEIGHT = 2 * 0.5 * EXTENT  # of the wall
COURSE, LENGTH = 0.09, 0.2  # of a brick
SIGN = np.array([[-0.13, 0.17], [0.02, 0.3]])  # across, up


def sign_at(points):
    return ((points[:, [0, 2]] > SIGN[:, 0]) & (points[:, [0, 2]] < SIGN[:, 1])).all(axis=1)


def wall(points, normals=None):
    """Red bricks of several shades with light mortar, and a green sign with a yellow disc."""
    up = points[:, 2] / COURSE
    row = np.floor(up)
    along = points[:, 0] / LENGTH + 0.5 * (row % 2)
    shade = 0.85 + 0.3 * ((np.sin(row * 12.9898 + np.floor(along) * 78.233) * 43758.5453) % 1)
    colour = np.array([0.6, 0.25, 0.18]) * shade[:, None]
    colour[(up % 1 < 0.18) | (along % 1 < 0.08)] = 0.85, 0.8, 0.7
    sign = sign_at(points)
    disc = np.hypot(*(points[:, [0, 2]] - SIGN.mean(axis=1)).T) < 0.08
    colour[sign] = 0.1, 0.5, 0.2
    colour[sign & disc] = 0.95, 0.85, 0.1
    return colour


@pytest.fixture(scope="module")
def front():
    return paint(box(), orthographic_front(256), wall)


def test_bricks_recur_and_the_sign_does_not_and_is_mended_in_phase(front):
    colour, source = front[..., :3].astype(np.float32) / 255, front[..., 3] == 255
    found = recurrence(colour, source, 1.5)
    green = source & (colour[..., 1] > colour[..., 0] + 0.1)
    inner = local_minimum(source.astype(np.float32), 12) > 0
    v, u = np.nonzero(green)
    around, sign = np.zeros_like(green), np.zeros_like(green)
    around[v.min() - 8 : v.max() + 8, u.min() - 8 : u.max() + 8] = True
    sign[v.min() : v.max() + 1, u.min() : u.max() + 1] = True
    assert found.often[inner & ~around].mean() > 0.9
    assert found.often[sign].mean() < 0.5
    mend = mending(found, inner & ~around, sign)
    assert (np.abs(mend[sign]).max(axis=1) > 0).mean() > 0.9
    assert not mend[~around].any()
    rise = mend[sign][:, 1] / (source.any(axis=1).sum() / HEIGHT * COURSE)
    assert np.abs(rise - np.round(rise)).max() < 0.2  # whole courses


def test_the_far_side_of_a_wall_shows_its_bricks_and_not_its_sign(front):
    request = PaintRequest(MemoryPassSet(box(), four_views(192)), [Reference(front)], 0, {"grid": 96})
    painted = ProjectionPainter().paint(request, silent)
    courses = []
    for image in (painted.frames[0].image, painted.frames[2].image):
        v, u = np.nonzero(image[..., 3] == 255)
        inner = np.s_[v.min() + 4 : v.max() - 4, u.min() + 4 : u.max() - 4]
        rgb = image[inner][..., :3].astype(float)
        across = np.abs(np.fft.rfft(rgb[..., 2] - rgb[..., 2].mean(axis=0), axis=0)).mean(axis=1) / len(rgb)
        courses.append((across.argmax(), across.max(), (rgb[..., 1] > rgb[..., 0] + 20).mean()))
    (period, strength, sign), (back_period, back_strength, back_sign) = courses
    assert sign > 0.03
    assert back_sign < 0.002
    assert back_period == period
    assert back_strength > 0.75 * strength
