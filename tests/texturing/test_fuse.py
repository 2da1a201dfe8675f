# SPDX-License-Identifier: GPL-3.0-or-later
"""TextureOptimizer as a whole: what goes in comes out, whatever the order, place, size and state of the input."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, InputError, MemoryLimitError, UsageError
from orbit_painter.backend.evaluation.bench_inputs import body
from orbit_painter.backend.evaluation.drift import render_frames
from orbit_painter.backend.mesh import MeshData, face_normals, normalisation_of, simple_mesh
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras
from orbit_painter.backend.painters.base import Frame, PaintedFrames
from orbit_painter.backend.texturing import accel, budget
from orbit_painter.backend.texturing.atlas import texel_points
from orbit_painter.backend.texturing.depth import depth_map
from orbit_painter.backend.texturing.fuse import fuse
from orbit_painter.backend.texturing.inherit import parent_labels
from orbit_painter.backend.texturing.margin import fill_margin
from orbit_painter.backend.texturing.targets import plan_targets
from orbit_painter.backend.texturing.types import UNOBSERVED, UNOWNED, FuseParams, TextureTarget
from orbit_painter.backend.texturing.uv_raster import barycentric, claim_texels
from orbit_painter.tests.texturing.asset_mesh import load_asset
from orbit_painter.tests.texturing.frame_renderer import GREY, lookup
from orbit_painter.tests.texturing.frame_renderer import render_frames as render_textured
from orbit_painter.tests.texturing.shapes import box

VIEWS = 9
SIZE = 128
EXACT = FuseParams(label_grid=64, grid=64, alignment=False, exposure=False, depth_size=256)
CLEAN = {"gain": 0.0, "blur": 0.0, "noise": 0.0, "supersample": 1}


def soft(points):
    """A colour that varies slowly over space, away from black and white."""
    wave = np.array([[5, 1, 2], [-2, 4, 3], [1, -3, 6]], np.float32)
    return (0.5 + 0.35 * np.sin(np.asarray(points, np.float32) @ wave + [0, 1, 2])).astype(np.float32)


def orbits(size=SIZE, views=VIEWS):
    return orbit_cameras("H", views, size) + orbit_cameras("V", views, size)


def paint(mesh, colour=soft, cameras=None, counts=(VIEWS, VIEWS)):
    return PaintedFrames(render_frames(mesh, colour, cameras or orbits(), counts, **CLEAN), exact=True)


@pytest.fixture(scope="module")
def mesh() -> MeshData:
    return body(4_000)


@pytest.fixture(scope="module")
def painted(mesh):
    return paint(mesh)


def bake(mesh, painted, params=EXACT, size=SIZE, counts=(VIEWS, VIEWS), **options):
    return fuse(mesh, plan_targets(mesh, size=size).targets, painted, params, counts, **options)


def only_tile(result):
    (tiles,) = result.textures.values()
    return tiles[0]


def truth(mesh, target: TextureTarget, colour=soft):
    """Texels (flat) that belong to a face and the true colour of each, 0...255."""
    owner = claim_texels(target.uv, target.size).reshape(-1)
    texels = np.flatnonzero(owner >= 0)
    corners = mesh.vertices[mesh.faces[target.faces]].astype(float)
    points = texel_points(target.uv.astype(float), corners, owner[texels], texels, target.size)
    return texels, 255 * colour(points)


def decibels(difference) -> float:
    return float(10 * np.log10(255**2 / np.mean(np.square(difference))))


def fidelity(mesh, result, colour=soft) -> float:
    """PSNR over observed texels."""
    target = plan_targets(mesh, size=only_tile(result).rgba.shape[0]).targets[0]
    texels, expected = truth(mesh, target, colour)
    tile = only_tile(result)
    seen = tile.label.reshape(-1)[texels] >= 0
    assert seen.mean() > 0.2
    return decibels(tile.rgba.reshape(-1, 4)[texels[seen], :3] - expected[seen])


def test_exact_frames_bake_back_to_the_colours_they_show(mesh, painted):
    result = bake(mesh, painted)
    assert fidelity(mesh, result) > 42
    seen = result.voxel_label >= 0
    assert decibels((result.voxel_colour - 255 * soft(result.voxels.point))[seen]) > 42
    assert result.report["coverage"]["unseen"] < 0.02
    assert result.report["warnings"] == []
    assert (only_tile(result).rgba[..., 3] == 255).all()


def test_default_parameters_do_little_harm_to_exact_frames(mesh, painted):
    plain = fidelity(mesh, bake(mesh, painted))
    default = fidelity(mesh, bake(mesh, painted, replace(EXACT, alignment=True, exposure=True)))
    assert default > plain - 0.5


def test_the_voxel_texture_of_a_finer_grid_inherits_labels(mesh, painted):
    coarse = bake(mesh, painted)
    fine = bake(mesh, painted, replace(EXACT, grid=96))
    assert (fine.voxels.grid, fine.report["grid"], fine.report["label_grid"]) == (96, 96, 64)
    np.testing.assert_array_equal(only_tile(fine).rgba, only_tile(coarse).rgba)
    wanted = parent_labels(coarse.voxels, coarse.voxel_label, fine.voxels)
    assert (wanted >= 0).mean() > 0.97
    assert (fine.voxel_label == wanted)[wanted >= 0].mean() > 0.9
    seen = fine.voxel_label >= 0
    assert decibels((fine.voxel_colour - 255 * soft(fine.voxels.point))[seen]) > 40


def test_numpy_alone_gives_the_same(mesh, painted, monkeypatch):
    params = replace(EXACT, grid=80)
    compiled = bake(mesh, painted, params)
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = bake(mesh, painted, params)
    np.testing.assert_array_equal(only_tile(plain).label, only_tile(compiled).label)
    np.testing.assert_array_equal(plain.voxel_label, compiled.voxel_label)
    assert abs(only_tile(plain).rgba.astype(int) - only_tile(compiled).rgba).max() <= 1
    assert abs(plain.voxel_colour.astype(int) - compiled.voxel_colour).max() <= 1


def test_the_number_of_threads_does_not_matter(mesh, painted, monkeypatch):
    params = replace(EXACT, alignment=True, exposure=True, grid=80)
    several = bake(mesh, painted, params)
    monkeypatch.setattr(accel, "workers", lambda: 1)
    one = bake(mesh, painted, params)
    np.testing.assert_array_equal(only_tile(one).rgba, only_tile(several).rgba)
    np.testing.assert_array_equal(only_tile(one).label, only_tile(several).label)
    np.testing.assert_array_equal(one.voxel_colour, several.voxel_colour)


def test_the_order_of_triangles_does_not_matter(mesh, painted):
    order = np.random.default_rng(0).permutation(len(mesh.faces))
    mixed = simple_mesh(mesh.vertices, mesh.faces[order], mesh.uv["UVMap"][order])
    first, second = only_tile(bake(mesh, painted)), only_tile(bake(mixed, painted))
    owned = (first.label >= 0) & (second.label >= 0)
    assert (first.label == second.label)[owned].mean() > 0.98
    difference = abs(first.rgba.astype(int) - second.rgba)[owned]
    assert np.percentile(difference, 99) <= 2
    assert difference.mean() < 0.2


@pytest.mark.parametrize(
    "turn", [np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])]
)
def test_a_turned_problem_gives_the_same_texture(mesh, painted, turn):
    turned = simple_mesh(mesh.vertices @ turn.T.astype(np.float32), mesh.faces, mesh.uv["UVMap"])
    world = np.eye(4)
    world[:3, :3] = turn
    frames = [replace(f, camera=replace(f.camera, matrix=world @ f.camera.matrix)) for f in painted.frames]
    first, second = only_tile(bake(mesh, painted)), only_tile(bake(turned, PaintedFrames(frames, exact=True)))
    both = (first.label >= 0) & (second.label >= 0)
    assert both.sum() > 0.97 * (first.label >= 0).sum()
    difference = abs(first.rgba.astype(int) - second.rgba)[both]
    assert difference.mean() < 0.4
    assert np.percentile(difference, 99) <= 4


def test_a_model_of_another_size_and_place_gives_the_same_texture(mesh, painted):
    far = mesh.vertices.astype(float) * 250 + [40, -7, 3]
    back = replace(mesh, vertices=normalisation_of(far).apply(far).astype(np.float32))
    first, second = only_tile(bake(mesh, painted)), only_tile(bake(back, painted))
    both = (first.label >= 0) & (second.label >= 0)
    assert both.sum() > 0.97 * (first.label >= 0).sum()
    difference = abs(first.rgba.astype(int) - second.rgba)[both]
    assert difference.mean() < 0.4
    assert np.percentile(difference, 99) <= 4


def test_frames_of_other_sizes_and_both_orders_of_bytes(mesh, painted):
    large = paint(mesh, cameras=orbits(2 * SIZE))
    mixed = [big if i % 2 else small for i, (small, big) in enumerate(zip(painted.frames, large.frames, strict=True))]
    assert fidelity(mesh, bake(mesh, PaintedFrames(mixed, exact=True))) > 42
    half = [replace(f, image=np.asfortranarray(f.image)) for f in painted.frames]
    np.testing.assert_array_equal(
        only_tile(bake(mesh, PaintedFrames(half, exact=True))).rgba, only_tile(bake(mesh, painted)).rgba
    )


def test_sixteen_bit_frames(mesh, painted):
    deep = [replace(f, image=f.image.astype(np.uint16) * 257) for f in painted.frames]
    result = bake(mesh, PaintedFrames(deep, exact=True), replace(EXACT, bits=16, alignment=True))
    plain = bake(mesh, painted)
    assert only_tile(result).rgba.dtype == np.uint16
    np.testing.assert_array_equal(only_tile(result).label, only_tile(plain).label)
    assert abs(only_tile(result).rgba / 257 - only_tile(plain).rgba).max() <= 0.51


def test_one_view_colours_what_it_sees_and_the_rest_is_filled(mesh):
    """Pixels on the outline mix the background in; taken as they are they would leave 28 dB."""
    smooth = render_frames(mesh, soft, orbits()[:1], (1, 0), **{**CLEAN, "supersample": 2})
    result = bake(mesh, PaintedFrames(smooth, exact=True), counts=(1, 0))
    assert fidelity(mesh, result) > 37
    assert 0.5 < result.report["coverage"]["unseen"] < 0.8
    tile = only_tile(result)
    unseen = tile.rgba[tile.label == UNOBSERVED][:, :3]
    assert unseen.min() > 10  # filled from around, never black


def test_no_view_sees_the_mesh(mesh, painted):
    away = [
        replace(f, camera=replace(f.camera, matrix=look((0, -1.5, 0), (0, 0, 1), (0, -3, 0)))) for f in painted.frames
    ]
    with pytest.raises(InputError) as caught:
        bake(mesh, PaintedFrames(away, exact=True))
    assert caught.value.code == "nothing-visible"


def test_frames_that_show_nothing_are_left_out(mesh, painted):
    blank = [replace(f, image=np.zeros_like(f.image)) if i % 3 == 1 else f for i, f in enumerate(painted.frames)]
    result = bake(mesh, PaintedFrames(blank, exact=True))
    assert "6 of 18 frames show nothing" in result.report["warnings"][0]
    assert not np.isin(only_tile(result).label, range(1, 18, 3)).any()
    assert fidelity(mesh, result) > 40
    nothing = [replace(f, image=np.zeros_like(f.image)) for f in painted.frames]
    with pytest.raises(InputError):
        bake(mesh, PaintedFrames(nothing, exact=True))


def test_constant_frames_give_a_constant_texture(mesh, painted):
    plain = np.full((SIZE, SIZE, 4), (90, 120, 30, 255), np.uint8)
    flat = [replace(f, image=np.where(f.image[..., 3:] > 0, plain, np.uint8(0))) for f in painted.frames]
    result = bake(mesh, PaintedFrames(flat), replace(EXACT, alignment=True, exposure=True))
    assert abs(only_tile(result).rgba[..., :3].astype(int) - (90, 120, 30)).max() <= 1


def test_frames_and_cameras_that_are_not_numbers(mesh, painted):
    values = painted.frames[0].image.astype(np.float32)
    values[5, 5] = np.nan
    with pytest.raises(InputError) as caught:
        bake(mesh, PaintedFrames([replace(painted.frames[0], image=values)], exact=True), counts=(1, 0))
    assert caught.value.code == "frame-format"
    broken = replace(painted.frames[0].camera, focal=float("nan"))
    with pytest.raises(InputError) as caught:
        bake(mesh, PaintedFrames([replace(painted.frames[0], camera=broken)], exact=True), counts=(1, 0))
    assert caught.value.code == "camera-invalid"
    with pytest.raises(InputError) as caught:
        bake(mesh, PaintedFrames([]), counts=(0, 0))
    assert caught.value.code == "frames-missing"
    with pytest.raises(InputError) as caught:
        bake(mesh, PaintedFrames([painted.frames[0]] * 256), counts=(256, 0))
    assert caught.value.code == "frames-many"


def test_a_camera_inside_the_mesh_sees_the_inside_only(mesh, painted):
    inside = Camera(look((0, 0.05, 0), (0, 0, 1)), SIZE, SIZE, SIZE / 2, (SIZE / 2, SIZE / 2))
    stray = Frame(np.full((SIZE, SIZE, 4), 255, np.uint8), inside)
    result = bake(mesh, PaintedFrames([*painted.frames, stray], exact=True))
    assert not (only_tile(result).label == len(painted.frames)).any()
    assert fidelity(mesh, result) > 42


def test_flipped_normals_make_no_difference(mesh, painted):
    flipped = simple_mesh(mesh.vertices, mesh.faces[:, ::-1], mesh.uv["UVMap"][:, ::-1])
    result = bake(flipped, painted)
    assert result.report["coverage"]["unseen"] < 0.02
    assert fidelity(flipped, result) > 42


def test_two_coincident_surfaces_both_get_the_colour(mesh, painted):
    both = simple_mesh(
        np.concatenate([mesh.vertices, mesh.vertices]),
        np.concatenate([mesh.faces, mesh.faces + len(mesh.vertices)]),
        np.concatenate([mesh.uv["UVMap"] * (0.5, 1), mesh.uv["UVMap"] * (0.5, 1) + (0.5, 0)]),
    )
    result = bake(both, painted)
    left, right = np.split(only_tile(result).rgba[..., :3].astype(float), 2, axis=1)
    assert abs(left - right).mean() < 1
    assert fidelity(both, result) > 40


def test_two_objects_get_textures_of_their_own():
    low, high = box([-0.4, -0.2, -0.4], [0.4, 0.2, -0.1]), box([-0.4, -0.2, 0.1], [0.4, 0.2, 0.4])
    vertices = np.concatenate([low[0], high[0]])
    faces = np.concatenate([low[1], high[1] + len(low[0])])
    corner = np.arange(12)
    square = np.array([[0.02, 0.02], [0.98, 0.02], [0.02, 0.98]]) / (4, 3)
    uv = square + np.stack([corner % 4 / 4, corner // 4 / 3], axis=1)[:, None]
    simple = simple_mesh(vertices, faces, np.concatenate([uv, uv]))
    mesh = replace(
        simple,
        face_object=np.repeat([0, 1], 12).astype(np.int32),
        face_material=np.repeat([0, 1], 12).astype(np.int32),
        object_names=("low", "high"),
        material_names=("a", "b"),
        active_uv={0: "UVMap", 1: "UVMap"},
    )
    colours = np.array([[0.8, 0.2, 0.2], [0.2, 0.3, 0.8]], np.float32)
    result = bake(mesh, paint(mesh, lambda points: colours[(np.asarray(points)[:, 2] > 0).astype(int)]))
    assert set(result.textures) == {"low", "high"}
    for name, colour in zip(("low", "high"), colours, strict=True):
        tile = result.textures[name][0]
        texels = tile.rgba[tile.label >= 0][:, :3]
        assert len(texels) > 1000
        assert (abs(texels - 255 * colour).max(axis=1) <= 1).mean() > 0.98  # pixels on outlines mix both


def test_anchors_win_over_frames(mesh, painted):
    red = Frame(painted.frames[0].image.copy(), painted.frames[0].camera)
    red.image[..., :3] = (200, 10, 10)
    result = bake(mesh, PaintedFrames(painted.frames, anchors=[red], exact=True))
    tile = only_tile(result)
    assert result.report["anchors"] == 1
    assert 0.1 < (tile.label == 0).sum() / (tile.label >= 0).sum() < 0.5
    mixed = abs(tile.rgba[tile.label == 0][:, :3].astype(int) - (200, 10, 10)).max(axis=1)
    assert (mixed <= 1).mean() > 0.9  # all but the feather
    assert mixed.mean() < 4


@pytest.mark.parametrize(
    "changes",
    [
        {"smoothness": 0.0},
        {"candidates": 1},
        {"solver": "exact"},
        {"priority": "strict"},
        {"diffusion": "first_come"},
        {"feather": 0.0},
    ],
)
def test_every_mode_bakes_back(mesh, painted, changes):
    assert fidelity(mesh, bake(mesh, painted, EXACT.replaced(changes))) > 40


def test_sampling_from_voxels_is_as_coarse_as_they_are(mesh, painted):
    result = bake(mesh, painted, replace(EXACT, sampling="voxel"))
    texels, expected = truth(mesh, plan_targets(mesh, size=SIZE).targets[0])
    tile = only_tile(result)
    assert set(np.unique(tile.label)) - {UNOBSERVED} <= {UNOWNED, *np.unique(result.voxel_label)}
    observed = tile.label.reshape(-1)[texels] >= 0
    assert observed.mean() > 0.95
    assert (tile.confidence.reshape(-1)[texels[observed]] == 255).all()
    difference = tile.rgba.reshape(-1, 4)[texels, :3] - expected
    assert 26 < decibels(difference) < fidelity(mesh, bake(mesh, painted))


@pytest.mark.parametrize(
    "changes",
    [
        {"smoothness": -1},
        {"consensus": float("nan")},
        {"grid": 4096},
        {"grid": 100.5},
        {"grid": "large"},
        {"candidates": 0},
        {"lock": True},
        {"bits": 12},
        {"solver": "quick"},
        {"exposure": "maybe"},
        {"no": 1},
    ],
)
def test_parameters_that_cannot_be_are_errors(changes):
    (name,) = changes
    with pytest.raises(UsageError, match=name):
        FuseParams().replaced(changes)


class Passes:
    """Passes of any depth, float32 (h, w) a view."""

    def __init__(self, mesh, cameras, depths):
        self.mesh, self.cameras, self.orbit_counts = mesh, cameras, (VIEWS, VIEWS)
        self.depths = depths

    def view(self, index):
        return SimpleNamespace(camera=self.cameras[index], depth=self.depths[index])


def test_depth_of_the_passes_decides_where_it_is_asked_for(mesh, painted):
    cameras = [frame.camera for frame in painted.frames]
    depths = [depth_map(mesh.vertices, mesh.faces, camera)[0] for camera in cameras]
    supplied = replace(EXACT, depth="passes")
    assert fidelity(mesh, bake(mesh, painted, supplied, passes=Passes(mesh, cameras, depths))) > 40
    hidden = [depth - np.float32(0.2) if index % 2 else depth for index, depth in enumerate(depths)]
    wrong = Passes(mesh, cameras, hidden)
    used = np.unique(only_tile(bake(mesh, painted, supplied, passes=wrong)).label)
    assert (used[used >= 0] % 2 == 0).all()
    used = np.unique(only_tile(bake(mesh, painted, passes=wrong)).label)
    assert (used[used >= 0] % 2 == 1).any()
    anchored = replace(painted, anchors=painted.frames[:1])  # an anchor has no pass
    result = bake(mesh, anchored, supplied, passes=wrong)
    assert set(np.unique(only_tile(result).label)) - {UNOBSERVED, UNOWNED} <= {0, *range(1, 2 * VIEWS + 1, 2)}


def test_stopping(mesh, painted):
    calls = []

    def stop(fraction, detail=""):
        calls.append(fraction)
        if fraction > 0.4:
            raise CancelledError

    with pytest.raises(CancelledError):
        bake(mesh, painted, progress=stop)
    assert calls == sorted(calls)
    seen = []
    bake(mesh, painted, progress=lambda fraction, detail="": seen.append(fraction))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


# Memory


def test_a_grid_that_does_not_fit_is_lowered_and_it_says_so(mesh, painted):
    targets = plan_targets(mesh, size=SIZE).targets
    wide = replace(EXACT, grid=512, label_grid=256)
    frames = painted.frames
    small = budget.planned_bytes(mesh, targets, frames, replace(wide, grid=128, label_grid=128))
    assert budget.planned_bytes(mesh, targets, frames, wide) > small
    fit = budget.fitting(mesh, targets, frames, wide, limit=small)
    assert 64 <= fit.params.label_grid <= fit.params.grid < 512
    assert fit.planned <= small
    assert "512" in fit.warnings[0]
    assert budget.fitting(mesh, targets, frames, wide, limit=64 * 2**30).params == wide
    result = bake(mesh, painted, replace(wide, memory=small / 2**30))
    assert result.voxels.grid == fit.params.grid
    assert list(fit.warnings) == result.report["warnings"]
    assert fidelity(mesh, result) > 40


def test_textures_that_cannot_fit_are_an_error(mesh, painted):
    with pytest.raises(MemoryLimitError):
        bake(mesh, painted, replace(EXACT, memory=0.01))


def mapped(mesh, **maps):
    return replace(mesh, uv={name: uv.astype(np.float32) for name, uv in maps.items()}, active_uv={0: next(iter(maps))})


def test_tiles_and_the_uv_map_that_is_asked_for(mesh, painted):
    uv = mesh.uv["UVMap"]
    right = uv[..., 0].mean(axis=1) > 0.5
    wide = mapped(mesh, Plain=uv, Tiled=uv + right[:, None, None] * [1, 0])  # the right half lies on tile 1002
    targets = plan_targets(wide, uv_choice="Tiled", size=SIZE).targets
    result = fuse(wide, targets, painted, EXACT, (VIEWS, VIEWS))
    (tiles,) = result.textures.values()
    assert [tile.tile for tile in tiles] == [1001, 1002]
    for tile in tiles:
        owner = claim_texels(targets[0].uv, SIZE, tile.tile).reshape(-1)
        texels = np.flatnonzero(owner >= 0)
        texels = texels[tile.label.reshape(-1)[texels] >= 0]
        assert len(texels) > 0.25 * SIZE**2
        at = owner[texels]
        weights = barycentric(targets[0].uv, at, texels // SIZE, texels % SIZE, SIZE)
        points = (weights[..., None] * wide.vertices[wide.faces[targets[0].faces[at]]]).sum(axis=1)
        assert decibels(tile.rgba.reshape(-1, 4)[texels, :3] - 255 * soft(points)) > 40
    plain = fuse(wide, plan_targets(wide, uv_choice="Plain", size=SIZE).targets, painted, EXACT, (VIEWS, VIEWS))
    np.testing.assert_array_equal(only_tile(plain).rgba, only_tile(bake(mesh, painted)).rgba)


def test_mirrored_halves_share_their_texels(mesh):
    """Both halves lie on the same texels; the first of them gives the colour, which here fits the other too."""

    def rings(points):
        return soft(np.asarray(points) * [0, 0, 1])

    uv = mesh.uv["UVMap"].copy()
    middle = (uv[..., 0].min() + uv[..., 0].max()) / 2
    right = uv[..., 0].mean(axis=1) > middle
    uv[right, :, 0] = 2 * middle - uv[right, :, 0]
    folded = mapped(mesh, Folded=uv)
    frames = paint(folded, rings)
    kept = plan_targets(folded, uv_choice="keep", size=SIZE).targets
    tile = only_tile(fuse(folded, kept, frames, EXACT, (VIEWS, VIEWS)))
    texels, expected = truth(folded, kept[0], rings)
    seen = tile.label.reshape(-1)[texels] >= 0
    assert seen.mean() > 0.95
    assert decibels(tile.rgba.reshape(-1, 4)[texels[seen], :3] - expected[seen]) > 42
    assert plan_targets(folded, size=SIZE).needs_unwrap  # without being told to keep it


@pytest.mark.parametrize("size", [0, -5, 2.5, 10**6])
def test_absurd_texture_sizes_are_told(mesh, size):
    with pytest.raises(UsageError, match="texture"):
        plan_targets(mesh, size=size)


@pytest.mark.parametrize("size", [1, 3])
def test_tiny_textures(mesh, painted, size):
    assert only_tile(bake(mesh, painted, size=size)).rgba.shape == (size, size, 4)


def test_kept_depth_maps_give_way_before_the_grid(mesh, painted):
    targets = plan_targets(mesh, size=SIZE).targets
    wanted = budget.planned_bytes(mesh, targets, painted.frames, EXACT)
    fit = budget.fitting(mesh, targets, painted.frames, EXACT, limit=wanted + 300_000)
    assert fit.params == EXACT
    assert fit.depth_cache == 300_000
    tight = bake(mesh, painted, replace(EXACT, memory=(wanted + 300_000) / 2**30))
    np.testing.assert_array_equal(only_tile(tight).rgba, only_tile(bake(mesh, painted)).rgba)


# Real models


def shrunk(mesh, source, texture, size):
    """The texture made smaller, after what lies between its charts has taken their colours."""
    from PIL import Image

    uv = mesh.uv[source]
    owner = claim_texels(uv, len(texture), wrap=True)
    fill_margin(texture, owner, len(texture) // size * 4, uv=uv, vertices=mesh.vertices, faces=mesh.faces)
    return np.asarray(Image.fromarray(texture).resize((size, size), Image.Resampling.BOX))


def matching_size(mesh, source, pixels):
    """Side of a texture whose texels are as large on the surface as `pixels` pixels of the nearest 512-pixel frame."""
    u, v = mesh.uv[source][:, 1] - mesh.uv[source][:, 0], mesh.uv[source][:, 2] - mesh.uv[source][:, 0]
    in_uv = 0.5 * np.nansum(abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]))
    on_surface = face_normals(mesh.vertices, mesh.faces)[1].sum()
    return int(np.sqrt(on_surface / in_uv) / (pixels * 1.5 / 560))


def true_colours(mesh, target, source, textures):
    """Owned texels (flat) and their colours in the model's own textures."""
    owner = claim_texels(target.uv, target.size, wrap=target.tiles == (1001,)).reshape(-1)
    texels = np.flatnonzero(owner >= 0)
    weights = barycentric(target.uv, owner[texels], texels // target.size, texels % target.size, target.size)
    faces = target.faces[owner[texels]]
    uv = (weights[..., None] * mesh.uv[source][faces]).sum(axis=1)
    colour = np.tile(GREY.astype(float), (len(texels), 1))
    for material, texture in textures.items():
        mine = mesh.face_material[faces] == material
        colour[mine] = lookup(texture, uv[mine])
    return texels, colour[:, :3]


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize("name", ["spot", "fox", "cracker-box", "tea-set", "water-bottle", "sheen-chair"])
def test_real_models_bake_back_to_their_textures(name, assets):
    """At 38 dB or better over observed texels, with texels of four frame pixels."""
    mesh, textures = load_asset(assets / name)
    source = mesh.active_uv[0]
    size = matching_size(mesh, source, 4)
    textures = {material: shrunk(mesh, source, texture.copy(), size) for material, texture in textures.items()}
    frames = render_textured(mesh, source, textures, orbits(512, 13), 512)
    params = FuseParams(label_grid=128, grid=128, alignment=False, exposure=False)
    targets = plan_targets(mesh, size=size).targets
    result = fuse(mesh, targets, PaintedFrames(frames, exact=True), params, (13, 13))
    for target in targets:
        texels, expected = true_colours(mesh, target, source, textures)
        tile = result.textures[target.name][0]
        seen = tile.label.reshape(-1)[texels] >= 0
        assert seen.mean() > 0.6
        assert decibels(tile.rgba.reshape(-1, 4)[texels[seen], :3] - expected[seen]) >= 38
