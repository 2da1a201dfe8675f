# SPDX-License-Identifier: GPL-3.0-or-later
"""Cameras and the two orbits (specs/orbitpainter.md section 2.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

FOCAL_PER_WIDTH = 35.0 / 32.0  # a 35 mm lens on a 32 mm sensor
DISTANCE = 1.5  # from the origin, unit-cube lengths

Orbit = Literal["H", "V"]


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole or orthographic camera in the normalised frame.

    matrix     float64 (4, 4), camera to world, Blender's convention: looks along -Z, Y up; a proper rotation
    width, height   pixels; pixel (i, j) covers [i, i+1) x [j, j+1) and its centre is (i + 0.5, j + 0.5), v down
    focal      perspective: focal length in pixels; orthographic: pixels per unit length
    principal  (cx, cy) in pixels
    """

    matrix: NDArray[np.float64]
    width: int
    height: int
    focal: float
    principal: tuple[float, float]
    orthographic: bool = False

    @property
    def centre(self) -> NDArray[np.float64]:
        """Camera position, float64 (3,)."""
        return self.matrix[:3, 3]

    @property
    def rotation(self) -> NDArray[np.float64]:
        """World to camera, float64 (3, 3): rows are right (x), down (y) and forward (z)."""
        axes = self.matrix[:3, :3].T
        return np.stack([axes[0], -axes[1], -axes[2]])

    @property
    def forward(self) -> NDArray[np.float64]:
        """Unit viewing direction in the world, float64 (3,)."""
        return -self.matrix[:3, 2]

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """World points (..., 3) -> pixel coordinates (..., 2) and depth along the viewing axis (...).

        Points at or behind a perspective camera get depth <= 0 and meaningless coordinates.
        """
        local = (np.asarray(points, np.float64) - self.centre) @ self.rotation.T
        depth = local[..., 2]
        scale = self.focal if self.orthographic else self.focal / np.where(depth > 1e-9, depth, 1e-9)
        uv = local[..., :2] * np.asarray(scale)[..., None] + np.asarray(self.principal)
        return uv, depth

    def rays(self, pixels: NDArray[np.floating] | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Origins and unit directions of the rays through pixel coordinates (..., 2).

        Default: the centres of all pixels in row order, shape (height, width, 3).
        """
        if pixels is None:
            u, v = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
            pixels = np.stack([u, v], axis=-1)
        offset = (np.asarray(pixels, np.float64) - np.asarray(self.principal)) / self.focal
        right, down, forward = self.rotation
        if self.orthographic:
            origins = self.centre + offset[..., :1] * right + offset[..., 1:] * down
            return origins, np.broadcast_to(forward, origins.shape).copy()
        directions = offset[..., :1] * right + offset[..., 1:] * down + forward
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        return np.broadcast_to(self.centre, directions.shape).copy(), directions

    def towards(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Unit vectors from world points (..., 3) to the camera."""
        points = np.asarray(points, np.float64)
        if self.orthographic:
            return np.broadcast_to(-self.forward, points.shape).copy()
        direction = self.centre - points
        return direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-12)

    def resized(self, width: int, height: int) -> Camera:
        """The same view at another resolution of the same aspect ratio."""
        factor = width / self.width
        principal = (self.principal[0] * factor, self.principal[1] * height / self.height)
        return Camera(self.matrix, width, height, self.focal * factor, principal, self.orthographic)

    def to_json(self) -> dict[str, Any]:
        return {
            "matrix": self.matrix.tolist(),
            "width": self.width,
            "height": self.height,
            "focal": self.focal,
            "principal": list(self.principal),
            "orthographic": self.orthographic,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Camera:
        return Camera(
            np.asarray(data["matrix"], np.float64),
            int(data["width"]),
            int(data["height"]),
            float(data["focal"]),
            (float(data["principal"][0]), float(data["principal"][1])),
            bool(data["orthographic"]),
        )


def read_camera(path: Path | str) -> Camera:
    """The camera that was saved beside a guide. Raises InputError."""
    try:
        return Camera.from_json(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "camera-unreadable", f"The camera file {path} cannot be read.", "Give the .json file of a guide."
        ) from error


def look(position: Sequence[float], up: Sequence[float], target: Sequence[float] = (0, 0, 0)) -> NDArray[np.float64]:
    """Camera-to-world matrix float64 (4, 4) at `position`, looking at `target`, image-up as near to `up` as can be."""
    eye = np.asarray(position, np.float64)
    back = eye - np.asarray(target, np.float64)
    back /= np.linalg.norm(back)
    right = np.cross(np.asarray(up, np.float64), back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = right, np.cross(back, right), back, eye
    return matrix


def orbit_angles(count: int) -> NDArray[np.float64]:
    """Angles in degrees of an orbit of `count` frames.

    An odd count closes the loop (the last frame repeats the first, as 61 and 121 do); an even one does not.
    """
    steps = count - 1 if count % 2 == 1 and count > 1 else count
    return (np.arange(count) * 360.0 / steps) % 360.0


def orbit_cameras(orbit: Orbit, count: int = 61, size: int = 512) -> list[Camera]:
    """The cameras of the horizontal or the vertical orbit, frame 0 looking at the front (the -Y side).

    Both are proper rotations (specs/orbitpainter.md 2.2, product rule). `size` is width and height in pixels.
    """
    cameras = []
    for degrees in orbit_angles(count):
        e = np.deg2rad(degrees)
        if orbit == "H":
            azimuth = e - np.pi / 2
            position, up = (DISTANCE * np.cos(azimuth), DISTANCE * np.sin(azimuth), 0.0), (0.0, 0.0, 1.0)
        else:
            position, up = (0.0, -DISTANCE * np.cos(e), DISTANCE * np.sin(e)), (0.0, np.sin(e), np.cos(e))
        cameras.append(Camera(look(position, up), size, size, FOCAL_PER_WIDTH * size, (size / 2, size / 2)))
    return cameras


def orthographic_front(size: int = 512, span: float = 1.1) -> Camera:
    """An orthographic camera on the -Y side that shows `span` unit lengths across `size` pixels."""
    return Camera(look((0, -DISTANCE * 2, 0), (0, 0, 1)), size, size, size / span, (size / 2, size / 2), True)
