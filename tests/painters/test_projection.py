# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, InputError, UsageError
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras, orthographic_front
from orbit_painter.backend.painters.base import Existing, PaintRequest, Reference
from orbit_painter.backend.painters.projection.evidence import Picture, gather
from orbit_painter.backend.painters.projection.gbuffer import geometry_buffer
from orbit_painter.backend.painters.registry import create_painter, engine_names
from orbit_painter.backend.progress import silent
from orbit_painter.backend.texturing import accel
from orbit_painter.tests.painters.scenes import MemoryPassSet, blob, box, four_views, paint, waves

SMALL = {"grid": 64}


def run(mesh, references, cameras=None, seed=0, progress=silent, **options):
    request = PaintRequest(MemoryPassSet(mesh, cameras or four_views()), references, seed, {**SMALL, **options})
    return create_painter("projection").paint(request, progress)


def psnr(a, b, mask):
    error = (a[mask].astype(np.float64) - b[mask]) / 255
    return -10 * np.log10(max(float((error**2).mean()), 1e-12))


@pytest.fixture(scope="module")
def picture():
    return paint(blob(), orthographic_front(160), waves)


@pytest.fixture(scope="module")
def painted(picture):
    return run(blob(), [Reference(picture)])


def test_frames_cover_the_masks_and_anchor_is_the_picture(painted, picture):
    views = MemoryPassSet(blob(), four_views())
    assert len(painted.frames) == 4
    assert painted.exact
    for frame, view in zip(painted.frames, views, strict=True):
        np.testing.assert_array_equal(frame.image[..., 3] == 255, view.mask)
        assert frame.confidence is not None
        assert not frame.confidence[~view.mask].any()
    anchor = painted.anchors[0]
    inside = (anchor.image[..., 3] == 255) & (picture[..., 3] == 255)
    assert inside.sum() > 0.95 * (picture[..., 3] == 255).sum()
    assert psnr(anchor.image[..., :3], picture[..., :3], inside) > 50


def test_the_reference_view_matches_the_truth(painted):
    view = MemoryPassSet(blob(), four_views()).view(0)
    sure = painted.frames[0].confidence > 240
    assert sure.sum() > 0.6 * view.mask.sum()
    truth = np.zeros((*view.mask.shape, 3))
    truth[view.mask] = waves(view.position[view.mask]) * 255
    assert psnr(painted.frames[0].image[..., :3], truth, sure) > 32


def test_the_back_is_invented_and_has_the_colours_and_contrast_of_the_front(painted, picture):
    back = painted.frames[2]
    mask = back.image[..., 3] == 255
    assert back.confidence[mask].mean() < 90
    front = picture[picture[..., 3] == 255][:, :3].astype(float)
    assert np.abs(back.image[mask][:, :3].mean(axis=0) - front.mean(axis=0)).max() < 40
    assert back.image[mask][:, :3].std() > 0.5 * front.std()


def test_the_present_texture_stays_where_no_reference_shows_the_surface(painted, picture):
    """All of it with strength 0, half of it with 0.5; seen places are the reference's."""
    grey = np.full((*painted.frames[2].image.shape[:2], 4), (90, 120, 150, 255), np.uint8)

    def back(strength):
        passes = MemoryPassSet(blob(), four_views())
        existing = Existing(strength, lambda view: grey)
        request = PaintRequest(passes, [Reference(picture)], 0, SMALL, existing=existing)
        return create_painter("projection").paint(request, silent).frames

    none, half = back(0.0), back(0.5)
    unseen = (painted.frames[2].image[..., 3] == 255) & (none[2].confidence == 0)
    assert unseen.sum() > 0.9 * (painted.frames[2].image[..., 3] == 255).sum()
    assert (none[2].image[unseen] == grey[unseen]).all()
    mean = (grey[unseen].astype(float) + painted.frames[2].image[unseen]) / 2
    assert np.abs(half[2].image[unseen] - mean).max() < 2
    sure = painted.frames[0].confidence == 255
    np.testing.assert_array_equal(none[0].image[sure], painted.frames[0].image[sure])
    for frame, plain in zip(back(1.0), painted.frames, strict=True):
        np.testing.assert_array_equal(frame.image, plain.image)


