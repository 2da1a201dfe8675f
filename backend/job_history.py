# SPDX-License-Identifier: GPL-3.0-or-later
"""How long stages took on this machine, and from that how far a job is (specs/blender-extension.md 6.4)."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .whole_files import output_errors, write_json

if TYPE_CHECKING:
    from .job import Job

# Seconds per megapixel before this machine has done a job; of frames for the first three stages, of textures after.
_FIRST = {"passes": 0.4, "coverage": 0.4, "paint": 1.0, "bake": 4.0, "model": 0.5, "preview": 4.0}
_FIRST_NEURAL_PAINT = 15.0
_FIRST_EXISTING = 1.5  # for the existing texture beside the passes
_NEWEST = 0.5  # weight of the newest measurement
_writing = threading.Lock()  # a job in this Blender notes its times in a thread


class History:
    """Seconds per megapixel of each stage, by engine, kept in a small file. A damaged file counts as none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rates = self._read()

    def _read(self) -> dict[str, float]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(k): float(v) for k, v in data.items() if 0 < float(v) < 1e6}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def expected(self, job: Job, stage: str) -> float:
        """Seconds that the stage of this job will take."""
        neural = stage == "paint" and job.engine != "projection"
        first = _FIRST_NEURAL_PAINT if neural else _FIRST[stage]
        if stage == "passes" and job.from_existing:
            first += _FIRST_EXISTING
        return self._rates.get(_name(job, stage), first) * _megapixels(job, stage)

    def knows(self, job: Job, stage: str) -> bool:
        """This machine has done such a stage before."""
        return _name(job, stage) in self._rates

    def note(self, job: Job, stage: str, seconds: float) -> None:
        """Remember what it took. Raises OutputError."""
        name, rate = _name(job, stage), seconds / _megapixels(job, stage)
        with _writing:
            self._rates = self._read()  # other jobs may have noted theirs since
            self._rates[name] = _NEWEST * rate + (1 - _NEWEST) * self._rates.get(name, rate)
            with output_errors(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, self._rates)


def _name(job: Job, stage: str) -> str:
    """Passes with the existing texture, and frames that start from it, are stages of their own kind."""
    other = job.from_existing and stage in ("passes", "paint")
    return f"{job.engine}/{stage}" + ("/existing" if other else "")


def _megapixels(job: Job, stage: str) -> float:
    if stage in ("passes", "coverage", "paint"):
        return sum(job.views) * job.size**2 / 1e6
    return job.texture_size**2 / 1e6


class JobProgress:
    """The whole job as one bar that never goes backwards. expected: seconds of each stage, in their order."""

    def __init__(self, expected: Mapping[str, float]) -> None:
        self._weights = dict(expected)
        self._start: tuple[float, float] | None = None  # time and fraction where this attempt began
        self.fraction = 0.0

    def begin(self, now: float) -> None:
        """A new attempt starts: the rate that the ETA assumes is measured from here."""
        self._start = (now, self.fraction)

    def update(self, stage: str, fraction: float, kept: bool = False) -> None:
        """The stage is done to `fraction`, and all before it are done. kept: it was there already and cost nothing."""
        if stage not in self._weights:
            return
        if kept:
            self._weights[stage] = 0.0
        done = 0.0
        for name, weight in self._weights.items():
            if name == stage:
                done += weight * min(max(fraction, 0.0), 1.0)
                break
            done += weight
        total = sum(self._weights.values())
        if total > 0:
            self.fraction = min(max(self.fraction, done / total), 1.0)

    def eta(self, now: float) -> float | None:
        """Seconds left, an estimate; None in the first tenth."""
        if self._start is None:
            return None
        gained = self.fraction - self._start[1]
        if self.fraction < 0.1 or gained < 0.02:
            return None
        return (now - self._start[0]) * (1 - self.fraction) / gained
