# SPDX-License-Identifier: GPL-3.0-or-later
"""Acceptance scenes are sound meshes, and their frames have the stated drift and photometry."""

import numpy as np
import pytest
from orbit_painter.backend.evaluation import drift, rendering, scenes
from orbit_painter.backend.mesh import EXTENT, face_normals
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.texturing.hits import cast
from orbit_painter.backend.texturing.types import BakedTile, TextureTarget


@pytest.fixture(scope="module", params=["bumpy_sphere", "tent", "assembly", "vase"])
def scene(request):
    return getattr(scenes, request.param)()


def test_scene_is_normalised_and_has_uvs_without_overlap(scene):
    low, high = scene.mesh.vertices.min(axis=0), scene.mesh.vertices.max(axis=0)
    assert (high - low).max() == pytest.approx(EXTENT, abs=1e-5)
    assert np.allclose(low + high, 0, atol=1e-5)
    uv = scene.mesh.uv["UVMap"].astype(np.float64)
    edge_1, edge_2 = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    area = (edge_1[:, 0] * edge_2[:, 1] - edge_1[:, 1] * edge_2[:, 0]) / 2
    assert (area > 0).all()
    # Sample many points of the UV square: each lies in at most one triangle.
    size = 128
    counts = np.zeros((size, size), int)
    centre = (np.arange(size) + 0.5) / size
    for (a, b, c), two_area in zip(uv, 2 * area, strict=True):
        low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
        i0, i1 = np.searchsorted(centre, [low[0], high[0]])
        j0, j1 = np.searchsorted(centre, [low[1], high[1]])
        p = np.stack(np.meshgrid(centre[i0:i1], centre[j0:j1]), -1)
        w = [((q - p)[..., 0] * (r - p)[..., 1] - (q - p)[..., 1] * (r - p)[..., 0]) / two_area
             for q, r in ((a, b), (b, c), (c, a))]  # fmt: skip
        counts[j0:j1, i0:i1] += (np.stack(w) > 1e-9).all(axis=0)
    assert counts.max() == 1
    assert counts.mean() > 0.5  # the square is well used


def test_scene_has_outward_faces(scene):
    normals, _ = face_normals(scene.mesh.vertices, scene.mesh.faces)
    for camera in [*rendering.held_out_cameras(64)[:6], *orbit_cameras("V", 6, 64)]:
        hits = cast(scene.mesh, camera, 1)
        facing = np.einsum("ij,ij->i", normals[hits.triangle], camera.towards(hits.point))
        assert (facing < -0.05).mean() < 0.005


def test_colour_is_deterministic_and_has_detail(scene):
    hits = cast(scene.mesh, orbit_cameras("H", 6, 128)[1], 1)
    colour = scene.colour(hits.point)
    again = {s.name: s for s in scenes.scenes()}[scene.name].colour(hits.point)
    assert np.array_equal(colour, again)
    assert colour.dtype == np.float32
    assert colour.min() >= 0
    assert colour.max() <= 1
    assert colour.std(axis=0).min() > 0.05


def test_drift_has_the_stated_standard_deviation():
    """Standard deviation per axis in pixels, at the distance of 1.25, is px * sqrt(0.9^2 + 0.35^2) from frame 15 on."""
    focal = 560.0
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 3))
    late, middle = [], []
    for seed in range(12):
        field = drift.DriftField(2.0, focal, seed)
        assert not field(points, 0).any()
        late.append(np.concatenate([field(points, j) for j in (15, 30, 45, 60)]))
        middle.append(field(points, 5))
    pixels = np.concatenate(late) * focal / 1.25
    assert pixels.std() == pytest.approx(2 * np.hypot(0.9, 0.35), rel=0.1)
    assert np.std(np.concatenate(middle)) * focal / 1.25 == pytest.approx(2 * np.hypot(0.9, 0.35) / 3, rel=0.15)


