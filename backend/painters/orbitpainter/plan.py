# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run will need and take, before it starts: memory, arithmetic, time (specs/inference-speed.md). No torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from .arithmetic import NetworkSize, Workload
from .presets import Speed
from .profiles import FULL_SIZE, GB, USABLE, MemoryPlan, plans

# Operations a second that one forward pass reaches, in bf16 without compilation: of PUBLISHED as others measured it
# (specs/inference-speed.md section 1), the rest rough guesses from the makers' peaks. Not measured here.
PUBLISHED = ("H100", "4090")
CARDS: dict[str, float] = {
    "H200": 365e12,
    "H100": 365e12,
    "A100": 150e12,
    "L40S": 150e12,
    "5090": 160e12,
    "4090": 123e12,
    "4080": 75e12,
    "4070": 50e12,
    "4060": 50e12,
    "3090": 55e12,
    "3080": 45e12,
    "3060": 20e12,
    "Apple": 22e12,
}
_OF_MEMORY = ((80, "H100"), (48, "L40S"), (24, "4090"), (16, "4080"), (0, "4060"))
VAE_SHARE = 0.22  # the VAE's narrow convolutions reach 60 to 100 TFLOP/s on an H100


@dataclass(frozen=True)
class RunPlan:
    """One job on one card. memory: None where no profile fits; flops: of the networks; card: what the time is of."""

    memory: MemoryPlan | None
    table: tuple[MemoryPlan, ...]
    forwards: int
    forward_flops: float
    flops: float
    vae_flops: float
    card: str
    forward_seconds: float
    seconds: float
    devices: int = 1

    @property
    def cards(self) -> str:
        return f"a card like {self.card}" if self.devices == 1 else f"{self.devices} cards like {self.card}"

    def sentence(self) -> str:
        """For the start of a job. Where nothing fits, that is what it says."""
        if self.memory is None:
            least = self.table[-1]
            needs = f"{least.peak / GB:.1f} GB of GPU memory and {least.ram / GB:.0f} GB of RAM"
            return f"OrbitPainter needs at least {needs} for this job: more than there is."
        profile = self.memory.profile
        doubt = "" if self.card in PUBLISHED else ", roughly guessed"
        return (
            f"OrbitPainter will take {self.memory.peak / GB:.0f} GB of GPU memory and {self.memory.ram / GB:.0f} GB of "
            f"RAM (profile {profile.name}), and about {duration(self.seconds)} on {self.cards}{doubt}."
        )


def forwards(speed: Speed) -> int:
    """Forward passes of one run: two for a step with guidance."""
    guided = sum(step / speed.steps < speed.guidance_stop for step in range(speed.steps)) if speed.guidance != 1 else 0
    return speed.steps + guided


def plan_run(
    workload: Workload,
    speed: Speed,
    gpu: float,
    ram: float,
    name: str = "",
    size: NetworkSize = FULL_SIZE,
    devices: int = 1,
    shared: bool = False,
) -> RunPlan:
    """gpu, ram: free bytes; name: of the card, where it is known. Step caches and dropped tokens are not counted.

    devices: cards like that one. Two take a guidance branch each, or, `shared`, as more do, part of each forward pass;
    what they say to each other is not counted.
    """
    table = tuple(plans(workload, size))
    fitting = next((p for p in table if p.peak <= USABLE * gpu and p.ram <= ram), None)
    card, rate = card_of(name, gpu)
    forward = size.forward_flops(workload.tokens)
    count = workload.runs * forwards(speed)
    if devices == 1:
        one_after_another = float(count)
    elif devices == 2 and not shared:
        one_after_another = float(workload.runs * speed.steps)
    else:
        one_after_another = count / devices
    seconds = one_after_another * forward / rate + workload.vae_flops / (VAE_SHARE * rate)
    return RunPlan(
        fitting, table, count, forward, count * forward, workload.vae_flops, card, forward / rate, seconds, devices
    )


def card_of(name: str, gpu: float) -> tuple[str, float]:
    """The card whose speed is taken: the one named, else a usual one with as much memory (bytes)."""
    for card, rate in CARDS.items():
        if card in name:
            return card, rate
    card = next(card for least, card in _OF_MEMORY if gpu >= 0.9 * least * GB)
    return card, CARDS[card]


def lines(run: RunPlan, gpu: float, ram: float) -> list[str]:
    """The plan as text."""
    out = ["profile  storage  placement  GPU peak  host RAM"]
    for entry in run.table:
        profile = entry.profile
        marks = ["VAE in tiles"] if profile.vae_tiled else []
        marks += ["<- this one"] if entry is run.memory else []
        out.append(
            f"{profile.name:<8} {profile.storage:<8} {profile.placement:<10} {entry.peak / GB:5.1f} GB  "
            f"{entry.ram / GB:5.0f} GB  {'  '.join(marks)}".rstrip()
        )
    out.append("")
    if run.memory is None:
        out.append(f"Nothing fits into {gpu / GB:.1f} GB of GPU memory and {ram / GB:.0f} GB of RAM.")
    networks = f"{run.forwards} forward passes of {run.forward_flops / 1e15:.3f} PFLOP, {run.flops / 1e15:.1f} PFLOP"
    out.append(f"Arithmetic: {networks} in all, and {run.vae_flops / 1e15:.2f} PFLOP for the VAE.")
    time = f"{run.forward_seconds:.1f} s a forward pass, about {duration(run.seconds)} in all"
    source = (
        "from others' published measurements" if run.card in PUBLISHED else "a rough guess from its maker's figures"
    )
    out.append(f"Time on {run.cards}, {source}, not measured here: {time}.")
    return out


def facts(run: RunPlan) -> dict[str, Any]:
    """The plan as numbers for programs; bytes, seconds."""
    return {
        "profile": None if run.memory is None else run.memory.profile.name,
        "profiles": [
            {
                "name": entry.profile.name,
                "storage": entry.profile.storage,
                "placement": entry.profile.placement,
                "vae_tiled": entry.profile.vae_tiled,
                "gpu_bytes": round(entry.peak),
                "ram_bytes": round(entry.ram),
            }
            for entry in run.table
        ],
        "forwards": run.forwards,
        "forward_flops": run.forward_flops,
        "flops": run.flops,
        "vae_flops": run.vae_flops,
        "card": run.card,
        "forward_s": run.forward_seconds,
        "seconds": run.seconds,
    }


def duration(seconds: float) -> str:
    """12 s, 7 min, 1 h 20 min, 5 days."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    if seconds >= 48 * 3600:
        return f"{round(seconds / 86400)} days"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
