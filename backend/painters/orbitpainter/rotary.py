# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotary positions as diffusers' Wan attention applies them (specs/orbitpainter.md section 6, step 3)."""

from __future__ import annotations

import torch


def apply_rotary(states: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotate neighbouring pairs of `states` (batch, tokens, heads, d) by the angles of each token.

    cos, sin: (1, tokens, 1, d), every angle twice in a row. The result has the dtype of `states`.
    """
    even, odd = states.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = cos[..., 0::2], sin[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2).type_as(states)
