# SPDX-License-Identifier: GPL-3.0-or-later
"""The OrbitPainter network: Wan 2.2 Fun-Control with reference tokens, and GASA where wanted.

specs/orbitpainter.md sections 5.1, 6 and 12. Blocks, norms and embeddings are diffusers' own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from diffusers.configuration_utils import register_to_config
from diffusers.models._modeling_parallel import ContextParallelConfig, ParallelConfig
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.transformers.transformer_wan import WanTransformer3DModel
from diffusers.utils import apply_lora_scale
from torch import nn

from .gasa import GasaProcessor, GeometryAwareAttention, Projections, RotaryAndLayout
from .gasa_kernels import GasaBackend, chosen_backend
from .gasa_layout import GasaLayout
from .gasa_tokens import GasaOptions
from .time_embedding import SinusoidalTimesteps, rounded_timestep


class OrbitWanTransformer3DModel(WanTransformer3DModel):
    """`WanTransformer3DModel` with reference tokens and optional geometry-aware sparse attention.

    Beside the parent's arguments:
    in_channels       68 (released weights) or 48 (the same without the constant-zero channels); see `latents`
    ref_in_channels   channels of the reference latent; None: the network has no reference tokens
    round_timestep    round the timestep to bfloat16 first, as in training; part of the contract
    gasa              every block has GASA; then `forward` needs a layout
    gasa_projections  "own" or "output", see `GeometryAwareAttention`
    gasa_grid, gasa_radius, gasa_min_foreground, gasa_same_frame   see `GasaOptions`; stored with the weights because
                      they were trained with them
    """

    _skip_layerwise_casting_patterns: ClassVar[list[str]] = [
        *WanTransformer3DModel._skip_layerwise_casting_patterns,
        "ref_conv",
        "proj_out",
    ]
    _keep_in_fp32_modules: ClassVar[list[str]] = [*WanTransformer3DModel._keep_in_fp32_modules, "gate"]

    # on_block(index, count) is called before each block; what it raises stops the forward pass.
    on_block: Callable[[int, int], None] | None = None
    run_on: torch.device | None = None  # the device it computes on, where that is not the pipeline's

    @register_to_config
    def __init__(
        self,
        patch_size: tuple[int, ...] = (1, 2, 2),
        num_attention_heads: int = 40,
        attention_head_dim: int = 128,
        in_channels: int = 68,
        out_channels: int = 16,
        text_dim: int = 4096,
        freq_dim: int = 256,
        ffn_dim: int = 13824,
        num_layers: int = 40,
        cross_attn_norm: bool = True,
        qk_norm: str | None = "rms_norm_across_heads",
        eps: float = 1e-6,
        image_dim: int | None = None,
        added_kv_proj_dim: int | None = None,
        rope_max_seq_len: int = 1024,
        pos_embed_seq_len: int | None = None,
        ref_in_channels: int | None = 16,
        round_timestep: bool = True,
        gasa: bool = False,
        gasa_projections: Projections = "own",
        gasa_grid: int = GasaOptions.grid,
        gasa_radius: int = GasaOptions.radius,
        gasa_min_foreground: int = GasaOptions.min_foreground,
        gasa_same_frame: bool = GasaOptions.same_frame,
    ) -> None:
        super().__init__(
            patch_size,
            num_attention_heads,
            attention_head_dim,
            in_channels,
            out_channels,
            text_dim,
            freq_dim,
            ffn_dim,
            num_layers,
            cross_attn_norm,
            qk_norm,
            eps,
            image_dim,
            added_kv_proj_dim,
            rope_max_seq_len,
            pos_embed_seq_len,
        )
        dim = num_attention_heads * attention_head_dim
        self.condition_embedder.timesteps_proj = SinusoidalTimesteps(freq_dim)
        self.ref_conv = None
        if ref_in_channels is not None:
            spatial = (patch_size[1], patch_size[2])
            self.ref_conv = nn.Conv2d(ref_in_channels, dim, kernel_size=spatial, stride=spatial)
        if gasa:
            for block in self.blocks:
                block.attn1.gasa = GeometryAwareAttention(dim, gasa_projections)
                block.attn1.set_processor(GasaProcessor())

    @property
    def gasa_options(self) -> GasaOptions:
        """The choices this network's GASA was made with."""
        config = self.config
        return GasaOptions(config.gasa_grid, config.gasa_radius, config.gasa_min_foreground, config.gasa_same_frame)

    def copy_gasa_from_full_attention(self) -> None:
        """Start every block's GASA from its full attention, gate zero: the network's output does not change."""
        for block in self.blocks:
            block.attn1.gasa.copy_from(block.attn1)

    def _resolve_parallel_config(self, config: Any) -> Any:
        """As diffusers' own, but on the device that this network computes on: any of the machine's, or the CPU."""
        if not isinstance(config, ContextParallelConfig) or config.mesh is None or self.run_on is None:
            return super()._resolve_parallel_config(config)
        parallel = ParallelConfig(context_parallel_config=config)
        parallel.setup(dist.get_rank(), dist.get_world_size(), self.run_on, mesh=config.mesh)
        self._parallel_config = parallel
        return parallel

    @apply_lora_scale("attention_kwargs")
    def forward(
        self,
        hidden_states: torch.Tensor,
        timestep: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        reference_latents: torch.Tensor | None = None,
        gasa_layout: GasaLayout | None = None,
        gasa_backend: GasaBackend = "auto",
        kept_tokens: torch.Tensor | None = None,
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> Transformer2DModelOutput | tuple[torch.Tensor]:
        """Velocity (noise - data) of the latent.

        hidden_states          (batch, in_channels, t, h, w), see `latents.network_input`
        timestep               (batch,), 1000 sigma, exact; rounded here
        encoder_hidden_states  (batch, 512, text_dim), padded positions zero
        reference_latents      (batch or 1, ref_in_channels, 1, h, w) or None: no reference tokens
        gasa_layout            for a network with GASA, of exactly this t, h / 2, w / 2 and on this device
        kept_tokens            int64 (K,), ascending: only these video tokens (order frame, row, column) enter the
                               blocks, see `gasa_tokens.tokens_to_keep`; the velocity of the others is 0, and the caller
                               puts in what it knows (noise - data). An approximation. All active tokens of the
                               GASA layout must be kept. None: all
        Returns (batch, out_channels, t, h, w) as `.sample`, or in a tuple. Raises ValueError for wrong shapes.
        """
        batch, _, frames, height, width = hidden_states.shape
        p_t, p_h, p_w = self.config.patch_size
        grid = (frames // p_t, height // p_h, width // p_w)
        reference = self._reference_tokens(reference_latents, batch, grid)
        count = 0 if reference is None else reference.shape[1]

        # The reference stands at time index 0, the video at 1 ... t. A tensor on the real device, because hooks of
        # offloading and of context parallelism look at the arguments of `rope`.
        rope_frames = frames + (p_t if reference is not None else 0)
        cos, sin = self.rope(hidden_states.new_empty((1, 1, rope_frames, height, width)))
        tokens = self.patch_embedding(hidden_states).flatten(2).transpose(1, 2)
        tokens = tokens.contiguous() if reference is None else torch.cat((reference, tokens), dim=1)
        if kept_tokens is not None:
            place = self._places(kept_tokens, count)
            tokens, cos, sin = tokens[:, place], cos[:, place], sin[:, place]
        rotary: Any = (cos, sin)
        if self._check_layout(gasa_layout, grid, hidden_states.device):
            assert gasa_layout is not None
            index = _places_of_active(gasa_layout, kept_tokens) + count
            backend = chosen_backend(gasa_backend, gasa_layout)
            rotary = RotaryAndLayout.of(cos, sin, gasa_layout, index, backend, self._parallel_config)

        if self.config.round_timestep:
            timestep = rounded_timestep(timestep)
        temb, modulation, text, _ = self.condition_embedder(timestep, encoder_hidden_states, None)
        modulation = modulation.unflatten(1, (6, -1))

        for index, block in enumerate(self.blocks):
            if self.on_block is not None:
                self.on_block(index, len(self.blocks))
            if torch.is_grad_enabled() and self.gradient_checkpointing:
                tokens = self._gradient_checkpointing_func(block, tokens, text, modulation, rotary)
            else:
                tokens = block(tokens, text, modulation, rotary)

        shift, scale = (self.scale_shift_table.to(temb.device) + temb.unsqueeze(1)).chunk(2, dim=1)
        shift, scale = shift.to(tokens.device), scale.to(tokens.device)
        tokens = (self.norm_out(tokens.float()) * (1 + scale) + shift).type_as(tokens)
        # Reference tokens are dropped last: context parallelism gathers the sequence at the output of proj_out.
        tokens = self.proj_out(tokens)[:, count:]
        if kept_tokens is not None:
            every = tokens.new_zeros((batch, math.prod(grid), tokens.shape[2]))
            tokens = every.index_copy(1, kept_tokens, tokens)
        sample = tokens.reshape(batch, *grid, p_t, p_h, p_w, -1).permute(0, 7, 1, 4, 2, 5, 3, 6)
        sample = sample.flatten(6, 7).flatten(4, 5).flatten(2, 3)
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)

    def _reference_tokens(
        self, latents: torch.Tensor | None, batch: int, grid: tuple[int, int, int]
    ) -> torch.Tensor | None:
        """(batch, rows * columns, dim) or None."""
        if latents is None:
            return None
        if self.ref_conv is None:
            raise ValueError("this network has no reference tokens (ref_in_channels is None)")
        tokens = self.ref_conv(latents.squeeze(2)).flatten(2).transpose(1, 2)
        if tokens.shape[1] != grid[1] * grid[2]:
            raise ValueError(f"the reference latent {tuple(latents.shape)} is not of the video's height and width")
        return tokens.expand(batch, -1, -1)

    def _places(self, kept: torch.Tensor, count: int) -> torch.Tensor:
        """Where the reference tokens and the kept video tokens stand in the whole sequence."""
        if self._parallel_config is not None:
            raise ValueError("tokens cannot be dropped where context parallelism splits them")
        return torch.cat((torch.arange(count, device=kept.device), kept + count))

    def _check_layout(self, layout: GasaLayout | None, grid: tuple[int, int, int], device: torch.device) -> bool:
        if self.config.gasa != (layout is not None):
            raise ValueError("gasa_layout must be given to a network with GASA, and only to such a network")
        if layout is None:
            return False
        if layout.grid != grid:
            raise ValueError(f"the GASA layout is of {layout.grid} tokens, the latent of {grid}")
        if layout.device.type != device.type:  # moving it here would do so, and build its block mask, at every step
            raise ValueError(f"the GASA layout is on {layout.device}, the latent on {device}")
        return True


def _places_of_active(layout: GasaLayout, kept: torch.Tensor | None) -> torch.Tensor:
    """Where the layout's active tokens stand among the video tokens that are kept, int64 (A,)."""
    if kept is None:
        return layout.tokens
    place = torch.full((math.prod(layout.grid),), -1, device=kept.device)
    place[kept] = torch.arange(len(kept), device=kept.device)
    places = place[layout.tokens]
    if (places < 0).any():
        raise ValueError("a token that GASA works on was dropped")
    return places
