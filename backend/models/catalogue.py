# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that engines need. Sizes are rounded; the hub states exact ones, and hashes, before a download starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..errors import UsageError

APACHE = "Apache-2.0"
CONVERTED = "orbitpainter-converted"
MATTING = "vitmatte-small"
PROMPTS = "cache/orbitpainter/prompts.safetensors"


@dataclass(frozen=True)
class Model:
    """One entry.

    roles       what the engine calls a part -> its path in the model's folder ("." the folder itself)
    patterns    which files of the repository belong to it
    hashes      SHA-256 by path where it is known beforehand; otherwise the hub's word is taken, and written down
    required    the engine cannot run without it
    until       path below the root of a file that is made of it once; then it is needed no more ("" for none)
    note        what one should know before downloading it
    model_type  of the config.json that its folder must have; "" where the names of its files say enough
    """

    name: str
    title: str
    engine: str
    roles: Mapping[str, str]
    repository: str = ""
    patterns: tuple[str, ...] = ()
    bytes: int = 0
    licence: str = APACHE
    revision: str = "main"
    hashes: Mapping[str, str] = field(default_factory=dict)
    required: bool = True
    note: str = ""
    model_type: str = ""
    until: str = ""

    def owns(self, path: str) -> bool:
        """A path of the repository belongs to this model."""
        return any(fnmatchcase(path, pattern) for pattern in self.patterns)


_FUN = "alibaba-pai/Wan2.2-Fun-A14B-Control"
_EXPERT = ("*/diffusion_pytorch_model*.safetensors", "*/diffusion_pytorch_model*.json", "*/config.json")


def _expert(level: str) -> Model:
    folder = f"{level}_noise_model"
    return Model(
        f"wan-fun-{level}",
        f"Wan 2.2 Fun Control, {level}-noise expert",
        "orbitpainter",
        {level: folder},
        _FUN,
        tuple(pattern.replace("*/", f"{folder}/", 1) for pattern in _EXPERT),
        28_600_000_000,
    )


CATALOGUE: tuple[Model, ...] = (
    Model(
        "orbitpainter-lora",
        "OrbitPainter (Ink3D)",
        "orbitpainter",
        {"high_lora": "high_noise.safetensors", "low_lora": "low_noise.safetensors"},
        "Yuehavingfun/orbitpainter-single",
        ("high_noise.safetensors", "low_noise.safetensors"),
        620_000_000,
        "see the model card",
        note="Read its model card before you pass it on: its repository carries no licence file.",
    ),
    _expert("high"),
    _expert("low"),
    Model("wan-vae", "Wan 2.1 VAE", "orbitpainter", {"vae": "Wan2.1_VAE.pth"}, _FUN, ("Wan2.1_VAE.pth",), 510_000_000),
    Model(
        "wan-text-encoder",
        "UMT5-XXL text encoder",
        "orbitpainter",
        {"text_encoder": "models_t5_umt5-xxl-enc-bf16.pth"},
        _FUN,
        ("models_t5_umt5-xxl-enc-bf16.pth",),
        11_400_000_000,
        required=False,
        note="Encodes the two fixed texts, once: it can be removed after the first run.",
        until=PROMPTS,
    ),
    Model(
        "wan-tokenizer",
        "UMT5 tokenizer",
        "orbitpainter",
        {"tokenizer": "tokenizer"},
        "Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        ("tokenizer/*",),
        22_000_000,
        required=False,
        note="Goes with the text encoder.",
        until=PROMPTS,
    ),
    Model(
        MATTING,
        "ViTMatte, small",
        "matting",
        {"matting": "model.safetensors"},
        "hustvl/vitmatte-small-composition-1k",
        ("model.safetensors", "config.json", "preprocessor_config.json"),
        103_000_000,
        required=False,
        note="Refines the outline of references whose background is removed, where it is here.",
        model_type="vitmatte",
    ),
    Model(
        CONVERTED,
        "OrbitPainter in one folder, made by 'models convert'",
        "orbitpainter",
        {"folder": "."},
        licence="those of its parts",
        required=False,
        note="Stands for all the others.",
    ),
)


def model_named(name: str, catalogue: tuple[Model, ...] = CATALOGUE) -> Model:
    """The entry of that name. Raises UsageError."""
    for model in catalogue:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in catalogue)
    raise UsageError("model-unknown", f"There is no model named {name!r}.", f"Models: {names}.")


def size_text(count: int) -> str:
    """Bytes as people read them, such as 28.6 GB or 22 MB."""
    return f"{count / 1e9:.1f} GB" if count >= 100_000_000 else f"{count / 1e6:.0f} MB"
