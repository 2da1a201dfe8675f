# SPDX-License-Identifier: GPL-3.0-or-later
"""Aligned frames agree better, exact frames stay as they are, anchors never move."""

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.evaluation import drift, metrics, scenes
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import Camera, look, orbit_cameras
from orbit_painter.backend.painters.base import Frame
from orbit_painter.backend.texturing import accel, align, optical_flow
from orbit_painter.backend.texturing.hits import cast

COUNT, SIZE = 17, 160


@pytest.fixture(scope="module")
def sphere():
    return scenes.bumpy_sphere()


@pytest.fixture(scope="module")
def views():
    return [*orbit_cameras("H", COUNT, SIZE), *orbit_cameras("V", COUNT, SIZE)]


class Soft:
    """Blobs of about ten pixels of a 128-pixel frame, so that drift of a few pixels does not skip a letter."""

    def __init__(self):
        random = np.random.default_rng(5)
        self.wave, self.phase = random.normal(0, 28, (3, 24)), random.uniform(0, 6, 24)
        self.mix = random.normal(0, 0.1, (24, 3))

    def __call__(self, points):
        return np.clip(0.5 + np.cos(points @ self.wave + self.phase) @ self.mix, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def exact(sphere, views):
    return drift.render_frames(sphere.mesh, Soft(), views, (COUNT, COUNT), 0.0)


@pytest.fixture(scope="module")
def drifting(sphere, views):
    return drift.render_frames(sphere.mesh, Soft(), views, (COUNT, COUNT), 1.2)


@pytest.fixture(params=["opencv", "numpy"])
def engine(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(optical_flow, "cv2", None)
    elif optical_flow.cv2 is None:
        pytest.skip("OpenCV is not here")
    return request.param


def disagreement(mesh, frames):
    """Root mean square deviation of grey levels from their mean at the same place of the surface."""
    sums = np.zeros((3, 64**3))
    for frame in frames:
        hits = cast(mesh, frame.camera, 1)
        cell = np.floor((hits.point + 0.5) * 64).astype(int) @ [64 * 64, 64, 1]
        grey = metrics.grey(frame.image[..., :3] / 255).reshape(-1)[hits.index]
        for row, value in enumerate((np.ones_like(grey), grey, grey * grey)):
            np.add.at(sums[row], cell, value)
    count, total, square = sums[:, sums[0] > 20]
    return float(np.sqrt(np.maximum(square - total**2 / count, 0).sum() / count.sum()))


def test_drifting_frames_come_to_agree(sphere, exact, drifting, engine):
    aligned, flow = align.align_frames(sphere.mesh, drifting)
    before, after, floor = (disagreement(sphere.mesh, frames) for frames in (drifting, aligned, exact))
    # At this size the window of the flow is a quarter of the object; at 512 pixels far more of the drift goes.
    assert after - floor < 0.8 * (before - floor)
    assert aligned[0] is drifting[0]
    assert flow[0] == 0
    assert 0.2 < np.mean(flow) < 2


def test_drifting_frames_come_nearer_to_the_truth(sphere, exact, drifting):
    """Also those that share little with frame 0: the mean of the others says where their surface lies."""
    aligned, _ = align.align_frames(sphere.mesh, drifting)

    def error(frames, chosen):
        return np.mean([
            np.square(frames[i].image[..., :3].astype(float) - exact[i].image[..., :3]).mean() for i in chosen
        ])  # fmt: skip

    near = [i for i, angle in enumerate(align.angles([f.camera for f in exact], 1)) if 0 < angle < 60]
    every = range(1, len(exact))
    assert error(aligned, near) < 0.8 * error(drifting, near)
    assert error(aligned, every) < 0.9 * error(drifting, every)


def test_frames_without_drift_are_hardly_touched(sphere, exact, engine):
    aligned, flow = align.align_frames(sphere.mesh, exact)
    assert np.mean(flow) < 0.02
    clean = drift.render_frames(sphere.mesh, Soft(), [f.camera for f in exact], (COUNT, COUNT), 0, 0, 0, 0)

    def error(frames):
        return np.mean([
            np.square(f.image[..., :3].astype(float) - c.image[..., :3])[metrics.eroded(c.image[..., 3] > 0)].mean()
            for f, c in zip(frames, clean, strict=True)
        ])  # fmt: skip

    assert 10 * np.log10(error(aligned) / error(exact)) < 0.05


def test_a_known_shift_is_undone(sphere, exact, engine):
    """The second view of the front, moved by whole pixels inside the outline, is moved back."""
    shifted = exact[0].image.copy()
    shifted[..., :3] = np.roll(shifted[..., :3], (2, -3), axis=(0, 1))
    frames = [exact[0], replace(exact[0], image=shifted)]
    aligned, _ = align.align_frames(sphere.mesh, frames)
    inner = metrics.eroded(exact[0].image[..., 3] > 0, 12)
    before = metrics.psnr(shifted[..., :3] / 255, exact[0].image[..., :3] / 255, inner)
    after = metrics.psnr(aligned[1].image[..., :3] / 255, exact[0].image[..., :3] / 255, inner)
    assert after > before + 8


def test_textureless_frames_do_not_move(sphere, views, engine):
    plain = drift.render_frames(sphere.mesh, lambda p: np.full((len(p), 3), 0.5, np.float32), views, (COUNT, COUNT), 2)
    _, flow = align.align_frames(sphere.mesh, plain)
    assert max(flow) < 0.1


def test_all_anchors_stay_and_pull_the_others(sphere, exact, drifting):
    """With the true front and back as anchors, the back frame ends nearer to the truth than with frame 0 alone."""
    back = COUNT // 2
    views = [exact[0], exact[back], *drifting[1:]]
    anchored, flow = align.align_frames(sphere.mesh, views, anchors=2)
    assert anchored[0] is views[0]
    assert anchored[1] is views[1]
    assert flow[:2] == [0.0, 0.0]
    alone, _ = align.align_frames(sphere.mesh, drifting)
    mask = metrics.eroded(exact[back].image[..., 3] > 0, 6)

    def error(frame):
        return metrics.psnr(frame.image[..., :3] / 255, exact[back].image[..., :3] / 255, mask)

    assert error(anchored[1 + back]) > error(alone[back]) + 1


def test_equal_inputs_give_equal_frames_and_numpy_agrees(sphere, drifting, monkeypatch):
    monkeypatch.setattr(optical_flow, "cv2", None)
    frames = drifting[:4]
    first, again = (align.align_frames(sphere.mesh, frames)[0] for _ in range(2))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    if not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", False)
    plain, _ = align.align_frames(sphere.mesh, frames)
    difference = np.abs(np.stack([a.image for a in first]).astype(int) - np.stack([b.image for b in plain]))
    assert np.quantile(difference, 0.999) <= 1


def test_alpha_and_confidence(sphere, drifting):
    """Alpha stays; confidence moves with the colours."""
    marked = [replace(f, confidence=f.image[..., 1].copy()) for f in drifting[:3]]
    aligned, _ = align.align_frames(sphere.mesh, marked)
    for before, after in zip(marked, aligned, strict=True):
        assert np.array_equal(before.image[..., 3], after.image[..., 3])
        assert np.array_equal(after.confidence, after.image[..., 1])


def test_sixteen_bit_frames_move_as_eight_bit_ones(sphere, drifting):
    frames = drifting[:3]
    wide = [replace(f, image=f.image.astype(np.uint16) * 257) for f in frames]
    for a, b in zip(align.align_frames(sphere.mesh, frames)[0], align.align_frames(sphere.mesh, wide)[0], strict=True):
        assert b.image.dtype == np.uint16
        assert np.quantile(np.abs(b.image / 257 - a.image), 0.999) < 1


def test_frames_that_show_nothing_pass_through(sphere, drifting):
    away = Camera(look((0, -1.5, 0), (0, 0, 1), (0, -9, 0)), SIZE, SIZE, 140.0, (SIZE / 2, SIZE / 2))
    empty = Frame(np.zeros((SIZE, SIZE, 4), np.uint8), drifting[1].camera)
    frames = [drifting[0], Frame(drifting[0].image, away), empty, drifting[1]]
    aligned, flow = align.align_frames(sphere.mesh, frames)
    assert aligned[1] is frames[1]
    assert aligned[2] is empty
    assert flow[1] == flow[2] == 0
    assert align.align_frames(sphere.mesh, []) == ([], [])


def test_order_goes_outwards_from_the_anchor():
    cameras = [*orbit_cameras("H", 9, 8), *orbit_cameras("V", 9, 8)]
    assert align.visiting_order(cameras, 1) == [0, 8, 9, 17, 1, 7, 10, 16, 2, 6, 11, 15, 3, 5, 12, 14, 4, 13]
    assert align.visiting_order([cameras[4], *cameras[:4]], 1) == [0, 4, 3, 2, 1]


def test_frames_near_an_anchor_know_more():
    cameras = orbit_cameras("H", 12, 8)
    near = align.nearness(cameras, 1)
    assert near[0] == align.ANCHOR_WEIGHT
    assert np.allclose(near[1:7], [9, 2.25, 1, 1, 1, 1], rtol=1e-3)
    assert np.allclose(near[1:], near[:0:-1], rtol=1e-3)
    assert np.allclose(align.nearness([cameras[6], *cameras[:6]], 2), [50, 50, 9, 2.25, 1, 2.25, 9], rtol=1e-3)


def test_the_two_sides_of_a_thin_wall_keep_their_own_colours():
    """A plate thinner than a lattice cell."""
    t = 0.0005
    points = np.array([(x, y, z) for y in (-t, t) for x, z in ((-0.4, -0.4), (0.4, -0.4), (0.4, 0.4), (-0.4, 0.4))])
    mesh = simple_mesh(points, np.array([[0, 1, 2], [0, 2, 3], [5, 4, 7], [5, 7, 6]]))
    texture = align.LatticeTexture(128)
    grid = np.stack(np.meshgrid(np.linspace(-0.3, 0.3, 50), [0.0], np.linspace(-0.3, 0.3, 50)), -1).reshape(-1, 3)
    normals = {0: np.array([0, -1.0, 0]), 1: np.array([0, 1.0, 0])}
    assert len(mesh.faces) == 4
    for value, normal in normals.items():
        side = np.full(len(grid), int(normal @ align._SIDE > 0))
        texture.add(*texture.around(grid, side), np.full(len(grid), value, np.float32), np.ones(len(grid), np.float32))
    for value, normal in normals.items():
        side = np.full(len(grid), int(normal @ align._SIDE > 0))
        read, known = texture.read(*texture.around(grid, side))
        assert known.all()
        assert np.allclose(read, value)


def test_lattice_reproduces_a_linear_function():
    texture = align.LatticeTexture(64)
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (40000, 3))
    side = np.zeros(len(points), np.int64)
    values = (points @ [1.0, 2.0, -1.0]).astype(np.float32)
    for _ in range(3):
        texture.add(*texture.around(points, side), values, np.ones(len(points), np.float32))
    read, known = texture.read(*texture.around(points, side))
    assert known.all()
    assert np.abs(read - values).mean() < 0.01
    _, elsewhere = texture.read(*texture.around(points, side + 1))
    assert not elsewhere.any()


def test_cancelling_stops_at_once(sphere, drifting):
    calls = []

    def progress(fraction, detail):
        calls.append(fraction)
        if len(calls) == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        align.align_frames(sphere.mesh, drifting, progress=progress)
    assert len(calls) == 3
    assert calls == sorted(calls)
