# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes sample.glb, an unpainted ceramic owl, and reference.png, a picture of the front of the painted one.

    python examples/make_sample.py [FOLDER]        (needs the bpy module; FOLDER: where to write, default: here)

The picture is what an artist might hand in: base colours only, transparent background, seen as the default front
camera sees the model (orthographic, longest side 1 / 1.1 of the picture).
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
if "orbit_painter" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["orbit_painter"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["orbit_painter"])

from orbit_painter.addon.passes import render_passes  # noqa: E402
from orbit_painter.addon.quiet import no_stdout  # noqa: E402
from orbit_painter.backend.files import atomic_path, write_png  # noqa: E402
from orbit_painter.backend.mesh import MeshData, normalisation_of, simple_mesh  # noqa: E402
from orbit_painter.backend.orbits.cameras import orthographic_front  # noqa: E402
from orbit_painter.backend.orbits.files import open_passes, save_header  # noqa: E402
from orbit_painter.examples.owl_paint import paint  # noqa: E402
from orbit_painter.examples.owl_shape import Part, owl  # noqa: E402

SIZE, SUPERSAMPLE = 768, 3
CLAY = (0.72, 0.66, 0.60, 1.0)


def build(parts: list[Part]) -> bpy.types.Object:
    """One object of all parts with packed UVs and a plain material, in an emptied file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = [(face + start).tolist() for part, start in zip(parts, starts, strict=False) for face in part.faces]
    mesh = bpy.data.meshes.new("Owl")
    mesh.from_pydata(np.concatenate([part.vertices for part in parts]).tolist(), [], faces)
    layer = mesh.uv_layers.new(name="UVMap")
    uv = np.concatenate([np.concatenate([c + np.array([0, 7 * i]) for c in part.uv]) for i, part in enumerate(parts)])
    layer.uv.foreach_set("vector", uv.astype(np.float32).ravel())
    mesh.shade_smooth()
    material = bpy.data.materials.new("Ceramic")
    material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = CLAY
    shader.inputs["Roughness"].default_value = 0.45
    mesh.materials.append(material)
    obj = bpy.data.objects.new("Owl", mesh)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    obj.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    bpy.ops.uv.select_all(action="SELECT")
    bpy.ops.uv.seams_from_islands()
    bpy.ops.uv.unwrap(method="ANGLE_BASED", margin=0.0)
    bpy.ops.uv.average_islands_scale()
    bpy.ops.uv.pack_islands(rotate=True, margin=0.004)
    bpy.ops.object.mode_set(mode="OBJECT")
    mesh.update()
    return obj


def export(path: Path) -> None:
    with atomic_path(path) as temporary, no_stdout():
        bpy.ops.export_scene.gltf(filepath=str(temporary), export_format="GLB", export_animations=False)


def reference(parts: list[Part]) -> np.ndarray:
    """The painted owl from the front, uint8 (SIZE, SIZE, 4): positions are rendered larger, coloured and averaged."""
    mesh = triangles(parts)
    camera = orthographic_front(SIZE * SUPERSAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        save_header(Path(folder), mesh, [camera], (1, 0), renderer="cycles", supersample=1)
        render_passes(mesh, [camera], Path(folder))
        view = open_passes(Path(folder)).view(0)
    points = mesh.normalisation.invert(view.position)
    colour = np.zeros((*view.mask.shape, 4))
    for index, part in enumerate(parts):
        here = view.object_id == index
        if here.any():
            colour[here, :3] = paint(points[here], part.name)
    colour[view.mask, 3] = 1
    colour = colour.reshape(SIZE, SUPERSAMPLE, SIZE, SUPERSAMPLE, 4).mean(axis=(1, 3))
    colour[..., :3] /= np.maximum(colour[..., 3:], 1e-6)
    return (np.clip(colour, 0, 1) * 255 + 0.5).astype(np.uint8)


def triangles(parts: list[Part]) -> MeshData:
    """The parts as objects of one MeshData."""
    vertices = np.concatenate([part.vertices for part in parts])
    normalisation = normalisation_of(vertices)
    fans, owners, start = [], [], 0
    for index, part in enumerate(parts):
        for face in part.faces:
            fans += [(face[0] + start, face[i] + start, face[i + 1] + start) for i in range(1, len(face) - 1)]
        owners += [index] * (len(fans) - len(owners))
        start += len(part.vertices)
    mesh = simple_mesh(normalisation.apply(vertices), np.array(fans))
    names = tuple(f"{part.name}_{i}" for i, part in enumerate(parts))
    return replace(mesh, face_object=np.array(owners, np.int32), object_names=names, normalisation=normalisation)


def main(folder: Path) -> None:
    parts = owl()
    build(parts)
    export(folder / "sample.glb")
    write_png(folder / "reference.png", reference(parts), level=9)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
