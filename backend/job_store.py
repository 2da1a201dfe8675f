# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Blender keeps in a job folder beside the run's own files, and which old job folders may go.

JOB/session/        what the extension wrote for its processes: scene, requests, log
JOB/session/lock    held by the Blender whose job it is
JOB/session/done    there once the job has a result
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from .whole_files import hold, output_errors

STALE = 14 * 86400.0  # seconds after which a job that never had a result is removed


class JobStore:
    """The session folder of one job, held by this process. Raises OutputError if it cannot be made or is held."""

    def __init__(self, out: Path) -> None:
        self.folder = out / "session"
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = hold(self.folder / "lock")

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def finish(self) -> None:
        """The job has a result: its folder is the artist's now."""
        with output_errors(self.folder):
            (self.folder / "done").touch()

    def close(self) -> None:
        os.close(self._lock)


def remove_stale(root: Path, age: float = STALE) -> list[Path]:
    """Remove folders below `root` of jobs that never had a result and were not touched for `age` seconds.

    Results stay, for files may use them; so do folders that another Blender holds. The folders removed.
    """
    removed = []
    for folder in sorted(root.glob("*/session")):
        job = folder.parent
        if (folder / "done").exists() or time.time() - _touched(job) < age:
            continue
        try:
            lock = hold(folder / "lock")
        except OSError:  # held, or not ours to write
            continue
        import shutil  # not while enabling

        shutil.rmtree(job, ignore_errors=True)
        os.close(lock)
        removed.append(job)
    return removed


def _touched(job: Path) -> float:
    """When something below was last written, seconds since 1970."""
    places = (job, job / "session", job / "work", job / "session" / "log.txt")
    return max((place.stat().st_mtime for place in places if place.exists()), default=0.0)
