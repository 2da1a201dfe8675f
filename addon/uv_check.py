# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how an object's UV maps can be used, with the pipeline's own `plan_targets`, beside the main thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import bpy

from ..backend.errors import OrbitPainterError
from ..backend.mesh import MeshData
from ..backend.texturing.targets import NEW_UV_MAP, plan_targets
from . import threads
from .scene_read import read_mesh
from .sentences import said
from .targets import UVCheck
from .translations import tr


def start_check(obj: bpy.types.Object, uv: str, atlas: str, known: Callable[[UVCheck | str], None]) -> None:
    """Read the object now, and call `known` on the main thread with what was found or why it cannot be used.

    uv, atlas: as in backend.job.Job
    """

    def failed(error: Exception) -> None:
        if isinstance(error, OrbitPainterError):
            known(said(error.message, error.advice))
        else:
            known(tr("Its UV maps cannot be checked: {reason}", reason=f"{type(error).__name__}: {error}"))

    try:
        mesh, _, notes = read_mesh([obj])
    except OrbitPainterError as error:
        failed(error)
        return
    own = f"{mesh.object_names[0]}: "

    def done(check: UVCheck) -> None:  # here, because only the main thread may ask Blender for translations
        known(replace(check, notes=tuple(_sentence(said(note).removeprefix(own)) for note in check.notes)))

    threads.start(lambda: _checked(mesh, notes, uv, atlas), done, failed)


def _checked(mesh: MeshData, notes: list[str], uv: str, atlas: str) -> UVCheck:
    # Objects that share an atlas are only known together; what each one's map is like does not depend on that.
    plan = plan_targets(mesh, uv_choice=uv, atlas="slot" if atlas == "slot" else "object")
    tiles = sorted({tile for target in plan.targets for tile in target.tiles}) or [1001]
    new = bool(plan.needs_unwrap)
    uv_map = NEW_UV_MAP if new else next(iter(plan.chosen.values()), "")
    return UVCheck(uv_map, new, tuple(tiles), len(plan.targets) or 1, (*notes, *plan.notes))


def _sentence(note: str) -> str:
    return note[:1].upper() + note[1:]
