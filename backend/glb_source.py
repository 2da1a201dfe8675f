# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a textured model can be written as its own file with new materials, so that nothing else of it changes.

Blender reads less of a glTF file than there is in it, and its exporter writes that anew: names, extras and extensions
are lost. Where the file, read by itself, is the surface that was painted, `glb_writer` changes the file instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .errors import InputError
from .host import TextureFiles
from .mesh import MeshData
from .mesh_formats.gltf import open_gltf
from .meshfile import read_mesh_file

TOLERANCE = 1e-4  # unit lengths between the two readings of a corner


def as_in_file(
    source: Path, objects: Sequence[str], mesh: MeshData, textures: Sequence[TextureFiles]
) -> MeshData | None:
    """The mesh as `read_mesh_file` has it, with the new UV maps of `mesh`: what `write_textured_glb` takes.

    objects: names of those that were painted, all by default. None where the file is no glTF, cannot be read without
    Blender, is not the same surface in the same order, or has materials whose transparency a new picture would change.
    """
    if source.suffix.lower() not in (".glb", ".gltf"):
        return None
    try:
        found, _ = read_mesh_file(source, objects)
        materials = open_gltf(source).items("materials")
    except InputError:
        return None
    if any(material.get("alphaMode", "OPAQUE") != "OPAQUE" for material in materials):
        return None
    by_slot = any(texture.material >= 0 for texture in textures)
    if not _same_surface(found, mesh) or (by_slot and not _same_materials(found, mesh)):
        return None
    used = {texture.uv_map for texture in textures}
    if not used <= set(mesh.uv):
        return None
    return replace(found, uv={**{name: mesh.uv[name] for name in used}, **found.uv})


def _same_surface(a: MeshData, b: MeshData) -> bool:
    return (
        np.array_equal(a.face_object, b.face_object)
        and a.instance_of == b.instance_of
        and bool(np.abs(a.triangles - b.triangles).max() < TOLERANCE)
    )


def _same_materials(a: MeshData, b: MeshData) -> bool:
    return a.material_names == b.material_names and np.array_equal(a.face_material, b.face_material)
