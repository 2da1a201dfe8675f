# SPDX-License-Identifier: GPL-3.0-or-later
"""The selection and a view of it as a guide to paint over (backend/guide.py)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ..backend.errors import UsageError
from ..backend.guide import framed_camera, guide_camera, guide_picture, save_guide
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.progress import silent
from ..backend.whole_files import file_digest, output_errors
from . import targets
from .props import settings_of
from .scene_read import read_mesh
from .translations import tr

VIEWPORT = "VIEWPORT"


@dataclass(frozen=True, eq=False)
class Guide:
    """A guide that can be drawn without Blender. objects: names of what it shows"""

    mesh: MeshData
    camera: Camera
    objects: tuple[str, ...]

    def write(self, path: Path) -> str:
        """Draw it into `path` (.png), the camera beside it; the file's checksum. Raises OutputError. Uses no bpy."""
        picture = guide_picture(self.mesh, self.camera, silent)
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        save_guide(path, picture, self.camera)
        return file_digest(path)

    def entry(self) -> dict[str, str]:
        """What a reference remembers of it, as text."""
        return {"camera": json.dumps(self.camera.to_json()), "objects": json.dumps(self.objects)}


def prepare(context: Any, view: str, size: int) -> Guide:
    """Read the objects of one job, and take the camera from a side or from the 3D viewport.

    Raises InputError for objects that cannot be used, UsageError for a viewport that does not show them.
    """
    objects, settings = guided_objects(context), settings_of(context.scene)
    mesh, _, _ = read_mesh(objects, pose=settings.pose, alpha=settings.alpha)
    camera = _viewport_camera(context, mesh, size) if view == VIEWPORT else guide_camera(view, size)
    return Guide(mesh, camera, tuple(obj.name for obj in objects))


def guided_objects(context: Any) -> list[bpy.types.Object]:
    """All usable objects that are asked for, or the active one where each is painted by itself."""
    objects = targets.usable_objects(context)
    if settings_of(context.scene).combine == "EACH":
        active = context.view_layer.objects.active
        return [active] if active in objects else objects[:1]
    return objects


def _viewport_camera(context: Any, mesh: MeshData, size: int) -> Camera:
    view: Any = _viewport(context)
    if view is None:
        raise UsageError(
            "guide-no-viewport", tr("There is no 3D viewport to look through."), tr("Choose a side instead.")
        )
    matrix = np.array(view.view_matrix.inverted(), np.float64)
    matrix[:3, :3] /= np.linalg.norm(matrix[:3, :3], axis=0)
    matrix[:3, 3] = mesh.normalisation.apply(matrix[:3, 3])
    return framed_camera(matrix, not view.is_perspective, mesh, size)


def _viewport(context: Any) -> Any:
    if context.region_data is not None:
        return context.region_data
    areas = context.screen.areas if context.screen else ()
    spaces = [area.spaces.active for area in areas if area.type == "VIEW_3D"]
    return next((space.region_3d for space in spaces if isinstance(space, bpy.types.SpaceView3D)), None)
