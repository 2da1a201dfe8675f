# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate`: texture a set of objects with any engine and any bake, measure the results, write tables and a sheet.

    OUT/settings.json        what was asked for; a run that goes on must want the same
    OUT/items/NAME/          one item (score.py)
    OUT/table.md, table.csv, evaluation.json, contact_sheet.png

Each item runs in a process of its own, so its peak memory is its own and a failure ends it alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..console import Console, stage_progress
from ..errors import InputError, UsageError
from ..files import output_errors, write_json
from ..host import Host
from ..item_process import ItemError, run_item
from ..job import Job, absolute
from ..painters.base import VIEWS
from ..progress import Progress
from ..run_folder import RunFolder
from ..version import VERSION
from .evaluation_set import MODELS, SCENE, EvaluationItem, evaluation_set
from .learned import NEEDS, Networks, Weights, check_metrics, left_out
from .report import write_report
from .score import STAGES, TRUE_FRAMES, inputs_key, score_item
from .settings import Settings
from .strategies import BAKES, OURS

FATAL = (2, 4, 7)  # statuses of an item that the others would share: usage, something missing, output failed


def add_arguments(command: argparse.ArgumentParser) -> None:
    """What `evaluate` takes besides views, engine and TextureOptimizer's options. Options left out are absent."""
    command.add_argument(
        "--set",
        required=True,
        metavar="FOLDER|LIST|procedural|scenes",
        help="models, a list of them (model TAB picture TAB view), made-up objects, or the acceptance scenes",
    )
    command.add_argument(
        "--references", metavar="FOLDER", dest="pictures", help="NAME.png of each model (default: beside it)"
    )
    command.add_argument("--truth", action="store_true", help="compare with the models' own textures")
    command.add_argument("--reference-view", choices=list(VIEWS), help="with --truth: its side (default: front)")
    command.add_argument("--count", type=int, help="procedural objects (default: 10)")
    command.add_argument("--first", type=int, help="number of the first procedural object (default: 0)")
    command.add_argument("--drift", type=float, help="of the engine 'truth' on the scenes, in pixels (default: 0)")
    command.add_argument(
        "--bake", action="append", dest="bakes", choices=list(BAKES), help="may be repeated (default: ours)"
    )
    command.add_argument("--held-out", type=int, help="new views that the result is seen from (default: 20)")
    command.add_argument("--picture-size", type=int, help="their pixels along each side (default: 512)")
    command.add_argument(
        "--metric", action="append", dest="metrics", choices=list(NEEDS), help="default: all whose weights are given"
    )
    command.add_argument("--lpips-weights", metavar="FILE", help="VGG-16 or AlexNet, as torchvision has it")
    command.add_argument("--inception-weights", metavar="FILE", help="pt_inception-2015-12-05-6726825d.pth")
    command.add_argument("--clip", metavar="FOLDER", help="a CLIP model as transformers saves it")
    command.add_argument("--keep", action="store_true", help="keep passes, frames and textures of every item")


def run_command(
    options: argparse.Namespace, base: Job, make_host: Callable[[], Host], console: Console, check: Callable[[], None]
) -> int:
    """Evaluate the set; the exit status: 0, or that of the first item that failed.

    Raises UsageError, InputError, EngineMissingError, OutputError, CancelledError.
    """
    given = vars(options)
    settings = _settings(given)
    host = make_host()
    items = evaluation_set(
        base, options.set, given.get("pictures"), host, given.get("count", 10), given.get("first", 0)
    )
    _check_request(base, settings, items)
    console.plan([item.name for item in items])
    if options.dry_run:
        for item in items:
            console.note(f"{item.name}: {item.job.mesh or item.kind}, into {item.job.out}.")
        return 0
    if settings.metrics:
        Networks(settings.metrics, settings.weights)  # broken weights are told before any work
    if (sentence := left_out(settings.metrics)) is not None:
        console.note(sentence)
    with RunFolder(base.out) as run:
        _begin(run.root, base, settings, options.resume)
        outcomes = [_evaluated(item, settings, host.program, options.resume, console, check) for item in items]
        with stage_progress(console, "tables", check) as progress:
            results = [outcome.result for outcome in outcomes if outcome.result]
            failed = {outcome.name: outcome.error for outcome in outcomes if outcome.error}
            summary = write_report(run.root, base, settings, results, failed, progress)
    console.result(str(run.root / "evaluation.json"), summary)
    return next((outcome.status for outcome in outcomes if outcome.status), 0)


@dataclass(frozen=True)
class Outcome:
    """What became of an item: the content of its result.json, or the sentence and status of its failure."""

    name: str
    result: dict[str, Any] | None = None
    error: dict[str, str] | None = None
    status: int = 0


