# SPDX-License-Identifier: GPL-3.0-or-later
"""Baking textures from labels and frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras, orthographic_front
from orbit_painter.backend.painters.base import Frame
from orbit_painter.backend.progress import silent
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.atlas import bake_target
from orbit_painter.backend.texturing.candidates import collect_candidates
from orbit_painter.backend.texturing.depth import DepthSource
from orbit_painter.backend.texturing.targets import plan_targets, with_unwrapped
from orbit_painter.backend.texturing.texel_sampling import SurfaceSampler, feather_labels
from orbit_painter.backend.texturing.types import UNOBSERVED, UNOWNED, FuseParams
from orbit_painter.backend.texturing.unwrap import box_unwrap
from orbit_painter.backend.texturing.vertex_colour import corner_colours
from orbit_painter.backend.texturing.voxel_lookup import VoxelLookup
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.tests.texturing.asset_mesh import load_asset
from orbit_painter.tests.texturing.frame_renderer import render_frames
from PIL import Image

PARAMS = FuseParams(label_grid=128, exposure=False, alignment=False, lock=0, depth_size=512, margin=16)


def scene(mesh, frames, params=PARAMS):
    """Voxels, greedy labels and colours, depth: what view selection would hand over."""
    depth = DepthSource(mesh.vertices, mesh.faces, [f.camera for f in frames], params.depth_size)
    voxels = surface_voxels(mesh.vertices, mesh.faces, params.label_grid, mesh.face_object)
    candidates = collect_candidates(voxels, frames, depth, params, double_sided=False)
    labels = candidates.label[:, 0].copy()
    colours = np.where((labels >= 0)[:, None], candidates.colour[:, 0], np.uint8(120))
    return voxels, labels, colours, candidates, frames, depth, params


def psnr(difference):
    return 10 * np.log10(255**2 / np.mean(np.square(difference, dtype=float)))


def box(uv_map=True):
    """A cube whose six sides lie in a 3 x 2 layout, and frames of a smooth colouring of space."""
    vertices = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * 0.28
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces, uv = [], []
    for k, (a, b, c, d) in enumerate(quads):
        faces += [(a, b, c), (a, c, d)]
        low, high = np.array([k % 3, k // 3]) / 3 + 0.03, np.array([k % 3, k // 3]) / 3 + 0.3
        corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
        uv += [[corners[0], corners[1], corners[2]], [corners[0], corners[2], corners[3]]]
    return simple_mesh(vertices, np.array(faces), np.array(uv) if uv_map else None)


def coloured(points):
    return 128 + 70 * np.sin(6 * points[..., [0, 1, 2]] + [0, 1, 2])


def painted_box(cameras):
    """Frames of the box, coloured by position."""
    mesh = box()
    frames = []
    for camera in cameras:
        from orbit_painter.backend.texturing.depth import depth_map

        depth, triangle = depth_map(mesh.vertices, mesh.faces, camera)
        origins, directions = camera.rays()
        forward = directions @ camera.forward
        points = origins + directions * (np.where(triangle >= 0, depth, 1.0) / forward)[..., None]
        image = np.zeros((camera.height, camera.width, 4), np.uint8)
        image[triangle >= 0, :3] = np.rint(coloured(points[triangle >= 0]))
        image[triangle >= 0, 3] = 255
        frames.append(Frame(image, camera))
    return mesh, frames


@pytest.fixture(scope="module")
def box_scene():
    mesh, frames = painted_box(orbit_cameras("H", 8, 256) + orbit_cameras("V", 8, 256))
    return mesh, scene(mesh, frames)


def bake_texture(mesh, target, voxels, labels, colours, _, frames, depth, params, *, progress=silent, **more):
    sampler = SurfaceSampler(voxels, labels, colours, frames, depth, params, **more)
    return bake_target(mesh, target, sampler, progress=progress)


def bake(mesh, parts, size=192, **more):
    target = plan_targets(mesh, uv_choice="keep", size=size).targets[0]
    return target, bake_texture(mesh, target, *parts, **more)[0]


def expected(mesh, target, tile):
    from orbit_painter.backend.texturing.atlas import texel_points
    from orbit_painter.backend.texturing.uv_raster import claim_texels

    owner = claim_texels(target.uv, target.size).reshape(-1)
    texels = np.flatnonzero(owner >= 0)
    corners = mesh.vertices[mesh.faces[target.faces]].astype(float)
    points = texel_points(target.uv.astype(float), corners, owner[texels], texels, target.size)
    return tile.rgba.reshape(-1, 4)[texels, :3] - coloured(points), tile.label.reshape(-1)[texels]


def test_colours_come_back(box_scene):
    mesh, parts = box_scene
    target, tile = bake(mesh, parts)
    error, label = expected(mesh, target, tile)
    assert (label >= 0).mean() > 0.99
    assert psnr(error[label >= 0]) > 40
    assert tile.rgba.dtype == np.uint8
    assert (tile.rgba[..., 3] == 255).all()
    assert (tile.rgba[..., :3].max(axis=-1) > 20).all()  # never black, not even in the background
    assert (tile.confidence[tile.label >= 0] == 255).all()
    assert (tile.confidence[tile.label < 0] == 0).all()


def test_both_paths_agree(box_scene, monkeypatch):
    if not accel.NUMBA:
        pytest.skip("numba is not here")
    mesh, parts = box_scene
    _, fast = bake(mesh, parts)
    monkeypatch.setattr(accel, "NUMBA", False)
    _, slow = bake(mesh, parts)
    np.testing.assert_array_equal(fast.label, slow.label)
    assert abs(fast.rgba.astype(int) - slow.rgba).max() <= 1


def test_sixteen_bit(box_scene):
    mesh, parts = box_scene
    _, eight = bake(mesh, parts)
    _, deep = bake(mesh, (*parts[:-1], replace(parts[-1], bits=16)))
    assert deep.rgba.dtype == np.uint16
    # In the margin the mean is rounded after mixing rounded texels; elsewhere both round the same number.
    assert abs(deep.rgba / 257 - eight.rgba).max() <= 1.01
    assert len(np.unique(deep.rgba)) > 512


def test_exact_views_win_wherever_they_see(box_scene):
    mesh, (voxels, labels, colours, candidates, frames, depth, params) = box_scene
    anchor = 3
    red = frames[anchor].image.copy()
    red[..., :3] = (250, 0, 0)
    views = [*frames[:anchor], replace(frames[anchor], image=red), *frames[anchor + 1 :]]
    labels = np.where(labels >= 0, 0, labels).astype(np.int16)

    def share(lock):
        changed = replace(params, lock=lock)
        _, tile = bake(mesh, (voxels, labels, colours, candidates, views, depth, changed), exact_views=(anchor,))
        assert (tile.rgba[tile.label == anchor, 0] == 250).all()
        return (tile.label == anchor).sum() / (tile.label != UNOWNED).sum()

    assert share(180.0) == pytest.approx(2 / 6, abs=0.05)  # frame 3 sees two sides of the box
    assert share(180.0) >= share(60.0) > share(30.0)


def test_gains_and_voxel_sampling(box_scene):
    mesh, parts = box_scene
    _, plain = bake(mesh, parts)
    _, dimmed = bake(mesh, parts, gains=np.full((16, 3), 0.5))
    seen = plain.label >= 0
    np.testing.assert_allclose(dimmed.rgba[seen, :3], plain.rgba[seen, :3] * 0.5, atol=1)
    target, blocky = bake(mesh, (*parts[:-1], replace(parts[-1], sampling="voxel")))
    error, _ = expected(mesh, target, blocky)
    assert psnr(error) > 25


def test_unseen_texels_take_voxel_colours():
    mesh, frames = painted_box([orthographic_front(128)])
    parts = scene(mesh, frames)
    _, tile = bake(mesh, parts)
    owned = tile.label != UNOWNED
    assert (tile.label[owned] == 0).mean() == pytest.approx(1 / 6, abs=0.02)
    hidden = tile.rgba[tile.label == UNOBSERVED][:, :3]
    assert (abs(hidden.astype(int) - 120) <= 1).all(axis=1).mean() > 0.9  # the rest lies beside seen voxels


def test_feather_ramps_from_one_view_to_the_other():
    """A plate, half from a black view and half from a white one: with feather the step becomes a ramp."""
    vertices = np.array([[-0.4, 0, -0.4], [0.4, 0, -0.4], [0.4, 0, 0.4], [-0.4, 0, 0.4]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = simple_mesh(vertices, faces, (vertices[:, [0, 2]] + 0.5)[faces])
    camera = orthographic_front(64)
    frames = [Frame(np.full((64, 64, 4), (value, value, value, 255), np.uint8), camera) for value in (0, 240)]
    params = replace(PARAMS, label_grid=32)
    voxels, labels, colours, candidates, frames, depth, _ = scene(mesh, frames, params)
    labels = (voxels.point[:, 0] > 0).astype(np.int16)

    def row(feather):
        changed = replace(params, feather=feather)
        _, tile = bake(mesh, (voxels, labels, colours, candidates, frames, depth, changed), 256)
        return tile.rgba[128, 30:226, 0].astype(int)

    hard, soft = row(0.0), row(2.0)
    assert set(np.unique(hard)) == {0, 240}
    assert (np.diff(soft) >= -1).all()
    assert np.diff(soft).max() < 40
    assert soft[0] == 0
    assert soft[-1] == 240
    assert abs(np.interp(120, soft, np.arange(len(soft))) - 97.5) < 2  # the middle of the ramp is the seam


def test_feather_labels_agree(box_scene, monkeypatch):
    if not accel.NUMBA:
        pytest.skip("numba is not here")
    _, (voxels, labels, *_) = box_scene
    fast = feather_labels(VoxelLookup.of(voxels), labels, 2)
    monkeypatch.setattr(accel, "NUMBA", False)
    slow = feather_labels(VoxelLookup.of(voxels), labels, 2)
    np.testing.assert_array_equal(fast[0], slow[0])
    np.testing.assert_allclose(fast[1], slow[1], atol=1e-6)
    assert (fast[0] >= 0).any()
    assert not (fast[0] == labels).any()


def test_both_sides_of_a_sheet():
    """A card one triangle pair thick, seen red from the front and blue from the back, with UVs for both sides."""
    vertices = np.array([[-0.4, 0, -0.4], [0.4, 0, -0.4], [0.4, 0, 0.4], [-0.4, 0, 0.4]])
    faces = np.array([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]])
    flat = (vertices[:, [0, 2]] + 0.5) * [0.45, 0.9]
    mesh = simple_mesh(vertices, faces, np.concatenate([flat[faces[:2]], flat[faces[2:]] + [0.5, 0]]))
    cameras = orbit_cameras("H", 4, 128)
    colours = [(255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255), (0, 255, 0, 255)]
    frames = [Frame(np.full((128, 128, 4), c, np.uint8), camera) for c, camera in zip(colours, cameras, strict=True)]
    _, tile = bake(mesh, scene(mesh, frames), 128)
    seen = tile.label >= 0
    assert seen.sum() > 0.98 * (tile.label != UNOWNED).sum()
    assert (tile.rgba[:, :64][seen[:, :64]] == (255, 0, 0, 255)).all()
    assert (tile.rgba[:, 64:][seen[:, 64:]] == (0, 0, 255, 255)).all()


def test_alpha_of_the_frames():
    vertices = np.array([[-0.4, 0, -0.4], [0.4, 0, -0.4], [0.4, 0, 0.4], [-0.4, 0, 0.4]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    mesh = simple_mesh(vertices, faces, (vertices[:, [0, 2]] + 0.5)[faces])
    image = np.full((64, 64, 4), (10, 200, 10, 255), np.uint8)
    image[:, 32:, 3] = 0
    parts = scene(mesh, [Frame(image, orthographic_front(64))])
    _, opaque = bake(mesh, parts, 128)
    assert (opaque.rgba[..., 3] == 255).all()
    _, cut = bake(mesh, parts, 128, alpha=True)
    assert (cut.rgba[64, 20:60, 3] == 255).all()
    assert (cut.rgba[64, 68:108, 3] == 0).all()


def test_cancel_leaves_nothing(box_scene):
    mesh, parts = box_scene
    calls = []

    def stop(fraction, detail=""):
        calls.append(fraction)
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        bake(mesh, parts, progress=stop)
    assert calls == sorted(calls)


def test_degenerate_faces_and_small_textures(box_scene):
    mesh, parts = box_scene
    faces = np.concatenate([[[0, 0, 1], [0, 1, 1]], mesh.faces])
    uv = np.concatenate([np.tile([[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]], (2, 1, 1)), mesh.uv["UVMap"]])
    worse = simple_mesh(mesh.vertices, faces, uv)
    depth = DepthSource(worse.vertices, worse.faces, parts[5].cameras, parts[5].size)
    _, tile = bake(worse, (*parts[:5], depth, parts[6]), 64)
    _, clean = bake(mesh, parts, 64)
    np.testing.assert_array_equal(tile.rgba, clean.rgba)
    _, tiny = bake(mesh, parts, 16)
    assert (tiny.label >= 0).any()


def test_corner_colours(box_scene):
    mesh, (voxels, labels, colours, _, frames, depth, params) = box_scene
    sampler = SurfaceSampler(voxels, labels, colours, frames, depth, params)
    found = corner_colours(mesh, sampler)
    assert found.shape == (len(mesh.faces), 3, 4)
    assert found.dtype == np.uint8
    error = found[..., :3] - coloured(mesh.vertices[mesh.faces])
    assert np.median(abs(error)) < 4


@pytest.mark.assets
@pytest.mark.parametrize(
    "name", ["spot", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cracker-box", "water-bottle"))]
)
def test_an_asset_bakes_back(assets, name):
    """Frames rendered from an asset's own (smoothed) texture give that texture back where they see it."""
    mesh, textures = load_asset(assets / name)
    size = 256
    picture = Image.fromarray(textures[0]).resize((size // 2, size // 2), Image.Resampling.BOX)
    texture = np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC))
    uv_map = sorted(mesh.uv)[0]
    cameras = orbit_cameras("H", 6, 512) + orbit_cameras("V", 6, 512)
    params = replace(PARAMS, depth_size=1024, label_grid=256)
    parts = scene(mesh, render_frames(mesh, uv_map, {0: texture}, cameras), params)
    _, tile = bake(mesh, parts, size)
    seen = tile.label >= 0
    error = tile.rgba[seen, :3].astype(float) - texture[seen, :3]
    assert seen.sum() / (tile.label != UNOWNED).sum() > 0.7
    # Texels beside an occluding edge (the bottle's bars and cap) share pixels with it; all others must be right.
    good = np.sort(np.square(error).mean(axis=1))[: int(0.96 * len(error))]
    assert 10 * np.log10(255**2 / good.mean()) > 38
    if name == "spot":
        assert psnr(error) > 38
    margin = tile.rgba[~seen][:, :3].astype(int)
    assert (margin.sum(axis=1) > 15).all()


@pytest.mark.assets
def test_tiles_and_unwrapped_assets(assets):
    udim, _ = load_asset(assets / "nasty-udim")
    cameras = orbit_cameras("H", 4, 128)
    frames = render_frames(udim, "TEXCOORD_0", {}, cameras, 128)
    parts = scene(udim, frames)
    target = plan_targets(udim, size=64).targets[0]
    tiles = bake_texture(udim, target, *parts)
    assert [tile.tile for tile in tiles] == [1001, 1002, 1011]
    assert all((tile.label != UNOWNED).any() for tile in tiles)
    bare, _ = load_asset(assets / "nasty-no-uv")
    mesh, targets = with_unwrapped(bare, plan_targets(bare, size=256), box_unwrap)
    frames = render_frames(mesh, "OrbitPainter", {}, cameras, 128)
    voxels, labels, colours, _, frames, depth, params = scene(mesh, frames)
    tile = bake_target(mesh, targets[0], SurfaceSampler(voxels, labels, colours, frames, depth, params))[0]
    seen = tile.label >= 0
    assert (abs(tile.rgba[seen][:, :3].astype(int) - 128) <= 1).all()
