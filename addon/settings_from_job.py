# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back from a job to the settings of the panel (job_settings.py goes the other way)."""

from __future__ import annotations

from typing import Any

from ..backend.job import Job
from ..backend.texturing.types import FuseParams

# Engine -> its option -> setting; other options are typed into Engine Options
_OWN = {
    "projection": {"symmetry": "symmetry", "detail": "detail", "grid": "surface_grid"},
    "orbitpainter": {"preset": "speed", "memory": "memory"},
}


def copy(job: Job, settings: Any) -> None:
    """Set everything but the references, which pictures in the file belong to, to what the job used."""
    settings.engine, settings.seed = job.engine, min(job.seed, 2**31 - 1)
    settings.quality = "CUSTOM"
    settings.views_horizontal, settings.views_vertical = job.views
    settings.frame_size, settings.supersample = job.size, job.supersample
    settings.pose, settings.alpha = job.pose, job.alpha
    settings.use_existing = job.from_existing
    if settings.use_existing:
        settings.existing = job.existing
    settings.renderer, settings.device = job.renderer, job.device
    settings.texture_size, settings.atlas = job.texture_size, job.atlas
    settings.turntable, settings.vxz = job.turntable, job.vxz
    settings.output = "COLOR_ATTRIBUTE" if job.output == "color_attribute" else "TEXTURES"
    if job.uv in ("auto", "keep", "new"):
        settings.uv = job.uv.upper()
    else:
        settings.uv, settings.uv_name = "NAMED", job.uv
    _copy_engine_options(job, settings)
    _copy_fuse(job, settings)


def _copy_engine_options(job: Job, settings: Any) -> None:
    rest = dict(job.engine_options)
    for option, name in _OWN.get(job.engine, {}).items():
        settings.property_unset(name)
        if option in rest:
            value = rest.pop(option)
            setattr(settings, name, str(value) if option == "memory" else value)  # 24 on the command line is a number
    settings.keep_background = rest.pop("background", "auto") == "keep"
    settings.engine_options = _words(rest)


def _copy_fuse(job: Job, settings: Any) -> None:
    rest, defaults = dict(job.fuse), FuseParams()
    settings.fuse_preset = "default"
    for name in ("label_grid", "grid", "smoothness", "margin"):
        setattr(settings, name, rest.pop(name, getattr(defaults, name)))
    settings.fuse_options = _words(rest)


def _words(options: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in options.items())
