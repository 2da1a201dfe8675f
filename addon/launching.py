# SPDX-License-Identifier: GPL-3.0-or-later
"""How a job's processes are started: the background Blender, and the worker in the engine's Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import bpy

from ..backend.environment.layout import default_root
from ..backend.job_store import JobStore
from ..backend.painters.registry import needs_engine
from ..backend.protocol import PROTOCOL
from ..backend.run_request import RunRequest, save_request
from ..backend.session import Place, Step
from .scene_export import BLEND

if TYPE_CHECKING:
    from ..backend.job import Job
    from ..backend.process import Child


@dataclass
class Settings:
    """What the preferences decide. root: folder of the engine; idle: seconds without a job after which a worker ends;
    devices: CUDA devices that get a worker each, ("",) for one on whatever the engine finds."""

    root: Path = field(default_factory=default_root)
    idle: float = 600.0
    devices: tuple[str, ...] = ("",)


settings = Settings()
_ROOT = Path(__file__).resolve().parent.parent
_children: list[Child] = []


def steps(job: Job, folder: Path, stages: Sequence[str]) -> list[Step]:
    """The steps that run `stages` of the job, with their request files in `folder`. Raises OutputError."""
    made: list[Step] = []
    for place, together in groupby(stages, partial(_place, job)):
        path = folder / f"request_{len(made)}.json"
        made.append(Step(place, tuple(together), str(path)))
        save_request(path, RunRequest(job, made[-1].stages))
    return made


def _place(job: Job, stage: str) -> Literal["blender", "worker"]:
    return "worker" if stage == "paint" and needs_engine(job.engine) else "blender"


def blender(store: JobStore, step: Step) -> Place:
    """A Blender without windows that opens the exported scene and runs the step. Raises OSError."""
    from ..backend.process import Child, child_environment  # not while enabling

    command = [bpy.app.binary_path, "--background", "--factory-startup", "--offline-mode", store.folder / BLEND]
    command += ["--python-exit-code", "31", "-P", _ROOT / "addon" / "scene_open.py"]
    command += ["-P", _ROOT / "backend" / "cli.py", "--", "run", step.request, "--json", "--parent-pipe"]
    child = Child(command, store.folder, store.log, child_environment(also="BLENDER_"), behind=True)
    return Place(_remembered(child), shared=False)


def worker(device: str) -> Place:
    """The engine's process for this device ("" for whatever the engine finds). Raises OSError."""
    from ..backend.environment.status import status
    from ..backend.process import Child, child_environment

    engine = status(settings.root)
    if engine.python is None:
        raise FileNotFoundError(engine.message or "the engine is not installed")
    logs = settings.root / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    name = f"worker{device and '-'}{device.replace(':', '')}"
    command = [engine.python, "-I", "-u", _ROOT / "backend" / "worker.py", "--protocol", str(PROTOCOL)]
    command += ["--log", logs / f"{name}.log", "--idle", f"{settings.idle:g}"]
    chosen = {"CUDA_VISIBLE_DEVICES": device} if device else {}
    environment = child_environment({"ORBIT_PAINTER_HOME": str(settings.root), **chosen})
    child = Child(command, logs, logs / f"{name}-errors.log", environment, behind=True)
    return Place(_remembered(child), shared=True)


def close(places: Sequence[Place]) -> None:
    """End the processes of these places."""
    links = [place.link for place in places]
    _close([child for child in _children if child in links])


def close_all() -> None:
    """End every process that was started here, together."""
    _close(_children)
    _children.clear()


def _close(children: Sequence[Child]) -> None:
    running = [child for child in children if child.status is None]
    for child in running:
        child.close_input()
    for child in running:
        child.close()


def _remembered(child: Child) -> Child:
    _children[:] = [other for other in _children if other.status is None]
    _children.append(child)
    return child
