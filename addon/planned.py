# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks ahead that have ended: what the planned views will see of an object, until there is a result, or Blender ends.

Their pictures lie in their jobs' folders, which go after a while as those of all jobs without a result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import bpy

from . import jobs, targets
from .blocks import BlockRef, ref

MOST = 64  # kept


@dataclass(frozen=True)
class Plan:
    """The objects together, the job's folder, and sentences for the artist."""

    objects: tuple[BlockRef, ...]
    out: Path
    notes: tuple[str, ...]


_plans: list[Plan] = []


def of(obj: bpy.types.Object | None) -> Plan | None:
    """The newest that shows this object."""
    if obj is None or not _plans:
        return None
    wanted = ref(obj)
    return next((plan for plan in reversed(_plans) if wanted in plan.objects), None)


def passes_of(objects: Sequence[bpy.types.Object]) -> Path | None:
    """The folder of the newest for exactly these objects, if its passes are still there."""
    plan = of(objects[0])
    if plan is None or set(plan.objects) != {ref(obj) for obj in objects}:
        return None
    return plan.out if (plan.out / "work" / "passes").is_dir() else None


def job_done(view: jobs.JobView) -> None:
    """Called when a job has ended; a look ahead that is done is no longer listed, and a result takes its place."""
    if view.state != "done":
        return
    if view.has_result:
        _plans[:] = [plan for plan in _plans if not set(plan.objects) & set(view.objects)]
    else:
        keep(view)
        jobs.dismiss(view.id)
        targets.redraw()


def keep(view: jobs.JobView) -> None:
    del _plans[: -MOST + 1]
    _plans.append(Plan(view.objects, view.out, view.notes))


def register() -> None:
    jobs.on_done.append(job_done)


def unregister() -> None:
    jobs.on_done.remove(job_done)
    _plans.clear()
