# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `batch`: all models of a folder, or all objects of a scene, one after the other.

Each item runs in a process of its own, so a failure, a crash included, ends that item alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .console import Console, stage_progress
from .errors import InputError, UsageError
from .host import Host
from .item_process import ItemError, run_item
from .job import Job, ReferenceSpec, absolute
from .painters.base import VIEWS
from .run_request import STAGES, RunRequest, save_request
from .whole_files import output_errors, shortened, write_json

MODELS = (".glb", ".gltf", ".obj", ".ply", ".stl", ".fbx", ".usd", ".usda", ".usdc", ".usdz", ".blend")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".tga", ".gif", ".avif")


@dataclass(frozen=True)
class Item:
    """One thing to texture. name: also that of its folder; an empty job.references means that no picture was found."""

    name: str
    job: Job


@dataclass
class Outcome:
    """What became of an item, as batch.json has it. state: done or failed."""

    name: str
    state: str
    out: str
    seconds: float
    code: str = ""
    message: str = ""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What `batch` takes besides the options of `generate`."""
    command.add_argument("--models", metavar="FOLDER", help="texture every model in it, instead of a scene's objects")
    command.add_argument(
        "--references",
        metavar="FOLDER",
        dest="pictures",
        help="where pictures named as the models or objects are: NAME.png, NAME.back.png (default: beside the models)",
    )


def run_batch(options: argparse.Namespace, base: Job, host: Host, console: Console, check: Callable[[], None]) -> int:
    """Texture all items; the exit status: 0, or that of the first item that failed.

    base: the job that all items share; its references serve items that have none of their own.
    Raises UsageError, InputError, OutputError, CancelledError.
    """
    given = vars(options)
    found = items(base, given.get("models"), given.get("pictures"), host, console.note)
    console.plan([item.name for item in found])
    if options.dry_run:
        for item in found:
            pictures = ", ".join(Path(r.path).name for r in item.job.references) or "no picture"
            console.note(f"{item.name}: {pictures}, into {item.job.out}.")
        return 0
    out = Path(base.out)
    outcomes: list[Outcome] = []
    status = 0
    for item in found:
        start = time.monotonic()
        try:
            with stage_progress(console, item.name, check) as progress:
                _run(item, host.program, out / "batch", options.resume, progress)
            outcome = Outcome(item.name, "done", item.job.out, 0.0)
        except (InputError, ItemError) as error:
            console.note(f"{item.name} failed: {error} [{error.code}]")
            outcome = Outcome(item.name, "failed", item.job.out, 0.0, error.code, str(error))
            status = status or error.exit_status
        outcome.seconds = round(time.monotonic() - start, 1)
        outcomes.append(outcome)
        write_json(out / "batch.json", {"items": [vars(outcome) for outcome in outcomes]})
    failed = [outcome.name for outcome in outcomes if outcome.state == "failed"]
    summary: dict[str, Any] = {"output": base.out, "textured": f"{len(outcomes) - len(failed)} of {len(outcomes)}"}
    if failed:
        summary["failed"] = ", ".join(failed)
    console.result(str(out / "batch.json"), summary)
    return status


def items(
    base: Job, models: str | None, pictures: str | None, host: Host, note: Callable[[str], None] = lambda _: None
) -> list[Item]:
    """What there is to do, by name; `note` hears what a scene leaves out. Raises UsageError, InputError."""
    if models is None:
        return _scene_items(base, pictures, host, note)
    folder = Path(absolute(models))
    if base.mesh is not None or base.objects or base.collection:
        raise UsageError("usage", "A batch is of a folder of models or of a scene's objects.", "Leave out one of them.")
    if not folder.is_dir():
        raise InputError("folder-missing", f"There is no folder {folder}.", "Check the path.")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in MODELS and path.is_file())
    if not files:
        raise InputError("folder-empty", f"There is no model in {folder}.", f"Models are {', '.join(MODELS)}.")
    found = references_in(Path(absolute(pictures or models)))
    names = unique_names([path.stem for path in files], [path.name for path in files])
    return [
        Item(name, _of_item(base, name, found.get(path.stem.lower(), ()), mesh=str(path)))
        for name, path in zip(names, files, strict=True)
    ]


def _scene_items(base: Job, pictures: str | None, host: Host, note: Callable[[str], None]) -> list[Item]:
    loaded = host.load(replace(base, references=(), out=str(Path(base.out) / "batch")))
    for remark in loaded.notes if base.collection else ():
        note(remark)
    mesh = loaded.mesh
    objects = [name for index, name in enumerate(mesh.object_names) if index not in mesh.instance_of]
    found = references_in(Path(absolute(pictures))) if pictures else {}
    names = unique_names(objects, None)
    return [
        Item(name, _of_item(base, name, found.get(obj.lower(), ()), objects=(obj,), collection=""))
        for name, obj in zip(names, objects, strict=True)
    ]


def _of_item(base: Job, name: str, references: Sequence[ReferenceSpec], **changes: Any) -> Job:
    chosen = tuple(references) or base.references
    return replace(base, out=str(Path(base.out) / name), references=chosen, **changes)


def unique_names(names: Sequence[str], fuller: Sequence[str] | None) -> list[str]:
    """Names of folders; where one repeats the fuller one, or else a number, tells them apart."""
    names = [shortened(name) for name in names]
    lower = [name.lower() for name in names]
    result, taken = [], set()
    for index, name in enumerate(names):
        if lower.count(lower[index]) > 1 and fuller is not None:
            name = shortened(fuller[index])
        chosen, number = name, 2
        while chosen.lower() in taken:
            chosen, number = f"{name}_{number}", number + 1
        taken.add(chosen.lower())
        result.append(chosen)
    return result


def references_in(folder: Path) -> dict[str, list[ReferenceSpec]]:
    """The pictures of a folder by the lower-case name of what they show, fronts first. Raises InputError.

    `chair.png` shows the front of `chair`, `chair.back.png` its back; a guide's camera is the .json of the same name.
    """
    if not folder.is_dir():
        raise InputError("folder-missing", f"There is no folder {folder}.", "Check the path.")
    result: dict[str, list[ReferenceSpec]] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in PICTURES or not path.is_file():
            continue
        name, dot, view = path.stem.lower().rpartition(".")
        if not dot or view not in VIEWS:
            name, view = path.stem.lower(), "front"
        camera = path.with_suffix(".json")
        spec = ReferenceSpec(str(path), view, str(camera) if camera.is_file() else None)
        result.setdefault(name, []).append(spec)
    order = list(VIEWS)
    for specs in result.values():
        specs.sort(key=lambda spec: order.index(spec.view))
    return result


def _run(
    item: Item, program: Sequence[str], folder: Path, resume: bool, progress: Callable[[float, str], None]
) -> None:
    """One item in a process of its own. Raises ItemError, InputError, CancelledError through `progress`."""
    if not item.job.references:
        raise InputError(
            "reference-missing",
            f"There is no picture for '{item.name}'.",
            f"Name one {item.name}.png, or give one for all with --reference.",
        )
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    request = folder / f"{item.name}.json"
    save_request(request, RunRequest(item.job, STAGES, resume))
    run_item([*program, "run", str(request)], folder / f"{item.name}.log", STAGES, progress)
