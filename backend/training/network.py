# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a training run, and which of its weights are trained (specs/orbitpainter.md section 11)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import InputError
from ..painters.orbitpainter.checkpoints import ExpertFiles, load_expert, load_vae
from ..painters.orbitpainter.lora import is_trained
from ..painters.orbitpainter.patch_vae import PatchVae
from ..painters.orbitpainter.prompts import LENGTH
from ..painters.orbitpainter.tensor_files import TensorStore
from ..painters.orbitpainter.transformer import OrbitWanTransformer3DModel
from ..progress import Progress, silent
from .config import ModelConfig, TrainConfig

GATES = (2, 5)  # rows of a Wan block's `scale_shift_table`: of the self-attention, of the feed-forward layer
_GASA_PROJECTION = re.compile(r"blocks\.\d+\.attn1\.gasa\.to_(q|k|v|out)")


def build_network(config: TrainConfig, progress: Progress = silent) -> OrbitWanTransformer3DModel:
    """A new network with weights of the run's seed, or the base with its LoRA attached; only what is trained has
    `requires_grad`. Trained weights are float32, frozen ones bfloat16 where the run computes in it. Raises InputError.
    """
    model = config.model
    torch.manual_seed(config.run.seed)  # of a LoRA on a loaded base, too
    if model.base:
        network = _loaded(model, config.run.precision == "bf16", progress)
    else:
        network = OrbitWanTransformer3DModel(**_sizes(model), freq_dim=model.freq_dim)
        _initialise(network, model)
    choose_trained(network, model)
    if config.run.gradient_checkpointing:
        network.enable_gradient_checkpointing()
    return network.train()


def _sizes(model: ModelConfig) -> dict[str, Any]:
    return {
        "num_layers": model.layers,
        "num_attention_heads": model.heads,
        "attention_head_dim": model.head_dim,
        "ffn_dim": model.ffn_dim,
        "text_dim": model.text_dim,
        "in_channels": model.channels,
        **_gasa(model),
    }


def _gasa(model: ModelConfig) -> dict[str, Any]:
    return {
        "gasa": model.gasa,
        "gasa_projections": model.gasa_projections,
        "gasa_grid": model.gasa_grid,
        "gasa_radius": model.gasa_radius,
    }


def _loaded(model: ModelConfig, half: bool, progress: Progress) -> OrbitWanTransformer3DModel:
    overrides = _gasa(model) if model.gasa else {}
    files = ExpertFiles(model.base, model.orbitpainter or None)
    dtype = torch.bfloat16 if half and model.train == "lora" else torch.float32
    return load_expert(files, in_channels=model.channels, overrides=overrides, dtype=dtype, progress=progress).model


@torch.no_grad()
def _initialise(network: OrbitWanTransformer3DModel, model: ModelConfig) -> None:
    """Weights of a new network: as torch makes them, but for what keeps a small one from learning at once.

    The noise passes straight through: most of what is to be predicted, noise - data, stands in the input. The reference
    is embedded as the noise is, with a mark beside it that keeps its brightness through the norms. Self-attention looks
    for tokens like its own and takes away what they hold (mimetic initialisation, arXiv 2305.09828), its gates are
    open, and GASA starts as the full attention.
    """
    noise = network.patch_embedding.weight[:, : network.config.out_channels]
    orthonormal = nn.init.orthogonal_(torch.empty(noise.shape[0], noise[0].numel())).view_as(noise)
    noise.copy_(orthonormal)
    if network.ref_conv is not None:
        network.ref_conv.weight.copy_(orthonormal[:, :, 0])
        assert network.ref_conv.bias is not None
        network.ref_conv.bias.copy_(_outside(orthonormal.flatten(1), 1.5 * noise[0].numel() ** 0.5))
    # The last norm makes a token of unit variance out of it, of which noise has a share of features.
    gain = (noise[0].numel() / noise.shape[0]) ** 0.5
    network.proj_out.weight.copy_(gain * orthonormal.permute(2, 3, 4, 1, 0).flatten(0, 3))
    network.proj_out.bias.zero_()
    block: Any
    for block in network.blocks:
        block.scale_shift_table.zero_()
        block.scale_shift_table[:, GATES] = 1
        attention = block.attn1
        _mimic(attention.to_q.weight, attention.to_k.weight, 0.7)
        _mimic(attention.to_v.weight, attention.to_out[0].weight.T, -0.4)
    if model.gasa:
        network.copy_gasa_from_full_attention()
        for block in network.blocks:
            nn.init.constant_(block.attn1.gasa.gate, model.gasa_gate)


