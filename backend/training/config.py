# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that decides a training run, as one typed schema, read from TOML or JSON. No torch.

A value that is not of its field's type and a name that no field has are errors that say where they stand.
"""

from __future__ import annotations

import json
import tomllib
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import InputError, UsageError


@dataclass(frozen=True)
class DataConfig:
    """shards   folder of shards, or one shard; empty: procedural objects made while the run goes on
    held_out    shards of other objects, for the sample sheets; empty: the last samples of `shards`
    first_seed  the procedural objects are those of the seeds from this one on
    latents     folder in which encoded latents are kept for the next epoch; empty: encode every time
    continued   the target's colours go on past the silhouette, where the released data are black: a small network then
                has no edge to learn, which the passes show anyway and the engine cuts out by them
    """

    shards: str = ""
    held_out: str = ""
    first_seed: int = 1000
    views: tuple[int, int] = (60, 60)  # of procedural objects
    size: int = 512  # of procedural objects
    latents: str = ""
    continued: bool = False


@dataclass(frozen=True)
class ReferenceConfig:
    """The reference picture of a step (specs/orbitpainter.md section 11).

    shares      of the sources orbit, random, points; one that a sample lacks gives its share to the others
    version     2: scale 0.9 + 0.3 Beta(5, 3), black; 1: uniform 0.6 to 1.2, white; 0: as it is
    rotation    largest angle in degrees
    dropout     share of steps without reference tokens' content (a black picture); 0 as in the released recipe
    """

    shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
    version: int = 2
    rotation: float = 10.0
    dropout: float = 0.0


@dataclass(frozen=True)
class ModelConfig:
    """base     Fun-Control expert, any layout that `checkpoints.load_expert` reads; empty: a new network of these sizes
    orbitpainter  a released expert file to start from; empty: none
    vae         Wan VAE; empty: the patch codec
    prompt      file of encoded prompts that the engine keeps (prompts.safetensors); empty: one token of zeros
    train       "lora": rank and alpha on q, k, v, o and feed-forward matrices, the patch embedding in full, and GASA's
                projections by LoRA and its gates; "full": everything
    gasa_gate   what a new network's gates start at
    position, normal, reference, gasa   False: the network is not given it (for ablations)
    background_every   0: all tokens are computed; n: the foreground and every n-th token of the background
    """

    base: str = ""
    orbitpainter: str = ""
    vae: str = ""
    prompt: str = ""
    layout: Literal["release", "paper"] = "release"
    channels: int = 68
    train: Literal["lora", "full"] = "lora"
    rank: int = 32
    alpha: float = 32.0
    layers: int = 40
    heads: int = 40
    head_dim: int = 128
    ffn_dim: int = 13824
    text_dim: int = 4096
    freq_dim: int = 256
    gasa: bool = False
    gasa_projections: Literal["own", "output"] = "own"
    gasa_grid: int = 64
    gasa_radius: int = 3
    gasa_gate: float = 0.0
    position: bool = True
    normal: bool = True
    reference: bool = True
    background_every: int = 0


@dataclass(frozen=True)
class ObjectiveConfig:
    """kind   "release": uniform index of the shifted schedule in the expert's range, Gaussian weight; "paper":
              logit-normal, weight 1
    expert    whose range of noise levels: high (index 0-358), low (358-1000) or both
    """

    kind: Literal["release", "paper"] = "release"
    expert: Literal["high", "low", "both"] = "high"
    logit_mean: float = 0.0
    logit_std: float = 1.0


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW. warmup: steps of a rising rate; release: the first `third` steps have a third of it instead (ConstantLR).
    cooldown: share of the run at whose end the rate falls to zero in a straight line. clip: gradient norm, 0: none.
    ema: decay of the moving average of the trained weights, 0: none.
    """

    rate: float = 1e-4
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.999)
    third: int = 5
    warmup: int = 0
    cooldown: float = 0.0
    clip: float = 1.0
    ema: float = 0.0


@dataclass(frozen=True)
class DistillConfig:
    """Few-step distillation (DMD2), for `train distill`; the generator's rate is optimiser.rate.

    teacher     folder of the run to start from, and whose newest checkpoint is the real score
    levels      noise levels of the generator: the sampler's, with so many steps
    ratio       steps in which only the fake score learns, for each in which the generator does too
    fake_rate   learning rate of the fake score
    guidance    of the real score, between the prompt and `negative` of the prompt file; 1: none
    """

    teacher: str = ""
    levels: int = 4
    ratio: int = 5
    fake_rate: float = 1e-5
    guidance: float = 1.0