def test_leaves_are_a_source_beside_a_trunk():
    """Strips two pixels wide are all rim; the body between them is wide enough to do without its own."""
    strips = [(x, x + 0.02) for x in np.arange(-0.45, 0.45, 0.04)]
    corners = [[(a, 0, -0.4), (b, 0, -0.4), (b, 0, 0.0), (a, 0, 0.0)] for a, b in strips]
    corners.append([(-0.3, 0, 0.05), (0.3, 0, 0.05), (0.3, 0, 0.45), (-0.3, 0, 0.45)])
    quads = 4 * np.arange(len(corners))[:, None, None] + np.array([(0, 1, 2), (0, 2, 3)])
    mesh = simple_mesh(np.array(corners).reshape(-1, 3), quads.reshape(-1, 3))
    kinds = np.repeat(np.arange(len(corners)) == len(strips), 2).astype(np.int32)
    mesh = replace(mesh, face_material=kinds, material_names=("Leaf", "Trunk"))
    buffer = geometry_buffer(mesh, orthographic_front(128))
    colour = np.where(buffer.material[..., None] == 1, 0.5, 0.2) * np.ones(3, np.float32)
    evidence = gather([Picture(colour.astype(np.float32), buffer.mask.astype(np.float32), buffer)])
    leaf, trunk = buffer.material == 0, buffer.material == 1
    assert evidence.source[leaf].mean() > 0.9
    assert 0.5 < evidence.source[trunk].mean() < 0.95, "its rim is left out as before"
    turned = replace(buffer, normal=np.where(leaf[..., None], (1.0, -0.1, 0.0), buffer.normal).astype(np.float32))
    steep = gather([Picture(colour.astype(np.float32), buffer.mask.astype(np.float32), turned)])
    assert not steep.source[leaf].any(), "what is seen from its edge is no source"


def test_equal_seeds_give_equal_frames_and_other_seeds_other_ones(picture, painted):
    again = run(blob(), [Reference(picture)])
    other = run(blob(), [Reference(picture)], seed=7)
    for a, b in zip(painted.frames, again.frames, strict=True):
        np.testing.assert_array_equal(a.image, b.image)
    assert any((a.image != b.image).any() for a, b in zip(painted.frames, other.frames, strict=True))


def test_numpy_alone_gives_the_same_picture(picture, painted, monkeypatch):
    if not accel.NUMBA:
        pytest.skip("numba is not installed")
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = run(blob(), [Reference(picture)])
    assert painted.info == plain.info
    for a, b in zip(painted.frames, plain.frames, strict=True):
        assert np.abs(a.image.astype(int) - b.image).max() <= 1


def glyph(points, normals):
    """White, with a large blue F on the front of the box."""
    x, z = points[:, 0] / 0.35, points[:, 2] / 0.5
    stem = (np.abs(x + 0.3) < 0.1) & (np.abs(z) < 0.5)
    bars = (x > -0.3) & (x < 0.4) & ((np.abs(z - 0.42) < 0.08) | ((np.abs(z) < 0.08) & (x < 0.2)))
    ink = (stem | bars) & (normals[:, 1] < -0.9)
    return np.where(ink[:, None], [0.1, 0.15, 0.6], [0.9, 0.88, 0.8])


def test_a_logo_is_not_mirrored_onto_the_back():
    mesh = box()
    result = run(mesh, [Reference(paint(mesh, orthographic_front(200), glyph))])
    front, back = (result.frames[k].image[..., 2].astype(float) for k in (0, 2))
    dark_front = result.frames[0].image[..., 0] < 120
    assert dark_front.sum() > 300  # it is on the front
    mask = result.frames[2].image[..., 3] == 255
    assert (result.frames[2].image[..., 0][mask] < 120).mean() < 0.005
    for image in (front[:, ::-1], front):
        both = mask & (result.frames[0].image[..., 3] == 255)
        a, b = image[both] - image[both].mean(), back[both] - back[both].mean()
        assert (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-9) < 0.25


def test_a_side_view_paints_the_other_side_by_symmetry():
    mesh = box()
    camera = orbit_cameras("H", 4, 200)[1]  # from +X

    def halves(points, normals):
        return np.where(points[:, 2:] > 0, [0.8, 0.2, 0.1], [0.1, 0.6, 0.3])

    result = run(mesh, [Reference(paint(mesh, camera, halves), camera)])
    other = result.frames[3]
    upper, lower = other.image[40, 64, :3], other.image[90, 64, :3]
    assert upper[0] > upper[1] + 80
    assert lower[1] > lower[0] + 80
    assert 60 < other.confidence[40, 64] < 200  # mirrored, not seen
    off = run(mesh, [Reference(paint(mesh, camera, halves), camera)], symmetry="off")
    assert off.info["symmetry"] == {}


def test_two_references_are_fused():
    mesh = box()
    cameras = orbit_cameras("H", 4, 160)

    def sides(points, normals):
        return np.where(normals[:, 1:2] < 0, [0.8, 0.2, 0.1], [0.1, 0.3, 0.8])

    pictures = [Reference(paint(mesh, cameras[k], sides), cameras[k]) for k in (0, 2)]
    result = run(mesh, pictures)
    assert len(result.anchors) == 2
    np.testing.assert_allclose(result.frames[0].image[64, 64, :3], [204, 51, 26], atol=2)
    np.testing.assert_allclose(result.frames[2].image[64, 64, :3], [26, 77, 204], atol=2)


