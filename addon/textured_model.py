# SPDX-License-Identifier: GPL-3.0-or-later
"""The surface of a textured model as training data wants it: base colour, metallic and roughness of every pixel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.dataset.build import Paint, PaintOf
from ..backend.dataset.lighting import srgb_to_linear
from ..backend.mesh import MeshData
from ..backend.orbits.passes import ViewPasses
from . import compat
from .import_file import import_file
from .scene_read import find_objects, read_mesh
from .studio import Studio, studio

PLASTIC = {"Metallic": 0.0, "Roughness": 0.5}  # where a material does not say


@contextmanager
def textured_model(path: Path) -> Iterator[tuple[MeshData, PaintOf]]:
    """A model file's mesh, normalised, and what its surface looks like. Raises InputError, OutputError.

    Base colours are rendered without light and without a view transform that changes them (Standard, not AgX), so that
    a texel of the file arrives as it is. Materials are taken to be opaque (specs/orbitpainter.md section 2.1).
    """
    import_file(path)
    objects = find_objects()
    mesh, _, _ = read_mesh(objects)
    with studio(objects, samples=1, lit=False, opaque=True, normalisation=mesh.normalisation) as made:
        _sharp(made.scene)
        surfaces = [_Surface(material) for material in _materials(made.scene)]

        def paint(view: ViewPasses) -> Paint:
            made.set_camera(view.camera)
            colour = _pixels(made, view)
            for surface in surfaces:
                surface.show_values()
            values = srgb_to_linear(_pixels(made, view)).astype(np.float32)
            for surface in surfaces:
                surface.show_colour()
            return Paint(colour, values[:, 0], values[:, 1])

        yield mesh, paint


class _Surface:
    """One of the studio's unlit materials, which can show its metallic and roughness in place of its colour."""

    def __init__(self, material: bpy.types.Material) -> None:
        tree: Any = material.node_tree
        output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL" and node.inputs["Surface"].links)
        mix = output.inputs["Surface"].links[0].from_node  # of transparent and emission (material_nodes.make_unlit)
        self._links = tree.links
        self._shown = mix.inputs[2].links[0].from_node.inputs["Color"]
        self._colour = self._shown.links[0].from_socket if self._shown.links else None
        combine = tree.nodes.new("ShaderNodeCombineColor")
        shader = next((node for node in tree.nodes if node.type == "BSDF_PRINCIPLED"), None)
        for place, (name, plastic) in enumerate(PLASTIC.items()):
            combine.inputs[place].default_value = plastic
            if shader is None:
                continue
            source: Any = compat.socket(shader.inputs, name)
            if source.links:
                tree.links.new(source.links[0].from_socket, combine.inputs[place])
            else:
                combine.inputs[place].default_value = source.default_value
        self._values = combine.outputs[0]

    def show_values(self) -> None:
        """Metallic as red, roughness as green."""
        self._links.new(self._values, self._shown)

    def show_colour(self) -> None:
        if self._colour is not None:
            self._links.new(self._colour, self._shown)
        else:
            for link in list(self._shown.links):
                self._links.remove(link)


def _sharp(scene: Any) -> None:
    """One ray through each pixel's centre: the same point that the passes show."""
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BLACKMAN_HARRIS", 0.01
    scene.render.filter_size = 0.01


def _materials(scene: Any) -> list[bpy.types.Material]:
    """The studio's unlit materials."""
    found: dict[Any, None] = {}
    for obj in scene.objects:
        if isinstance(obj.data, bpy.types.Mesh):
            found.update(dict.fromkeys(slot for slot in obj.data.materials if slot is not None))
    return list(found)


def _pixels(made: Studio, view: ViewPasses) -> NDArray[np.float32]:
    """sRGB float32 (n, 3) of the pixels that show the object."""
    picture = made.picture()
    return (picture[..., :3][view.mask] / 255).astype(np.float32)
