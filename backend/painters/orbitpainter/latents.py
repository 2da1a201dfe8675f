# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels, latents and the network's input channels (specs/orbitpainter.md section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError

LATENT_CHANNELS = 16
RELEASE_CHANNELS, PAPER_CHANNELS = 68, 48
CHANNELS_OF_NORMAL_IN_RELEASE = slice(52, 68)
_ZERO_CHANNELS = 20  # channels 32-51 of the release: the base model's mask and start image, never used


def latent_frames(frames: int, stride: int = 4) -> int:
    """Latent frames of a video of stride k + 1 frames: k + 1. Raises InputError for other lengths.

    stride: frames that the VAE makes one latent frame of, behind the first (`scale_factor_temporal`).
    """
    if frames < 1 or (frames - 1) % stride:
        raise InputError(
            "video-length",
            f"A video of {frames} frames cannot be encoded; the network needs {stride} k + 1 frames.",
            f"Use orbits of a multiple of {stride} views, for instance {15 * stride} or {30 * stride}.",
        )
    return (frames - 1) // stride + 1


def closed(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An open orbit (n, H, W, 3) with frame 0 repeated at its end, n + 1 frames (section 8, loop closure)."""
    return np.concatenate([frames, frames[:1]])


def pixels_to_video(frames: NDArray[np.uint8], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """uint8 (T, H, W, 3) -> x / 127.5 - 1, (1, 3, T, H, W), rounded to `dtype` last."""
    video = torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2)[None]
    return (video.float() / 127.5 - 1).to(dtype)


def video_to_pixels(video: torch.Tensor, truncate: bool = False) -> NDArray[np.uint8]:
    """(1, 3, T, H, W) in [-1, 1] -> uint8 (T, H, W, 3). The published code truncates; the default rounds."""
    value = (video[0].float().clamp(-1, 1) + 1) * 127.5
    value = value.floor() if truncate else value.round()
    return value.to(torch.uint8).permute(1, 2, 3, 0).cpu().numpy()


def normalise(latents: torch.Tensor, vae: Any) -> torch.Tensor:
    """(z - mean) / std with the VAE's 16 constants, float32."""
    mean, std = _constants(vae, latents.device)
    return (latents.float() - mean) / std


def denormalise(latents: torch.Tensor, vae: Any) -> torch.Tensor:
    """z std + mean, float32."""
    mean, std = _constants(vae, latents.device)
    return latents.float() * std + mean


def _constants(vae: Any, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (1, -1, 1, 1, 1)
    mean = torch.tensor(vae.config.latents_mean, dtype=torch.float32, device=device).view(shape)
    return mean, torch.tensor(vae.config.latents_std, dtype=torch.float32, device=device).view(shape)


def encode(vae: Any, video: torch.Tensor) -> torch.Tensor:
    """Normalised mean of the posterior, no sampling: (1, 3, T, H, W) -> float32 (1, 16, t, H / 8, W / 8).

    Raises InputError unless T = 4 k + 1 (`scale_factor_temporal` of the VAE in place of 4).
    """
    latent_frames(video.shape[2], vae.config.scale_factor_temporal)
    posterior = vae.encode(video.to(vae.device, vae.dtype)).latent_dist
    return normalise(posterior.mode(), vae)


def decode(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """Normalised latents (1, 16, t, h, w) -> video (1, 3, 4 (t - 1) + 1, 8 h, 8 w), float32 in [-1, 1]."""
    plain = denormalise(latents, vae).to(vae.device, vae.dtype)
    return vae.decode(plain).sample.float().clamp(-1, 1)


def network_input(
    noisy: torch.Tensor, position: torch.Tensor, normal: torch.Tensor, channels: int = RELEASE_CHANNELS
) -> torch.Tensor:
    """The network's input (batch, channels, t, h, w) from three latents of 16 channels, in the dtype of `noisy`.

    68 channels: noise, position, 20 zeros, normal. 48: the same without the zeros.
    """
    batch = len(noisy)
    position, normal = (x.to(noisy).expand(batch, -1, -1, -1, -1) for x in (position, normal))
    if channels == PAPER_CHANNELS:
        return torch.cat((noisy, position, normal), dim=1)
    if channels == RELEASE_CHANNELS:
        zeros = noisy.new_zeros((batch, _ZERO_CHANNELS, *noisy.shape[2:]))
        return torch.cat((noisy, position, zeros, normal), dim=1)
    raise ValueError(f"a network with {channels} input channels is not an OrbitPainter network")


def fit_patch_embedding(weight: torch.Tensor, channels: int) -> torch.Tensor:
    """The patch embedding (dim, c, 1, 2, 2) for another number of input channels; c and `channels` are 48, 52 or 68.

    68 -> 48 drops the columns of the constant zeros and is exact; 48 -> 68 puts zeros there and is exact. 52 is the
    base model: its normals are missing and start at zero.
    """
    given = weight.shape[1]
    if given == channels:
        return weight
    if {given, channels} - {PAPER_CHANNELS, 52, RELEASE_CHANNELS}:
        raise ValueError(f"no patch embedding of {channels} channels can be made from one of {given}")
    full = weight.new_zeros((weight.shape[0], RELEASE_CHANNELS, *weight.shape[2:]))
    if given == PAPER_CHANNELS:
        full[:, :32], full[:, CHANNELS_OF_NORMAL_IN_RELEASE] = weight[:, :32], weight[:, 32:]
    else:
        full[:, :given] = weight
    if channels == PAPER_CHANNELS:
        return torch.cat((full[:, :32], full[:, CHANNELS_OF_NORMAL_IN_RELEASE]), dim=1)
    return full[:, :channels].contiguous()
