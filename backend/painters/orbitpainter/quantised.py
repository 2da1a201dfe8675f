# SPDX-License-Identifier: GPL-3.0-or-later
"""4-bit storage of matrices: NF4 codes with a scale for every 64 values, widened when the matrix is used.

Plain PyTorch, so that it works on every device and moves with offloading hooks like any other weight. Storage only:
arithmetic is that of the activations' dtype. Relative error of a normally distributed matrix: about 9 %.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = 64
# The 16 levels of NF4 (QLoRA, arXiv 2305.14314, appendix E): equally likely for a normal distribution, zero exact.
_LEVELS = (
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
)


def quantise(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes uint8 (ceil(n / 128) * 64,), two a byte, and scales float16 (blocks,), for the n values of `weight`."""
    flat = weight.detach().float().flatten()
    flat = F.pad(flat, (0, -len(flat) % (2 * BLOCK))).view(-1, BLOCK)
    scale = flat.abs().amax(dim=1).half()
    levels = torch.tensor(_LEVELS, device=weight.device)
    middles = (levels[1:] + levels[:-1]) / 2
    code = torch.bucketize(flat / scale.float().clamp(min=1e-8)[:, None], middles).to(torch.uint8).flatten()
    return code[0::2] | (code[1::2] << 4), scale


def dequantise(codes: torch.Tensor, scale: torch.Tensor, shape: torch.Size, dtype: torch.dtype) -> torch.Tensor:
    """The matrix of `shape` in `dtype`."""
    levels = torch.tensor(_LEVELS, dtype=dtype, device=codes.device)
    pairs = torch.stack((codes & 15, codes >> 4), dim=-1).flatten()
    values = levels[pairs.int()].view(-1, BLOCK) * scale.to(dtype)[:, None]
    return values.flatten()[: shape.numel()].view(shape)


class Linear4Bit(nn.Module):
    """`nn.Linear` whose weight is stored in 4 bits; the bias stays as it is."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        codes, scale = quantise(linear.weight)
        self.codes = nn.Parameter(codes, requires_grad=False)
        self.scale = nn.Parameter(scale, requires_grad=False)
        self.bias = linear.bias

    @property
    def weight(self) -> torch.Tensor:
        """The widened matrix, in the dtype of the bias."""
        shape = torch.Size((self.out_features, self.in_features))
        dtype = torch.float32 if self.bias is None else self.bias.dtype
        return dequantise(self.codes, self.scale, shape, dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shape = torch.Size((self.out_features, self.in_features))
        return F.linear(x, dequantise(self.codes, self.scale, shape, x.dtype), self.bias)


def quantise_blocks(blocks: nn.Module) -> None:
    """Replace every `nn.Linear` inside the transformer blocks, one at a time."""
    for parent in list(blocks.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Linear):
                setattr(parent, name, Linear4Bit(child))
