# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry-aware sparse attention, written for reading: dense, with a mask over all pairs of tokens.

The paper's definition with the product's choices (specs/orbitpainter.md section 12). Memory grows with the square of
the number of tokens; the fast ways in `gasa_kernels` are tested to equal this one.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from .gasa_tokens import GasaOptions, TokenGeometry


def key_mask(geometry: TokenGeometry, options: GasaOptions) -> NDArray[np.bool_]:
    """Which token may look at which, bool (N, N): row = query, column = key; tokens in order frame, row, column."""
    count = geometry.foreground.size
    foreground = geometry.foreground.reshape(count)
    voxel = geometry.voxel.reshape(count, 3).astype(np.int64)
    frame = geometry.frame_of_token()
    near = np.abs(voxel[:, None] - voxel[None]).max(axis=-1) <= options.radius
    mask = near & foreground[:, None] & foreground[None]
    if not options.same_frame:
        mask &= frame[:, None] != frame[None]
    return mask


def dense_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: NDArray[np.bool_] | torch.Tensor
) -> torch.Tensor:
    """softmax(q k^T / sqrt(d)) v over the keys that `mask` (N, N) allows, in float32; zero where it allows none.

    query, key, value: (batch, N, heads, d); the result too, with the dtype of `query`.
    """
    allowed = torch.as_tensor(mask, device=query.device)
    q, k, v = (x.transpose(1, 2).float() for x in (query, key, value))
    score = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    score = score.masked_fill(~allowed, -torch.inf)
    weight = torch.where(allowed.any(dim=-1, keepdim=True), score, torch.zeros(())).softmax(dim=-1)
    weight = torch.where(allowed, weight, torch.zeros(()))
    return (weight @ v).transpose(1, 2).type_as(query)
