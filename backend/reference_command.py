# SPDX-License-Identifier: GPL-3.0-or-later
"""`reference` on the command line: a reference picture from words, to look at before a run is started with it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .console import Console, stage_progress
from .errors import UsageError
from .guide import guide_camera, save_guide
from .host import Host
from .job import Job, absolute
from .orbits.raycast import raycast_view
from .painters.orbitpainter.engine import require_packages


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `reference`."""
    command = commands.add_parser("reference", help="make a reference picture from words", allow_abbrev=False)
    command.add_argument("--mesh", metavar="FILE", help="model: .glb .gltf .obj .ply .stl .fbx .usd* .blend")
    command.add_argument("--object", action="append", dest="objects", metavar="NAME", help="object; may be repeated")
    command.add_argument("--text", required=True, metavar="WORDS", help="what the object is and looks like")
    command.add_argument("--model", required=True, metavar="FOLDER", help="text-to-image pipeline, diffusers' layout")
    command.add_argument("--control", metavar="FOLDER", help="ControlNet, where the pipeline has none of its own")
    command.add_argument("--kind", choices=("depth", "normal"), default="depth", help="what guides it (default: depth)")
    command.add_argument("--size", type=int, default=1024, help="pixels along each side (default: 1024)")
    command.add_argument("--steps", type=int, default=30, help="steps of the image model (default: 30)")
    command.add_argument("--seed", type=int, default=0, help="a seed makes it repeatable (default: 0)")
    command.add_argument("--out", required=True, metavar="PNG", help="the picture; its camera is written beside it")
    command.add_argument("--json", action="store_true", help="one event per line on standard output")
    command.add_argument("--parent-pipe", action="store_true", help="stop when standard input closes")


def export(options: argparse.Namespace, host: Host, console: Console, check: Callable[[], None]) -> None:
    """Paint and save the picture and its camera. Raises UsageError, InputError, EngineMissingError, OutputError."""
    for name, value, low, high in (("size", options.size, 64, 4096), ("number of steps", options.steps, 1, 200)):
        if not low <= value <= high:
            raise UsageError("option-range", f"The {name} is {value}.", f"Choose a value from {low} to {high}.")
    if options.size % 8:
        raise UsageError("option-range", f"The size is {options.size}.", "Choose a multiple of 8.")
    if not options.out.lower().endswith(".png"):
        raise UsageError("usage", f"{options.out} is no .png file.", "Write for instance --out reference.png.")
    require_packages()
    from .painters.orbitpainter.devices import find_device
    from .painters.orbitpainter.text_reference import load, paint_reference

    out = Path(absolute(options.out))
    mesh = absolute(options.mesh) if options.mesh else None
    job = Job(out=str(out.parent), mesh=mesh, objects=tuple(options.objects or ()))
    camera = guide_camera("front", options.size)
    with stage_progress(console, "reference", check) as progress:
        passes = raycast_view(host.load(job).mesh, camera)
        device = find_device("auto")
        control = None if options.control is None else Path(absolute(options.control))
        pipe = load(Path(absolute(options.model)), control, device.device, device.dtype)
        picture = paint_reference(pipe, options.text, passes, options.kind, options.seed, options.steps, progress)
        written = save_guide(out, picture, camera)
    console.note(f"Look at {out}; then paint with --reference {out} {written}.")
    console.result(str(out), {"reference": str(out), "camera": str(written)})
