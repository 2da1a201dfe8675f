# SPDX-License-Identifier: GPL-3.0-or-later
"""Corner colours from a finished voxel texture alone."""

import numpy as np
import pytest
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.texturing.vertex_colour import VoxelSampler, corner_colours
from orbit_painter.backend.texturing.voxel_files import VoxelTexture
from orbit_painter.backend.texturing.voxels import surface_voxels

GRID = 32


@pytest.fixture
def sheets():
    """Two parallel squares a voxel apart that face away from each other."""
    square = np.array([[-0.4, -0.4], [0.4, -0.4], [0.4, 0.4], [-0.4, 0.4]])
    gap = 0.5 / GRID
    vertices = np.concatenate([np.c_[square, np.full(4, z)] for z in (gap, -gap)]).astype(np.float32)
    return simple_mesh(vertices, np.array([[0, 1, 2], [0, 2, 3], [6, 5, 4], [7, 6, 4]]))


def texture_of(mesh, colour_of):
    """A voxel texture whose colours are a function of the voxels' centres and normals."""
    voxels = surface_voxels(mesh.vertices, mesh.faces, GRID)
    centre = (voxels.coords + 0.5) / GRID - 0.5
    label = np.zeros(len(voxels), np.int16)
    return VoxelTexture(voxels.coords, colour_of(centre, voxels.normal).astype(np.uint8), voxels.normal, label, GRID)


def test_colours_change_as_the_voxels_do(sheets):
    def ramp(centre, normal):
        return np.stack([255 * (centre[:, 0] + 0.5), np.full(len(centre), 90), np.full(len(centre), 10)], axis=1)

    found = corner_colours(sheets, VoxelSampler(texture_of(sheets, ramp)))
    wanted = 255 * (sheets.vertices[sheets.faces][..., 0] + 0.5)
    assert np.abs(found[..., 0] - wanted).max() <= 255 / GRID
    assert (np.abs(found[..., 1:].astype(int) - (90, 10, 255)) <= 1).all()


def test_thin_sheets_keep_the_colours_of_their_sides(sheets):
    def sides(centre, normal):
        return np.where(normal[:, 2:] > 0, (200, 0, 0), (0, 0, 200))

    found = corner_colours(sheets, VoxelSampler(texture_of(sheets, sides)))
    assert (found[:2, :, 0] > 190).all()
    assert (found[2:, :, 2] > 190).all()


def test_points_far_from_any_voxel_get_the_mean():
    mesh = simple_mesh(np.float32([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0]]), np.array([[0, 1, 2]]))
    sampler = VoxelSampler(texture_of(mesh, lambda centre, normal: np.full((len(centre), 3), 40)))
    far = sampler.sample(np.float32([[0.45, 0.45, 0.45]]), np.float32([[0, 0, 1]]))
    assert far.colour.tolist() == [[40, 40, 40, 255]]
