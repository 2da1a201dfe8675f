# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading the experts, the VAE and the text encoder from every layout they are published in.

specs/checkpoint-mapping.md. Strict: a key too many, a key too few, a wrong shape, a damaged file or a value that is
not a number is an InputError that names it. One tensor at a time is in float32, beside the model in its own dtype.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKLWan
from torch import nn

from ...errors import InputError
from ...progress import Progress, silent
from .checkpoint_mapping import text_encoder_name, transformer_name, vae_name
from .latents import fit_patch_embedding
from .lora import LoraFile, read_lora, read_orbitpainter
from .patch_vae import PatchVae
from .tensor_files import StoredTensor, TensorStore, check_names, check_shape
from .transformer import OrbitWanTransformer3DModel

PATCH_WEIGHT = "patch_embedding.weight"


@dataclass(frozen=True)
class ExtraLora:
    """A third-party LoRA of one expert, with its strength."""

    path: Path | str
    strength: float = 1.0


@dataclass(frozen=True)
class ExpertFiles:
    """What one expert is made of.

    base         the Fun-Control expert (original names, whole or in shards, .pth or GGUF; or a diffusers folder), or
                 a folder that `convert` wrote
    orbitpainter high_noise.safetensors or low_noise.safetensors; None where `base` has it merged already
    extra        further LoRAs, in order
    """

    base: Path | str
    orbitpainter: Path | str | None = None
    extra: Sequence[ExtraLora] = ()


@dataclass(frozen=True, eq=False)
class LoadedExpert:
    """The network in evaluation mode, and sentences about what was left out of its files."""

    model: OrbitWanTransformer3DModel
    notes: list[str] = field(default_factory=list)


def load_expert(
    files: ExpertFiles,
    *,
    in_channels: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    dtype: torch.dtype = torch.bfloat16,
    device: torch.device | str = "cpu",
    on_block: Callable[[nn.Module], None] | None = None,
    progress: Progress = silent,
) -> LoadedExpert:
    """Build an expert: base weights, OrbitPainter's LoRA and patch embedding, extra LoRAs; merged in float32.

    in_channels   48 or 68; None: as stored
    overrides     arguments of `OrbitWanTransformer3DModel` that the files do not tell (head size of small models,
                  GASA). Where GASA is asked for and the files have none, it starts from the full attention.
    dtype         of the weights; norms, modulation and time embedding stay float32, as diffusers keeps them
    on_block      called with each block when its weights are there, for instance to store them in fewer bits
    Raises InputError, EngineMissingError (a GGUF file without its package), CancelledError from `progress`.
    """
    store = TensorStore(files.base)
    sources = _renamed(store, transformer_name)
    config = expert_config(store, sources)
    config |= dict(overrides or {})
    modules = _module_names(config)
    released = None if files.orbitpainter is None else read_orbitpainter(files.orbitpainter, modules)
    stored_channels = config["in_channels"]
    if released is not None:
        stored_channels = released.replaced[PATCH_WEIGHT].shape[1]
        # Wan's other models would load, without the reference picture: the release is made for Fun-Control only.
        check_names(store.path, [], set() if config["ref_in_channels"] else {"ref_conv.weight", "ref_conv.bias"})
    config["in_channels"] = in_channels or stored_channels
    model = _empty(config)
    parameters = dict(model.named_parameters())
    optional = {name for name in parameters if ".gasa." in name}
    if optional & set(sources):  # stored in part is not "none": then all of it is wanted
        optional = set()
    check_names(store.path, sources, parameters, optional)

    changes: list[tuple[LoraFile, float]] = [] if released is None else [(released, 1.0)]
    changes += [(read_lora(extra.path, modules), extra.strength) for extra in files.extra]
    for change, _ in changes:
        _fit(change, config["in_channels"])
        change.check({name: tuple(parameter.shape) for name, parameter in parameters.items()})

    blocks: Any = model.blocks
    last = {f"blocks.{index}": list(block.named_parameters())[-1][0] for index, block in enumerate(blocks)}
    last_of_block = {f"{block}.{name}": block for block, name in last.items()}

    def finish(name: str) -> None:
        if (path := last_of_block.get(name)) is None:
            return
        block: Any = model.get_submodule(path)
        if optional:
            block.attn1.gasa.copy_from(block.attn1)
        if on_block is not None:
            on_block(block)

    for index, (name, parameter) in enumerate(parameters.items()):
        progress(index / len(parameters), f"reading {store.path.name}")
        if name not in sources:
            _assign(model, name, torch.zeros(parameter.shape, dtype=dtype_of(model, name, dtype), device=device))
            finish(name)
            continue
        tensor = _expert_tensor(store, sources[name], name, parameter, changes)
        _assign(model, name, tensor.to(device, dtype_of(model, name, dtype)))
        finish(name)
    progress(1.0, f"read {store.path.name}")
    return LoadedExpert(model.eval(), [note for change, _ in changes for note in change.notes])


