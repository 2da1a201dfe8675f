# SPDX-License-Identifier: GPL-3.0-or-later
"""`plan` on the command line: what a job of an engine needs and takes on this machine, before it starts."""

from __future__ import annotations

import argparse
import importlib.util
from typing import Any, TextIO

from .console import Console
from .errors import InputError, UsageError
from .memory import available_bytes
from .painters.orbitpainter.arithmetic import NetworkSize, Workload
from .painters.orbitpainter.forecast import this_machine
from .painters.orbitpainter.plan import facts, lines, plan_run
from .painters.orbitpainter.presets import preset
from .painters.registry import ENGINES

GB = 1e9


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `plan`."""
    command = commands.add_parser("plan", help="say what memory and time a job will take", allow_abbrev=False)
    command.add_argument("--engine", choices=list(ENGINES), default="orbitpainter")
    command.add_argument("--gpu", type=float, metavar="GB", help="free GPU memory (default: what is free now)")
    command.add_argument("--ram", type=float, metavar="GB", help="free RAM (default: what is free now)")
    command.add_argument("--mode", choices=("release", "paper"), default="release")
    command.add_argument("--preset", choices=("best", "balanced", "fast"), default="best")
    command.add_argument("--distilled", action="store_true", help="with distillation LoRAs: fast is 4 steps")
    command.add_argument("--views", type=int, default=61, help="views of each orbit (default: 61)")
    command.add_argument("--size", type=int, default=512, help="pixels along each side of a frame (default: 512)")
    command.add_argument("--devices", type=int, default=1, metavar="N", help="cards like that one (default: 1)")
    command.add_argument("--json", action="store_true", help="one event per line on standard output")


def run_command(options: argparse.Namespace, console: Console, out: TextIO) -> None:
    """Print the plan to `out`; with --json its numbers (bytes, seconds) go to the console as the result.

    Raises InputError where no GPU can be seen and none is given, UsageError.
    """
    if options.engine == "projection":
        text = "The engine projection needs no GPU: about 1 GB of RAM and two minutes at 2 x 61 views of 512."
        _tell(options, console, out, [text], {"gpu_bytes": 0})
        return
    name, gpu = ("", options.gpu * GB) if options.gpu is not None else _gpu()
    ram = options.ram * GB if options.ram is not None else float(available_bytes())
    workload = Workload.of(options.mode, (options.views, options.views), options.size)
    size = NetworkSize(in_channels=48 if options.mode == "paper" else 68, gasa=options.mode == "paper")
    if options.devices not in (1, 2, 4, 8):
        raise UsageError("option-range", f"The number of devices is {options.devices}.", "Use 1, 2, 4 or 8.")
    run = plan_run(workload, preset(options.preset, options.distilled), gpu, ram, name, size, options.devices)
    have = f"{name or 'A graphics card'}: {gpu / GB:.1f} GB free; {ram / GB:.0f} GB of RAM free."
    _tell(options, console, out, [have, "", *lines(run, gpu, ram)], facts(run))


def _tell(options: argparse.Namespace, console: Console, out: TextIO, text: list[str], numbers: dict[str, Any]) -> None:
    if options.json:
        console.result("", numbers)
    else:
        print("\n".join(text), file=out, flush=True)


def _gpu() -> tuple[str, float]:
    if importlib.util.find_spec("torch") is not None:
        from .painters.orbitpainter.devices import find_device

        device = find_device("auto")
        if device.device.type != "cpu":
            return device.name, device.free
    machine = this_machine()
    if machine.card:
        return machine.card, machine.gpu
    raise InputError("gpu-unknown", "No GPU can be seen from this Python.", "Say how much memory it has: --gpu 24.")
