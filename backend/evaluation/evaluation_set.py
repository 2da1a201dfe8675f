# SPDX-License-Identifier: GPL-3.0-or-later
"""What is evaluated: models with pictures, textured models, procedural objects, or the acceptance scenes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..batch import items as folder_items
from ..batch import unique_names
from ..errors import InputError, UsageError
from ..host import Host
from ..job import Job, ReferenceSpec, absolute
from ..painters.base import VIEWS
from .bench_inputs import SCENES

MODELS, PROCEDURAL, SCENE = "model", "procedural", "scene"  # kinds of items


@dataclass(frozen=True)
class EvaluationItem:
    """One thing to texture and to measure.

    job   its model and references; neither where the object is made up
    kind  MODELS, PROCEDURAL or SCENE; seed: of a procedural object
    """

    name: str
    job: Job
    kind: str = MODELS
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "job": self.job.to_json(), "kind": self.kind, "seed": self.seed}

    @staticmethod
    def from_json(data: dict[str, Any]) -> EvaluationItem:
        return EvaluationItem(data["name"], Job.from_json(data["job"]), data["kind"], data["seed"])


def evaluation_set(
    base: Job, source: str, pictures: str | None, host: Host, count: int = 10, first: int = 0
) -> list[EvaluationItem]:
    """The items of a source, each with a folder of its own below base.out/items.

    source: `procedural` (seeds first ... first + count - 1), `scenes`, a folder of models, or a list of them.
    pictures: the folder of the references, for a folder of models. Raises InputError and UsageError.
    """
    base = replace(base, out=str(Path(base.out) / "items"))
    if source == PROCEDURAL:
        if count < 1 or first < 0:
            raise UsageError("set-empty", "No procedural object was asked for.", "Correct --count and --first.")
        names = {f"procedural-{seed:06d}": seed for seed in range(first, first + count)}
        return [EvaluationItem(name, _placed(base, name), PROCEDURAL, seed) for name, seed in names.items()]
    if source == "scenes":
        return [EvaluationItem(name, _placed(base, name), SCENE) for name in SCENES]
    path = Path(absolute(source))
    if path.is_dir():
        return [EvaluationItem(item.name, item.job) for item in folder_items(base, str(path), pictures, host)]
    return _listed(base, path)


def _placed(base: Job, name: str, **changes: Any) -> Job:
    return replace(base, out=str(Path(base.out) / name), **changes)


def _listed(base: Job, path: Path) -> list[EvaluationItem]:
    """A text file with one model a line, and behind tabs its picture and the side that shows (front)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "set-missing",
            f"{path} is no folder of models and no list of them.",
            "Give a folder, a text file with one model a line, 'procedural' or 'scenes'.",
        ) from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = list(csv.reader(lines, delimiter="\t"))
    if not rows:
        raise InputError("set-empty", f"The list {path} names no model.", "Write one model a line.")
    models = [path.parent / row[0].strip() for row in rows]
    names = unique_names([model.stem for model in models], [f"{model.parent.name}-{model.stem}" for model in models])
    return [
        EvaluationItem(
            name, _placed(base, name, mesh=absolute(model), references=_references(path, row) or base.references)
        )
        for name, model, row in zip(names, models, rows, strict=True)
    ]


def _references(path: Path, row: Sequence[str]) -> tuple[ReferenceSpec, ...]:
    """The pictures of a line: PICTURE, or PICTURE and VIEW, any number of times."""
    words = [word.strip() for word in row[1:] if word.strip()]
    found: list[ReferenceSpec] = []
    for word in words:
        if word in VIEWS and found:
            found[-1] = replace(found[-1], view=word)
        else:
            camera = (path.parent / word).with_suffix(".json")  # of a guide
            found.append(
                ReferenceSpec(absolute(path.parent / word), camera=absolute(camera) if camera.is_file() else None)
            )
    return tuple(found)
