# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings that trade quality for time, and the presets made of them (specs/inference-speed.md section 4). No torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

STEPS, GUIDANCE = 50, 6.0  # as published
StepCache = Literal["off", "first-block", "taylorseer", "magcache", "seacache"]
STEP_CACHES: tuple[StepCache, ...] = get_args(StepCache)


@dataclass(frozen=True)
class Speed:
    """steps, guidance      of the sampler; guidance 1 calls the network once a step
    guidance_stop        share of the steps after which guidance ends
    cache                reuse of block outputs across steps
    cache_threshold      first-block, magcache, seacache: the change that counts as none; None: diffusers' usual one
    foreground_only      known background leaves the sequence
    attention            auto: the fastest exact one that works here; fastest: 8-bit ones too; or a name of diffusers'
    compile              compile the network's blocks: a slower start, about a fifth faster then
    """

    steps: int = STEPS
    guidance: float = GUIDANCE
    guidance_stop: float = 1.0
    cache: StepCache = "off"
    cache_threshold: float | None = None
    foreground_only: bool = False
    attention: str = "auto"
    compile: bool = False


def preset(name: str, distilled: bool) -> Speed:
    """`best`: the published settings. `balanced`: 20 steps, guidance on half of them, compiled. `fast`: attention in 8
    bits where it can be had; 4 steps without guidance where distillation LoRAs are loaded, else 12 steps, guidance on
    the first third, a step cache, foreground only. It is not compiled: so short a run would not gain by it.
    """
    if name == "best":
        return Speed()
    if name == "balanced":
        return Speed(steps=20, guidance_stop=0.5, compile=True)
    if distilled:
        return Speed(steps=4, guidance=1.0, attention="fastest")
    return Speed(steps=12, guidance_stop=1 / 3, cache="first-block", foreground_only=True, attention="fastest")


def with_changes(speed: Speed, **changes: Any) -> Speed:
    """`speed` with the values that are not None."""
    return replace(speed, **{name: value for name, value in changes.items() if value is not None})