def test_drift_is_smooth_in_space_and_time():
    field = drift.DriftField(2.0, 560.0, 1)
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (2000, 3))
    size = field(points, 30).std()
    assert np.abs(field(points + np.array([0.003, 0, 0]), 30) - field(points, 30)).mean() < 0.05 * size
    assert np.abs(field(points, 31) - field(points, 30)).mean() < 0.5 * size


def test_gains_are_a_few_per_cent_and_anchored():
    gains = np.concatenate([drift.orbit_gains(61, 0.05, seed)[1:] for seed in range(40)])
    assert 0.02 < gains.std() < 0.08
    assert (drift.orbit_gains(61, 0.05, 3)[0] == 1).all()
    assert (drift.orbit_gains(61, 0.0, 3) == 1).all()


def test_frames_show_the_true_colours_where_nothing_is_disturbed(scene):
    cameras = [*orbit_cameras("H", 3, 96)[:2], *orbit_cameras("V", 3, 96)[:1]]
    exact = drift.render_frames(scene.mesh, scene.colour, cameras, (2, 1), 0, 0, 0, 0)
    again = drift.render_frames(scene.mesh, scene.colour, cameras, (2, 1), 3.0, 0, 0, 0)
    assert np.array_equal(exact[0].image, again[0].image)  # frame 0 of each orbit does not drift
    assert np.array_equal(exact[2].image, again[2].image)
    assert not np.array_equal(exact[1].image, again[1].image)
    truth = rendering.render(cast(scene.mesh, cameras[0]), scene.colour)
    assert np.abs(exact[0].image[..., :3] / 255 - truth).max() < 0.003
    assert (exact[0].image[..., :3][exact[0].image[..., 3] == 0] >= 128).mean() > 0.99
    noisy = drift.render_frames(scene.mesh, scene.colour, cameras[:1], (1, 0), 0, 0, 0, 0.008)[0].image[..., :3]
    rest = (exact[0].image[..., :3] > 20) & (exact[0].image[..., :3] < 235)
    difference = noisy.astype(float)[rest] - exact[0].image[..., :3].astype(float)[rest]
    assert difference.std() == pytest.approx(0.008 * 255, rel=0.1)


def test_texture_of_the_true_colours_renders_like_the_truth():
    """Bake the colour function by hand into the sphere's UVs and compare a held-out picture with the truth."""
    scene = scenes.bumpy_sphere()
    size = 512
    uv = scene.mesh.uv["UVMap"]
    target = TextureTarget("t", np.arange(len(uv), dtype=np.int32), uv, "UVMap", size=size)
    from orbit_painter.backend.texturing.atlas import texel_points
    from orbit_painter.backend.texturing.uv_raster import claim_texels

    # A smooth colour, so that texture resolution does not matter.
    def colour(points):
        return (0.5 + 0.4 * np.sin(6 * np.asarray(points))).astype(np.float32)

    owner = claim_texels(uv, size)
    texels = np.flatnonzero(owner >= 0)
    corners = scene.mesh.triangles.astype(np.float64)
    points = texel_points(uv.astype(np.float64), corners, owner.reshape(-1)[texels], texels, size)
    rgba = np.full((size, size, 4), 128, np.uint8)
    rgba.reshape(-1, 4)[texels, :3] = np.rint(255 * colour(points))
    tile = BakedTile(1001, rgba, owner.astype(np.int16), np.zeros_like(owner, np.uint8))
    hits = cast(scene.mesh, rendering.held_out_cameras(128)[4])
    difference = np.abs(
        rendering.render_texture(hits, scene.mesh, target, [tile]) - rendering.render(hits, colour)
    ).max(axis=-1)
    assert np.quantile(difference, 0.98) < 0.01  # a margin is missing, so chart borders differ


def test_held_out_cameras_are_on_neither_orbit():
    cameras = rendering.held_out_cameras(64)
    assert len(cameras) == 20
    centres = np.array([camera.centre for camera in cameras])
    assert np.allclose(np.linalg.norm(centres, axis=1), 1.5)
    assert np.abs(centres[:, 2]).min() > 0.3
    assert np.abs(centres[:, 0]).min() > 0.02
