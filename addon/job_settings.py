# SPDX-License-Identifier: GPL-3.0-or-later
"""From the settings of a scene and its selection to jobs: what the panel, scripts and the background share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ..backend.arguments import assignments, fuse_preset_changes
from ..backend.job import Job
from ..backend.texturing.types import FuseParams
from . import engine_state, job_folder, planned, targets
from .props import settings_of
from .reference_files import reference_looks, reference_specs

Objects = list[bpy.types.Object]


def jobs_from_settings(context: Any, look_ahead: bool = False) -> list[tuple[Job, Objects]]:
    """One job for the meshes that are asked for, or one for each. Writes their references into new job folders.

    look_ahead  nothing will be painted: the engine need not be there, and of the references only where they look from
    Raises InputError for a selection or reference that cannot be used, UsageError for a setting out of range,
    EngineMissingError, OutputError.
    """
    settings = settings_of(context.scene)
    if not look_ahead:
        engine_state.require(settings.engine)
    objects = targets.usable_objects(context)
    groups = [[obj] for obj in objects] if settings.combine == "EACH" else [objects]
    made: list[tuple[Job, Objects]] = []
    try:
        for group in groups:
            made.append((_job(settings, group, look_ahead), group))
    except BaseException:
        job_folder.discard_all(job for job, _ in made)
        raise
    return made


def baked_again(settings: Any, job: Job, objects: Objects) -> Job:
    """The job with the present bake settings, in a folder of its own that starts with the old one's painted views.

    objects: those that it was for, whatever they are called by now
    """
    names = tuple(obj.name for obj in objects)
    folder = job_folder.create(names)
    try:
        job_folder.copy_stages(Path(job.out), folder, ("passes", "paint"))
        return replace(job, out=str(folder), objects=names, texture_size=settings.texture_size, fuse=fuse_of(settings))
    except BaseException:
        job_folder.discard(folder)
        raise


def _job(settings: Any, objects: Sequence[bpy.types.Object], look_ahead: bool) -> Job:
    names = [obj.name for obj in objects]
    folder: Path = job_folder.create(names)
    try:
        if not look_ahead and (before := planned.passes_of(objects)) is not None:  # kept where they still fit
            job_folder.share_stage(before, folder, "passes")
        return Job(
            out=str(folder),
            references=(reference_looks if look_ahead else reference_specs)(settings, names, folder),
            objects=tuple(names),
            engine=settings.engine,
            engine_options=engine_options_of(settings),
            seed=settings.seed,
            pose=settings.pose,
            alpha=settings.alpha,
            existing=round(settings.existing, 4) if settings.use_existing else 1.0,
            views=(settings.views_horizontal, settings.views_vertical),
            size=settings.frame_size,
            supersample=settings.supersample,
            renderer=settings.renderer,
            device=settings.device,
            texture_size=settings.texture_size,
            uv=settings.uv_name if settings.uv == "NAMED" else settings.uv.lower(),
            atlas=settings.atlas,
            fuse=fuse_of(settings),
            output="color_attribute" if settings.output == "COLOR_ATTRIBUTE" else "textures",
            still="flat",
            turntable=settings.turntable,
            vxz=settings.vxz,
        )
    except BaseException:
        job_folder.discard(folder)
        raise


def engine_options_of(settings: Any) -> dict[str, Any]:
    """Options of the engine that differ from its defaults, and what is typed into Engine Options."""
    own: dict[str, Any] = {"background": "keep" if settings.keep_background else "auto"}
    if settings.engine == "projection":
        own |= {
            "symmetry": settings.symmetry,
            "detail": round(settings.detail, 4),
            "grid": settings.surface_grid,
        }
    else:
        own |= {"preset": settings.speed, "memory": settings.memory}
    return {**own, **assignments(settings.engine_options.split())}


def fuse_of(settings: Any) -> dict[str, Any]:
    """Changes to FuseParams. A preset other than the default decides all but the margin."""
    changes = dict(fuse_preset_changes(settings.fuse_preset))
    if settings.fuse_preset == "default":
        changes |= {
            "label_grid": settings.label_grid,
            "grid": settings.grid,
            "smoothness": round(settings.smoothness, 4),
        }
    changes["margin"] = settings.margin
    changes |= assignments(settings.fuse_options.split())
    defaults = FuseParams()
    return {name: value for name, value in changes.items() if getattr(defaults, name, None) != value}
