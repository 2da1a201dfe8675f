# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaving out tokens whose result is known: the background is black, so its velocity is noise - black.

35 to 51 % of the tokens (specs/inference-speed.md section 4). An approximation: the network was trained with background
around the object, so a margin and a few registers stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .gasa_tokens import TokenGeometry, tokens_to_keep


@dataclass(frozen=True, eq=False)
class KnownBackground:
    """kept: int64 (K,), the video tokens that are computed; black: the latent (1, 16, t, h, w) of a black video;
    inside: bool (t, h, w), latent pixels of kept tokens.
    """

    kept: torch.Tensor
    black: torch.Tensor
    inside: torch.Tensor

    @staticmethod
    def of(geometry: TokenGeometry, black: torch.Tensor, device: torch.device) -> KnownBackground:
        kept = torch.from_numpy(tokens_to_keep(geometry))
        inside = torch.zeros(geometry.foreground.size, dtype=torch.bool)
        inside[kept] = True
        inside = inside.view(geometry.foreground.shape).repeat_interleave(2, 1).repeat_interleave(2, 2)
        return KnownBackground(kept.to(device), black.to(device), inside.to(device))

    def to(self, device: torch.device) -> KnownBackground:
        return KnownBackground(self.kept.to(device), self.black.to(device), self.inside.to(device))

    def filled(self, velocity: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """`velocity` (1, 16, t, h, w) with the known one where no token was computed; all on one device."""
        black, inside = self.black.to(velocity), self.inside.to(velocity.device)
        return torch.where(inside, velocity, noise - black)
