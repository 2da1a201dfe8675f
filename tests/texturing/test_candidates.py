# SPDX-License-Identifier: GPL-3.0-or-later
"""The best views of each voxel against a slow reference that looks at every voxel and view."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.orbits.cameras import Camera, orbit_cameras
from orbit_painter.backend.painters.base import Frame
from orbit_painter.backend.texturing import accel
from orbit_painter.backend.texturing.candidates import collect_candidates
from orbit_painter.backend.texturing.depth import DepthSource
from orbit_painter.backend.texturing.types import FuseParams
from orbit_painter.backend.texturing.visibility import visible
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.tests.texturing.shapes import box, cups, sphere

PARAMS = FuseParams(candidates=5)


@pytest.fixture(params=[True, False], ids=["numba", "numpy"])
def path(request, monkeypatch):
    """Runs a test with compiled kernels and with plain NumPy."""
    if request.param and not accel.NUMBA:
        pytest.skip("numba is not here")
    monkeypatch.setattr(accel, "NUMBA", request.param)


def flat_frame(camera: Camera, colour, alpha=255, confidence=None) -> Frame:
    image = np.empty((camera.height, camera.width, 4), np.uint8)
    image[..., :3], image[..., 3] = colour, alpha
    if confidence is not None:
        confidence = np.full(image.shape[:2], confidence, np.uint8)
    return Frame(image, camera, confidence)


def noise_frames(cameras, seed=0) -> list[Frame]:
    rng = np.random.default_rng(seed)
    return [
        Frame(
            np.concatenate(
                [
                    rng.integers(0, 256, (c.height, c.width, 3), dtype=np.uint8),
                    rng.choice(np.array([0, 100, 255], np.uint8), (c.height, c.width, 1), p=[0.1, 0.2, 0.7]),
                ],
                axis=2,
            ),
            c,
            rng.integers(0, 256, (c.height, c.width), dtype=np.uint8),
        )
        for c in cameras
    ]


def scene(mesh, grid=48, count=9, size=96):
    cameras = orbit_cameras("H", count, size) + orbit_cameras("V", count, size)
    return surface_voxels(*mesh, grid), cameras, DepthSource(*mesh, cameras, 128)


@pytest.mark.usefixtures("path")
def test_the_best_views_in_order_equal_a_dense_table():
    voxels, cameras, source = scene(cups())
    params = replace(PARAMS, edge_erosion=0, cos_min=0.05)
    frames = [flat_frame(c, (k, 2 * k, 255 - k)) for k, c in enumerate(cameras)]
    found = collect_candidates(voxels, frames, source, params)
    table = np.zeros((len(voxels), len(cameras)))
    for k, camera in enumerate(cameras):
        sees, cosine, _ = visible(voxels.point, voxels.normal, camera, *source.depth(k), 1 / voxels.grid, params)
        table[:, k] = np.where(sees, np.maximum(np.floor(127.5 * (1 + cosine.astype(np.float64)) + 0.5), 1), 0)
    order = np.argsort(-table, axis=1, kind="stable")[:, : params.candidates]
    best = np.take_along_axis(table, order, axis=1)
    tied = abs(np.take_along_axis(table, order, axis=1) - found.conf).max(axis=1) > 0  # cosines are float32 above
    assert tied.mean() < 1e-3
    np.testing.assert_array_equal(found.label[~tied], np.where(best > 0, order, -1)[~tied])
    assert (np.diff(found.conf.astype(int), axis=1) <= 0).all()
    known = found.label >= 0
    k = found.label[known]
    np.testing.assert_array_equal(found.colour[known], np.stack([k, 2 * k, 255 - k], axis=1))
    assert (found.conf[known] >= 1).all()
    assert (found.conf[~known] == 0).all()
    assert found.label.dtype == np.int16


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("size", [1, 3])
def test_a_locked_view_stays_a_candidate_however_many_views_are_better(size):
    voxels, cameras, source = scene(sphere(), grid=32, count=25)
    frames = [flat_frame(c, (k, 2 * k, 255 - k)) for k, c in enumerate(cameras)]
    params = replace(PARAMS, candidates=size, lock=60, edge_erosion=0)
    plain = collect_candidates(voxels, frames, source, params)
    found = collect_candidates(voxels, frames, source, params, locked_views=(0,))
    sees, cosine, _ = visible(voxels.point, voxels.normal, cameras[0], *source.depth(0), 1 / voxels.grid, params)
    within, beyond = sees & (cosine > 0.51), ~sees | (cosine < 0.49)
    assert within.sum() > 300
    assert (found.label[within] == 0).any(axis=1).all()
    assert not (plain.label[within] == 0).any(axis=1).all()
    np.testing.assert_array_equal(found.label[beyond], plain.label[beyond])
    assert (np.diff(found.conf.astype(int), axis=1) <= 0).all()
    locked = found.label[:, -1] == 0
    np.testing.assert_array_equal(found.colour[locked, -1], np.tile([0, 0, 255], (locked.sum(), 1)))


@pytest.mark.skipif(not accel.NUMBA, reason="numba is not here")
@pytest.mark.parametrize("params", [PARAMS, FuseParams(candidates=1), FuseParams(candidates=30, edge_erosion=3)])
def test_both_paths_and_any_number_of_threads_agree(params, monkeypatch):
    voxels, cameras, source = scene(cups())
    frames = noise_frames(cameras)
    gains = np.random.default_rng(1).uniform(0.8, 1.25, (len(frames), 3)).astype(np.float32)
    two_sided = np.arange(len(voxels)) % 2 == 0
    compiled = collect_candidates(voxels, frames, source, params, double_sided=two_sided, gains=gains)
    monkeypatch.setattr(accel, "workers", lambda: 1)
    single = collect_candidates(voxels, frames, source, params, double_sided=two_sided, gains=gains)
    monkeypatch.setattr(accel, "NUMBA", False)
    plain = collect_candidates(voxels, frames, source, params, double_sided=two_sided, gains=gains)
    assert (compiled.label >= 0).any()
    for name in ("label", "conf", "colour"):
        np.testing.assert_array_equal(getattr(compiled, name), getattr(single, name))
        np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name))


@pytest.mark.usefixtures("path")
def test_equal_views_go_to_the_lower_index():
    mesh = sphere(24)
    camera = orbit_cameras("H", 3, 64)[0]
    voxels = surface_voxels(*mesh, 32)
    source = DepthSource(*mesh, [camera] * 4, 128)
    found = collect_candidates(voxels, [flat_frame(camera, 9)] * 4, source, replace(PARAMS, candidates=3))
    seen = found.label[:, 0] >= 0
    np.testing.assert_array_equal(found.label[seen], np.tile([0, 1, 2], (seen.sum(), 1)))


@pytest.mark.usefixtures("path")
def test_seen_colours_win_over_invented_ones():
    mesh = sphere(24)
    cameras = orbit_cameras("H", 8, 64)
    voxels = surface_voxels(*mesh, 32)
    frames = [flat_frame(c, k, confidence=255 if k == 2 else 0) for k, c in enumerate(cameras)]
    found = collect_candidates(voxels, frames, DepthSource(*mesh, cameras, 128), replace(PARAMS, edge_erosion=0))
    sees_two = (found.label == 2).any(axis=1)
    assert sees_two.mean() > 0.2
    assert (found.label[sees_two, 0] == 2).all()
    plain = collect_candidates(
        voxels, [flat_frame(c, 0) for c in cameras], DepthSource(*mesh, cameras, 128), replace(PARAMS, edge_erosion=0)
    )
    assert (
        plain.label[~sees_two] == found.label[~sees_two]
    ).mean() > 0.98  # the rest keep their order but for rounding


@pytest.mark.usefixtures("path")
def test_depth_edges_are_demoted_but_stay_usable():
    mesh = box([-0.3] * 3, [0.3] * 3)
    voxels, cameras, source = scene(mesh, 64)
    frames = [flat_frame(c, 50) for c in cameras]
    plain = collect_candidates(voxels, frames, source, replace(PARAMS, edge_erosion=0))
    demoted = collect_candidates(voxels, frames, source, replace(PARAMS, edge_erosion=1))
    np.testing.assert_array_equal(plain.label[:, 0] >= 0, demoted.label[:, 0] >= 0)
    changed = (plain.conf != demoted.conf).any(axis=1)
    assert 0.01 < changed.mean() < 0.6
    centre = (abs(voxels.point) < 0.2).sum(axis=1) == 2
    assert not changed[centre].any()
    low = demoted.conf[(demoted.label >= 0) & (demoted.conf < 64)]
    assert low.size
    assert low.max() <= 13  # 255 x 0.05


@pytest.mark.usefixtures("path")
def test_voxels_without_a_view_are_retried_at_grazing_angles():
    mesh = box([-0.4, -0.4, -0.05], [0.4, 0.4, 0.05])
    cameras = orbit_cameras("H", 9, 128)  # the top is seen at a little over 75 degrees
    cameras = [
        replace(c, matrix=c.matrix + np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0.3], [0, 0, 0, 0]]))
        for c in cameras
    ]
    voxels = surface_voxels(*mesh, 64)
    top = (voxels.normal[:, 2] > 0.99) & (abs(voxels.point[:, :2]) < 0.3).all(axis=1)
    found = collect_candidates(voxels, [flat_frame(c, 1) for c in cameras], DepthSource(*mesh, cameras, 256), PARAMS)
    assert (found.label[top, 0] >= 0).all()
    assert found.conf[top, 0].max() < 127.5 * 1.35
    bottom = (voxels.normal[:, 2] < -0.99) & (abs(voxels.point[:, :2]) < 0.3).all(axis=1)
    assert (found.label[bottom] < 0).all()


@pytest.mark.usefixtures("path")
def test_colours_are_bilinear_at_the_point_times_the_gain():
    mesh = sphere(48, 0.4)
    camera = orbit_cameras("H", 3, 128)[0]
    image = np.full((128, 128, 4), 255, np.uint8)
    image[..., 0] = np.arange(128)
    image[..., 1] = np.arange(128)[:, None]
    image[..., 2] = 200
    voxels = surface_voxels(*mesh, 40)
    source = DepthSource(*mesh, [camera], 256)
    found = collect_candidates(voxels, [Frame(image, camera)], source, PARAMS, gains=np.array([[1.0, 1.0, 1.5]]))
    seen = found.label[:, 0] == 0
    uv, _ = camera.project(voxels.point[seen])
    np.testing.assert_allclose(found.colour[seen, 0, :2], uv - 0.5, atol=0.51)
    assert (found.colour[seen, 0, 2] == 255).all()


@pytest.mark.usefixtures("path")
def test_frames_without_the_object_and_of_other_sizes():
    mesh = sphere(24)
    cameras = orbit_cameras("H", 4, 64)
    voxels = surface_voxels(*mesh, 32)
    frames = [flat_frame(c, 10 * k) for k, c in enumerate(cameras)]
    frames[1] = flat_frame(cameras[1], 99, alpha=0)
    frames[2] = flat_frame(cameras[2].resized(96, 96), 20)
    frames[3] = replace(frames[3], image=np.full((32, 32, 4), 255, np.uint8))  # a smaller picture than its camera says
    found = collect_candidates(voxels, frames, DepthSource(*mesh, cameras, 128), PARAMS)
    assert set(np.unique(found.label)) == {-1, 0, 2, 3}
    none = collect_candidates(voxels, frames[:0], DepthSource(*mesh, [], 128), PARAMS)
    assert (none.label == -1).all()


def test_memory_does_not_grow_with_the_number_of_views(monkeypatch):
    mesh = sphere(24)
    voxels = surface_voxels(*mesh, 40)
    peaks = []
    monkeypatch.setattr(accel, "NUMBA", False)
    monkeypatch.setattr(accel, "workers", lambda: 1)  # two views at once hold more than one after the other
    for count in (6, 24):
        cameras = orbit_cameras("H", count, 32)
        frames = [flat_frame(c, 1) for c in cameras]
        source = DepthSource(*mesh, cameras, 64, cache_bytes=0)
        tracemalloc.start()
        collect_candidates(voxels, frames, source, PARAMS, double_sided=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + len(voxels) * 18  # a table of the 18 more views would hold at least a byte for each


def test_cancelling_stops_between_views():
    voxels, cameras, source = scene(sphere(16), 24)
    calls = []

    def stop(fraction: float, detail: str = "") -> None:
        calls.append(fraction)
        if len(calls) == 4:
            raise CancelledError

    with pytest.raises(CancelledError):
        collect_candidates(voxels, noise_frames(cameras), source, PARAMS, progress=stop)
    assert len(calls) == 4
    assert calls == sorted(calls)
