"""The released data's layout, written as its scripts do and read back."""

import numpy as np
import pytest
from orbit_painter.backend.dataset.items import Released, released_folders
from orbit_painter.backend.dataset.plan import RenderPlan
from orbit_painter.backend.dataset.procedural import procedural_object, procedural_sample
from orbit_painter.backend.dataset.released import read_released
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.progress import silent

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg")
PLAN = RenderPlan(views=(4, 4), size=32, references=(2, 0, 0), max_angle=100)


def write_video(path, frames):
    """H.264, 4:4:4, CRF 10, as the published renderer writes it."""
    size, options = frames.shape[2:0:-1], ["-crf", "10", "-pix_fmt", "yuv444p"]
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=24, codec="libx264", quality=None, macro_block_size=2, output_params=options
    )
    writer.send(None)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()


@pytest.fixture
def released(tmp_path):
    """An object of 8 + 8 frames, its vertical orbit mirrored; and the sample that it was made of."""
    sample = procedural_sample(procedural_object(3), RenderPlan(views=(8, 8), size=64, references=(1, 0, 0)))
    for orbit, part, step in (("h120", slice(0, 8), 1), ("v120", slice(8, 16), -1)):
        folder = tmp_path / "objects" / "chair" / orbit
        folder.mkdir(parents=True)
        for name in ("albedo", "normal", "position"):
            write_video(folder / f"{name}.mp4", getattr(sample, name)[part][:, :, ::step])
        white = np.where(sample.mask[part][..., None] > 0, sample.albedo[part], 255).astype(np.uint8)
        write_video(folder / "rgb.mp4", white[:, :, ::step])
    return tmp_path / "objects", sample


def test_videos_become_samples(released):
    folder, sample = released
    (path,) = released_folders(folder)
    read = read_released(path, "chair", PLAN, v_flipped=True)
    assert (read.views, read.size) == ((4, 4), 32)
    for place, frame in enumerate((0, 2, 4, 6, 8, 10, 12, 14)):
        inside = read.mask[place] == 255
        reduced = sample.position[frame].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
        assert np.abs(read.position[place][inside] - reduced[inside]).mean() < 6
    assert {view.source for view in read.reference_views} == {"orbit"}
    assert all(abs(view.azimuth) <= 100 for view in read.reference_views)
    assert Released([path], PLAN, True)[0].make(silent).key.startswith("chair-")


def test_what_is_missing_is_named(released):
    folder, _ = released
    (path,) = released_folders(folder)
    (path / "v120" / "albedo.mp4").unlink()
    with pytest.raises(InputError, match=r"albedo\.mp4"):
        read_released(path, "chair", PLAN)
    (path / "h120" / "normal.mp4").write_bytes(b"no video")
    with pytest.raises(InputError, match=r"normal\.mp4"):
        read_released(path, "chair", PLAN)
    with pytest.raises(InputError):
        released_folders(folder / "chair" / "h120")