def head_size(files: ExpertFiles) -> int:
    """Values of an attention head, without reading the weights. Raises InputError."""
    store = TensorStore(files.base)
    return int(expert_config(store, _renamed(store, transformer_name))["attention_head_dim"])


def _expert_tensor(
    store: TensorStore,
    key: str,
    name: str,
    parameter: torch.Tensor,
    changes: Sequence[tuple[LoraFile, float]],
) -> torch.Tensor:
    tensor = store.tensor(key)
    if name == PATCH_WEIGHT:
        tensor = _fitted(tensor, parameter.shape[1], store.path)
    check_shape(store.path, key, tensor.shape, parameter.shape)
    if not any(name in change.parameters() for change, _ in changes):
        return tensor
    tensor = tensor.float()
    for change, strength in changes:
        tensor = change.apply(name, tensor, strength)
    return tensor


def _fit(change: LoraFile, channels: int) -> None:
    if (weight := change.replaced.get(PATCH_WEIGHT)) is not None:
        change.replaced[PATCH_WEIGHT] = _fitted(weight, channels, change.path)


def _fitted(weight: torch.Tensor, channels: int, path: Path) -> torch.Tensor:
    try:
        return fit_patch_embedding(weight, channels)
    except (ValueError, IndexError) as error:
        raise InputError(
            "weights-shape",
            f"{PATCH_WEIGHT} in {path} is of shape {tuple(weight.shape)} and does not fit {channels} input channels.",
            "Choose the file of the right model.",
        ) from error


