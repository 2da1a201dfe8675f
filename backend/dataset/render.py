# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendering a data set: shards of a fixed number of objects, shared out over processes and machines, resumable.

OUT/dataset.json          what is rendered of every object; a later run must want the same
OUT/000000.tar ...        shards, whole or not there
OUT/000000.failed.json    objects of a shard that could not be rendered, and why
OUT/000000.attempts.json  while a shard is rendered: the object that is at work, and those at which the program ended
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from ..errors import (
    CancelledError,
    EngineMissingError,
    InputError,
    MemoryLimitError,
    OrbitPainterError,
    OutputError,
    UsageError,
)
from ..files import check_writable, clean_parts, output_errors, write_json
from ..progress import Progress, part, silent
from ..whole_files import hold
from .attempts import Attempts
from .items import Item
from .plan import RenderPlan
from .sample import OrbitSample
from .shards import index_shard, write_shard

FORMAT = 1


class Items(Protocol):
    """The objects, by number."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> Item: ...


@dataclass(frozen=True)
class Share:
    """Part `index` of `count`: this process makes the shards whose number leaves `index` when divided by `count`."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise UsageError("share", f"There is no part {self.index} of {self.count}.", "Parts count from 0.")


@dataclass(frozen=True)
class Rendered:
    """samples: written now; kept: shards that were there already; failed: name -> why."""

    samples: int
    shards: int
    kept: int
    failed: dict[str, str]


def render_dataset(
    items: Items,
    out: Path,
    plan: RenderPlan,
    *,
    source: str,
    per_shard: int = 50,
    share: Share = Share(),
    progress: Progress = silent,
    note: Callable[[str], None] = lambda text: None,
) -> Rendered:
    """Render the shards of a share that are not there yet, are damaged, or lack objects.

    source: names the objects; kept in dataset.json. An object that cannot be rendered is left out, named by `note` and
    in the shard's .failed.json; also one at which the program itself has ended ATTEMPTS times. Raises OutputError (also
    where another process renders this share), UsageError (the folder holds another data set), CancelledError.
    """
    if per_shard < 1:
        raise UsageError("dataset-plan", "A shard holds at least one object.", "Correct --per-shard.")
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    check_writable(out)
    clean_parts(out)
    _same_dataset(out, {"format": FORMAT, "source": source, "per_shard": per_shard, "plan": asdict(plan)})
    numbers = range(share.index, -(-len(items) // per_shard), share.count)
    samples, kept, failed = 0, 0, dict[str, str]()
    with _held(out, share):
        for done, number in enumerate(numbers):
            path, list_of_failed = out / f"{number:06d}.tar", out / f"{number:06d}.failed.json"
            wanted = range(number * per_shard, min((number + 1) * per_shard, len(items)))
            if _whole(path, list_of_failed, len(wanted)):
                kept += 1
                continue
            report = part(progress, done / len(numbers), (done + 1) / len(numbers))
            broken: dict[str, str] = {}
            attempts = Attempts(out / f"{number:06d}.attempts.json")
            try:
                samples += len(write_shard(path, _samples(items, wanted, broken, attempts, report, note)))
            except BaseException:
                attempts.stopped()
                raise
            list_of_failed.unlink(missing_ok=True)
            if broken:
                write_json(list_of_failed, broken)
                failed |= broken
            attempts.done()
    progress(1.0, "rendered")
    return Rendered(samples, len(numbers) - kept, kept, failed)


@contextmanager
def _held(out: Path, share: Share) -> Iterator[None]:
    """While inside, no other process renders this share into the folder. Raises OutputError."""
    path = out / f".share-{share.index}-of-{share.count}.lock"
    try:
        handle = hold(path)
    except BlockingIOError as error:
        raise OutputError(
            "output-busy",
            f"Another run renders part {share.index} of {share.count} into {out}.",
            "Wait for it to end, give each run a part of its own (--share), or choose another folder.",
        ) from error
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows keeps a file that is open
            path.unlink(missing_ok=True)
        os.close(handle)


def _whole(path: Path, list_of_failed: Path, count: int) -> bool:
    """Whether a shard is there with its `count` objects, those that could not be rendered included."""
    if not path.exists():
        return False
    try:
        left_out = json.loads(list_of_failed.read_text(encoding="utf-8")) if list_of_failed.exists() else {}
        return len(index_shard(path)) + len(left_out) == count
    except (InputError, OSError, ValueError):
        return False


def _samples(
    items: Items,
    wanted: range,
    broken: dict[str, str],
    attempts: Attempts,
    progress: Progress,
    note: Callable[[str], None],
) -> Iterator[OrbitSample]:
    """The samples that can be made; the others go into `broken`."""
    for done, index in enumerate(wanted):
        item = items[index]
        report = part(progress, done / len(wanted), (done + 1) / len(wanted))

        def named(fraction: float, detail: str = "", report: Progress = report, name: str = item.name) -> None:
            report(fraction, f"{Path(name).name}: {detail}")

        named(0.0, "begun")
        try:
            attempts.begin(item.name)
            yield item.make(named)
        except (CancelledError, EngineMissingError, OutputError, MemoryLimitError):
            raise
        except Exception as error:  # an importer may raise anything: a broken model must not end a night's work
            message = error.message if isinstance(error, OrbitPainterError) else f"{type(error).__name__}: {error}"
            broken[item.name] = message
            note(f"{item.name} is left out: {message}")


def _same_dataset(out: Path, wanted: dict[str, Any]) -> None:
    """Write dataset.json, or compare with it."""
    path = out / "dataset.json"
    wanted = json.loads(json.dumps(wanted))
    if not path.exists():
        write_json(path, wanted)
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("dataset-damaged", f"{path} cannot be read ({error}).", "Choose another folder.") from error
    if there != wanted:
        before, now = _flat(there), _flat(wanted)
        different = [f"{name} was {before.get(name)}, is {now[name]}" for name in now if before.get(name) != now[name]]
        raise UsageError(
            "dataset-other",
            f"{out} holds a data set that was rendered differently: {'; '.join(different)}.",
            "Give the same options, or choose another folder.",
        )


def _flat(data: Any) -> dict[str, Any]:
    """dataset.json with the plan's settings beside the others."""
    plan = data.get("plan") if isinstance(data, dict) else None
    if not isinstance(plan, dict):
        return {}
    return {
        **{name: value for name, value in data.items() if name != "plan"},
        **{f"plan.{n}": v for n, v in plan.items()},
    }
