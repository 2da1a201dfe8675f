# SPDX-License-Identifier: GPL-3.0-or-later
"""The baselines give the true texture from exact frames, and are what their names say from drifting ones."""

import sys

import numpy as np
import pytest
from orbit_painter.backend.errors import EngineMissingError
from orbit_painter.backend.evaluation import drift, drift_table, metrics, rendering, scenes
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.texturing.baselines.average import average_texture
from orbit_painter.backend.texturing.baselines.differentiable import differentiable_texture
from orbit_painter.backend.texturing.baselines.voxel_baselines import (
    greedy_voxels,
    horizontal_first_voxels,
    mrf_voxels,
)
from orbit_painter.backend.texturing.hits import cast
from orbit_painter.backend.texturing.types import UNOBSERVED, UNOWNED

COUNT, SIZE = 9, 128


def colour(points):
    """Waves of about 15 pixels."""
    p = np.asarray(points, np.float32)
    return 0.5 + 0.3 * np.sin(np.stack([40 * p[:, 0], 45 * p[:, 1] + 1, 40 * p[:, 2] + 2], -1))


@pytest.fixture(scope="module")
def case():
    scene = scenes.Scene("sphere", scenes.bumpy_sphere().mesh, colour)
    cameras = [*orbit_cameras("H", COUNT, SIZE), *orbit_cameras("V", COUNT, SIZE)]
    exact, moved = (drift.render_frames(scene.mesh, colour, cameras, (COUNT, COUNT), px, 0, 0, 0) for px in (0.0, 2.0))
    return scene, drift_table.whole_target(scene.mesh, 256), exact, moved


def quality(scene, target, tiles):
    scores = []
    for camera in rendering.held_out_cameras(SIZE)[::4]:
        hits = cast(scene.mesh, camera)
        drawn = rendering.render_texture(hits, scene.mesh, target, tiles)
        scores.append(metrics.compare(drawn, rendering.render(hits, colour), hits.mask()))
    return {key: np.mean([s[key] for s in scores]) for key in scores[0]}


def test_averages_of_exact_frames_are_the_true_texture(case):
    scene, target, exact, moved = case
    uniform = quality(scene, target, average_texture(scene.mesh, target, exact))
    sharp = quality(scene, target, average_texture(scene.mesh, target, exact, power=6))
    assert uniform["psnr"] > 24
    assert sharp["psnr"] > uniform["psnr"]  # frontal views are sharper
    drifting = [quality(scene, target, average_texture(scene.mesh, target, moved, power=p)) for p in (0, 6)]
    assert drifting[0]["sharpness"] < drifting[1]["sharpness"] < 1
    assert drifting[0]["psnr"] < uniform["psnr"] - 2


def test_average_of_equal_colours_is_that_colour_and_labels_say_what_is_seen(case):
    scene, target, exact, _ = case
    plain = drift.render_frames(
        scene.mesh, lambda p: np.full((len(p), 3), 0.4), [f.camera for f in exact[:1]], (1, 0), 0, 0, 0, 0
    )
    (tile,) = average_texture(scene.mesh, target, plain)
    inner = tile.rgba[tile.label == 0]
    assert np.median(np.abs(inner[:, :3].astype(int) - 102)) == 0
    assert (tile.label == UNOBSERVED).any()  # the back
    assert (tile.label == UNOWNED).any()
    assert (tile.rgba[..., 3] == 255).all()
    assert (tile.confidence[tile.label != 0] == 0).all()


@pytest.mark.parametrize("method", [greedy_voxels, horizontal_first_voxels, mrf_voxels])
def test_voxel_colourings_of_exact_frames_are_near_the_truth(case, method):
    scene, target, exact, _ = case
    tiles = method(scene.mesh, target, exact, (COUNT, COUNT), grid=96)
    assert quality(scene, target, tiles)["psnr"] > 19


def test_differentiable_rendering_needs_torch(case, monkeypatch):
    scene, target, exact, _ = case
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineMissingError) as error:
        differentiable_texture(scene.mesh, target, exact, steps=1)
    assert error.value.code == "torch-missing"


def test_differentiable_rendering_finds_the_texture(case):
    pytest.importorskip("torch")
    scene, target, exact, _ = case
    start = quality(scene, target, differentiable_texture(scene.mesh, target, exact, steps=2))
    found = differentiable_texture(scene.mesh, target, exact, steps=200)
    again = differentiable_texture(scene.mesh, target, exact, steps=200)
    assert quality(scene, target, found)["psnr"] > max(20, start["psnr"] + 5)
    assert np.array_equal(found[0].rgba, again[0].rgba)
