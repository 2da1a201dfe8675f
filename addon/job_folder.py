# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that jobs started from the interface work in: one each, below the user's data folder."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..backend.environment.layout import default_root
from ..backend.whole_files import output_errors

if TYPE_CHECKING:
    from ..backend.job import Job


def root() -> Path:
    """Where job folders are. ORBIT_PAINTER_JOBS names another place."""
    if given := os.environ.get("ORBIT_PAINTER_JOBS"):
        return Path(given)
    return default_root() / "jobs"


def create(objects: Sequence[str]) -> Path:
    """A new folder for a job on these objects. Raises OutputError."""
    word = re.sub(r"[^\w.-]+", "_", objects[0]).strip("._")[:24] or "object"
    folder = root() / f"{time.strftime('%Y%m%d-%H%M%S')}-{word}-{os.urandom(3).hex()}"
    with output_errors(folder):
        folder.mkdir(parents=True)
    return folder


def discard(folder: Path) -> None:
    """Remove the folder of a job that never started."""
    import shutil  # not while enabling

    shutil.rmtree(folder, ignore_errors=True)


def discard_all(jobs: Iterable[Job]) -> None:
    """Remove the folders of jobs that never started."""
    for job in jobs:
        discard(Path(job.out))


def copy_stages(source: Path, target: Path, stages: Sequence[str]) -> None:
    """Give the job folder `target` what these stages saved in `source`; files are shared where the disk can."""
    import shutil

    with output_errors(target):
        for stage in stages:
            shutil.copytree(source / "work" / stage, target / "work" / stage, copy_function=_link)


def share_stage(source: Path, target: Path, stage: str) -> None:
    """Give the job folder `target` what a stage saved in `source`, where the disk can share files; where it cannot, the
    stage is done again, for copying would hold the window up."""
    import shutil

    made = target / "work" / stage
    try:
        shutil.copytree(source / "work" / stage, made, copy_function=os.link)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        import shutil

        shutil.copyfile(source, target)
