"""Pixels, latents, channels and the order of orbits in a sequence."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")

from orbit_painter.backend.errors import InputError  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import latent_layouts as layouts  # noqa: E402
from orbit_painter.backend.painters.orbitpainter import latents as maths  # noqa: E402
from orbit_painter.backend.painters.orbitpainter.gasa_tokens import standing_frames  # noqa: E402


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return diffusers.AutoencoderKLWan(base_dim=8).eval()


def frames(count, size=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_pixels_there_and_back():
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    video = maths.pixels_to_video(every)
    assert video.shape == (1, 3, 1, 16, 16)
    assert video.min() == -1
    assert video.max() == 1
    assert np.array_equal(maths.video_to_pixels(video), every)
    assert maths.pixels_to_video(every, torch.bfloat16).dtype == torch.bfloat16


def test_published_conversion_truncates():
    video = torch.full((1, 3, 1, 1, 1), 100.9 / 127.5 - 1)
    assert maths.video_to_pixels(video, truncate=True).item(0) == 100
    assert maths.video_to_pixels(video).item(0) == 101
    outside = torch.tensor([-3.0, 3.0, 0.0]).reshape(1, 3, 1, 1, 1)
    assert maths.video_to_pixels(outside, truncate=True).ravel().tolist() == [0, 255, 127]


@pytest.mark.parametrize(("count", "latent"), [(1, 1), (5, 2), (61, 16), (121, 31)])
def test_latent_frames(count, latent):
    assert maths.latent_frames(count) == latent


@pytest.mark.parametrize("count", [0, 2, 60, 120])
def test_other_lengths_are_refused(count):
    with pytest.raises(InputError) as caught:
        maths.latent_frames(count)
    assert caught.value.code == "video-length"


@torch.no_grad()
def test_encoding_takes_the_normalised_mean(vae):
    video = maths.pixels_to_video(frames(5, 32))
    ours = maths.encode(vae, video)
    posterior = vae.encode(video).latent_dist
    mean = torch.tensor(vae.config.latents_mean).view(1, 16, 1, 1, 1)
    std = torch.tensor(vae.config.latents_std).view(1, 16, 1, 1, 1)
    assert ours.shape == (1, 16, 2, 4, 4)
    torch.testing.assert_close(ours, (posterior.mean - mean) / std)
    assert torch.equal(ours, maths.encode(vae, video))  # nothing is drawn
    torch.testing.assert_close(maths.denormalise(ours, vae), posterior.mean)
    decoded = maths.decode(vae, ours)
    assert decoded.shape == video.shape
    torch.testing.assert_close(decoded, vae.decode(posterior.mean).sample.clamp(-1, 1), atol=1e-5, rtol=1e-5)


def test_channels_in_order():
    noise, position, normal = (torch.full((1, 16, 2, 2, 2), value) for value in (1.0, 2.0, 3.0))
    full = maths.network_input(noise, position, normal)
    assert full[0, :, 0, 0, 0].tolist() == [1.0] * 16 + [2.0] * 16 + [0.0] * 20 + [3.0] * 16
    assert (
        maths.network_input(noise, position, normal, 48)[0, :, 0, 0, 0].tolist() == [1.0] * 16 + [2.0] * 16 + [3.0] * 16
    )
    twice = maths.network_input(noise.expand(2, -1, -1, -1, -1).bfloat16(), position, normal)
    assert twice.shape[0] == 2
    assert twice.dtype == torch.bfloat16
    with pytest.raises(ValueError, match="52"):
        maths.network_input(noise, position, normal, 52)


def test_closing_frame():
    open_orbit = frames(4)
    closed = maths.closed(open_orbit)
    assert len(closed) == 5
    assert np.array_equal(closed[4], open_orbit[0])


@pytest.mark.parametrize(("views", "video", "latent"), [(120, 121, 31), (60, 61, 16), (61, 61, 16), (4, 5, 2)])
def test_segments_close_the_loop(views, video, latent):
    segment = layouts.segment_of("H", views)
    assert (segment.frames, segment.latent_frames) == (video, latent)
    assert segment.view_of_frame.tolist()[:views] == list(range(views))
    assert segment.view_of_frame[-1] == (0 if views % 2 == 0 else views - 1)
    assert np.array_equal(segment.standing_views, segment.view_of_frame[standing_frames(latent)])


def test_views_that_do_not_fit_are_refused():
    with pytest.raises(InputError):
        layouts.segment_of("H", 62)
    with pytest.raises(InputError):
        layouts.plan_runs("paper", (0, 0))


def test_release_runs_one_orbit_at_a_time_and_paper_both():
    release = layouts.plan_runs("release", (120, 120))
    assert [[segment.orbit for segment in run.segments] for run in release] == [["H"], ["V"]]
    assert [run.latent_frames for run in release] == [31, 31]
    (paper,) = layouts.plan_runs("paper", (60, 60))
    assert [segment.orbit for segment in paper.segments] == ["H", "V"]
    assert paper.latent_frames == 32
    assert len(layouts.plan_runs("release", (0, 60))) == 1
    parts = paper.split(torch.arange(32).reshape(1, 1, 32, 1, 1))
    assert [part.flatten()[0].item() for part in parts] == [0, 16]


@torch.no_grad()
def test_orbits_of_a_sequence_are_encoded_apart(vae):
    (run,) = layouts.plan_runs("paper", (4, 8))
    orbits = [frames(4, 16, 1), frames(8, 16, 2)]
    latents = layouts.encode_run(vae, run, orbits)
    assert latents.shape == (1, 16, 2 + 3, 2, 2)
    for part, views in zip(run.split(latents), orbits, strict=True):
        alone = maths.encode(vae, maths.pixels_to_video(maths.closed(views)))
        torch.testing.assert_close(part, alone, atol=1e-6, rtol=1e-5)
    painted = layouts.decode_run(vae, run, latents)
    assert [part.shape for part in painted] == [(4, 16, 16, 3), (8, 16, 16, 3)]
    assert painted[0].dtype == np.uint8
    alone = maths.decode(vae, run.split(latents)[1])
    assert np.abs(maths.video_to_pixels(alone)[:8].astype(int) - painted[1]).max() <= 1
