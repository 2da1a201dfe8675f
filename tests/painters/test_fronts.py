# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to the side that a reference shows stays there; what goes round the object goes on."""

from __future__ import annotations

import numpy as np
import pytest
from orbit_painter.backend.mesh import EXTENT, simple_mesh
from orbit_painter.backend.orbits.cameras import orthographic_front
from orbit_painter.backend.painters.base import PaintRequest, Reference
from orbit_painter.backend.painters.projection.engine import ProjectionPainter
from orbit_painter.backend.progress import silent

from .scenes import MemoryPassSet, box, four_views, paint

SKIN = np.array([0.95, 0.75, 0.6])


def ball(sections=40):
    """A ball whose longest side is that of every object."""
    theta, phi = np.linspace(0.01, np.pi - 0.01, sections), np.linspace(0, 2 * np.pi, 2 * sections, endpoint=False)
    t, p = (a.ravel() for a in np.meshgrid(theta, phi, indexing="ij"))
    vertices = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), -np.cos(t)], axis=1) * (EXTENT / 2)
    row, column = (a.ravel() for a in np.meshgrid(np.arange(sections - 1), np.arange(2 * sections), indexing="ij"))
    a, b = row * 2 * sections + column, row * 2 * sections + (column + 1) % (2 * sections)
    faces = np.concatenate(
        [np.stack([a, b, a + 2 * sections], 1), np.stack([b, b + 2 * sections, a + 2 * sections], 1)]
    )
    return simple_mesh(vertices.astype(np.float32), faces.astype(np.int32))


def around(points):
    """Angle from the front, and height, as parts of what the ball's patterns repeat by."""
    return np.arctan2(points[:, 0], -points[:, 1]) / (2 * np.pi), points[:, 2]


def with_face(points, normals, ground):
    """Two large eyes, a beak and a mouth, on the front only."""
    colour, front = ground.copy(), normals[:, 1] < 0
    for side in (-1, 1):
        away = np.hypot(points[:, 0] - side * 0.19, points[:, 2] - 0.1)
        for radius, ink in ((0.15, (1, 1, 0.95)), (0.08, (0.9, 0.6, 0.1)), (0.055, (0.05, 0.05, 0.1))):
            colour[front & (away < radius)] = ink
    colour[front & (np.abs(points[:, 0]) < 0.03) & (np.abs(points[:, 2] + 0.03) < 0.05)] = 0.95, 0.5, 0.2
    colour[front & (np.abs(points[:, 0]) < 0.14) & (np.abs(points[:, 2] + 0.18) < 0.02)] = 0.75, 0.15, 0.15
    return colour


def face(points, normals):
    return with_face(points, normals, np.tile(SKIN, (len(points), 1)))


def spotted(points, normals):
    """Rows of blue dots on the same ground, all round."""
    angle, up = around(points)
    row = up / 0.16
    along = angle * 12 + 0.5 * (np.floor(row) % 2)
    wide = 2 * np.pi / 12 * np.hypot(points[:, 0], points[:, 1])
    dot = np.hypot((along % 1 - 0.5) * wide, (row % 1 - 0.5) * 0.16) < 0.05
    return np.where(dot[:, None], [0.15, 0.25, 0.6], SKIN)


def striped(points, normals):
    return np.where((around(points)[0] * 14 % 1 < 0.4)[:, None], [0.1, 0.5, 0.4], SKIN)


def windows(points, normals):
    """A grey front with six blue windows and one green door."""
    colour, front = np.tile([0.7, 0.68, 0.65], (len(points), 1)), normals[:, 1] < -0.9
    for x in (-0.2, 0, 0.2):
        for z in (0.05, 0.3):
            colour[front & (np.abs(points[:, 0] - x) < 0.06) & (np.abs(points[:, 2] - z) < 0.08)] = 0.25, 0.4, 0.65
    colour[front & (np.abs(points[:, 0]) < 0.1) & (points[:, 2] < -0.15)] = 0.15, 0.4, 0.15
    return colour


def front_and_back(mesh, colour):
    """Share of the outline that is unlike the object's main colour in the front and in the back view, and both views
    float (n, n, 3), 0 ... 1, NaN outside."""
    picture = paint(mesh, orthographic_front(192), colour, 2)
    request = PaintRequest(MemoryPassSet(mesh, four_views(128)[::2]), [Reference(picture)], 0, {"grid": 64})
    images = [frame.image for frame in ProjectionPainter().paint(request, silent).frames]
    views = [np.where(i[..., 3:] == 255, i[..., :3] / 255, np.nan) for i in images]
    main = np.nanmedian(views[0].reshape(-1, 3), axis=0)
    return [float((np.linalg.norm(v - main, axis=2) > 0.2).sum() / (v[..., 0] >= 0).sum()) for v in views], views


def test_a_face_stays_on_the_front():
    (front, back), _ = front_and_back(ball(), face)
    assert front > 0.12
    assert back < 0.004


@pytest.mark.parametrize("colour", [spotted, striped])
def test_a_pattern_goes_on_round_the_back(colour):
    (front, back), views = front_and_back(ball(), colour)
    assert front > 0.12
    assert 0.4 * front < back < 1.6 * front
    detail = [np.nanstd(view[36:92, 36:92], axis=(0, 1)).mean() for view in views]
    assert detail[1] > 0.5 * detail[0]


def test_windows_go_round_a_house_and_its_door_does_not():
    _, views = front_and_back(box(), windows)
    views = [np.nan_to_num(view) for view in views]
    blue = [((v[..., 2] > v[..., 0] + 0.2) & (v[..., 2] > 0.5)).sum() for v in views]
    green = [((v[..., 1] > v[..., 0] + 0.15) & (v[..., 2] < 0.3)).sum() for v in views]
    assert blue[1] > 0.5 * blue[0] > 150
    assert green[0] > 150
    assert green[1] < 0.05 * green[0]
