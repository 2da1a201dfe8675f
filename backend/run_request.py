# SPDX-License-Identifier: GPL-3.0-or-later
"""A request file: which stages of a job a process is to run (`cli.py run`, worker.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, UsageError
from .whole_files import write_json

if TYPE_CHECKING:
    from .job import Job

SCHEMA = 1
STAGES = ("passes", "paint", "bake", "model", "preview")  # of a whole job
LOOKING_AHEAD = ("passes", "coverage")  # what the planned views will see, before anything is painted
# Every stage -> the one that it starts from.
STARTS_FROM = {
    "passes": "",
    "coverage": "passes",
    "paint": "passes",
    "bake": "paint",
    "model": "bake",
    "preview": "model",
}


@dataclass(frozen=True)
class RunRequest:
    """resume: stages whose saved inputs have not changed are kept."""

    job: Job
    stages: Sequence[str]
    resume: bool = True


def save_request(path: Path, request: RunRequest) -> None:
    """Raises OutputError."""
    data = {"schema": SCHEMA, "job": request.job.to_json(), "stages": list(request.stages), "resume": request.resume}
    write_json(path, data)


def load_request(path: str | Path) -> RunRequest:
    """Raises InputError if the file cannot be read, UsageError if it was made for another version."""
    from .job import Job  # NumPy comes with it, and the extension registers without

    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        schema, job, stages, resume = (data[name] for name in ("schema", "job", "stages", "resume"))
        known = all(stage in STARTS_FROM for stage in stages)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "request-unreadable", f"The request {path} cannot be read ({error}).", "Start the job again."
        ) from error
    if schema != SCHEMA or not known or not stages:
        raise UsageError(
            "request-version",
            f"The request {path} was made for another version of Orbit Painter.",
            "Update the engine, or start the job again.",
        )
    return RunRequest(Job.from_json(job), tuple(stages), bool(resume))
