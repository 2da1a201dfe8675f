# SPDX-License-Identifier: GPL-3.0-or-later
"""Flow finds known motion, and the guards keep it at zero where there is nothing to find."""

import numpy as np
import pytest
from orbit_painter.backend.texturing import accel, optical_flow


def pattern(x, y):
    """A smooth grey pattern with detail of about 6 to 30 pixels."""
    return (
        0.5
        + 0.15 * np.sin(x / 2.1 + 1) * np.cos(y / 2.7)
        + 0.15 * np.cos(x / 5.3 - y / 4.1)
        + 0.1 * np.sin(y / 7 + x / 9)
    ).astype(np.float32)


def pair(motion, size=160):
    """template, frame with frame(p + motion(p)) = template(p), motion (h, w, 2)."""
    y, x = np.mgrid[:size, :size].astype(float)
    dx, dy = motion(x, y)
    # frame(q) = pattern(p) with q = p + motion(p), found by fixed-point iteration.
    px, py = x.copy(), y.copy()
    for _ in range(30):
        mx, my = motion(px, py)
        px, py = x - mx, y - my
    return pattern(x, y), pattern(px, py), np.stack(np.broadcast_arrays(dx, dy), -1)


MOTIONS = {
    "shift": lambda x, y: (2.3 + 0 * x, -1.4 + 0 * x),
    "large": lambda x, y: (-5.2 + 0 * x, 3.1 + 0 * x),
    "bend": lambda x, y: (2 * np.sin(y / 25), 1.5 * np.cos(x / 30)),
}
ENGINES = [
    "lucas_kanade",
    pytest.param("dis_flow", marks=pytest.mark.skipif(optical_flow.cv2 is None, reason="OpenCV")),
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", MOTIONS)
def test_known_motion_is_found(engine, name):
    template, frame, motion = pair(MOTIONS[name])
    valid = np.zeros(template.shape, bool)
    valid[12:-12, 12:-12] = True
    frame = frame + np.random.default_rng(0).normal(0, 0.008, frame.shape).astype(np.float32)
    flow = getattr(optical_flow, engine)(template, frame, valid)
    inner = (slice(30, -30), slice(30, -30))
    error = np.linalg.norm(flow - motion, axis=-1)[inner]
    assert np.median(error) < 0.15
    assert np.quantile(error, 0.95) < 0.5


@pytest.mark.parametrize("ratio", [0.3, 0.15])
def test_guard_keeps_good_flow(ratio):
    template, frame, motion = pair(MOTIONS["shift"])
    valid = np.zeros(template.shape, bool)
    valid[12:-12, 12:-12] = True
    kept = optical_flow.guard(template, frame, valid, motion.astype(np.float32), ratio)
    assert np.abs(kept - motion)[30:-30, 30:-30].max() < 0.05


def test_guard_refuses_flow_that_does_not_help():
    template, _, motion = pair(MOTIONS["shift"])
    random = np.random.default_rng(1)
    frame = template + random.normal(0, 0.01, template.shape).astype(np.float32)
    valid = np.ones(template.shape, bool)
    for flow in (motion, 0.2 * motion / np.abs(motion).max(), motion * 4):  # worse; tiny; too long
        assert np.abs(optical_flow.guard(template, frame, valid, flow.astype(np.float32), 0.15)).max() < 1e-3


@pytest.mark.parametrize("opencv", [True, False])
def test_textureless_pictures_do_not_move(monkeypatch, opencv):
    if not opencv:
        monkeypatch.setattr(optical_flow, "cv2", None)
    random = np.random.default_rng(2)
    shade = np.linspace(0.4, 0.6, 128, dtype=np.float32)[None] * np.ones((128, 1), np.float32)
    template = shade + random.normal(0, 0.004, shade.shape).astype(np.float32)
    frame = shade + random.normal(0, 0.008, shade.shape).astype(np.float32)
    flow = optical_flow.guarded_flow(template, frame, np.ones(shade.shape, bool))
    assert np.linalg.norm(flow, axis=-1).mean() < 0.02


def test_nothing_outside_the_mask_is_read():
    template, frame, _ = pair(MOTIONS["shift"])
    valid = np.zeros(template.shape, bool)
    valid[30:-30, 40:-40] = True
    other_template, other_frame = np.where(valid, template, 1.0), np.where(valid, frame, 0.0)
    flow = optical_flow.lucas_kanade(template, frame, valid)
    other = optical_flow.lucas_kanade(other_template.astype(np.float32), other_frame.astype(np.float32), valid)
    assert np.allclose(flow[valid], other[valid], atol=1e-4)


def test_compiled_and_numpy_paths_agree(monkeypatch):
    if not accel.NUMBA:
        pytest.skip("numba is not here")
    template, frame, _ = pair(MOTIONS["bend"], 97)
    valid = np.zeros(template.shape, bool)
    valid[5:-7, 9:-4] = True
    compiled = optical_flow.lucas_kanade(template, frame, valid)
    monkeypatch.setattr(accel, "NUMBA", False)
    assert np.allclose(compiled, optical_flow.lucas_kanade(template, frame, valid), atol=1e-3)