def expert_config(store: TensorStore, sources: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of `OrbitWanTransformer3DModel` for stored weights: config.json where there is one, and the shapes.

    sources: diffusers names -> stored names. Raises InputError.
    """
    path = store.path
    written = _written_config(path)
    accepted = set(inspect.signature(OrbitWanTransformer3DModel.__init__).parameters) - {"self"}
    config = {name: value for name, value in written.items() if name in accepted}
    shape = _Shapes(path, store, sources)
    dim = shape.of(PATCH_WEIGHT)[0]
    heads = config.get("num_attention_heads") or written.get("num_heads") or max(dim // 128, 1)
    numbers = [int(number) for name in sources for number in re.findall(r"^blocks\.(\d+)\.", name)]
    if not numbers or dim % heads:
        raise InputError(
            "weights-missing-keys", f"{path} does not hold a Wan transformer.", "Choose the file of the right model."
        )
    config |= {
        "num_attention_heads": heads,
        "attention_head_dim": dim // heads,
        "in_channels": shape.of(PATCH_WEIGHT)[1],
        "out_channels": shape.of("proj_out.weight")[0] // 4,
        "text_dim": shape.of("condition_embedder.text_embedder.linear_1.weight")[1],
        "freq_dim": shape.of("condition_embedder.time_embedder.linear_1.weight")[1],
        "ffn_dim": shape.of("blocks.0.ffn.net.0.proj.weight")[0],
        "num_layers": max(numbers) + 1,
        "ref_in_channels": shape.of("ref_conv.weight")[1] if "ref_conv.weight" in sources else None,
    }
    return config


class _Shapes:
    """Shapes of stored weights by their diffusers names."""

    def __init__(self, path: Path, store: Mapping[str, StoredTensor], named: Mapping[str, str]) -> None:
        self.path, self.store, self.named = path, store, named

    def of(self, name: str) -> tuple[int, ...]:
        if name not in self.named:
            check_names(self.path, [], [name])
        shape = self.store[self.named[name]].shape
        if len(shape) < 2:
            check_shape(self.path, name, shape, (0, 0))
        return shape


def load_vae(path: Path | str, dtype: torch.dtype = torch.float32, progress: Progress = silent) -> Any:
    """The Wan 2.1 VAE from `Wan2.1_VAE.pth`, the same names in safetensors, or a diffusers folder; or the codec that
    takes its place in small networks. Raises InputError.

    Without a config.json the width and the latent channels are read off the shapes.
    """
    store = TensorStore(path)
    written = _written_config(store.path)
    if written.get("_class_name") == PatchVae.__name__:
        codec: Any = PatchVae.from_config(written)  # its basis is a formula
        return codec.to(dtype).eval()
    sources = _renamed(store, vae_name)
    accepted = set(inspect.signature(AutoencoderKLWan.__init__).parameters) - {"self"}
    config = {name: value for name, value in written.items() if name in accepted}
    if not config:
        shape = _Shapes(store.path, store, sources)
        config = {
            "base_dim": shape.of("encoder.conv_in.weight")[0],
            "z_dim": shape.of("post_quant_conv.weight")[0],
        }
    with init_empty_weights(include_buffers=False):
        vae = AutoencoderKLWan.from_config(config)
    _fill(vae, store, sources, lambda name: dtype, progress)
    return vae.eval()


def load_text_encoder(path: Path | str, dtype: torch.dtype = torch.bfloat16, progress: Progress = silent) -> nn.Module:
    """UMT5-XXL as `transformers.UMT5EncoderModel`, from the published .pth or a transformers folder.

    Raises InputError.
    """
    from transformers import UMT5Config, UMT5EncoderModel

    store = TensorStore(path)
    sources = _renamed(store, text_encoder_name)
    sources.pop("encoder.embed_tokens.weight", None)  # the same tensor as shared.weight
    shape = _Shapes(store.path, store, sources)
    bias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
    first = "encoder.block.0.layer"
    config = UMT5Config(
        vocab_size=shape.of("shared.weight")[0],
        d_model=shape.of("shared.weight")[1],
        d_kv=shape.of(f"{first}.0.SelfAttention.q.weight")[0] // shape.of(bias)[1],
        num_heads=shape.of(bias)[1],
        relative_attention_num_buckets=shape.of(bias)[0],
        relative_attention_max_distance=128,
        num_layers=1 + max(int(name.split(".")[2]) for name in sources if name.startswith("encoder.block.")),
        d_ff=shape.of(f"{first}.1.DenseReluDense.wi_0.weight")[0],
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=True,
    )
    with init_empty_weights(include_buffers=False):
        model = UMT5EncoderModel(config)
    model.tie_weights()  # one table of words under two names; before, so that it is wanted once
    _fill(model, store, sources, lambda name: dtype, progress)
    model.tie_weights()
    return model.eval()


def _renamed(store: TensorStore, rename: Any) -> dict[str, str]:
    """New names -> stored names. Raises InputError where two stored names become one."""
    sources: dict[str, str] = {}
    for key in store:
        name = rename(key)
        if name in sources:
            raise InputError(
                "weights-duplicate", f"{key} and {sources[name]} in {store.path} are the same weight.", "Keep one."
            )
        sources[name] = key
    return sources


def _fill(model: nn.Module, store: TensorStore, sources: Mapping[str, str], dtype: Any, progress: Progress) -> None:
    parameters = dict(model.named_parameters())
    check_names(store.path, sources, parameters)
    for index, (name, parameter) in enumerate(parameters.items()):
        progress(index / len(parameters), f"reading {store.path.name}")
        tensor = store.tensor(sources[name])
        check_shape(store.path, sources[name], tensor.shape, parameter.shape)
        _assign(model, name, tensor.to(dtype(name), copy=True))
    progress(1.0, f"read {store.path.name}")


def _assign(model: nn.Module, name: str, tensor: torch.Tensor) -> None:
    module, _, leaf = name.rpartition(".")
    model.get_submodule(module)._parameters[leaf] = nn.Parameter(tensor)


def dtype_of(model: OrbitWanTransformer3DModel, name: str, dtype: torch.dtype) -> torch.dtype:
    """The dtype of a parameter in a network stored as `dtype`: norms, modulation and gates stay float32."""
    kept = set(name.split(".")) & set(model._keep_in_fp32_modules)
    return torch.float32 if kept else dtype


def _empty(config: Mapping[str, Any]) -> OrbitWanTransformer3DModel:
    """A network whose parameters have no memory yet; its rotary tables are real."""
    with init_empty_weights(include_buffers=False):
        return OrbitWanTransformer3DModel(**config)


def _module_names(config: Mapping[str, Any]) -> list[str]:
    return [name for name, module in _empty(config).named_modules() if name and not list(module.children())]


def _written_config(path: Path) -> dict[str, Any]:
    """config.json beside the weights, or nothing. Raises InputError where it cannot be read."""
    file = (path if path.is_dir() else path.parent) / "config.json"
    if not file.is_file():
        return {}
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise InputError("weights-damaged", f"{file} cannot be read ({error}).", "Download it again.") from error
    return config
