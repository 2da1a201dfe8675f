# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what a memory profile says: storage precision, and where the experts and the VAE are when."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled, apply_group_offloading
from diffusers.hooks.layerwise_casting import apply_layerwise_casting
from torch import nn

from .pipeline import OrbitPainterPipeline
from .profiles import MemoryProfile, Storage
from .quantised import quantise_blocks
from .sampler import Expert
from .transformer import OrbitWanTransformer3DModel

FEED_FORWARD_CHUNKS = 8


def store_block(block: nn.Module, storage: Storage, dtype: torch.dtype) -> None:
    """Keep the matrices of a block in `storage`; arithmetic stays in `dtype`. In place."""
    if storage == "fp8":
        apply_layerwise_casting(block, torch.float8_e4m3fn, dtype, ("norm", "gate"))
    elif storage == "4bit":
        quantise_blocks(block)


def place(pipe: OrbitPainterPipeline, profile: MemoryProfile, device: torch.device) -> None:
    """Put the parts of `pipe` where `profile` wants them. Their storage precision is `store_block`'s business.

    A network that is streamed already (from the disk, as it was loaded) stays so.
    """
    pipe.run_on = device
    pipe.vae_on_demand = profile.vae_on_demand
    vae: Any = pipe.vae
    vae.to("cpu" if profile.vae_on_demand else device)
    if profile.vae_tiled and hasattr(vae, "enable_tiling"):
        vae.enable_tiling()
    experts = [model for model in (pipe.transformer, pipe.transformer_2) if model is not None]
    if profile.chunked_feed_forward:
        for model in experts:
            chunk_feed_forward(model)
    if profile.placement == "resident":
        for model in experts:
            _move(model, device)
    elif profile.placement == "swap":
        pipe.activate = ExpertSwap({"high": pipe.transformer, "low": pipe.transformer_2}, device)
        pipe.activate("high")
    else:
        for model in experts:
            if not _is_group_offload_enabled(model):
                stream(model, device, profile.group)


def stream(model: OrbitWanTransformer3DModel, device: torch.device, group: int, disk: Path | None = None) -> None:
    """Let groups of `group` blocks come to the device when they are needed, the next one while one works (on CUDA).

    disk: a folder of this network's own, from which they come; None: from RAM.
    """
    ahead = device.type == "cuda"
    apply_group_offloading(
        model,
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=group,
        use_stream=ahead,
        record_stream=ahead,
        non_blocking=ahead,
        low_cpu_mem_usage=ahead,  # pinned as they go: pinning both experts whole would need their size again
        offload_to_disk_path=None if disk is None else str(disk),
    )


class ExpertSwap:
    """Keeps the active expert on the device and the other one in RAM."""

    def __init__(self, experts: Mapping[Expert, OrbitWanTransformer3DModel], device: torch.device) -> None:
        self.experts, self.device = experts, device
        self.active: Expert | None = None

    def __call__(self, expert: Expert) -> None:
        """Bring `expert` to the device. Tensor by tensor, so that neither side ever holds more than one expert."""
        if self.active == expert:
            return
        leaving = None if self.active is None else self.experts[self.active]
        self.active = None  # until both have moved
        exchange(leaving, self.experts[expert], self.device)
        self.active = expert


def exchange(leaving: nn.Module | None, coming: nn.Module, device: torch.device) -> None:
    """Move `leaving` to the CPU and `coming`, of the same layout, to `device`."""
    out = [] if leaving is None else [*leaving.parameters(), *leaving.buffers()]
    into = [*coming.parameters(), *coming.buffers()]
    for index in range(max(len(out), len(into))):
        if index < len(out):
            out[index].data = out[index].data.to("cpu")
        if index < len(into):
            into[index].data = into[index].data.to(device)


def _move(model: OrbitWanTransformer3DModel, device: torch.device) -> None:
    exchange(None, model, device)


def chunk_feed_forward(model: OrbitWanTransformer3DModel, chunks: int = FEED_FORWARD_CHUNKS) -> None:
    """Compute every feed-forward part in `chunks` pieces along the tokens: the same result in less memory."""
    for block in model.blocks:
        feed_forward: Any = block.ffn
        whole = feed_forward.forward

        def forward(x: torch.Tensor, *rest: Any, _whole: Any = whole, **named: Any) -> torch.Tensor:
            return torch.cat([_whole(piece, *rest, **named) for piece in x.chunk(chunks, dim=1)], dim=1)

        feed_forward.forward = forward
