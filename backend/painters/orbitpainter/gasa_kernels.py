# SPDX-License-Identifier: GPL-3.0-or-later
"""Fast ways to compute GASA over the active tokens of a layout; equal to `attention_reference.dense_attention`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch.nn.attention import flex_attention as flex

from .gasa_layout import GasaLayout

GasaBackend = Literal["auto", "flex", "chunked"]
logger = logging.getLogger(__name__)


def chosen_backend(backend: GasaBackend, layout: GasaLayout) -> GasaBackend:
    """`auto` becomes FlexAttention on CUDA and ROCm where it can be compiled, else the chunked way.

    Call it outside of compiled code: it may compile a probe, and makes the layout's block mask.
    """
    if backend == "auto":
        backend = "flex" if layout.device.type == "cuda" and flex_problem(str(layout.device)) is None else "chunked"
    if backend == "flex" and len(layout.tokens):
        _ = layout.block_mask
    return backend


def sparse_attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: GasaLayout, backend: GasaBackend
) -> torch.Tensor:
    """Attention over active tokens in the layout's order; each has at least one key.

    query, key, value: (batch, A, heads, d); the result too. backend: see `chosen_backend`.
    """
    attend = flex_attention if backend == "flex" else chunked_attention
    return attend(query, key, value, layout)


@torch.compiler.disable
def chunked_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layout: GasaLayout) -> torch.Tensor:
    """One masked attention per block of queries over the gathered blocks of its keys; runs anywhere, has gradients.

    Memory beyond the inputs: the keys and values of one block's neighbourhood, and its mask. Never compiled: unrolled
    over the blocks it would be a graph of thousands of nodes for each mesh.
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
    """Block-sparse FlexAttention: blocks without a pair are skipped, the others masked token by token.

    Padded to a length that does not depend on the mesh, so that one compilation serves all meshes.
    """
    count = query.shape[1]
    q, k, v = (F.pad(x, (0, 0, 0, 0, 0, layout.padded - count)).transpose(1, 2) for x in (query, key, value))
    attend = flex.flex_attention if torch.compiler.is_compiling() else _compiled_flex()
    return attend(q, k, v, block_mask=layout.block_mask).transpose(1, 2)[:, :count]


@cache
def _compiled_flex() -> Callable[..., Any]:
    return torch.compile(flex.flex_attention, dynamic=False)


@cache
def flex_problem(device: str) -> str | None:
    """Why FlexAttention cannot be used on `device`, or None. Compiles a small one; the answer is kept."""
    try:
        x = torch.ones((1, 1, 128, 64), device=device, dtype=torch.bfloat16)
        mask = flex.create_block_mask(lambda b, h, q, k: q >= k, None, None, 128, 128, device=device)
        _compiled_flex()(x, x, x, block_mask=mask)
    except Exception as error:  # whatever a compiler may raise: the probe's answer is the message
        logger.warning("FlexAttention cannot be used on %s, the chunked way is taken: %s", device, error)
        return f"{type(error).__name__}: {error}"
    return None
