# SPDX-License-Identifier: GPL-3.0-or-later
"""Which orbits share a sequence, and where each lies in it (specs/orbitpainter.md sections 8 and 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError
from ...orbits.cameras import Orbit
from .gasa_tokens import FRAMES_PER_LATENT, standing_frames
from .latents import decode, encode, latent_frames, pixels_to_video, video_to_pixels

Mode = Literal["release", "paper"]


@dataclass(frozen=True)
class Segment:
    """One orbit in a sequence. `views` cameras, of which the last repeats the first where `closing` is false.

    The video has the orbit's views and, where they do not close the loop themselves, view 0 again at the end.
    """

    orbit: Orbit
    views: int
    closing: bool  # view 0 has to be appended
    stride: int = FRAMES_PER_LATENT  # the VAE's `scale_factor_temporal`

    @property
    def frames(self) -> int:
        """Frames of the video, stride k + 1."""
        return self.views + self.closing

    @property
    def latent_frames(self) -> int:
        return latent_frames(self.frames, self.stride)

    @property
    def view_of_frame(self) -> NDArray[np.intp]:
        """The orbit's view that each frame of the video shows."""
        frames = np.arange(self.frames)
        return np.where(frames == self.views, 0, frames)

    @property
    def standing_views(self) -> NDArray[np.intp]:
        """The orbit's view that stands for each latent frame (token positions of GASA)."""
        return self.view_of_frame[standing_frames(self.latent_frames, self.stride)]


@dataclass(frozen=True)
class Run:
    """One sequence of the network: its orbits are encoded and decoded separately and concatenated in time."""

    segments: tuple[Segment, ...]

    @property
    def latent_frames(self) -> int:
        return sum(segment.latent_frames for segment in self.segments)

    def split(self, latents: torch.Tensor) -> list[torch.Tensor]:
        """The latents (batch, 16, t, h, w) of each segment."""
        return list(latents.split([segment.latent_frames for segment in self.segments], dim=2))


def segment_of(orbit: Orbit, views: int, stride: int = FRAMES_PER_LATENT) -> Segment:
    """An orbit of an even number of views is open and gets view 0 appended; one of an odd number closes itself.

    A VAE that leaves every frame by itself (stride 1) needs no closing. Raises InputError unless the video then has
    stride k + 1 frames.
    """
    segment = Segment(orbit, views, closing=views % 2 == 0 and stride > 1, stride=stride)
    latent_frames(segment.frames, stride)
    return segment


def plan_runs(mode: Mode, views: tuple[int, int], stride: int = FRAMES_PER_LATENT) -> list[Run]:
    """`release`: one run per orbit, H before V; `paper`: both orbits in one run, H then V.

    views: number of views of the horizontal and of the vertical orbit, 0 for none; stride: the VAE's
    `scale_factor_temporal`. Raises InputError.
    """
    orbits: tuple[Orbit, Orbit] = ("H", "V")
    segments = [segment_of(orbit, count, stride) for orbit, count in zip(orbits, views, strict=True) if count]
    if not segments:
        raise InputError("views-none", "There is no view to paint.", "Ask for at least one orbit.")
    if mode == "paper":
        return [Run(tuple(segments))]
    return [Run((segment,)) for segment in segments]


def encode_run(vae: Any, run: Run, orbits: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
    """Normalised latents float32 (1, 16, t, h, w) of one pass: each segment's views, uint8 (views, H, W, 3)."""
    parts = []
    for segment, views in zip(run.segments, orbits, strict=True):
        parts.append(encode(vae, pixels_to_video(views[segment.view_of_frame])))
    return torch.cat(parts, dim=2)


def decode_run(vae: Any, run: Run, latents: torch.Tensor, truncate: bool = False) -> list[NDArray[np.uint8]]:
    """The painted views of each segment, uint8 (views, H, W, 3); the frame that closes the loop is dropped."""
    parts = zip(run.segments, run.split(latents), strict=True)
    return [video_to_pixels(decode(vae, part), truncate)[: segment.views] for segment, part in parts]
