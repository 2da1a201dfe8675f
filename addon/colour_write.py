# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours as an attribute of the mesh, for sculpts and for meshes that are to stay without UV maps."""

from __future__ import annotations

from typing import Any, Literal

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError
from ..backend.mesh import MeshData, Normalisation, simple_mesh
from ..backend.progress import Progress, part
from ..backend.texturing.vertex_colour import VoxelSampler, corner_colours
from ..backend.texturing.voxel_files import VoxelTexture
from .scene_read import SourceObject
from .uv_write import linked

Domain = Literal["POINT", "CORNER"]


def loop_colours(
    obj: bpy.types.Object,
    source: SourceObject,
    index: int,
    mesh: MeshData,
    voxels: VoxelTexture,
    progress: Progress,
) -> NDArray[np.uint8]:
    """Colours uint8 (loops, 4), sRGB, of the corners of the object's own mesh.

    index: of `source` in `mesh`. Where modifiers only move vertices, the moved ones are looked up; where they make
    faces, the mesh without modifiers is, which is right for what stays in place (Mirror, Array) and close elsewhere.
    """
    faces = mesh.face_object == index
    if source.topology_kept:
        part_mesh = simple_mesh(*_compact(mesh.vertices, mesh.faces[faces]))
        loops, count = mesh.corner_loop[faces], source.loops
    else:
        data: Any = obj.data
        part_mesh, loops = _unmodified(data, source, mesh.normalisation)
        count = len(data.loops)
    colours = np.full((count, 4), 255, np.uint8)
    found = corner_colours(part_mesh, VoxelSampler(voxels), double_sided=True, progress=part(progress, 0.0, 1.0))
    colours[loops] = found
    return colours


def write_colours(obj: bpy.types.Object, name: str, colours: NDArray[np.uint8], domain: Domain) -> str:
    """Add a colour attribute to the object's mesh; the name it got.

    colours: uint8 (loops, 4), sRGB. For points, the mean of their corners. An attribute of that name that we made is
    replaced. Raises InputError: object-linked, object-in-edit-mode, colours-mismatch.
    """
    mesh: Any = obj.data
    if mesh.library is not None:
        raise linked(obj)
    if obj.mode == "EDIT":
        raise InputError("object-in-edit-mode", f"'{obj.name}' is in Edit Mode.", "Leave Edit Mode and try again.")
    if colours.shape != (len(mesh.loops), 4):
        raise InputError(
            "colours-mismatch", f"The colours do not fit '{obj.name}' any more.", "Its faces changed; run again."
        )
    values = colours.astype(np.float32) / 255
    if domain == "POINT":
        vertex = np.empty(len(mesh.loops), np.int32)
        mesh.loops.foreach_get("vertex_index", vertex)
        count = np.maximum(np.bincount(vertex, minlength=len(mesh.vertices)), 1)
        columns = [np.bincount(vertex, values[:, i], len(mesh.vertices)) / count for i in range(4)]
        values = np.stack(columns, axis=1).astype(np.float32)
    existing = mesh.color_attributes.get(name)
    if existing is not None and existing.domain == domain and existing.data_type == "BYTE_COLOR":
        layer = existing
    else:
        layer = mesh.color_attributes.new(name, "BYTE_COLOR", domain)
    layer.data.foreach_set("color_srgb", np.ascontiguousarray(values).ravel())
    mesh.update()
    return layer.name


def activate_colours(mesh: Any, name: str) -> None:
    """Choose a colour attribute for painting, for Solid shading and for rendering."""
    index = mesh.color_attributes.find(name)
    if index >= 0:
        mesh.color_attributes.active_color_index = index
        mesh.color_attributes.render_color_index = index


def _unmodified(mesh: Any, source: SourceObject, normalisation: Normalisation) -> tuple[MeshData, NDArray[np.int32]]:
    """The mesh without modifiers at the place of its object, and the loop of each corner (F, 3)."""
    mesh.calc_loop_triangles()
    co = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", co)
    corners = np.empty(3 * len(mesh.loop_triangles), np.int32)
    loops = np.empty(3 * len(mesh.loop_triangles), np.int32)
    mesh.loop_triangles.foreach_get("vertices", corners)
    mesh.loop_triangles.foreach_get("loops", loops)
    matrix = np.array(source.matrix)
    world = co.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = corners.reshape(-1, 3)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
        return simple_mesh(normalisation.apply(world), faces), loops.reshape(-1, 3)[:, ::-1]
    return simple_mesh(normalisation.apply(world), faces), loops.reshape(-1, 3)


def _compact(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Only the vertices that the faces use."""
    used, inverse = np.unique(faces, return_inverse=True)
    return vertices[used], inverse.reshape(-1, 3).astype(np.int32)
