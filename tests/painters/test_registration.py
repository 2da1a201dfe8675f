# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.mesh import EXTENT, simple_mesh
from orbit_painter.backend.orbits.cameras import look, orbit_cameras, orthographic_front
from orbit_painter.backend.painters.base import VIEWS
from orbit_painter.backend.painters.projection.gbuffer import geometry_buffer
from orbit_painter.backend.painters.projection.registration import moved, overlap, register
from orbit_painter.backend.progress import silent
from orbit_painter.tests.painters.scenes import blob, box, paint, waves

MESH = blob()


def alpha_of(camera):
    return paint(MESH, camera, waves)[..., 3].astype(np.float32) / 255


def worst_error(found, true):
    """Largest distance in pixels between the two cameras' images of the visible half of the mesh."""
    front = MESH.vertices[MESH.vertices[:, 1] < 0.1]
    return float(np.linalg.norm(found.project(front)[0] - true.project(front)[0], axis=1).max())


@pytest.mark.parametrize(
    ("base", "scale", "shift"),
    [
        (orthographic_front(192), 1.0, (0, 0)),
        (orthographic_front(192), 0.8, (21.3, -9.7)),
        (orthographic_front(192), 1.05, (-3.35, 4.6)),
        (orbit_cameras("H", 1, 192)[0], 0.9, (-7.25, 12.5)),
    ],
)
def test_scale_and_offset_are_found_to_a_twentieth_of_a_pixel(base, scale, shift):
    true = moved(base, scale, shift)
    fit = register(MESH, alpha_of(true), None, silent)
    assert fit.camera.orthographic == base.orthographic
    assert worst_error(fit.camera, true) < 0.06
    assert fit.iou > 0.99


@pytest.mark.parametrize("view", ["back", "left", "right", "top", "bottom"])
def test_other_sides_are_found_in_their_own_view(view):
    direction, up = VIEWS[view]
    base = replace(orthographic_front(160), matrix=look([3 * c for c in direction], up))
    true = moved(base, 0.85, (9.3, -5.6))
    fit = register(MESH, alpha_of(true), None, silent, view)
    near = MESH.vertices[MESH.vertices @ np.array(direction) > -0.1]
    assert np.linalg.norm(fit.camera.project(near)[0] - true.project(near)[0], axis=1).max() < 0.1


def bush():
    """Cards that carry leaves, two of which stand across, and a trunk."""
    cards = [(-0.5, 0.1, 0.0), (-0.1, 0.42, 0.1), (-0.42, -0.06, 0.28), (0.02, 0.5, 0.24), (-0.25, 0.25, 0.4)]
    quads = [[(x0, y, z), (x1, y, z), (x1, y, z + 0.3), (x0, y, z + 0.3)] for y, (x0, x1, z) in enumerate(cards)]
    quads.append([(-0.04, 2, -0.3), (0.04, 2, -0.3), (0.04, 2, 0.2), (-0.04, 2, 0.2)])
    corners = np.array(quads).reshape(-1, 3) * (1, 0.1, 1) - (0, 0.2, 0.2)
    faces = np.array([(4 * k + a, 4 * k + b, 4 * k + c) for k in range(6) for a, b, c in ((0, 1, 2), (0, 2, 3))])
    return simple_mesh(corners * EXTENT, faces)


def leaves(mesh, camera):
    """Alpha of the bush: a lattice of round leaves well inside the cards, and the trunk."""
    fine = camera.resized(camera.width * 4, camera.height * 4)
    buffer = geometry_buffer(mesh, fine)
    across, up = buffer.position[..., 0] * 16, buffer.position[..., 2] * 16
    leaf = (across - np.round(across)) ** 2 + (up - np.round(up)) ** 2 < 0.14
    trunk = (np.abs(buffer.position[..., 0]) < 0.04) & (buffer.position[..., 2] < -0.1)
    alpha = (buffer.mask & (leaf | trunk)).astype(np.float32)
    return alpha.reshape(camera.height, 4, camera.width, 4).mean(axis=(1, 3))


def test_foliage_is_found_inside_the_outline_of_its_cards():
    mesh = bush()
    true = moved(orthographic_front(192), 0.8, (14.0, -9.0))
    fit = register(mesh, leaves(mesh, true), None, silent)
    assert fit.camera.focal == pytest.approx(true.focal, rel=0.03)
    assert np.linalg.norm(fit.camera.project(mesh.vertices)[0] - true.project(mesh.vertices)[0], axis=1).max() < 4
    assert fit.iou > 0.98


def test_a_picture_of_another_shape_and_distance():
    matrix = look((0, -2.2, 0), (0, 0, 1))
    true = replace(orbit_cameras("H", 1, 300)[0], matrix=matrix, width=300, height=220, focal=380, principal=(163, 95))
    fit = register(MESH, alpha_of(true), None, silent)
    assert worst_error(fit.camera, true) < 0.6
    assert fit.iou > 0.98


def test_a_known_camera_is_kept_where_it_fits():
    true = replace(orbit_cameras("H", 8, 200)[3])
    fit = register(MESH, alpha_of(true), true, silent)
    assert fit.camera is true or worst_error(fit.camera, true) == 0
    assert not fit.refined


def test_a_known_camera_is_nudged_where_that_clearly_helps():
    given = orbit_cameras("H", 8, 200)[1]
    true = moved(given, 0.97, (2.4, -1.7))
    fit = register(MESH, alpha_of(true), given, silent)
    assert fit.refined
    assert worst_error(fit.camera, true) < 0.1


def test_a_picture_of_something_else_fits_badly():
    alpha = np.zeros((128, 128), np.float32)
    v, u = np.mgrid[:128, :128]
    alpha[(np.abs(u - v) < 6) | (np.abs(u + v - 127) < 6)] = 1
    assert register(box(), alpha, None, silent).iou < 0.8


def test_large_pictures_keep_their_precision():
    true = moved(orthographic_front(720), 0.93, (12.25, 5.5))
    alpha = paint(MESH, true, waves, samples=2)[..., 3].astype(np.float32) / 255
    fit = register(MESH, alpha, None, silent)
    assert (fit.camera.width, fit.camera.height) == (720, 720)
    assert worst_error(fit.camera, true) < 0.25


def test_overlap_of_equal_and_of_disjoint_areas():
    a = np.zeros((4, 4), np.float32)
    a[:2] = 1
    assert overlap(a, a) == 1
    assert overlap(a, 1 - a) == 0