def _settings(given: dict[str, Any]) -> Settings:
    """Raises UsageError, InputError, EngineMissingError."""
    paths = (given.get(name) for name in ("lpips_weights", "inception_weights", "clip"))
    weights = Weights(*(None if path is None else absolute(path) for path in paths))
    settings = Settings(
        bakes=tuple(dict.fromkeys(given.get("bakes", (OURS,)))),
        textured="truth" in given,
        view=given.get("reference_view", "front"),
        drift=given.get("drift", 0.0),
        held_out=given.get("held_out", 20),
        picture_size=given.get("picture_size", 512),
        metrics=tuple(check_metrics(given.get("metrics", ()), weights)),
        weights=weights,
        keep="keep" in given,
    )
    for name, value, low, high in (
        ("number of held-out views", settings.held_out, 1, 1000),
        ("picture size", settings.picture_size, 16, 2048),
        ("drift", settings.drift, 0, 64),
    ):
        if not low <= value <= high:
            raise UsageError("option-range", f"The {name} is {value}, outside {low} to {high}.", "Choose another.")
    return settings


def _check_request(base: Job, settings: Settings, items: Sequence[EvaluationItem]) -> None:
    """Raises UsageError for what no item could do."""
    kind = items[0].kind
    if kind == MODELS and base.engine == TRUE_FRAMES and not settings.textured:
        raise UsageError("truth-missing", "Models have no known surface to take frames from.", "Give --truth.")
    if settings.drift > 0 and (kind != SCENE or base.engine != TRUE_FRAMES):
        raise UsageError(
            "drift-needs-solid",
            "Drift is simulated in true frames of the acceptance scenes only.",
            "Use --set scenes --engine truth, or leave --drift away.",
        )


def _begin(out: Path, base: Job, settings: Settings, resume: bool) -> None:
    """Write settings.json, or compare with it. Raises OutputError, InputError, UsageError."""
    shared = {**base.to_json(), "out": "", "mesh": None}
    wanted = json.loads(json.dumps({"version": VERSION, "job": shared, "settings": settings.to_json()}))
    wanted["settings"].pop("keep")
    path = out / "settings.json"
    if resume and path.exists():
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError("settings-damaged", f"{path} cannot be read.", "Choose another folder.") from error
        different = sorted(
            name
            for part in ("job", "settings")
            for name in wanted[part]
            if there.get(part, {}).get(name) != wanted[part][name]
        )
        if different or there.get("version") != VERSION:
            what = ", ".join(different) or "another version"
            raise UsageError(
                "evaluation-other",
                f"{out} holds an evaluation with other settings ({what}).",
                "Give the same options, choose another folder, or leave --resume away to begin anew.",
            )
    write_json(path, wanted)


def _evaluated(
    item: EvaluationItem,
    settings: Settings,
    program: Sequence[str],
    resume: bool,
    console: Console,
    check: Callable[[], None],
) -> Outcome:
    """One item, kept or done now. Raises ItemError for failures that the other items would share."""
    try:
        if resume and (result := _finished(item)) is not None:
            console.end(item.name, result["seconds"], skipped=True)
            return _told(item, result, console)
        with stage_progress(console, item.name, check) as progress:
            result = _run(item, settings, program, resume, progress)
        return _told(item, result, console)
    except (InputError, ItemError) as error:
        if error.exit_status in FATAL:
            raise
        console.note(f"{item.name} failed: {error} [{error.code}]")
        return Outcome(item.name, error={"code": error.code, "message": str(error)}, status=error.exit_status)


def _told(item: EvaluationItem, result: dict[str, Any], console: Console) -> Outcome:
    """A result, and what the user hears of bakes that failed."""
    for bake, error in result["failed"].items():
        console.note(f"{item.name}, bake {bake} failed: {error['message']} [{error['code']}]")
    return Outcome(item.name, result, status=InputError.exit_status if result["failed"] else 0)


def _finished(item: EvaluationItem) -> dict[str, Any] | None:
    """The result of an item whose files have not changed since."""
    path = Path(item.job.out) / "result.json"
    if not path.exists():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    return result if result.get("key") == inputs_key(item) else None


def _run(
    item: EvaluationItem, settings: Settings, program: Sequence[str], resume: bool, progress: Progress
) -> dict[str, Any]:
    """One item in a process of its own; its result.json. Raises ItemError, CancelledError through `progress`."""
    folder = Path(item.job.out)
    requests = folder.parent / "requests"
    with output_errors(requests):
        requests.mkdir(parents=True, exist_ok=True)
    request = requests / f"{item.name}.json"
    write_json(request, {"item": item.to_json(), "settings": settings.to_json(), "resume": resume})
    run_item([*program, "evaluate-item", str(request)], requests / f"{item.name}.log", STAGES, progress)
    return json.loads((folder / "result.json").read_text(encoding="utf-8"))


def run_request(path: Path, make_host: Callable[[], Host], console: Console, check: Callable[[], None]) -> None:
    """`evaluate-item`: what the process of an item does. Raises OrbitPainterErrors."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        item, settings = EvaluationItem.from_json(data["item"]), Settings.from_json(data["settings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("request-unreadable", f"The request {path} cannot be read ({error}).", "Run again.") from error
    result = score_item(item, settings, make_host, console, check, data["resume"])
    console.result(str(result), {"item": item.name})
