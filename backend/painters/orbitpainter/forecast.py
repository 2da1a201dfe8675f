# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job will need and take on this computer, told before it starts, by whoever has no torch. No torch."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...environment.drivers import cuda_driver
from ...memory import available_bytes
from . import profiles
from .arithmetic import NetworkSize, Workload
from .options import OrbitPainterOptions
from .plan import RunPlan, duration, plan_run

PROCESSOR = 0.3e12  # operations a second of a processor, a rough guess
_OF_APPLES_MEMORY = 0.75  # what its GPU may take


@dataclass(frozen=True)
class Machine:
    """card: name of the graphics card, "" where none is known; gpu: its memory, ram: free memory of the host; bytes."""

    card: str
    gpu: float
    ram: float


def this_machine() -> Machine:
    """Asks the driver, which may take a tenth of a second the first time. Another program may hold part of `gpu`."""
    ram = float(available_bytes())
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Machine("Apple", _OF_APPLES_MEMORY * ram, ram)
    gpus = cuda_driver().gpus
    return Machine(gpus[0].name, float(gpus[0].memory), ram) if gpus else Machine("", 0.0, ram)


@dataclass(frozen=True)
class Forecast:
    """run: the plan of the job, None where no card is known to plan for; seconds: of painting."""

    run: RunPlan | None
    seconds: float

    def sentence(self) -> str:
        """For people."""
        if self.run is not None:
            return self.run.sentence()
        time = duration(self.seconds)
        return (
            f"No graphics card is known here; on the processor OrbitPainter would take about {time}, roughly guessed."
        )


def forecast(options: Mapping[str, Any], views: tuple[int, int], size: int, machine: Machine) -> Forecast:
    """What a job with these options of the engine will need and take. Raises UsageError for options that are wrong."""
    chosen = OrbitPainterOptions.parse(options)
    paper = chosen.mode == "paper"
    workload = Workload.of(chosen.mode, views, size)
    network = NetworkSize(in_channels=48 if paper else 68, gasa=paper)
    devices = 1 + len(chosen.further)
    run = plan_run(
        workload, chosen.speed, machine.gpu, machine.ram, machine.card, network, devices, chosen.shared_forward
    )
    if not machine.card or chosen.memory == profiles.CPU.name or chosen.device == "cpu":
        return Forecast(None, (run.flops + run.vae_flops) / PROCESSOR)
    if chosen.memory != "auto":
        run = replace(run, memory=profiles.plan(profiles.profile_named(chosen.memory), workload, network))
    return Forecast(run, run.seconds)
