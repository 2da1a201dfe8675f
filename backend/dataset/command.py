# SPDX-License-Identifier: GPL-3.0-or-later
"""`dataset ...` on the command line: render, list, check."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..actions import add_actions
from ..console import Console, stage_progress
from ..errors import InputError, UsageError
from ..host import Host
from ..run_folder import digest
from .items import Models, Procedural, Released, model_files, released_folders
from .plan import RenderPlan
from .procedural_textures import DECORATIONS, PATTERNS, SURFACES
from .render import Items, Share, render_dataset
from .shards import index_shard, shard_files
from .spread import spread

PROCEDURAL = "procedural"
_HELP = {
    "render": "render objects into shards; run again, it goes on",
    "list": "say what is in a data set",
    "check": "read every sample and name broken ones",
}


def add_arguments(commands: Any, parser_class: type[argparse.ArgumentParser]) -> None:
    """Add the command `dataset` and its own commands."""
    actions = add_actions(commands, parser_class, "dataset", "make and check data sets for training", _HELP)
    render, default = actions["render"], RenderPlan()
    render.add_argument(
        "--source",
        required=True,
        metavar="procedural|PATH",
        help="made-up objects, a folder of textured models, or a list of them (.txt)",
    )
    render.add_argument("--released", action="store_true", help="the folder has the released data set's layout")
    render.add_argument("--v-flipped", action="store_true", help="its vertical orbits are mirrored left and right")
    render.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the shards go")
    render.add_argument("--count", type=int, default=1000, help="procedural objects (default: 1000)")
    render.add_argument("--first", type=int, default=0, help="number of the first procedural object (default: 0)")
    render.add_argument("--colourings", type=int, default=1, help="procedural objects with one body (default: 1)")
    render.add_argument(
        "--patterns", default="", metavar="A,B,...", help=f"of procedural objects: {', '.join(PATTERNS)}"
    )
    render.add_argument("--views", default="{},{}".format(*default.views), metavar="N,M", help="default: 120,120")
    render.add_argument("--size", type=int, default=default.size, help="pixels along a side (default: 512)")
    render.add_argument("--supersample", type=int, default=default.supersample, help="default: 2")
    render.add_argument("--references", default="15,8,15", metavar="A,B,C", help="orbit, random, points (15,8,15)")
    render.add_argument("--max-angle", type=float, default=default.max_angle, help="of references (default: 90)")
    render.add_argument("--max-elevation", type=float, default=default.max_elevation, help="default: 20")
    render.add_argument("--no-material", action="store_true", help="do not store metallic and roughness")
    render.add_argument("--per-shard", type=int, default=50, help="objects of a shard (default: 50)")
    render.add_argument("--share", default="0/1", metavar="I/N", help="part I of N (machines), counted from 0")
    render.add_argument("--processes", type=int, default=1, help="processes on this machine (default: 1)")
    render.add_argument("--parent-pipe", action="store_true", help="stop when standard input closes")
    for name in ("list", "check"):
        actions[name].add_argument("folder", type=Path, metavar="FOLDER", help="a data set, or one shard")


def run_command(options: argparse.Namespace, host: Host, console: Console, check: Callable[[], None]) -> None:
    """Run one action. Raises OrbitPainterErrors."""
    if options.action == "render":
        _render(options, host, console, check)
    else:
        _survey(options.folder, options.action == "check", console, check)


def _render(options: argparse.Namespace, host: Host, console: Console, check: Callable[[], None]) -> None:
    plan = RenderPlan(
        views=_numbers(options.views, 2),
        size=options.size,
        supersample=options.supersample,
        references=_numbers(options.references, 3),
        max_angle=options.max_angle,
        max_elevation=options.max_elevation,
        material=not options.no_material,
    )
    share = _share(options.share)
    out = options.out.absolute()
    if options.processes > 1:
        with stage_progress(console, "render", check) as progress:
            made = spread(options.processes, share, progress, console.note)
        console.result(str(out / "dataset.json"), made)
        return
    items, source = _items(options, host, plan)
    with stage_progress(console, "render", check) as progress:
        done = render_dataset(
            items,
            out,
            plan,
            source=source,
            per_shard=options.per_shard,
            share=share,
            progress=progress,
            note=console.note,
        )
    console.result(
        str(out / "dataset.json"),
        {"samples": done.samples, "shards": done.shards, "kept": done.kept, "failed": len(done.failed)},
    )


def _items(options: argparse.Namespace, host: Host, plan: RenderPlan) -> tuple[Items, str]:
    """The objects, and words that name them."""
    if options.source == PROCEDURAL:
        if min(options.count, options.colourings) < 1 or options.first < 0:
            raise UsageError("dataset-plan", "The numbers of objects start at 1.", "Correct --count and --colourings.")
        patterns = _patterns(options.patterns)
        name = ", ".join([f"{PROCEDURAL} from {options.first}", f"{options.colourings} a body", *patterns])
        return Procedural(options.first, options.count, options.colourings, plan, patterns), name
    path = Path(options.source).absolute()
    if options.released:
        folders = released_folders(path)
        return Released(folders, plan, options.v_flipped), _named("released", path, folders)
    files = model_files(path)
    return Models(files, host, plan), _named("models", path, files)


def _named(kind: str, source: Path, files: Sequence[Path]) -> str:
    """Words that change when the files do: their numbers, by which shards are made, are others then."""
    base = source if source.is_dir() else source.parent
    listed = digest([Path(os.path.relpath(file, base)).as_posix() for file in files])
    return f"{kind} {source.name}, {len(files)} of them ({listed[:8]})"


def _survey(folder: Path, thorough: bool, console: Console, check: Callable[[], None]) -> None:
    """Count what is there; `thorough`: read it too. Raises InputError where anything is broken."""
    samples, size, broken, last = 0, 0, list[str](), None
    with stage_progress(console, "check" if thorough else "list", check) as progress:
        files = shard_files(folder)
        for number, path in enumerate(files):
            progress(number / len(files), path.name)
            size += path.stat().st_size
            try:
                stored = index_shard(path)
            except InputError as error:
                broken.append(error.message)
                continue
            for sample in stored if thorough else stored[:1]:
                progress(number / len(files), sample.key)
                try:
                    last = sample.read()
                except InputError as error:
                    broken.append(error.message)
            samples += len(stored)
    for message in broken:
        console.note(message)
    views = f"{last.views[0]} + {last.views[1]} views of {last.size} pixels" if last is not None else "none"
    summary = {"samples": samples, "shards": len(files), "size": f"{size / 1e6:.1f} MB", "frames": views}
    console.result(str(folder.absolute()), {**summary, "broken": len(broken)})
    if broken:
        raise InputError("dataset-broken", f"{len(broken)} parts of {folder} are broken.", "Render them again.")


def _numbers(text: str, count: int) -> Any:
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count:
        raise UsageError("dataset-plan", f"'{text}' is not {count} numbers with commas.", "Correct the option.")
    return numbers


def _patterns(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in PATTERNS]
    if unknown or (names and not set(names) & set(SURFACES)):
        what = f"There is no pattern '{unknown[0]}'." if unknown else "No pattern covers a whole surface."
        raise UsageError("dataset-plan", what, f"Use {', '.join(SURFACES)}, and {', '.join(DECORATIONS)} over them.")
    return names


def _share(text: str) -> Share:
    try:
        index, count = (int(word) for word in text.split("/"))
    except ValueError:
        raise UsageError("share", f"'{text}' is not of the form I/N.", "Write for instance --share 0/4.") from None
    return Share(index, count)
