# SPDX-License-Identifier: GPL-3.0-or-later
"""The mesh as plain arrays: what every stage after reading works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .cutouts import Cutout, Holes, packed
from .errors import InputError

MIN_AREA = 1e-9  # of all triangles together, in the unit cube; rounding alone leaves faces on a line less than this
EXTENT = 0.99999  # largest side after normalisation, so that no point lies on the border of the voxel cube


@dataclass(frozen=True)
class Normalisation:
    """Uniform map from world to the unit cube: ``p_unit = (p_world - centre) * scale``.

    centre: float64 (3,), world units; scale: unit-cube lengths per world unit.
    """

    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0

    def apply(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        return (np.asarray(points, np.float64) - np.asarray(self.centre)) * self.scale

    def invert(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.asarray(points, np.float64) / self.scale + np.asarray(self.centre)


@dataclass(frozen=True)
class MeshData:
    """Triangles of all target objects in the normalised frame: cube [-0.5, 0.5]^3, Z up, front towards -Y.

    vertices        float32 (V, 3)
    faces           int32 (F, 3), vertex indices, counter-clockwise seen from outside
    corner_normals  float32 (F, 3, 3), unit shading normal of each triangle corner
    uv              UV map name -> float32 (F, 3, 2), V up, NaN for faces of objects that lack the map
    face_object     int32 (F,), index into object_names; instances of one mesh are objects of their own
    face_material   int32 (F,), index into material_names, -1 where a face has none
    face_polygon    int32 (F,), index of the source polygon within its object
    corner_loop     int32 (F, 3), index of the source face corner (loop) within its object
    active_uv       object index -> name of the UV map that object renders with; absent where it has none
    instance_of     object index -> index of the object whose mesh data (and UVs) it shares; absent for originals
    double_sided    bool (F,), the material is not back-face culled
    normalisation   world -> unit cube
    cutouts         index into material_names -> where the faces of that material are solid; absent: everywhere
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    corner_normals: NDArray[np.float32]
    face_object: NDArray[np.int32]
    face_material: NDArray[np.int32]
    face_polygon: NDArray[np.int32]
    corner_loop: NDArray[np.int32]
    object_names: tuple[str, ...]
    material_names: tuple[str, ...] = ()
    uv: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    active_uv: Mapping[int, str] = field(default_factory=dict)
    instance_of: Mapping[int, int] = field(default_factory=dict)
    double_sided: NDArray[np.bool_] | None = None
    normalisation: Normalisation = Normalisation()
    cutouts: Mapping[int, Cutout] = field(default_factory=dict)

    @cached_property
    def holes(self) -> Holes | None:
        """The cut-outs, packed for look-ups; None where all faces are solid."""
        return packed(self.cutouts, self.face_material, self.uv) if self.cutouts else None

    @property
    def triangles(self) -> NDArray[np.float32]:
        """Corner positions, float32 (F, 3, 3)."""
        return self.vertices[self.faces]

    def with_uv(self, name: str, uv: NDArray[np.float32]) -> MeshData:
        """A copy that has one more (or a replaced) UV map."""
        return replace(self, uv={**self.uv, name: np.ascontiguousarray(uv, np.float32)})


def simple_mesh(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], uv: NDArray[np.floating] | None = None
) -> MeshData:
    """A MeshData of one object from bare arrays, with flat normals, taken as already normalised.

    vertices (V, 3); faces (F, 3); uv (F, 3, 2) or None. For tests and for meshes without attributes.
    """
    vertices = np.ascontiguousarray(vertices, np.float32)
    faces = np.ascontiguousarray(faces, np.int32)
    count = len(faces)
    normals, _ = face_normals(vertices, faces)
    return MeshData(
        vertices=vertices,
        faces=faces,
        corner_normals=np.repeat(normals[:, None], 3, axis=1).astype(np.float32),
        face_object=np.zeros(count, np.int32),
        face_material=np.full(count, -1, np.int32),
        face_polygon=np.arange(count, dtype=np.int32),
        corner_loop=np.arange(3 * count, dtype=np.int32).reshape(-1, 3),
        object_names=("mesh",),
        uv={} if uv is None else {"UVMap": np.ascontiguousarray(uv, np.float32)},
        active_uv={} if uv is None else {0: "UVMap"},
    )


def face_normals(
    vertices: NDArray[np.floating], faces: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit geometric normal float64 (F, 3) and area float64 (F,) of each triangle; zero normal where degenerate."""
    corners = np.asarray(vertices, np.float64)[faces]
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(cross, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        normals = np.where(length[:, None] > 0, cross / length[:, None], 0.0)
    return normals, 0.5 * length


def require_area(mesh: MeshData) -> None:
    """Raises InputError if all triangles together have no area, so that there is no surface to paint."""
    _, area = face_normals(mesh.vertices, mesh.faces)
    if not area.sum() > MIN_AREA:
        raise InputError(
            "mesh-zero-area",
            "The mesh has no surface: all its faces are without area.",
            "Check the object's scale, or export the model again.",
        )


def normalisation_of(points: NDArray[np.floating]) -> Normalisation:
    """The map that centres the bounding box of `points` (N, 3) and makes its largest side EXTENT.

    specs/texture-optimizer.md section 2. Raises InputError for no finite points or an extent of zero.
    """
    points = np.asarray(points, np.float64)
    points = points[np.isfinite(points).all(axis=1)]
    if len(points) == 0:
        raise InputError("mesh-empty", "The mesh has no usable vertices.", "Choose an object that has faces.")
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    if not extent > 0:
        raise InputError(
            "mesh-zero-size", "The mesh has no extent: all its points coincide.", "Check the object's scale."
        )
    centre = (low + high) / 2
    return Normalisation((float(centre[0]), float(centre[1]), float(centre[2])), EXTENT / extent)
