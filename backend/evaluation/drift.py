# SPDX-License-Identifier: GPL-3.0-or-later
"""Orbit frames as a generator would make them: drifting, unevenly exposed, soft and noisy.

specs/texture-optimizer.md section 8.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.cameras import Camera
from ..painters.base import Frame
from ..texturing.hits import cast
from .filters import gaussian
from .scenes import Colour

_WAVES = 24  # random cosines per component of a noise field


class DriftField:
    """Displacement of the texture at a surface point in a frame of one orbit, in units of the cube; proportional to
    `pixels`.

    x is coloured as the texture at x + A s(j) (0.9 n1 + 0.35 n2), s(j) = min(1, j / 15): n1 varies slowly over space
    and time, n2 faster. Frame 0 is exact. pixels: standard deviation per axis in pixels of a frame with that focal
    length, for a surface 1.25 units from the camera.
    """

    def __init__(self, pixels: float, focal: float, seed: int) -> None:
        self._amplitude = pixels * 1.25 / focal
        random = np.random.default_rng(seed)
        self._noise = []
        for weight, space, time in ((0.9, 5.0, 0.12), (0.35, 14.0, 0.5)):
            wave = random.normal(0, space, (3, 3 * _WAVES)).astype(np.float32)
            speed = random.normal(0, time, 3 * _WAVES)
            phase = random.uniform(0, 2 * np.pi, 3 * _WAVES)
            self._noise.append((weight * np.sqrt(2 / _WAVES), wave, speed, phase))

    def __call__(self, points: NDArray[np.floating], frame: int) -> NDArray[np.float32]:
        """Displacement float32 (n, 3) of points (n, 3) in frame number `frame` of the orbit."""
        strength = self._amplitude * min(1.0, frame / 15)
        total = np.zeros(points.shape, np.float32)
        if strength == 0:
            return total
        for start in range(0, len(points), 16384):  # blocks that stay in the cache
            block = np.asarray(points[start : start + 16384], np.float32)
            for weight, wave, speed, phase in self._noise:
                cosines = np.cos(block @ wave + (phase + speed * frame).astype(np.float32))
                noise = cosines.reshape(len(block), 3, _WAVES).sum(axis=2)
                total[start : start + 16384] += np.float32(weight * strength) * noise
        return total


def orbit_gains(count: int, strength: float, seed: int) -> NDArray[np.float64]:
    """Gain float64 (count, 3) per frame and channel: 1 + strength (mean(p) + 0.3 p), p three low harmonics.

    With the specified strength 0.05 that is 1 + 0.05 mean(p) + 0.015 p. Frame 0 keeps gain 1, as the picture that
    everything is anchored to.
    """
    random = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(count) / max(count, 1)
    harmonics = np.arange(1, 4)[:, None] * angle
    wave = np.concatenate([np.cos(harmonics), np.sin(harmonics)])  # (6, count)
    p = 0.5 * (random.normal(size=(3, 6)) @ wave).T
    gains = 1 + strength * (p.mean(axis=1, keepdims=True) + 0.3 * p)
    gains[:1] = 1
    return gains


def render_frames(
    mesh: MeshData,
    colour: Colour,
    cameras: Sequence[Camera],
    orbit_counts: tuple[int, int],
    drift: float = 0.0,
    gain: float = 0.05,
    blur: float = 0.7,
    noise: float = 0.008,
    supersample: int = 2,
    seed: int = 0,
) -> list[Frame]:
    """The orbit frames of a scene, 8 bit over white, alpha 255 where the object is.

    cameras: those of the horizontal orbit, then of the vertical one (orbit_counts of each).
    drift in pixels (DriftField), gain as in orbit_gains, blur: sigma in pixels, noise: standard deviation in 0..1.
    drift = gain = blur = noise = 0 gives exact frames. Deterministic for a seed.
    """
    (frames,) = render_drifts(mesh, colour, cameras, orbit_counts, (drift,), gain, blur, noise, supersample, seed)
    return frames


def render_drifts(
    mesh: MeshData,
    colour: Colour,
    cameras: Sequence[Camera],
    orbit_counts: tuple[int, int],
    drifts: Sequence[float],
    gain: float = 0.05,
    blur: float = 0.7,
    noise: float = 0.008,
    supersample: int = 2,
    seed: int = 0,
) -> list[list[Frame]]:
    """`render_frames` for several drifts at once, which share what the cameras see and the shape of the drift."""
    sets: list[list[Frame]] = [[] for _ in drifts]
    index = 0
    for orbit, count in enumerate(orbit_counts):
        focal = cameras[index].focal if count else 1.0
        field = DriftField(1.0, focal, seed + 1000 + orbit)
        gains = orbit_gains(count, gain, seed + 2000 + orbit)
        for j in range(count):
            hits = cast(mesh, cameras[index], supersample)
            moved = field(hits.point, j) if any(drifts) else np.zeros_like(hits.point)
            alpha = np.where(hits.mask(), 255, 0)
            shape = (cameras[index].height, cameras[index].width, 3)
            grain = noise * np.random.default_rng([seed, index]).standard_normal(shape, np.float32) if noise > 0 else 0
            for frames, drift in zip(sets, drifts, strict=True):
                picture = hits.picture(colour(hits.point + np.float32(drift) * moved) * gains[j])
                if blur > 0:
                    picture = gaussian(picture, blur)
                image = np.empty((*shape[:2], 4), np.uint8)
                image[..., :3] = np.clip(np.rint((picture + grain) * 255), 0, 255)
                image[..., 3] = alpha
                frames.append(Frame(image, cameras[index]))
            index += 1
    return sets
