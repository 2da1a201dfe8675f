# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job will take, said before it starts (`accepted` in specs/blender-extension.md 6.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .job import Job
from .job_history import History

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
    seconds = sum(expected.values())
    weights = {stage: time / seconds if seconds else 1 / len(stages) for stage, time in expected.items()}
    local = job.engine == "projection"
    supersample = job.supersample or (1 if local else 2)
    pixels = sum(job.views) * job.size**2
    disk = pixels * (_PASS * supersample**2 + _FRAME) + _TEXEL * job.texture_size**2 + _REST
    return Estimate(seconds, weights, disk, 0 if local else _vram(job))


def _vram(job: Job) -> int | None:
    """Bytes of GPU memory that the engine will choose to use, where the card is known."""
    if job.engine != "orbitpainter":
        return None
    from .painters.orbitpainter.forecast import forecast, this_machine

    run = forecast(job.engine_options, job.views, job.size, this_machine())
    return None if run is None or run.memory is None else round(run.memory.peak)


def told(job: Job) -> str:
    """What a neural engine will need and take on this computer, for people; "" for an engine that needs no card.

    Raises UsageError for options that are wrong.
    """
    if job.engine != "orbitpainter":
        return ""
    from .painters.orbitpainter.forecast import sentence, this_machine

    return sentence(job.engine_options, job.views, job.size, this_machine())