def _outside(columns: torch.Tensor, length: float) -> torch.Tensor:
    """A random vector of a length, at right angles to orthonormal columns (n, m); m >= n leaves nothing: any vector."""
    vector = torch.randn(len(columns))
    if columns.shape[1] < len(columns):
        vector -= columns @ (columns.T @ vector)
    return length * vector / vector.norm()


def _mimic(first: torch.Tensor, second: torch.Tensor, share: float) -> None:
    """Set two square matrices so that first^T second is `share` of the identity and noise beside it."""
    shared = nn.init.orthogonal_(torch.empty_like(first))
    size, rest = abs(share) ** 0.5, ((1 - abs(share)) / len(first)) ** 0.5
    first.copy_(size * shared + rest * torch.randn_like(first))
    second.copy_(math.copysign(size, share) * shared + rest * torch.randn_like(first))


def choose_trained(network: OrbitWanTransformer3DModel, model: ModelConfig) -> None:
    """Attach the LoRA and set `requires_grad`."""
    if model.train == "lora":
        from peft import LoraConfig, inject_adapter_in_model

        targets = [name for name, _ in network.named_modules() if is_trained(name) or _GASA_PROJECTION.fullmatch(name)]
        network.requires_grad_(False)
        settings = LoraConfig(r=model.rank, lora_alpha=model.alpha, target_modules=targets)  # pyright: ignore[reportArgumentType]
        inject_adapter_in_model(settings, network)
        for name, parameter in network.named_parameters():
            whole = name.startswith("patch_embedding.") or name.endswith(".gasa.gate")
            parameter.requires_grad_(whole or ".lora_" in name)
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    else:
        network.requires_grad_(True)
    if not model.reference and network.ref_conv is not None:
        network.ref_conv.requires_grad_(False)


def trained_parameters(network: nn.Module) -> dict[str, nn.Parameter]:
    """Name -> parameter of what is trained, in order."""
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}


def share_frozen(network: nn.Module, copy: nn.Module) -> None:
    """Let a copy of a network use its frozen weights: a large base is kept once."""
    trained = trained_parameters(network)
    for name, parameter in network.named_parameters():
        if name not in trained:
            module, _, leaf = name.rpartition(".")
            setattr(copy.get_submodule(module), leaf, parameter)


def build_vae(model: ModelConfig) -> Any:
    """The Wan VAE, or the patch codec. Raises InputError."""
    return load_vae(model.vae) if model.vae else PatchVae().eval()


def encoded_prompt(model: ModelConfig, name: str = "positive") -> torch.Tensor:
    """The prompt (1, tokens, text_dim), float32: from its file, or one token of zeros. Raises InputError."""
    if not model.prompt:
        return torch.zeros((1, 1, model.text_dim))
    store = TensorStore(Path(model.prompt))
    if name not in store or store[name].shape[-1] != model.text_dim:
        raise InputError(
            "prompt-file",
            f"{model.prompt} holds no encoded prompt '{name}' of width {model.text_dim}.",
            "Encode the prompt with the text encoder of this model.",
        )
    text = store.tensor(name).float().reshape(1, -1, model.text_dim)
    return torch.nn.functional.pad(text, (0, 0, 0, LENGTH - text.shape[1]))  # padding takes part, as zeros
