# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job will take, said before it starts (`accepted` in specs/blender-extension.md 6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .job import Job
from .job_history import History

if TYPE_CHECKING:
    from .painters.orbitpainter.forecast import Forecast

# Bytes on the disk, as jobs of the sample left them: for a pixel of the passes, of a frame, and for a texel.
_PASS, _FRAME, _TEXEL, _REST = 12, 3, 8, 8_000_000


@dataclass(frozen=True)
class Estimate:
    """seconds; weights: share of each stage, together 1; disk, vram: bytes. vram None: known once the device is."""

    seconds: float
    weights: Mapping[str, float]
    disk: int
    vram: int | None


def estimate(job: Job, stages: Sequence[str], history: History) -> Estimate:
    """From what stages took on this machine, or on another one where this has done none yet."""
    expected = {stage: history.expected(job, stage) for stage in stages}
    planned = _forecast(job)
    if planned is not None and "paint" in expected and not history.knows(job, "paint"):
        expected["paint"] = planned.seconds
    seconds = sum(expected.values())
    weights = {stage: time / seconds if seconds else 1 / len(stages) for stage, time in expected.items()}
    local = job.engine == "projection"
    supersample = job.supersample or (1 if local else 2)
    pixels = sum(job.views) * job.size**2
    frames = 2 if job.from_existing else 1
    disk = pixels * (_PASS * supersample**2 + frames * _FRAME) + _TEXEL * job.texture_size**2 + _REST
    memory = None if planned is None or planned.run is None else planned.run.memory
    vram = 0 if local else None if memory is None else round(memory.peak)
    return Estimate(seconds, weights, disk, vram)


def told(job: Job) -> str:
    """What a neural engine will need and take on this computer, for people; "" for an engine that needs no card.

    Raises UsageError for options that are wrong.
    """
    expected = _forecast(job)
    return "" if expected is None else expected.sentence()


def _forecast(job: Job) -> Forecast | None:
    if job.engine != "orbitpainter":
        return None
    from .painters.orbitpainter.forecast import forecast, this_machine

    return forecast(job.engine_options, job.views, job.size, this_machine())
