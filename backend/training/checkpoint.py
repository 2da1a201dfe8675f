# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints: everything that a run needs to go on as if it had never stopped, in safetensors and JSON.

    OUT/checkpoints/step-00001000/   trained.safetensors, ema.safetensors, optimiser.safetensors, state.json

A folder appears when it is whole. Random numbers need no state: they are drawn anew from the seed for every step.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from ..errors import InputError, UsageError
from ..files import write_json
from ..painters.orbitpainter.tensor_files import TensorStore, tensors_output
from .config import RunConfig, TrainConfig
from .sharding import like, whole

_NAME = re.compile(r"step-(\d{8})")
# Settings that a run may go on with although they differ: they decide what is written, not what is learnt.
_FREE = {"shard", "log_every", "save_every", "keep", "milestone", "sample_every", "samples", "sample_steps", "threads"}


def checkpoints(out: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(path for path in (out / "checkpoints").glob("step-*") if _NAME.fullmatch(path.name))


def save_checkpoint(
    out: Path,
    step: int,
    config: TrainConfig,
    tensors: Mapping[str, Mapping[str, torch.Tensor]],
    extra: Mapping[str, Any],
) -> Path:
    """Write a checkpoint of `step` finished steps. tensors: file name without suffix -> names and tensors.

    Raises OutputError; earlier checkpoints are as they were then.
    """
    folder = out / "checkpoints" / f"step-{step:08d}"
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        with tensors_output(folder):
            temporary.mkdir(parents=True)
            for name, table in tensors.items():
                plain = {key: value.detach().cpu().contiguous() for key, value in table.items()}
                save_file(plain, temporary / f"{name}.safetensors")
            write_json(temporary / "state.json", {"step": step, "config": config.to_json(), **extra})
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def remove_old(out: Path, run: RunConfig) -> None:
    """Keep the newest `run.keep` checkpoints and the milestones."""
    for path in checkpoints(out)[: -run.keep]:
        if not run.milestone or int(path.name[5:]) % run.milestone:
            shutil.rmtree(path, ignore_errors=True)


def read_state(folder: Path) -> dict[str, Any]:
    """state.json of a checkpoint. Raises InputError."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        if not isinstance(state["step"], int) or not isinstance(state["config"], dict):
            raise ValueError("step or config is missing")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "checkpoint-damaged", f"{folder} cannot be read ({error}).", "Delete it; the one before is used then."
        ) from error
    return state


def check_same(config: TrainConfig, state: Mapping[str, Any], folder: Path) -> None:
    """Raises UsageError where a run would go on with other settings than it was begun with."""
    now, defaults, then = config.to_json(), TrainConfig().to_json(), state["config"]
    free = _FREE | ({"steps"} if config.optimiser.cooldown == 0 else set())
    different = []
    for table, settings in now.items():
        for name, value in settings.items():
            before = then.get(table, {}).get(name, defaults[table][name])
            if before != value and not (table == "run" and name in free):
                different.append(f"{table}.{name} (was {before!r}, is {value!r})")
    if different:
        raise UsageError(
            "resume-config",
            f"{folder} was made with other settings: {', '.join(different[:4])}.",
            "Give the same settings, or start in a new folder.",
        )


def optimiser_tensors(
    parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """The optimiser's state by the names of the weights: NAME.exp_avg and so on. All processes call it."""
    return {
        f"{name}.{part}": whole(torch.as_tensor(value))
        for name, parameter in parameters.items()
        for part, value in optimiser.state[parameter].items()
    }


def load_optimiser(
    parameters: Mapping[str, nn.Parameter], optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]
) -> None:
    """The inverse of `optimiser_tensors`; AdamW's count of steps stays on the CPU."""
    for key, value in tensors.items():
        name, _, part = key.rpartition(".")
        parameter = parameters[name]
        optimiser.state[parameter][part] = value.clone() if part == "step" else like(parameter, value)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """All tensors of a file. Raises InputError where it is missing, damaged, or holds values that are not numbers."""
    store = TensorStore(path)
    return {name: store.tensor(name) for name in store}


def load_trained(parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    """Put saved weights into a network. Raises InputError unless names and shapes agree."""
    shapes = {name: tuple(p.shape) for name, p in parameters.items()}
    if shapes != {name: tuple(t.shape) for name, t in tensors.items()}:
        raise InputError(
            "checkpoint-other", f"{path} holds the weights of another network.", "Choose this run's own checkpoint."
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(like(parameter, tensors[name]))
