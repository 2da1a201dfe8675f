# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of the network: parameters, arithmetic, memory (specs/inference-speed.md sections 1 and 2). No torch.

Checked in tests against the network on meta tensors and PyTorch's counter.
"""

from __future__ import annotations

from dataclasses import dataclass

TEXT_TOKENS = 512
PATCH, FRAMES_PER_LATENT = 16, 4
BYTES = {"bf16": 2.0, "fp8": 1.0, "4bit": 0.5 + 2 / 64}  # per value; 4-bit has a float16 scale for 64 values
VAE_TILE = 256  # pixels along each side of a tile, diffusers' choice
VAE_PARAMETERS = 126_892_531
# One forward of the VAE per frame of one megapixel, counted: 0.081 and 0.136 PFLOP for 61 frames of 512 x 512.
VAE_ENCODE, VAE_DECODE = 0.081e15 / (61 * 512**2), 0.136e15 / (61 * 512**2)


@dataclass(frozen=True)
class NetworkSize:
    """The sizes that decide all counts; the defaults are Wan 2.2 A14B as OrbitPainter uses it."""

    dim: int = 5120
    ffn_dim: int = 13824
    layers: int = 40
    in_channels: int = 68
    text_dim: int = 4096
    freq_dim: int = 256
    reference: bool = True
    gasa: bool = False

    @property
    def block_parameters(self) -> int:
        """Values of one block; GASA's included where there is one."""
        d, f = self.dim, self.ffn_dim
        attention = 4 * (d * d + d) + 2 * d
        extra = 4 * (d * d + d) + 1 if self.gasa else 0
        return 2 * attention + extra + 2 * d + (2 * d * f + f + d) + 6 * d

    @property
    def parameters(self) -> int:
        """Values of one expert."""
        d = self.dim
        embeddings = (self.text_dim * d + d) + (d * d + d) + (self.freq_dim * d + d) + (d * d + d) + (6 * d * d + 6 * d)
        patch = 4 * self.in_channels * d + d
        reference = 4 * 16 * d + d if self.reference else 0
        head = 64 * d + 64 + 2 * d
        return embeddings + patch + reference + head + self.layers * self.block_parameters

    def forward_flops(self, tokens: int) -> float:
        """One forward pass; a multiply-add is two operations."""
        d, f = self.dim, self.ffn_dim
        linear = 2 * tokens * (6 * d * d + 2 * d * f)
        attention = 4 * tokens * tokens * d
        cross = 4 * tokens * TEXT_TOKENS * d + 4 * TEXT_TOKENS * d * d
        extra = 2 * tokens * 4 * d * d if self.gasa else 0
        return float(self.layers * (linear + attention + cross + extra))


@dataclass(frozen=True)
class Workload:
    """Both orbits: `runs` sequences of `latent_frames`, made of `videos` videos of `frames` frames of size x size."""

    runs: int
    latent_frames: int
    videos: int
    frames: int
    size: int

    @staticmethod
    def of(mode: str, views: tuple[int, int], size: int) -> Workload:
        """As `latent_layouts.plan_runs` does it: an orbit of an even number of views repeats its first."""
        frames = [count + (count % 2 == 0) for count in views if count]
        latents = [(count - 1) // FRAMES_PER_LATENT + 1 for count in frames]
        joint = mode == "paper"
        runs, length = (1, sum(latents)) if joint else (len(frames), max(latents))
        return Workload(runs, length, len(frames), max(frames), size)

    @property
    def tokens(self) -> int:
        """Of one run, the reference's included."""
        return (self.latent_frames + 1) * (self.size // PATCH) ** 2

    @property
    def vae_flops(self) -> float:
        """Position and normal videos encoded, painted videos decoded."""
        pixels = self.frames * self.size**2
        return self.videos * pixels * (2 * VAE_ENCODE + VAE_DECODE)


def activation_bytes(size: NetworkSize, tokens: int, chunked_feed_forward: bool = False) -> float:
    """About the peak inside a block, in bytes, bf16 with an attention that makes no N x N matrix."""
    feed_forward = size.ffn_dim / (8 if chunked_feed_forward else 1)
    return 2.0 * tokens * (7 * size.dim + feed_forward)


def vae_bytes(size: int, float32: bool, tiled: bool = False) -> float:
    """About the peak of the VAE beside its weights: 4 GB in float32 at 512 x 512, untiled."""
    return (4e9 if float32 else 2e9) * ((min(size, VAE_TILE) if tiled else size) / 512) ** 2
