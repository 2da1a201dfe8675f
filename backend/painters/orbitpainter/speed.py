# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches that make a run faster (specs/inference-speed.md section 3); off means that nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from diffusers.hooks.first_block_cache import FirstBlockCacheConfig
from diffusers.hooks.taylorseer_cache import TaylorSeerCacheConfig

from .pipeline import OrbitPainterPipeline
from .presets import Speed

SHORTEST_FOR_CACHE = 9  # a distilled run of up to 8 steps has nothing to spare


@contextmanager
def step_cache(pipe: OrbitPainterPipeline, speed: Speed) -> Iterator[None]:
    """Cache block outputs across steps while this is open; afterwards the networks are as before, exactly."""
    if speed.cache == "off" or speed.steps < SHORTEST_FOR_CACHE:
        yield
        return
    models = [model for model in (pipe.transformer, pipe.transformer_2) if model is not None]
    enabled = []
    try:
        for model in models:
            model.enable_cache(_configuration(speed))
            enabled.append(model)
        yield
    finally:
        for model in enabled:
            model.disable_cache()


def _configuration(speed: Speed) -> Any:
    if speed.cache == "first-block":
        return FirstBlockCacheConfig(threshold=speed.cache_threshold)
    # diffusers' own patterns match nothing on Wan
    return TaylorSeerCacheConfig(
        cache_interval=3,
        max_order=1,
        disable_cache_before_step=3,
        taylor_factors_dtype=torch.float32,
        cache_identifiers=[r"blocks\.\d+\.attn1$", r"blocks\.\d+\.ffn$"],
    )


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
    for model in (pipe.transformer, pipe.transformer_2):
        if model is not None:
            model.compile_repeated_blocks(fullgraph=False)
    return None
