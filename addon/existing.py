# SPDX-License-Identifier: GPL-3.0-or-later
"""The texture that objects have now, as the orbit cameras see it: what an engine may start from.

specs/blender-extension.md section 8. Rendered from copies in a scene of its own; of the artist's file only the
materials take part.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bpy

from ..backend.errors import InputError
from ..backend.files import write_png
from ..backend.job import Pose
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.orbits.existing import existing_name
from .scene_read import posed
from .steps import Steps
from .studio import studio

SAMPLES = 4  # rays through each pixel


def existing_in_steps(
    objects: Sequence[bpy.types.Object], mesh: MeshData, cameras: Sequence[Camera], folder: Path, pose: Pose
) -> Steps:
    """Write the base colour of `objects`, without light or transparency, into `folder`, a picture for each camera.

    mesh: as it was read of them in that pose. Raises InputError (existing-missing, mesh-empty), OutputError, UsageError
    (a render runs).
    """
    if (mesh.face_material < 0).all():
        raise InputError(
            "existing-missing",
            "The object has no material, so there is no texture to start from.",
            "Generate one from the references alone.",
        )
    with (
        posed(objects, pose),
        studio(objects, samples=SAMPLES, lit=False, opaque=True, normalisation=mesh.normalisation) as made,
    ):
        for index, camera in enumerate(cameras):
            yield index / len(cameras), f"view {index + 1} of {len(cameras)}"
            made.set_camera(camera)
            write_png(folder / existing_name(index), made.picture())
