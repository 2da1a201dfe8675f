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
from .plan import RunPlan, plan_run

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


def forecast(options: Mapping[str, Any], views: tuple[int, int], size: int, machine: Machine) -> RunPlan | None:
    """The plan of a job with these options of the engine; None where no card is known to plan for.

    Raises UsageError for options that are wrong.
    """
    chosen = OrbitPainterOptions.parse(options)
    if not machine.card or chosen.memory == profiles.CPU.name or chosen.device == "cpu":
        return None
    paper = chosen.mode == "paper"
    workload = Workload.of(chosen.mode, views, size)
    network = NetworkSize(in_channels=48 if paper else 68, gasa=paper)
    devices = 1 + len(chosen.further)
    run = plan_run(
        workload, chosen.speed, machine.gpu, machine.ram, machine.card, network, devices, chosen.shared_forward
    )
    if chosen.memory == "auto":
        return run
    return replace(run, memory=profiles.plan(profiles.profile_named(chosen.memory), workload, network))


def sentence(options: Mapping[str, Any], views: tuple[int, int], size: int, machine: Machine) -> str:
    """The same in one sentence."""
    run = forecast(options, views, size, machine)
    if run is None:
        return (
            "How long OrbitPainter takes is not known without a graphics card that it knows; on the processor, hours."
        )
    return run.sentence()
