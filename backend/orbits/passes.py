# SPDX-License-Identifier: GPL-3.0-or-later
"""Geometry passes of a set of cameras, as float arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from .cameras import Camera


@dataclass(frozen=True, eq=False)
class ViewPasses:
    """First-hit geometry of one view, hard-edged: one sample at each pixel centre, no anti-aliasing.

    position   float32 (H, W, 3), normalised frame, 0 outside the object
    normal     float32 (H, W, 3), unit shading normal turned towards the camera, 0 outside
    mask       bool (H, W), a surface was hit
    object_id  int16 (H, W), index into MeshData.object_names, -1 outside
    """

    camera: Camera
    position: NDArray[np.float32]
    normal: NDArray[np.float32]
    mask: NDArray[np.bool_]
    object_id: NDArray[np.int16]

    @property
    def depth(self) -> NDArray[np.float32]:
        """Depth along the viewing axis, float32 (H, W), infinite outside the object."""
        _, depth = self.camera.project(self.position)
        return np.where(self.mask, depth, np.inf).astype(np.float32)


class PassSet(Protocol):
    """The passes of a job: views in the order horizontal orbit, then vertical orbit.

    Views are read one at a time, so that a set never has to fit into memory whole.
    """

    mesh: MeshData
    cameras: list[Camera]
    orbit_counts: tuple[int, int]  # number of horizontal and of vertical views

    def __len__(self) -> int: ...
    def view(self, index: int) -> ViewPasses: ...
    def __iter__(self) -> Iterator[ViewPasses]: ...
