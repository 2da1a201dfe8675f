# SPDX-License-Identifier: GPL-3.0-or-later
"""What is rendered of every object of a data set: orbits, size, and where its reference pictures are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from ..orbits.cameras import DISTANCE, FOCAL_PER_WIDTH, Camera, look, orbit_cameras
from .sample import ReferenceView


@dataclass(frozen=True)
class RenderPlan:
    """What is rendered; everything that decides the pictures of a data set, apart from the objects.

    views        of the horizontal and of the vertical orbit
    size         pixels along a side; rendered `supersample` times larger, hard-edged, and reduced
    references   how many of each source: the object's own lit orbit, random lights and viewpoints, three point lights
    max_angle    largest azimuth of a reference's viewpoint, degrees from the front
    max_elevation  the same up and down, of the second source only
    material     metallic and roughness are stored too
    """

    views: tuple[int, int] = (120, 120)
    size: int = 512
    supersample: int = 2
    references: tuple[int, int, int] = (15, 8, 15)
    max_angle: float = 90.0
    max_elevation: float = 20.0
    material: bool = True

    def __post_init__(self) -> None:
        wrong = (
            (min(self.views) < 0 or sum(self.views) == 0, "a number of views"),
            (not 16 <= self.size <= 4096, "a size of 16 to 4096 pixels"),
            (not 1 <= self.supersample <= 8, "a supersampling of 1 to 8"),
            (min(self.references) < 0 or sum(self.references) == 0, "at least one reference picture"),
            (not 0 <= self.max_angle <= 180 or not 0 <= self.max_elevation <= 90, "an angle of the reference"),
        )
        for bad, what in wrong:
            if bad:
                raise UsageError("dataset-plan", f"The data set needs {what}.", "Correct the options.")

    def cameras(self) -> list[Camera]:
        """Cameras of all frames at the size they are rendered at, H then V."""
        size = self.size * self.supersample
        return [*orbit_cameras("H", self.views[0], size), *orbit_cameras("V", self.views[1], size)]

    def reference_views(self, random: np.random.Generator) -> Iterator[ReferenceView]:
        """Where the reference pictures are taken from: sources A, B and C of specs/orbitpainter.md section 11.

        The orbit's are evenly spaced; the others are drawn at random.
        """
        orbit, free, points = self.references
        for azimuth in np.linspace(-self.max_angle, self.max_angle, orbit + 2)[1:-1] if orbit > 1 else [0.0] * orbit:
            yield ReferenceView("orbit", float(azimuth))
        for _ in range(free):
            angles = random.uniform(-1, 1, 2) * (self.max_angle, self.max_elevation)
            yield ReferenceView("random", float(angles[0]), float(angles[1]))
        for _ in range(points):
            yield ReferenceView("points", float(random.uniform(-1, 1) * self.max_angle))

    def reference_camera(self, view: ReferenceView) -> Camera:
        """The camera of a reference picture, at the size it is rendered at."""
        azimuth, elevation = np.deg2rad(view.azimuth - 90), np.deg2rad(view.elevation)
        level = DISTANCE * np.cos(elevation)
        position = (level * np.cos(azimuth), level * np.sin(azimuth), DISTANCE * np.sin(elevation))
        size = self.size * self.supersample
        return Camera(look(position, (0, 0, 1)), size, size, FOCAL_PER_WIDTH * size, (size / 2, size / 2))
