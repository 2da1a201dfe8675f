# SPDX-License-Identifier: GPL-3.0-or-later
"""The timestep as the network was trained to see it (specs/orbitpainter.md section 6, step 4)."""

from __future__ import annotations

import torch


def rounded_timestep(timestep: torch.Tensor) -> torch.Tensor:
    """1000 sigma rounded to bfloat16, returned as float32: above 512 only multiples of 4 occur. Idempotent."""
    return timestep.to(torch.bfloat16).float()


class SinusoidalTimesteps(torch.nn.Module):
    """Sinusoidal embedding computed in float64, cosines first; takes the place of diffusers' float32 one.

    timestep (batch,) -> float32 (batch, channels).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, timestep: torch.Tensor) -> torch.Tensor:
        half = self.channels // 2
        device = torch.device("cpu") if timestep.device.type == "mps" else timestep.device  # MPS has no float64
        time = timestep.to(device, torch.float64)
        exponent = -torch.arange(half, dtype=torch.float64, device=device) / half
        angle = time[:, None] * torch.pow(10000.0, exponent)
        return torch.cat((angle.cos(), angle.sin()), dim=-1).float().to(timestep.device)
