# SPDX-License-Identifier: GPL-3.0-or-later
"""Fast ways to compute GASA over the active tokens of a layout; equal to `attention_reference.dense_attention`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F

from .gasa_layout import GasaLayout

GasaBackend = Literal["auto", "flex", "chunked"]
logger = logging.getLogger(__name__)


def sparse_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: GasaLayout, backend: GasaBackend = "auto"
) -> torch.Tensor:
    """Attention over active tokens in the layout's order; each has at least one key.

    query, key, value: (batch, A, heads, d); the result too. `auto` takes FlexAttention on CUDA and ROCm where it
    can be compiled, else the chunked way, which runs anywhere and has gradients.
    """
    if backend == "auto":
        backend = "flex" if query.device.type == "cuda" and flex_problem(str(query.device)) is None else "chunked"
    attend = flex_attention if backend == "flex" else chunked_attention
    return attend(query, key, value, layout)


def chunked_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: GasaLayout) -> torch.Tensor:
    """One masked attention per block of queries over the gathered blocks of its keys.

    Memory beyond the inputs: the keys and values of one block's neighbourhood, and its mask.
    """
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    chunks = []
    for index in range(len(layout.first_of_block) - 1):
        start = index * layout.block
        rows = torch.arange(start, min(start + layout.block, q.shape[2]), device=q.device)
        keys = layout.keys_of_block(index)
        mask = layout.allowed(rows[:, None], keys[None])
        part = q[:, :, start : start + layout.block]
        chunks.append(F.scaled_dot_product_attention(part, k[:, :, keys], v[:, :, keys], attn_mask=mask))
    return torch.cat(chunks, dim=2).transpose(1, 2)


def flex_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: GasaLayout) -> torch.Tensor:
    """Block-sparse FlexAttention: blocks without a pair are skipped, the others masked token by token."""
    q, k, v = (x.transpose(1, 2).contiguous() for x in (query, key, value))
    return _compiled_flex()(q, k, v, block_mask=layout.block_mask).transpose(1, 2)


@cache
def _compiled_flex() -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention as flex

    return torch.compile(flex)


@cache
def flex_problem(device: str) -> str | None:
    """Why FlexAttention cannot be used on `device`, or None. Compiles a small one; the answer is kept."""
    from torch.nn.attention.flex_attention import create_block_mask

    try:
        x = torch.ones((1, 1, 128, 64), device=device, dtype=torch.bfloat16)
        mask = create_block_mask(lambda b, h, q, k: q >= k, None, None, 128, 128, device=device)
        _compiled_flex()(x, x, x, block_mask=mask)
    except Exception as error:  # whatever a compiler may raise: the probe's answer is the message
        logger.warning("FlexAttention cannot be used on %s, the chunked way is taken: %s", device, error)
        return f"{type(error).__name__}: {error}"
    return None
