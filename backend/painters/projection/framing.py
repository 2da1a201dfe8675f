# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras of one viewpoint with other framings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...orbits.cameras import Camera


def moved(camera: Camera, scale: float, shift: Sequence[float] | NDArray[np.float64]) -> Camera:
    """The camera whose image is `camera`'s, u -> centre + scale (u - centre) + shift about the picture's centre."""
    centre = np.array([camera.width / 2, camera.height / 2])
    principal = centre + scale * (np.asarray(camera.principal) - centre) + np.asarray(shift)
    return replace(camera, focal=camera.focal * scale, principal=(float(principal[0]), float(principal[1])))


def widened(camera: Camera, factor: int) -> Camera:
    """The camera with a frame `factor` times as wide and high around the same middle."""
    width, height = camera.width * factor, camera.height * factor
    principal = (camera.principal[0] + (width - camera.width) / 2, camera.principal[1] + (height - camera.height) / 2)
    return replace(camera, width=width, height=height, principal=principal)
