# SPDX-License-Identifier: GPL-3.0-or-later
"""Turning published files into one folder in diffusers' layout, everything merged (`models convert`)."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ...errors import InputError, OutputError
from ...files import check_writable
from ...progress import Progress, part, silent
from .checkpoints import ExpertFiles, load_expert, load_text_encoder, load_vae
from .prompts import CACHE_FILE, encode_prompts, save_prompts
from .sampler import BOUNDARY, SHIFT
from .tensor_files import TensorStore, tensors_output

SHARD = "5GB"


@dataclass(frozen=True)
class ModelFiles:
    """All files of an OrbitPainter model. The text encoder may be left out: its outputs are cached per prompt."""

    high: ExpertFiles
    low: ExpertFiles
    vae: Path | str
    text_encoder: Path | str | None = None
    tokenizer: Path | str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)  # see `load_expert`


def convert(
    files: ModelFiles,
    folder: Path | str,
    *,
    in_channels: int | None = None,
    dtype: torch.dtype = torch.bfloat16,
    progress: Progress = silent,
) -> list[str]:
    """Write `folder` with transformer (high noise), transformer_2 (low noise), vae, scheduler and model_index.json.

    One expert at a time is in memory. The folder appears when everything is written; stopped or failed, nothing is
    left. Returns notes about weights that were left out. Raises InputError, OutputError (also where the folder is
    there already and not empty), CancelledError.
    """
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError("output-exists", f"{folder} is there already.", "Choose a new folder.")
    if files.tokenizer is not None and not Path(files.tokenizer).is_dir():
        raise InputError("tokenizer-missing", f"There is no folder {files.tokenizer}.", "Give the tokenizer's folder.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        with tensors_output(folder):
            temporary.mkdir(parents=True)
            check_writable(temporary, _size(files, dtype))
            notes = _write(files, temporary, in_channels, dtype, progress)
            if folder.exists():
                folder.rmdir()
            os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return notes


def _size(files: ModelFiles, dtype: torch.dtype) -> int:
    """About how many bytes the folder will have."""
    paths = (files.high.base, files.low.base, files.vae, files.text_encoder)
    stored = (tensor for path in paths if path is not None for tensor in TensorStore(path).values())
    return sum(math.prod(tensor.shape) for tensor in stored) * dtype.itemsize


def _write(
    files: ModelFiles, folder: Path, in_channels: int | None, dtype: torch.dtype, progress: Progress
) -> list[str]:
    from diffusers import FlowMatchEulerDiscreteScheduler

    index: dict[str, Any] = {"_class_name": "OrbitPainterPipeline", "boundary_ratio": BOUNDARY}
    notes: list[str] = []
    experts = (("transformer", files.high, 0.0), ("transformer_2", files.low, 0.4))
    for name, expert, start in experts:
        report = part(progress, start, start + 0.4)
        loaded = load_expert(expert, in_channels=in_channels, overrides=files.overrides, dtype=dtype, progress=report)
        loaded.model.save_pretrained(folder / name, max_shard_size=SHARD)
        notes += loaded.notes
        index[name] = ["orbit_painter", "OrbitWanTransformer3DModel"]
        del loaded
    load_vae(files.vae, dtype, part(progress, 0.8, 0.85)).save_pretrained(folder / "vae")
    index["vae"] = ["diffusers", "AutoencoderKLWan"]
    if files.text_encoder is not None:
        encoder: Any = load_text_encoder(files.text_encoder, dtype, part(progress, 0.85, 0.99))
        encoder.save_pretrained(folder / "text_encoder", max_shard_size=SHARD)
        index["text_encoder"] = ["transformers", "UMT5EncoderModel"]
        if files.tokenizer is not None:  # afterwards the encoder, most of the folder beside the experts, may be deleted
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(files.tokenizer, local_files_only=True)
            save_prompts(folder / CACHE_FILE, encode_prompts(tokenizer, encoder))
    if files.tokenizer is not None:
        shutil.copytree(files.tokenizer, folder / "tokenizer")
        index["tokenizer"] = ["transformers", "AutoTokenizer"]
    FlowMatchEulerDiscreteScheduler(shift=SHIFT).save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", "FlowMatchEulerDiscreteScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    progress(1.0, "written")
    return notes
