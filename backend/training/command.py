# SPDX-License-Identifier: GPL-3.0-or-later
"""`train ...` on the command line: run, distill, ablation, export."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import fmean
from typing import Any

from ..actions import add_actions
from ..console import Console, stage_progress
from ..errors import UsageError
from ..files import write_json
from ..packages import require_packages
from ..progress import Progress
from ..run_folder import RunFolder
from .config import TrainConfig, read_config

RECIPES = Path(__file__).with_name("recipes")
GRACE = 600.0  # seconds that a stopped run has to finish its step and to save
_HELP = {
    "run": "train, or go on with a run (--resume)",
    "distill": "make a network of few steps from a trained one (DMD2)",
    "ablation": "train the small network with and without each part, and compare",
    "evaluate": "paint held-out objects with a run's newest checkpoint, whole and with parts taken away",
    "export": "write a run's newest checkpoint as engines load it",
}


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `train` and its own commands."""
    for name, action in add_actions(commands, parser_class, "train", "train OrbitPainter", _HELP).items():
        action.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the run's folder")
        if name not in ("export", "evaluate"):
            action.add_argument(
                "--config",
                required=name != "ablation",
                metavar="FILE|RECIPE",
                help=f"a .toml or .json file, or {_names()}",
            )
            action.add_argument("--set", action="append", default=[], dest="changes", metavar="NAME=VALUE")
            action.add_argument(
                "--data", type=Path, metavar="FOLDER", help="shards (default: those of the configuration)"
            )
            action.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
        if name in ("ablation", "evaluate"):
            action.add_argument("--held-out", type=Path, metavar="FOLDER", help="shards of objects to compare on")
        if name == "ablation":
            action.add_argument("--only", action="append", metavar="ROW", help="train this row only; may be repeated")
        if name == "export":
            action.add_argument("--format", choices=("diffusers", "released"), default="diffusers")
            action.add_argument("--to", type=Path, required=True, metavar="PATH", help="a new folder, or .safetensors")
            action.add_argument("--last", action="store_true", help="the last weights, not the averaged ones")


def run_command(options: argparse.Namespace, console: Console, check: Callable[[], None]) -> None:
    """Run one action. Raises OrbitPainterErrors."""
    require_packages(("torch", "diffusers", "accelerate", "safetensors"), "training-missing", "Training needs")
    if options.action == "export":
        _export(options, console)
        return
    if options.action == "ablation":
        from .ablation import run_ablation

        with _held(options.out), stage_progress(console, "train", check) as progress:
            table = run_ablation(
                _config(options, "tiny"), options.out, options.held_out, options.only, progress, console.note
            )
        console.result(str(table), {"table": str(table)})
        return
    if options.action == "evaluate":
        with stage_progress(console, "evaluate", check) as progress:
            console.result(str(options.out / "held_out.json"), _evaluate(options, progress))
        return
    config = _config(options)
    with _held(options.out), stage_progress(console, "train", check) as progress:
        if options.action == "distill":
            from .distill import distill

            folder = distill(config, options.out, resume=options.resume, progress=progress, note=console.note)
        else:
            from .trainer import train

            folder = train(config, options.out, resume=options.resume, progress=progress, note=console.note)
    console.result(str(folder), {"checkpoint": str(folder)})


def _held(out: Path) -> Any:
    """The lock on a run's folder; of several processes the first one has it."""
    return RunFolder(out) if int(os.environ.get("RANK", "0")) == 0 else nullcontext()


def _config(options: argparse.Namespace, default: str = "") -> TrainConfig:
    from ..arguments import assignments

    name = options.config or default
    path = RECIPES / f"{name}.toml"
    changes = _dotted(options.changes, assignments)
    if options.data is not None:
        changes["data.shards"] = str(options.data.absolute())
    return read_config(path if path.is_file() else Path(name), changes)


def _dotted(words: Sequence[str], assignments: Callable[[Sequence[str]], dict[str, Any]]) -> dict[str, Any]:
    for word in words:
        if "." not in word.partition("=")[0]:
            raise UsageError(
                "usage", f"'{word}' is not of the form TABLE.NAME=VALUE.", "Write for instance run.steps=9."
            )
    return assignments(words)


def _export(options: argparse.Namespace, console: Console) -> None:
    from .export import export_diffusers, export_released, newest

    folder, _ = newest(options.out)
    write = export_released if options.format == "released" else export_diffusers
    write(folder, options.to, not options.last)
    console.result(str(options.to.absolute()), {"from": folder.name})


def _evaluate(options: argparse.Namespace, progress: Progress) -> dict[str, str]:
    """Score a run's newest checkpoint; writes held_out.json and held_out.png into its folder."""
    from .export import load_network, newest
    from .held_out import held_out_folder, held_out_samples, network_painter, withheld, write_sheet
    from .network import build_vae, encoded_prompt

    folder, config = newest(options.out)
    samples = held_out_samples(held_out_folder(options.held_out, config))
    network, vae, prompt = load_network(folder, config), build_vae(config.model), encoded_prompt(config.model)
    scores = withheld(network, vae, prompt, config.model, samples, progress)
    write_sheet(options.out / "held_out.png", network_painter(network, vae, prompt, config.model), samples[:6])
    table = {name: one.to_json() for name, one in scores.items()}
    write_json(options.out / "held_out.json", {"checkpoint": folder.name, "scores": table})
    return {
        name: f"{fmean(one.hidden):.2f} dB in hidden views, {fmean(one.others):.2f} in all but the reference's"
        for name, one in scores.items()
    }


def _names() -> str:
    return ", ".join(sorted(path.stem for path in RECIPES.glob("*.toml")))
