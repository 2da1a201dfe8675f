# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry-aware sparse attention beside a block's full self-attention (specs/orbitpainter.md section 12).

    out = FullAttention(x) + gate * GASA(x_video)

The module lives at `blocks.N.attn1.gasa`, so that diffusers' `WanTransformerBlock` is used unchanged: its hooks for
caching, compilation and offloading are registered by that class. The attention processor calls it.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from diffusers.hooks.context_parallel import EquipartitionSharder
from diffusers.models.transformers.transformer_wan import WanAttention, WanAttnProcessor
from torch import nn

from .gasa_kernels import GasaBackend, sparse_attention
from .gasa_layout import GasaLayout
from .rotary import apply_rotary

Projections = Literal["own", "output"]


class RotaryAndLayout(NamedTuple):
    """What a transformer with GASA hands to its blocks as `rotary_emb`."""

    cos: torch.Tensor
    sin: torch.Tensor
    active: tuple[torch.Tensor, torch.Tensor]  # the same of the layout's active tokens
    layout: GasaLayout
    index: torch.Tensor  # int64 (A,), where the active tokens stand in the whole sequence
    backend: GasaBackend

    @staticmethod
    def of(
        cos: torch.Tensor,
        sin: torch.Tensor,
        layout: GasaLayout,
        index: torch.Tensor,
        backend: GasaBackend,
        parallel: Any = None,
    ) -> RotaryAndLayout:
        """From the tables of this device's tokens, which are a part of all under context parallelism (`parallel`)."""
        active = gathered(cos, parallel)[:, index], gathered(sin, parallel)[:, index]
        return RotaryAndLayout(cos, sin, active, layout, index, backend)


def gathered(x: torch.Tensor, parallel: Any) -> torch.Tensor:
    """All tokens (dimension 1) of what context parallelism splits among devices; `x` itself where it does not.

    parallel: diffusers' ParallelConfig or None.
    """
    if parallel is None:
        return x
    return EquipartitionSharder.unshard(x, 1, parallel.context_parallel_config._flattened_mesh)


class GeometryAwareAttention(nn.Module):
    """GASA of one block.

    projections: "own" has to_q, to_k, to_v and to_out of its own; "output" shares q, k, v with the full attention
    and owns to_out (a quarter of the weights and of the extra arithmetic). The RMS norms of q and k are the full
    attention's. `gate` (1,) starts at zero: an untrained GASA changes nothing.
    """

    def __init__(self, dim: int, projections: Projections = "own") -> None:
        super().__init__()
        self.own_projections = projections == "own"
        if self.own_projections:
            self.to_q, self.to_k, self.to_v = (nn.Linear(dim, dim) for _ in range(3))
        self.to_out = nn.Linear(dim, dim)
        self.gate = nn.Parameter(torch.zeros(1))

    @torch.no_grad()
    def copy_from(self, attn: WanAttention) -> None:
        """Take the projections of the block's full attention and close the gate."""
        pairs = [(self.to_out, attn.to_out[0])]
        if self.own_projections:
            pairs += [(self.to_q, attn.to_q), (self.to_k, attn.to_k), (self.to_v, attn.to_v)]
        for ours, theirs in pairs:
            ours.weight.copy_(theirs.weight)
            ours.bias.copy_(theirs.bias)
        self.gate.zero_()

    def forward(self, attn: WanAttention, hidden_states: torch.Tensor, rotary: RotaryAndLayout) -> torch.Tensor:
        """gate * GASA for hidden_states (batch, reference + video tokens, dim): same shape and dtype.

        Zero for reference tokens, background tokens and tokens without neighbours. Projects active tokens only. Under
        context parallelism each device has a part of the tokens; it computes GASA of all, and keeps its part.
        """
        index = rotary.index
        if len(index) == 0:
            return torch.zeros_like(hidden_states)
        parallel = attn.processor._parallel_config
        whole = gathered(hidden_states, parallel)
        active = whole[:, index]
        query, key, value = self._project(attn, active)
        cos, sin = rotary.active
        query = apply_rotary(attn.norm_q(query).unflatten(2, (attn.heads, -1)), cos, sin)
        key = apply_rotary(attn.norm_k(key).unflatten(2, (attn.heads, -1)), cos, sin)
        value = value.unflatten(2, (attn.heads, -1)).type_as(query)
        out = sparse_attention(query, key, value, rotary.layout, rotary.backend)
        out = self.gate * self.to_out(out.flatten(2).type_as(active))
        out = torch.zeros_like(whole).index_copy(1, index, out.type_as(hidden_states))
        if parallel is None:
            return out
        return EquipartitionSharder.shard(out, 1, parallel.context_parallel_config._flattened_mesh)

    def _project(self, attn: WanAttention, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        if self.own_projections:
            return self.to_q(x), self.to_k(x), self.to_v(x)
        if attn.fused_projections:
            query, key, value = attn.to_qkv(x).chunk(3, dim=-1)
            return query, key, value
        return attn.to_q(x), attn.to_k(x), attn.to_v(x)


class GasaProcessor(WanAttnProcessor):
    """Full self-attention plus GASA; plain full attention where no layout comes with the rotary tables."""

    def __call__(
        self,
        attn: Any,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        rotary_emb: Any = None,
    ) -> torch.Tensor:
        if not isinstance(rotary_emb, RotaryAndLayout):
            return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, rotary_emb)
        tables = (rotary_emb.cos, rotary_emb.sin)
        full = super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, tables)
        return full + attn.gasa(attn, hidden_states, rotary_emb)
