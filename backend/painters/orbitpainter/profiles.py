# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory profiles: where the experts live and in which precision, for GPUs from 8 to 80 GB. No torch.

The table of specs/inference-speed.md section 2. `placement.py` does what a profile says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...errors import MemoryLimitError
from .arithmetic import BYTES, VAE_PARAMETERS, NetworkSize, Workload, activation_bytes, vae_bytes

GB = 1e9
FULL_SIZE = NetworkSize()
USABLE = 0.95  # of the free memory: the rest goes to fragments and kernels
Storage = Literal["bf16", "fp8", "4bit"]
Placement = Literal["resident", "swap", "stream"]


@dataclass(frozen=True)
class MemoryProfile:
    """One way to fit the model.

    name      GPU memory in GB it is made for, -disk where little RAM is needed too, or cpu
    storage   precision of the blocks' matrices at rest; arithmetic is bf16 throughout
    placement resident: both experts on the device; swap: the active one, the other in RAM; stream: groups of
              `group` blocks come to the device when they are needed
    vae_on_demand         the VAE is on the device only while it works
    vae_tiled             it works on one tile after the other: less memory, nearly the same pixels
    chunked_feed_forward  the feed-forward parts work on one piece of the tokens after the other: exact
    disk                  groups are streamed from the disk
    """

    name: str
    storage: Storage
    placement: Placement
    group: int = 0
    vae_float32: bool = False
    vae_on_demand: bool = False
    vae_tiled: bool = False
    chunked_feed_forward: bool = False
    disk: bool = False


PROFILES: tuple[MemoryProfile, ...] = (
    MemoryProfile("80", "bf16", "resident", vae_float32=True),
    MemoryProfile("48", "bf16", "swap", vae_float32=True, vae_on_demand=True),
    MemoryProfile("24", "fp8", "swap", vae_on_demand=True),
    MemoryProfile("16", "4bit", "swap", vae_on_demand=True),
    MemoryProfile("12", "fp8", "stream", group=2, vae_on_demand=True),
    MemoryProfile("8", "4bit", "stream", group=1, vae_on_demand=True, chunked_feed_forward=True),
    MemoryProfile("8-disk", "4bit", "stream", group=1, vae_on_demand=True, chunked_feed_forward=True, disk=True),
)
CPU = MemoryProfile("cpu", "bf16", "resident", vae_float32=True)
NAMES = (*(profile.name for profile in PROFILES), CPU.name)


@dataclass(frozen=True)
class MemoryPlan:
    """What a profile needs, in bytes: peak on the device, its parts, and host memory."""

    profile: MemoryProfile
    weights: float
    activations: float
    vae: float
    ram: float

    @property
    def peak(self) -> float:
        """Network and VAE do not work at the same time."""
        return self.weights + max(self.activations, self.vae)


def profile_named(name: str) -> MemoryProfile:
    """The profile of that name (a key of `NAMES`)."""
    return CPU if name == CPU.name else next(profile for profile in PROFILES if profile.name == name)


def expert_bytes(size: NetworkSize, storage: Storage) -> float:
    """Weights of one expert: what lies outside of the blocks stays bf16."""
    blocks = size.layers * size.block_parameters
    return blocks * BYTES[storage] + (size.parameters - blocks) * BYTES["bf16"]


def plan(profile: MemoryProfile, workload: Workload, size: NetworkSize = FULL_SIZE) -> MemoryPlan:
    """What the profile needs for a workload."""
    expert = expert_bytes(size, profile.storage)
    block = size.block_parameters * BYTES[profile.storage]
    outside = expert - size.layers * block
    # Two groups are on the device at a time: the one at work and the next; a group is computed in bf16.
    widened = size.block_parameters * BYTES["bf16"] * 0.4 if profile.storage != "bf16" else 0.0
    weights = {
        "resident": 2 * expert,
        "swap": expert,
        "stream": 2 * outside + 2 * profile.group * block,
    }[profile.placement]
    vae_weights = VAE_PARAMETERS * (4 if profile.vae_float32 else 2)
    if not profile.vae_on_demand:
        weights += vae_weights
    host = {"resident": 6 * GB, "swap": expert + 4 * GB, "stream": 2 * expert + 4 * GB}[profile.placement]
    if profile.name == CPU.name:
        host = weights
    if profile.disk:  # while it is read one expert is in RAM, then none
        host = expert + 4 * GB
    return MemoryPlan(
        profile,
        weights + widened,
        activation_bytes(size, workload.tokens, profile.chunked_feed_forward),
        vae_bytes(workload.size, profile.vae_float32, profile.vae_tiled) + vae_weights * profile.vae_on_demand,
        host,
    )


def plans(
    workload: Workload, size: NetworkSize = FULL_SIZE, allowed: Sequence[Storage] = ("bf16", "fp8", "4bit")
) -> list[MemoryPlan]:
    """What each profile needs, in the order in which they are tried.

    allowed: precisions the device can store (Apple's GPUs have no fp8). Where the untiled VAE is what decides the peak,
    the profile with a tiled one comes next.
    """
    out = []
    for profile in (profile for profile in PROFILES if profile.storage in allowed):
        whole = plan(profile, workload, size)
        tiled = plan(replace(profile, vae_tiled=True), workload, size)
        out += [whole, tiled] if tiled.peak < whole.peak else [whole]
    return out


def choose(
    free: float,
    ram: float,
    workload: Workload,
    size: NetworkSize = FULL_SIZE,
    allowed: Sequence[Storage] = ("bf16", "fp8", "4bit"),
) -> MemoryPlan:
    """The first of `plans` that fits into `free` bytes of the device and `ram` bytes of the host.

    Raises MemoryLimitError with what is needed.
    """
    every = plans(workload, size, allowed)
    for candidate in every:
        if candidate.peak <= free and candidate.ram <= ram:
            return candidate
    least = every[-1]
    raise MemoryLimitError(
        "memory-too-small",
        f"OrbitPainter needs {least.peak / GB:.1f} GB of free GPU memory and {least.ram / GB:.0f} GB of free RAM for "
        f"this job; {free / GB:.1f} GB and {ram / GB:.0f} GB are free.",
        "Close other programs, use fewer or smaller views, or paint with the engine projection.",
    )


def lower(profile: MemoryProfile, allowed: Sequence[Storage] = ("bf16", "fp8", "4bit")) -> MemoryProfile | None:
    """The next profile that needs less memory, with a tiled VAE, or None. On the CPU it is one that stores 4 bits."""
    if profile.name == CPU.name:
        return profile_named("16")
    place = next(index for index, each in enumerate(PROFILES) if each.name == profile.name)
    rest = [p for p in PROFILES[place + 1 :] if p.storage in allowed]
    return replace(rest[0], vae_tiled=True) if rest else None