@dataclass(frozen=True)
class RunConfig:
    """steps   optimiser steps; batch: samples of each on one process, one after the other
    draws      noises and noise levels of each sample, side by side: fills small devices, 1 in the released recipe
    threads    of torch on the CPU, 0: its own choice
    shard      split weights, gradients and moments over all processes (FSDP), instead of whole copies (DDP)
    keep       newest checkpoints that stay; every `milestone`-th step stays for good (0: none)
    """

    steps: int = 45_000
    batch: int = 1
    draws: int = 1
    seed: int = 0
    precision: Literal["bf16", "no"] = "bf16"
    gradient_checkpointing: bool = True
    shard: bool = False
    threads: int = 0
    log_every: int = 10
    save_every: int = 50
    keep: int = 2
    milestone: int = 0
    sample_every: int = 0
    samples: int = 4
    sample_steps: int = 20


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    data: DataConfig = field(default_factory=DataConfig)
    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))


def read_config(path: Path | str, changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """A .toml or .json file, and changes such as {"run.steps": 100}. Raises InputError, UsageError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(
            "config-unreadable", f"{path} cannot be read ({error}).", "Give a .toml or .json file."
        ) from error
    if not isinstance(data, dict):
        raise InputError("config-unreadable", f"{path} is not a table of settings.", "Give a .toml or .json file.")
    return make_config(data, changes)


def make_config(data: Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> TrainConfig:
    """The configuration of nested tables. Raises UsageError that names the setting."""
    tables = {name: dict(value) if isinstance(value, Mapping) else value for name, value in data.items()}
    for name, value in (changes or {}).items():
        table, _, setting = name.partition(".")
        inner = tables.setdefault(table, {})
        if not setting or not isinstance(inner, dict):
            raise _wrong(name, "is no setting", "Write for instance run.steps=1000.")
        inner[setting] = value
    config = _build(TrainConfig, tables, "")
    _check(config)
    return config


def _build(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, Mapping):
        raise _wrong(where, "is not a table", "")
    types_of, known = get_type_hints(kind), {f.name for f in fields(kind)}
    values = {}
    for name, value in data.items():
        place = f"{where}.{name}" if where else name
        if name not in known:
            raise _wrong(place, "is no setting", f"There are {', '.join(sorted(known))}.")
        inner = types_of[name]
        values[name] = _build(inner, value, place) if is_dataclass(inner) else _value(inner, value, place)
    return kind(**values)


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in inner:
            raise _wrong(where, f"is {value!r}", f"It can be {', '.join(map(repr, inner))}.")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)) or len(value) != len(inner):
            raise _wrong(where, f"is {value!r}", f"It is a list of {len(inner)} values.")
        return tuple(_value(each, item, where) for each, item in zip(inner, value, strict=True))
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, types.UnionType) or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _wrong(where, f"is {value!r}", f"It must be of the type {getattr(kind, '__name__', kind)}.")
    return value


def _check(config: TrainConfig) -> None:
    """Values of the right type that make no sense."""
    model, run, optimiser = config.model, config.run, config.optimiser
    rules = (
        (min(run.steps, run.batch, run.draws) < 1, "run.steps, batch or draws", "They start at 1."),
        (
            run.log_every < 1 or run.save_every < 1 or run.keep < 1,
            "run.log_every, save_every, keep",
            "They start at 1.",
        ),
        (model.channels not in (48, 68), "model.channels", "It is 68, or 48 without the constant zeros."),
        (model.train == "lora" and model.rank < 1, "model.rank", "It starts at 1."),
        (model.train == "lora" and not model.base, "model.train", 'A LoRA needs model.base; else say train = "full".'),
        (optimiser.rate <= 0 or not 0 <= optimiser.ema < 1, "optimiser.rate and ema", "rate > 0, 0 <= ema < 1."),
        (min(config.reference.shares) < 0 or sum(config.reference.shares) <= 0, "reference.shares", "Shares are >= 0."),
        (config.reference.version not in (0, 1, 2), "reference.version", "It is 0, 1 or 2."),
        (min(config.distill.levels, config.distill.ratio) < 1, "distill.levels or ratio", "They start at 1."),
        (config.objective.logit_std <= 0, "objective.logit_std", "It is above 0."),
    )
    for wrong, where, advice in rules:
        if wrong:
            raise _wrong(where, "does not make sense", advice)


def _wrong(where: str, what: str, advice: str) -> UsageError:
    return UsageError("config", f"The setting {where} {what}.", advice)
