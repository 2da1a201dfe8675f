# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of one surface agree to the limit of their resolution, and a known disagreement has its known size."""

from dataclasses import replace

import numpy as np
import pytest
from orbit_painter.backend.errors import CancelledError, UsageError
from orbit_painter.backend.evaluation import scenes
from orbit_painter.backend.evaluation.consistency import mv_mse
from orbit_painter.backend.evaluation.truth import Truth
from orbit_painter.backend.orbits.cameras import orbit_cameras

CAMERAS = [*orbit_cameras("H", 6, 128), *orbit_cameras("V", 4, 128)[1:]]


@pytest.fixture(scope="module")
def vase():
    """A vase with walls of few pixels, in colours without detail."""
    mesh = scenes.vase().mesh
    return Truth(mesh, lambda hits: (0.5 + 0.4 * np.sin(6 * hits.point)).astype(np.float32))


@pytest.fixture(scope="module")
def frames(vase):
    return vase.frames(CAMERAS, (6, 3)).frames


def painted(frames, colours):
    """The frames in one colour each."""
    made = []
    for frame, colour in zip(frames, colours, strict=True):
        image = frame.image.copy()
        image[..., :3] = colour
        made.append(replace(frame, image=image))
    return made


def test_true_frames_agree(vase, frames):
    assert mv_mse(vase.mesh, frames) < 1e-4  # thin walls and the inside of the handle included


def test_one_frame_that_differs_has_the_squared_difference(vase, frames):
    pair = painted(frames[:2], [(10, 20, 30), (10, 71, 30)])
    assert mv_mse(vase.mesh, pair) == pytest.approx((51 / 255) ** 2)
    pair = painted(frames[:2], [(0, 0, 0), (255, 255, 255)])
    assert mv_mse(vase.mesh, pair) == pytest.approx(3)


def test_what_lies_beside_the_object_does_not_count(vase, frames):
    other = []
    for frame in frames:
        image = frame.image.copy()
        image[image[..., 3] == 0, :3] = 200
        other.append(replace(frame, image=image))
    assert mv_mse(vase.mesh, other) == mv_mse(vase.mesh, frames)


def test_drift_raises_it(vase):
    def waves(points):
        return (0.5 + 0.4 * np.sin(20 * np.asarray(points))).astype(np.float32)

    truth = Truth(vase.mesh, lambda hits: waves(hits.point), waves)
    little, much = (mv_mse(vase.mesh, truth.frames(CAMERAS, (6, 3), drift).frames) for drift in (0.5, 8.0))
    assert much > 2 * little


def test_drift_needs_colours_beside_the_surface(vase):
    with pytest.raises(UsageError) as caught:
        vase.frames(CAMERAS, (6, 3), 1.0)
    assert caught.value.code == "drift-needs-solid"


def test_fewer_than_two_views_have_no_error(vase, frames):
    assert np.isnan(mv_mse(vase.mesh, frames[:1]))


def test_it_can_be_cancelled(vase, frames):
    def stop(*_):
        raise CancelledError

    with pytest.raises(CancelledError):
        mv_mse(vase.mesh, frames, stop)
