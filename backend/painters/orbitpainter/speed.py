# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches that make a run faster (specs/inference-speed.md section 3); off means that nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.hooks.first_block_cache import FirstBlockCacheConfig
from diffusers.hooks.mag_cache import _MAG_CACHE_BLOCK_HOOK, MagCacheConfig
from diffusers.hooks.sea_cache import SeaCacheConfig
from diffusers.hooks.taylorseer_cache import TaylorSeerCacheConfig

from ...errors import OutputError
from ...files import output_errors, write_json
from .latents import LATENT_CHANNELS
from .pipeline import OrbitPainterPipeline
from .presets import Speed
from .profiles import MemoryProfile
from .sampler import BOUNDARY, Expert, expert_of, sampling_sigmas
from .transformer import OrbitWanTransformer3DModel

SHORTEST_FOR_CACHE = 9  # a distilled run of up to 8 steps has nothing to spare
FIRST_BLOCK_THRESHOLD, MAG_THRESHOLD, SEA_THRESHOLD = 0.06, 0.06, 0.25
_NEVER = 10**6  # a number of steps that no run reaches: then nothing is printed at the end of a measurement
MEASURED = "MagCache has measured these weights: this run was a plain one, the next ones will be faster."


@contextmanager
def step_cache(
    pipe: OrbitPainterPipeline, speed: Speed, boundary: float = BOUNDARY, ratios: Path | None = None
) -> Iterator[list[str]]:
    """Cache block outputs across steps while this is open; afterwards the networks are as before, exactly.

    ratios: file of what MagCache knows of these weights. Where there is none yet, the run is a plain one that measures
    it, which the notes given tell.
    """
    notes: list[str] = []
    if speed.cache == "off" or speed.steps < SHORTEST_FOR_CACHE or pipe.group is not None:
        if speed.cache != "off" and pipe.group is not None:
            notes.append("No step cache was used: devices that share a forward pass would decide differently.")
        yield notes
        return
    known = None if ratios is None or speed.cache != "magcache" else _read_ratios(ratios)
    measuring = speed.cache == "magcache" and known is None
    counts = steps_of_experts(speed.steps, boundary)
    enabled: list[OrbitWanTransformer3DModel] = []
    try:
        for model in pipe.networks():
            expert: Expert = "high" if counts["low"] == 0 or pipe.is_high(model) else "low"
            model.enable_cache(_configuration(speed, counts[expert], None if known is None else known[expert]))
            enabled.append(model)
        yield notes
        if measuring and ratios is not None:
            found = {"high": pipe.transformer, "low": pipe.transformer_2 or pipe.transformer}
            notes.append(_kept(ratios, {name: _measured(model) for name, model in found.items()}))
    finally:
        for model in enabled:
            model.disable_cache()


def steps_of_experts(steps: int, boundary: float) -> dict[Expert, int]:
    """How many steps each expert does."""
    who = [expert_of(float(sigma), boundary) for sigma in sampling_sigmas(steps)[:-1]]
    return {"high": who.count("high"), "low": who.count("low")}


def _read_ratios(file: Path) -> dict[Expert, list[float]] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {"high": [float(x) for x in stored["high"]], "low": [float(x) for x in stored["low"]]}
    except (OSError, ValueError, KeyError, TypeError):  # not there, or not whole: measured again
        return None


def _kept(file: Path, ratios: dict[str, list[float]]) -> str:
    """Write what was measured; a note for the artist. The run that has just ended is not lost where that fails."""
    try:
        with output_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, ratios)
    except OutputError as error:
        return f"What MagCache has measured could not be kept. {error.message}"
    return MEASURED


def _measured(model: OrbitWanTransformer3DModel) -> list[float]:
    """By how much the blocks' change of the tokens grows from step to step; [1.0] where the expert did none."""
    blocks: Any = model.blocks
    states = blocks[-1]._diffusers_hook.get_hook(_MAG_CACHE_BLOCK_HOOK).state_manager._state_cache
    lists = [state.calibration_ratios for state in states.values() if state.calibration_ratios]
    longest = max(map(len, lists), default=0)
    return np.mean([each for each in lists if len(each) == longest], axis=0).tolist() if longest else [1.0]


def _configuration(speed: Speed, steps: int, ratios: list[float] | None) -> Any:
    threshold = speed.cache_threshold
    if speed.cache == "first-block":
        return FirstBlockCacheConfig(threshold=FIRST_BLOCK_THRESHOLD if threshold is None else threshold)
    if speed.cache == "magcache":
        if ratios is None:
            return MagCacheConfig(calibrate=True, num_inference_steps=_NEVER)
        limit = MAG_THRESHOLD if threshold is None else threshold
        return MagCacheConfig(threshold=limit, mag_ratios=ratios, num_inference_steps=max(steps, 1))
    if speed.cache == "seacache":
        # without the callback it silently does nothing where the network has more inputs than outputs
        limit = SEA_THRESHOLD if threshold is None else threshold
        return SeaCacheConfig(threshold=limit, raw_vision_callback=_noisy_latents)
    # diffusers' own patterns match nothing on Wan
    return TaylorSeerCacheConfig(
        cache_interval=3,
        max_order=1,
        disable_cache_before_step=3,
        taylor_factors_dtype=torch.float32,
        cache_identifiers=[r"blocks\.\d+\.attn1$", r"blocks\.\d+\.ffn$"],
    )


def _noisy_latents(model: Any, given: tuple[Any, ...], named: dict[str, Any]) -> list[torch.Tensor]:
    """Of the network's input channels those that are generated."""
    return list(given[0][:, :LATENT_CHANNELS])


@cache
def compile_problem(device: str) -> str | None:
    """Why torch.compile cannot be used on `device`, or None. Compiles a small function; the answer is kept."""
    try:
        x = torch.ones(64, 64, device=device)
        torch.compile(lambda y: torch.nn.functional.gelu(y @ y) + 1)(x)
    except Exception as error:  # whatever a compiler may raise: the answer is the message
        return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return None


def compile_blocks(pipe: OrbitPainterPipeline, device: torch.device) -> str | None:
    """Compile one block of each expert, reused for all of them. Returns a note where it cannot be done."""
    if (reason := compile_problem(str(device))) is not None:
        return f"The network is not compiled, because a small test could not be ({reason}); it runs a little slower."
    for model in pipe.networks():
        if not any(block._compiled_call_impl for block in model.blocks):
            model.compile_repeated_blocks(fullgraph=False)
    return None


def uncompile_blocks(pipe: OrbitPainterPipeline) -> None:
    """Run all blocks as they are written again."""
    for model in pipe.networks():
        for block in model.blocks:
            block._compiled_call_impl = None


def compiling_pays(profile: MemoryProfile, device: torch.device) -> bool:
    """Where a preset compiles: bf16 blocks that stay on a CUDA card. Hooks that widen or fetch weights undo it."""
    return device.type == "cuda" and profile.placement != "stream" and profile.storage == "bf16"