def test_sides_are_named_and_their_framing_is_found():
    mesh = blob()
    front, back = (replace(camera, width=200, principal=(112, 77)) for camera in orbit_cameras("H", 4, 160)[::2])

    def halves(points, normals):
        return np.where(points[:, 1:2] < 0, [0.8, 0.2, 0.1], [0.1, 0.3, 0.8]) + 0.1 * (waves(points) - 0.5)

    pictures = [Reference(paint(mesh, front, halves)), Reference(paint(mesh, back, halves), view="back")]
    result = run(mesh, pictures)
    assert min(r["iou"] for r in result.info["references"]) > 0.99
    for k in (0, 2):
        view = MemoryPassSet(mesh, four_views()).view(k)
        sure = result.frames[k].confidence > 240
        truth = np.zeros((*view.mask.shape, 3))
        truth[view.mask] = halves(view.position[view.mask], None) * 255
        assert sure.sum() > 0.6 * view.mask.sum()
        assert psnr(result.frames[k].image[..., :3], truth, sure) > 28


def test_large_references_keep_their_pixels_and_larger_ones_are_reduced():
    picture = paint(box(), orthographic_front(600), waves, samples=1)
    assert run(box(), [Reference(picture)]).anchors[0].image.shape[:2] == (600, 600)
    assert run(box(), [Reference(picture)], pixels=256).anchors[0].image.shape[:2] == (256, 256)


def test_an_object_that_no_reference_shows_gets_plausible_colours():
    near, hidden = box((0.4, 0.1, 0.45)), box((0.1, 0.05, 0.1))
    vertices = np.concatenate([near.vertices + np.array([0, -0.2, 0]), hidden.vertices + np.array([0, 0.3, 0])])
    both = simple_mesh(vertices, np.concatenate([near.faces, hidden.faces + len(near.vertices)]))
    both = replace(
        both,
        face_object=np.repeat([0, 1], 12).astype(np.int32),
        object_names=("near", "hidden"),
    )
    reference = paint(both, orthographic_front(160), lambda p, n: np.full((len(p), 3), [0.7, 0.4, 0.2]))
    back = run(both, [Reference(reference)]).frames[2]
    mask = back.image[..., 3] == 255
    assert np.abs(back.image[mask][:, :3].astype(int) - [179, 102, 51]).max() < 12


def test_a_foreign_picture_is_noted_not_refused():
    v, u = np.mgrid[:96, :96]
    image = np.full((96, 96, 4), 200, np.uint8)
    image[..., 3] = np.where((np.abs(u - v) < 6) | (np.abs(u + v - 95) < 6), 255, 0)
    result = run(box(), [Reference(image, name="cross")])
    assert any("cross" in note for note in result.notes)


def test_a_side_from_which_nothing_is_seen_is_refused(picture):
    """A flat sheet that lies on the ground has no front; its top can be painted."""
    corners = np.array([(-0.4, -0.3, 0), (0.4, -0.3, 0), (0.4, 0.3, 0), (-0.4, 0.3, 0)])
    sheet = simple_mesh(corners, np.array([(0, 1, 2), (0, 2, 3)]))
    with pytest.raises(InputError, match="front") as caught:
        run(sheet, [Reference(picture)])
    assert caught.value.code == "reference-elsewhere"
    assert len(run(sheet, [Reference(picture, view="top")]).anchors) == 1


def test_a_reference_that_shows_next_to_nothing_of_the_surface():
    """A sheet seen almost from its edge: no point of the coarsest level is in the picture."""
    corners = np.array([(-0.4, -0.3, 0), (0.4, -0.3, 0), (0.4, 0.3, 0.01), (-0.4, 0.3, 0.01)])
    sheet = simple_mesh(corners, np.array([(0, 1, 2), (0, 2, 3)]))
    reference = paint(sheet, orthographic_front(128), lambda p, n: np.full((len(p), 3), [0.7, 0.4, 0.2]))
    top = run(sheet, [Reference(reference)], orbit_cameras("V", 4, 64)).frames[1]
    mask = top.image[..., 3] == 255
    assert mask.any()
    assert np.abs(top.image[mask][:, :3].astype(int) - [179, 102, 51]).max() < 12


@pytest.mark.parametrize(
    ("options", "code"),
    [({"sharpness": 1}, "option-unknown"), ({"patch": 4}, "option-range"), ({"detail": 2}, "option-range")],
)
def test_bad_options_are_refused(options, code, picture):
    with pytest.raises(UsageError) as caught:
        run(blob(), [Reference(picture)], **options)
    assert caught.value.code == code


def test_no_reference_is_an_input_error():
    with pytest.raises(InputError):
        run(box(), [])


def test_cancelling_goes_through_and_progress_never_falls(picture):
    fractions = []

    def watch(fraction, detail):
        fractions.append(fraction)
        if fraction > 0.5:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(blob(), [Reference(picture)], progress=watch)
    assert all(b >= a - 1e-9 for a, b in pairwise(fractions))
    assert len(fractions) > 20


def test_registry():
    assert "projection" in engine_names()
    with pytest.raises(UsageError):
        create_painter("crayon")
