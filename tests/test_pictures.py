# SPDX-License-Identifier: GPL-3.0-or-later
"""The contact sheet and orbit videos."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from orbit_painter.backend import pictures
from orbit_painter.backend.errors import CancelledError, EngineMissingError
from orbit_painter.backend.mesh import simple_mesh
from orbit_painter.backend.orbits.cameras import orbit_cameras
from orbit_painter.backend.orbits.raycast import raycast_view
from orbit_painter.backend.painters.base import Frame, PaintedFrames
from orbit_painter.backend.pictures import CELL, contact_sheet, encode_video, on_background


class Views:
    """A pass set of a tetrahedron, made when asked for."""

    def __init__(self, horizontal: int, vertical: int, size: int = 32) -> None:
        points = np.array([(0.4, 0.4, 0.4), (-0.4, -0.4, 0.4), (-0.4, 0.4, -0.4), (0.4, -0.4, -0.4)])
        self.mesh = simple_mesh(points, np.array([(0, 1, 3), (0, 3, 2), (0, 2, 1), (1, 2, 3)]))
        self.cameras = orbit_cameras("H", horizontal, size) + orbit_cameras("V", vertical, size)
        self.orbit_counts = (horizontal, vertical)
        self.asked: list[int] = []

    def __len__(self):
        return len(self.cameras)

    def view(self, index):
        self.asked.append(index)
        return raycast_view(self.mesh, self.cameras[index])

    def __iter__(self):
        return (self.view(i) for i in range(len(self)))


def painted(views: Views) -> PaintedFrames:
    """Every frame has a colour of its own."""
    frames = []
    for index, camera in enumerate(views.cameras):
        image = np.full((camera.height, camera.width, 4), 255, np.uint8)
        image[..., 0], image[..., 1] = index, 255 - index
        frames.append(Frame(image, camera))
    return PaintedFrames(frames)


@pytest.mark.parametrize(("horizontal", "vertical"), [(61, 61), (8, 0), (0, 5), (1, 1), (3, 2)])
def test_every_orbit_is_shown_once(horizontal, vertical):
    views = Views(horizontal, vertical)
    sheet = contact_sheet([np.full((30, 50, 4), 90, np.uint8)], views, painted(views))
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    # a closing frame (61 of 61) repeats the first and is not shown twice
    distinct = {61: 10, 8: 8, 0: 0, 5: 4, 1: 1, 3: 2, 2: 2}
    assert len(views.asked) == len(set(views.asked)) == distinct[horizontal] + distinct[vertical]
    colours = set(np.unique(sheet @ np.array([1, 256, 65536])).tolist())
    assert {index + 256 * (255 - index) + 65536 * 255 for index in views.asked} <= colours


def test_without_captions_the_layout_is_the_same(monkeypatch):
    views = Views(4, 0)
    with_text = contact_sheet([], views, painted(views))
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    without = contact_sheet([], views, painted(views))
    assert with_text.shape == without.shape
    changed = (with_text != without).any(axis=-1)
    assert 0 < changed.mean() < 0.05
    assert (without[changed] == pictures.BACKGROUND).all()  # text lies beside the pictures


def test_pictures_keep_their_proportions():
    wide = np.full((20, 100, 4), (200, 0, 0, 255), np.uint8)
    cell = pictures.fit_cell(wide)
    assert cell.shape == (CELL, CELL, 3)
    red = (cell == (200, 0, 0)).all(axis=-1)
    assert red.any(axis=0).all()
    assert abs(red.any(axis=1).sum() - CELL / 5) <= 2


def test_alpha_blends():
    image = np.array([[[200, 100, 0, 0], [200, 100, 0, 255], [200, 100, 0, 128]]], np.uint8)
    out = on_background(image, (10, 20, 30))
    assert out[0, 0].tolist() == [10, 20, 30]
    assert out[0, 1].tolist() == [200, 100, 0]
    assert abs(int(out[0, 2, 0]) - 105) <= 1


def test_video_can_be_read_back(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    frames = [np.full((33, 47, 3), level, np.uint8) for level in (40, 120, 200)]
    encode_video(frames, tmp_path / "a.mp4", fps=10)
    reader = ffmpeg.read_frames(str(tmp_path / "a.mp4"))
    meta = next(reader)
    assert meta["size"] == (48, 34)
    assert meta["codec"] == "h264"
    levels = [np.frombuffer(frame, np.uint8).mean() for frame in reader]
    np.testing.assert_allclose(levels, (40, 120, 200), atol=4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_a_stopped_video_leaves_nothing(tmp_path):
    pytest.importorskip("imageio_ffmpeg")

    def stop(fraction, detail=""):
        raise CancelledError

    with pytest.raises(CancelledError):
        encode_video([np.zeros((32, 32, 3), np.uint8)] * 3, tmp_path / "a.mp4", progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_video_without_encoder(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(EngineMissingError):
        encode_video([], tmp_path / "a.mp4")
