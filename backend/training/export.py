# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning a checkpoint into what engines load: the released file format, or one folder in diffusers' layout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ..errors import InputError, OutputError
from ..files import atomic_path, write_json
from ..painters.orbitpainter.checkpoints import dtype_of
from ..painters.orbitpainter.lora import original_name
from ..painters.orbitpainter.prompts import CACHE_FILE, PromptEmbeddings, save_prompts
from ..painters.orbitpainter.sampler import SHIFT
from ..painters.orbitpainter.tensor_files import tensors_output
from . import checkpoint
from .config import TrainConfig, make_config
from .network import build_network, build_vae, encoded_prompt, trained_parameters


def newest(out: Path) -> tuple[Path, TrainConfig]:
    """A run's newest checkpoint and its configuration. Raises InputError."""
    found = checkpoint.checkpoints(out)
    if not found:
        raise InputError("checkpoint-missing", f"{out} holds no checkpoint.", "Train first, or correct the path.")
    return found[-1], make_config(checkpoint.read_state(found[-1])["config"])


def trained_tensors(folder: Path, averaged: bool = True) -> tuple[dict[str, torch.Tensor], Path]:
    """The trained weights of a checkpoint, averaged ones if there are and they are wanted, and their file."""
    path = folder / "ema.safetensors"
    if not (averaged and path.is_file()):
        path = folder / "trained.safetensors"
    return checkpoint.read_tensors(path), path


def load_network(folder: Path, config: TrainConfig, averaged: bool = True) -> Any:
    """The network of a checkpoint, in evaluation mode. Raises InputError."""
    network = build_network(config)
    tensors, path = trained_tensors(folder, averaged)
    checkpoint.load_trained(trained_parameters(network), tensors, path)
    return network.eval()


def export_released(folder: Path, path: Path, averaged: bool = True) -> None:
    """Write a LoRA checkpoint as `high_noise.safetensors` and `low_noise.safetensors` are: original names, bfloat16.

    Raises InputError (the format has no place for whole networks and for GASA), OutputError.
    """
    config = make_config(checkpoint.read_state(folder)["config"])
    if config.model.train != "lora":
        raise InputError(
            "export-not-lora", f"{folder} holds a whole network, not a LoRA.", "Export it as a diffusers folder."
        )
    tensors, _ = trained_tensors(folder, averaged)
    if config.model.gasa:
        raise InputError(
            "export-gasa", "The released format has no place for GASA.", "Export it as a diffusers folder."
        )
    scale = config.model.alpha / config.model.rank  # the format has no alpha: it is folded into B
    released = {}
    for name, tensor in tensors.items():
        tensor = tensor * scale if ".lora_B." in name else tensor
        module, separator, half = name.partition(".lora_")
        plain = f"{original_name(module)}{separator}{half}" if separator else name
        released[plain] = tensor.bfloat16().contiguous()
    with atomic_path(path) as temporary, tensors_output(path):
        save_file(released, temporary)


def export_diffusers(folder: Path, target: Path, averaged: bool = True, dtype: torch.dtype = torch.bfloat16) -> None:
    """Write the network of a checkpoint, LoRA merged in float32, with its VAE, prompt and scheduler: a folder that the
    engine loads. One network paints at all noise levels (boundary 0); two experts are put together by `models convert`
    from two released files. Raises InputError, OutputError (the folder is there already).
    """
    target = target.absolute()
    if target.exists():
        raise OutputError("output-exists", f"{target} is there already.", "Choose a new folder.")
    config = make_config(checkpoint.read_state(folder)["config"])
    network = load_network(folder, config, averaged)
    if config.model.train == "lora":
        _merge(network)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with tensors_output(target):
            temporary.mkdir(parents=True)
            for name, parameter in network.named_parameters():
                parameter.data = parameter.data.to(dtype_of(network, name, dtype))
            network.save_pretrained(temporary / "transformer")
            _write_rest(temporary, config)
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _merge(network: Any) -> None:
    """Fold every LoRA into its matrix, in float32, and put the plain layers back."""
    from peft.tuners.lora import LoraLayer

    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer):
            base: Any = module.get_base_layer()
            delta = module.get_delta_weight("default")  # pyright: ignore[reportCallIssue]
            base.weight.data = base.weight.data.float() + delta.float()
            parent, _, leaf = name.rpartition(".")
            setattr(network.get_submodule(parent), leaf, base)


def _write_rest(folder: Path, config: TrainConfig) -> None:
    from diffusers import FlowMatchEulerDiscreteScheduler

    vae = build_vae(config.model)
    vae.save_pretrained(folder / "vae")
    prompt = encoded_prompt(config.model)
    negative = encoded_prompt(config.model, "negative") if config.model.prompt else prompt.clone()
    save_prompts(folder / CACHE_FILE, PromptEmbeddings(prompt, negative))
    FlowMatchEulerDiscreteScheduler(shift=SHIFT).save_pretrained(folder / "scheduler")
    index: Mapping[str, Any] = {
        "_class_name": "OrbitPainterPipeline",
        "boundary_ratio": 0.0,
        "mode": config.model.layout,
        "transformer": ["orbit_painter", "OrbitWanTransformer3DModel"],
        "vae": ["orbit_painter" if not config.model.vae else "diffusers", type(vae).__name__],
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    }
    write_json(folder / "model_index.json", index)
    (folder / "training.json").write_text(json.dumps(config.to_json(), indent=2) + "\n", encoding="utf-8")
