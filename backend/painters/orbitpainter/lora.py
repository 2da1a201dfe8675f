# SPDX-License-Identifier: GPL-3.0-or-later
"""LoRA files: OrbitPainter's own and third-party ones (specs/checkpoint-mapping.md sections 2 and 3).

One grammar reads all of them: a module's name (original or diffusers, with dots or kohya's underscores, with or
without a prefix) and a suffix. Merging is exact: W + strength * (alpha / rank) * B A in float32.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ...errors import InputError
from .checkpoint_mapping import of_image_branch, strip_prefixes, transformer_name
from .tensor_files import TensorStore, check_shape, listed

_PAIR = re.compile(r"^(?P<module>.+)\.(?P<half>lora_A|lora_B|lora_down|lora_up)(\.[A-Za-z0-9_]+)?\.weight$")
_ALPHA = re.compile(r"^(?P<module>.+)\.alpha$")
_DIFFERENCE = re.compile(r"^(?P<module>.+)\.(?P<kind>diff|diff_b|diff_m)$")
_DIFFERENCE_OF = {"diff": "weight", "diff_b": "bias", "diff_m": "modulation"}
_KOHYA = re.compile(r"^lora_unet__?")


@dataclass
class LowRank:
    """The change of one matrix: scale * up @ down. down (rank, in), up (out, rank)."""

    down: torch.Tensor
    up: torch.Tensor
    scale: float = 1.0

    def delta(self) -> torch.Tensor:
        """The change, float32 (out, in)."""
        return self.scale * (self.up.float() @ self.down.float())


@dataclass
class LoraFile:
    """What a LoRA file changes, under diffusers' names.

    low_rank     module name -> change of its weight
    differences  parameter name -> tensor that is added
    replaced     parameter name -> tensor that takes its place (OrbitPainter's patch embedding)
    notes        what was left out, and why: sentences for the user
    """

    path: Path
    low_rank: dict[str, LowRank] = field(default_factory=dict)
    differences: dict[str, torch.Tensor] = field(default_factory=dict)
    replaced: dict[str, torch.Tensor] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def parameters(self) -> set[str]:
        """All parameters that the file touches."""
        return {f"{module}.weight" for module in self.low_rank} | set(self.differences) | set(self.replaced)

    def apply(self, name: str, weight: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
        """`weight` (any floating dtype) of the parameter `name` after this file, float32; unchanged if untouched."""
        weight = self.replaced.get(name, weight).float()
        if name.endswith(".weight") and (change := self.low_rank.get(name.removesuffix(".weight"))) is not None:
            weight = weight + strength * change.delta()
        if (difference := self.differences.get(name)) is not None:
            weight = weight + strength * difference.float()
        return weight

    def check(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Raises InputError unless everything fits parameters of these names and shapes."""
        if unknown := self.parameters() - set(shapes):
            raise InputError(
                "weights-unknown-keys",
                f"{self.path} changes weights that this model does not have: {listed(unknown)}.",
                "Choose a LoRA made for Wan 14B.",
            )
        for module, change in self.low_rank.items():
            given = (change.up.shape[0], change.down.shape[1])
            check_shape(self.path, f"the LoRA of {module}", given, shapes[f"{module}.weight"])
        for name, tensor in (self.differences | self.replaced).items():
            check_shape(self.path, name, tensor.shape, shapes[name])

    def adapter(self) -> dict[str, torch.Tensor]:
        """For `model.load_lora_adapter(..., prefix=None)`: unmerged, the scale folded into B.

        Differences and replaced parameters are no part of an adapter; they have to be applied to the model.
        """
        state = {}
        for module, change in self.low_rank.items():
            state[f"{module}.lora_A.weight"] = change.down
            state[f"{module}.lora_B.weight"] = change.scale * change.up
        return state


def read_orbitpainter(path: Path | str, modules: Iterable[str]) -> LoraFile:
    """A released expert file: the LoRA of all ten matrices of every block, and the patch embedding in full.

    modules: all module names of the network (diffusers), for the check that no pair is missing. Raises InputError.
    """
    lora = _read(TensorStore(path), modules, own=True)
    expected = {module for module in modules if is_trained(module)}
    missing = {f"{module} (LoRA)" for module in expected - set(lora.low_rank)}
    missing |= {"patch_embedding.weight", "patch_embedding.bias"} - set(lora.replaced)
    if missing:
        raise InputError(
            "weights-missing-keys",
            f"{path} lacks weights of an OrbitPainter expert: {listed(missing)}.",
            "Finish the download, or choose high_noise.safetensors or low_noise.safetensors.",
        )
    return lora


def read_lora(path: Path | str, modules: Iterable[str]) -> LoraFile:
    """A third-party LoRA for Wan 14B. Raises InputError.

    Changes of the patch embedding (made for 16 or 36 channels) and of Wan 2.1's image branch are left out and noted.
    """
    return _read(TensorStore(path), modules, own=False)


def is_trained(module: str) -> bool:
    """Whether OrbitPainter's LoRA covers this module (diffusers name): q, k, v, o and both feed-forward matrices."""
    return re.fullmatch(r"blocks\.\d+\.(attn[12]\.(to_[qkv]|to_out\.0)|ffn\.net\.(0\.proj|2))", module) is not None


def _read(store: TensorStore, modules: Iterable[str], own: bool) -> LoraFile:
    result = LoraFile(store.path)
    underscored = _underscored(modules)
    halves: dict[str, dict[str, torch.Tensor]] = {}
    alphas: dict[str, float] = {}
    left_out: dict[str, int] = {}
    for key in store:
        name = strip_prefixes(key)
        if not own and (reason := _foreign(name)) is not None:
            left_out[reason] = left_out.get(reason, 0) + 1
        elif match := _PAIR.match(name):
            half = "down" if match["half"] in ("lora_A", "lora_down") else "up"
            halves.setdefault(_module(match["module"], underscored), {})[half] = store.tensor(key)
        elif match := _ALPHA.match(name):
            alphas[_module(match["module"], underscored)] = float(store.tensor(key))
        elif match := _DIFFERENCE.match(name):
            module = _KOHYA.sub("", match["module"])
            target = f"{underscored.get(module, module)}.{_DIFFERENCE_OF[match['kind']]}"
            result.differences[transformer_name(target)] = store.tensor(key)
        elif own and name in ("patch_embedding.weight", "patch_embedding.bias"):
            result.replaced[name] = store.tensor(key)
        else:
            raise InputError(
                "weights-unknown-keys", f"{store.path} holds {key}, which is no part of a LoRA.", "Choose a LoRA file."
            )
    for module, pair in halves.items():
        result.low_rank[module] = _low_rank(store.path, module, pair, alphas.pop(module, None))
    if alphas:
        raise InputError("weights-missing-keys", f"{store.path} has no LoRA pair for the alpha of {listed(alphas)}.")
    for why, count in left_out.items():
        result.notes.append(f"{count} weight{'s' * (count > 1)} of {store.path.name} left out: {why}.")
    return result


def _foreign(name: str) -> str | None:
    """Why a third-party weight cannot be used, or None."""
    if name.startswith(("patch_embedding", "lora_unet_patch_embedding", "lora_unet__patch_embedding")):
        return "made for the patch embedding of a model with other inputs"
    if of_image_branch(name) or re.search(r"_(k_img|v_img|img_emb)", name):
        return "made for the image branch of Wan 2.1"
    return None


def _low_rank(path: Path, module: str, pair: dict[str, torch.Tensor], alpha: float | None) -> LowRank:
    if len(pair) < 2:
        raise InputError("weights-missing-keys", f"{path} has only one half of the LoRA of {module}.")
    down, up = pair["down"], pair["up"]
    if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1] or down.shape[0] == 0:
        raise InputError(
            "weights-shape",
            f"The halves of the LoRA of {module} in {path} do not fit: {tuple(up.shape)} and {tuple(down.shape)}.",
        )
    return LowRank(down, up, 1.0 if alpha is None else alpha / down.shape[0])


def _module(name: str, underscored: dict[str, str]) -> str:
    """Module name in diffusers' spelling."""
    bare = _KOHYA.sub("", name)
    original = underscored.get(bare, bare)
    return transformer_name(f"{original}.weight").removesuffix(".weight")


def _underscored(modules: Iterable[str]) -> dict[str, str]:
    """kohya's spelling of modules, dots written as underscores -> original or diffusers name."""
    table = {}
    for module in modules:
        for spelling in (module, original_name(module)):
            table[spelling.replace(".", "_")] = spelling
    return table


def original_name(module: str) -> str:
    """Original name of a diffusers module (the inverse of `transformer_name`, for modules LoRAs are made of)."""
    swaps = (
        (r"^(blocks\.\d+)\.attn1\.", r"\1.self_attn."),
        (r"^(blocks\.\d+)\.attn2\.", r"\1.cross_attn."),
        (r"\.to_([qkv])$", r".\1"),
        (r"\.to_out\.0$", ".o"),
        (r"\.ffn\.net\.0\.proj$", ".ffn.0"),
        (r"\.ffn\.net\.2$", ".ffn.2"),
        (r"^condition_embedder\.text_embedder\.linear_1$", "text_embedding.0"),
        (r"^condition_embedder\.text_embedder\.linear_2$", "text_embedding.2"),
        (r"^condition_embedder\.time_embedder\.linear_1$", "time_embedding.0"),
        (r"^condition_embedder\.time_embedder\.linear_2$", "time_embedding.2"),
        (r"^condition_embedder\.time_proj$", "time_projection.1"),
        (r"^proj_out$", "head.head"),
        (r"\.norm2$", ".norm3"),
    )
    name = module
    for pattern, replacement in swaps:
        name = re.sub(pattern, replacement, name)
    return name
