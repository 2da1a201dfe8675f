# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders position, normal, object and mask passes in a scene of its own (specs/blender-extension.md section 9).

The scene is built from a MeshData, rendered view by view, and removed again; nothing of the artist's file takes part.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np
from mathutils import Matrix

from ..backend.cutouts import Holes
from ..backend.errors import EngineMissingError, OutputError, UsageError
from ..backend.files import atomic_path
from ..backend.mesh import MeshData
from ..backend.orbits.cameras import Camera
from ..backend.orbits.exr import read_exr
from ..backend.orbits.files import LAYER, view_name
from ..backend.progress import Progress, silent
from . import compat, leftovers
from .quiet import no_stdout
from .steps import Steps, run

PREFIX = ".orbit_painter_passes"  # of every temporary data-block
OBJECT_ID = "orbit_painter_object"
CUT = "orbit_painter_cut"  # UV map
SENSOR = 32.0  # millimetres; any value would do
EEVEE_MAX_OBJECTS = 2047  # EEVEE keeps colours as half floats, whole numbers are exact up to 2048

Engine = Literal["cycles", "eevee"]
Device = Literal["cpu", "gpu"]


def render_passes(
    mesh: MeshData,
    cameras: Sequence[Camera],
    folder: Path,
    *,
    engine: Engine = "cycles",
    device: Device = "cpu",
    progress: Progress = silent,
) -> None:
    """All of `passes_in_steps`."""
    run(passes_in_steps(mesh, cameras, folder, engine=engine, device=device), progress)


def passes_in_steps(
    mesh: MeshData, cameras: Sequence[Camera], folder: Path, *, engine: Engine = "cycles", device: Device = "cpu"
) -> Steps:
    """Write `view_0000.exr` and so on into `folder`, one per camera, as backend/orbits/files.py describes them.

    One sample at each pixel's centre, not anti-aliased; positions in the mesh's own (normalised) frame. Equal cameras
    are rendered once. Where it ends early, by an error or because it is stopped, the views written so far are deleted
    and the open file is as before. Raises EngineMissingError (no such engine or GPU), OutputError, UsageError (a
    render runs).

    Memory: about 600 bytes per triangle and 150 per pixel of one view inside Blender.
    """
    if compat.is_rendering():
        raise UsageError("render-running", "Blender is rendering.", "Wait until the render is done.")
    if engine == "eevee" and len(mesh.object_names) > EEVEE_MAX_OBJECTS:
        raise UsageError(
            "too-many-objects-eevee", f"EEVEE can tell apart {EEVEE_MAX_OBJECTS} objects.", "Use Cycles for the passes."
        )
    written: list[Path] = []
    rendered: dict[tuple, Path] = {}
    try:
        with _scene(mesh, engine, device) as scene:
            for index, camera in enumerate(cameras):
                yield index / len(cameras), f"view {index + 1} of {len(cameras)}"
                path = folder / view_name(index)
                same = rendered.setdefault(_key(camera), path)
                if same != path:
                    _copy(same, path)
                else:
                    set_camera(scene, camera, mesh)
                    _render(scene, path)
                written.append(path)
                if index == 0:
                    _check_view(path)
        yield 1.0, f"{len(cameras)} views"
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise


# The scene


@contextmanager
def _scene(mesh: MeshData, engine: Engine, device: Device) -> Iterator[bpy.types.Scene]:
    had_result = "Render Result" in bpy.data.images
    with _gpu(device) if engine == "cycles" else _nothing(), leftovers.InUse():
        try:
            yield _build(mesh, engine, device)
        finally:
            leftovers.remove(PREFIX)
            result = bpy.data.images.get("Render Result")
            if result is not None and not had_result:
                bpy.data.images.remove(result)


def _build(mesh: MeshData, engine: Engine, device: Device) -> bpy.types.Scene:
    scene = bpy.data.scenes.new(PREFIX)
    scene.world = None
    _settings(scene, engine, device)
    blender_mesh = bpy.data.meshes.new(PREFIX)
    fill_mesh(blender_mesh, mesh)
    blender_mesh.materials.append(_material())
    if mesh.holes is not None:
        _cut_out(blender_mesh, mesh.holes)
    camera = bpy.data.objects.new(f"{PREFIX}_camera", bpy.data.cameras.new(PREFIX))
    for obj in (bpy.data.objects.new(PREFIX, blender_mesh), camera):
        scene.collection.objects.link(obj)
    scene.camera = camera
    return scene


def _settings(scene: bpy.types.Scene, engine: Engine, device: Device) -> None:
    render = scene.render
    compat.set_engine(render, ("CYCLES",) if engine == "cycles" else compat.EEVEE_ENGINES)
    if engine == "cycles":
        cycles: Any = scene.cycles  # pyright: ignore[reportAttributeAccessIssue]
        cycles.device = "GPU" if device == "gpu" else "CPU"
        cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = 1, False, False
        cycles.max_bounces = 0
        cycles.transparent_max_bounces = 1024  # the most it takes
        cycles.pixel_filter_type, cycles.filter_width = "BLACKMAN_HARRIS", 0.01
        cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 0.0
        cycles.film_exposure = 1.0
        cycles.use_auto_tile = False
    else:
        eevee: Any = scene.eevee
        eevee.taa_render_samples = 1
        for name in ("use_raytracing", "use_shadows", "use_overscan"):
            if hasattr(eevee, name):
                setattr(eevee, name, False)
    render.filter_size = 0.01
    render.film_transparent = True
    render.use_motion_blur = False
    render.use_compositing = render.use_sequencer = False
    render.use_border = render.use_simplify = render.use_freestyle = render.use_stamp = False
    render.use_persistent_data = True
    render.resolution_percentage, render.pixel_aspect_x, render.pixel_aspect_y = 100, 1.0, 1.0
    render.use_file_extension, render.use_overwrite, render.use_placeholder = True, True, False
    compat.set_multilayer_exr(render.image_settings)
    compat.set_view_transform(scene, "Raw", "Standard")
    layer = scene.view_layers[0]
    layer.name = LAYER  # a translated interface names it otherwise
    layer.use_pass_combined = layer.use_pass_position = layer.use_pass_normal = True
    layer.use_pass_z = False


def fill_mesh(target: bpy.types.Mesh, mesh: MeshData) -> None:
    """Every corner is a vertex: custom normals of joined corners would be averaged where they differ little."""
    count = len(mesh.faces)
    target.vertices.add(3 * count)
    target.vertices.foreach_set("co", np.ascontiguousarray(mesh.triangles, np.float32).ravel())
    target.loops.add(3 * count)
    target.loops.foreach_set("vertex_index", np.arange(3 * count, dtype=np.int32))
    target.polygons.add(count)
    target.polygons.foreach_set("loop_start", np.arange(0, 3 * count, 3, dtype=np.int32))
    ids = target.attributes.new(OBJECT_ID, "FLOAT", "FACE")
    ids.data.foreach_set("value", mesh.face_object.astype(np.float32) + 1)  # pyright: ignore[reportAttributeAccessIssue]
    target.update(calc_edges=True)
    target.normals_split_custom_set_from_vertices(mesh.corner_normals.reshape(-1, 3))


def _cut_out(target: bpy.types.Mesh, holes: Holes) -> None:
    """Give faces with holes materials that let rays through. Pictures of 0 and 1, so that no texel is half open."""
    layer: Any = target.uv_layers.new(name=CUT)
    layer.uv.foreach_set("vector", np.ascontiguousarray(holes.uv, np.float32).ravel())
    for (width, height), start in zip(holes.size.tolist(), holes.start.tolist(), strict=True):
        solid = holes.solid[start : start + width * height].reshape(height, width)[::-1]
        image: Any = bpy.data.images.new(PREFIX, width, height, is_data=True)
        image.pixels.foreach_set(np.repeat(solid.ravel().astype(np.float32), 4))
        material = _material()
        tree: Any = material.node_tree
        emission, output = (next(n for n in tree.nodes if n.type == kind) for kind in ("EMISSION", "OUTPUT_MATERIAL"))
        uv, texture, clear, mix = (
            tree.nodes.new(f"ShaderNode{kind}") for kind in ("UVMap", "TexImage", "BsdfTransparent", "MixShader")
        )
        uv.uv_map, texture.image, texture.interpolation = CUT, image, "Closest"
        for source, socket in (
            (uv.outputs[0], texture.inputs["Vector"]),
            (texture.outputs["Color"], mix.inputs[0]),
            (clear.outputs[0], mix.inputs[1]),
            (emission.outputs[0], mix.inputs[2]),
            (mix.outputs[0], compat.socket(output.inputs, "Surface")),
        ):
            tree.links.new(source, socket)
        target.materials.append(material)
    target.polygons.foreach_set("material_index", holes.image + np.int32(1))


def _material() -> bpy.types.Material:
    """Emits the object's number."""
    material = bpy.data.materials.new(PREFIX)
    compat.enable_nodes(material)
    material.use_backface_culling = False
    tree = material.node_tree
    assert tree is not None
    tree.nodes.clear()
    attribute: Any = tree.nodes.new("ShaderNodeAttribute")
    emission, output = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    attribute.attribute_type, attribute.attribute_name = "GEOMETRY", OBJECT_ID
    for source, target in (
        (compat.socket(attribute.outputs, "Fac"), compat.socket(emission.inputs, "Color")),
        (compat.socket(emission.outputs, "Emission"), compat.socket(output.inputs, "Surface")),
    ):
        tree.links.new(source, target)
    if hasattr(material, "cycles"):
        settings: Any = material.cycles  # pyright: ignore[reportAttributeAccessIssue]
        settings.emission_sampling = "NONE"  # it lights nothing
    return material


# One view


def _key(camera: Camera) -> tuple:
    """Equal for cameras that see the same picture (frame 0 of both orbits, the closing frame)."""
    numbers = [*camera.matrix.ravel(), camera.focal, *camera.principal]
    return (*(round(float(x), 9) + 0.0 for x in numbers), camera.width, camera.height, camera.orthographic)


def set_camera(scene: bpy.types.Scene, camera: Camera, mesh: MeshData) -> None:
    obj: Any = scene.camera
    obj.matrix_world = Matrix(camera.matrix.tolist())
    data = obj.data
    data.sensor_fit = "HORIZONTAL"  # lens, shift and scale then refer to the picture's width
    data.sensor_width = SENSOR
    data.type = "ORTHO" if camera.orthographic else "PERSP"
    data.lens = SENSOR * camera.focal / camera.width
    data.ortho_scale = camera.width / camera.focal
    data.shift_x = 0.5 - camera.principal[0] / camera.width
    data.shift_y = (camera.principal[1] - camera.height / 2) / camera.width
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    corners = np.stack(np.meshgrid(*np.stack([low, high], axis=1)), axis=-1).reshape(-1, 3)
    depth = camera.project(corners)[1]
    data.clip_start = max(float(depth.min()) - 0.01, 1e-3)
    data.clip_end = max(float(depth.max()) + 0.01, 1e-2)
    scene.render.resolution_x, scene.render.resolution_y = camera.width, camera.height


def _render(scene: bpy.types.Scene, path: Path) -> None:
    with atomic_path(path) as temporary:
        scene.render.filepath = str(temporary)
        try:
            with no_stdout():  # Cycles prints some thirty lines a view
                bpy.ops.render.render(write_still=True, scene=scene.name)
        except RuntimeError as error:
            raise OutputError(
                "pass-not-rendered", f"Blender could not render {path.name}: {str(error).strip()}.", "See the log."
            ) from error
        if not temporary.is_file():
            raise OutputError(
                "pass-not-written", f"Blender rendered {path.name} but wrote no file.", "Check the disk's free space."
            )


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(source, temporary)
        except OSError:  # a file system without links
            shutil.copyfile(source, temporary)


def _check_view(path: Path) -> None:
    """A renderer that loses its passes writes constants without any error (specs/orbitpainter.md section 2.5)."""
    channels = {name.split(".", 1)[-1]: plane for name, plane in read_exr(path).items()}
    inside = channels["Combined.A"] > 0.5
    spread = max(float(np.ptp(channels[f"Position.{axis}"][inside])) if inside.any() else 0.0 for axis in "XYZ")
    if inside.sum() > 16 and spread == 0:
        raise EngineMissingError(
            "pass-constant",
            "The renderer delivers no positions: the pass is the same everywhere.",
            "Use Cycles for the passes.",
        )


# Devices


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _gpu(device: Device) -> Iterator[None]:
    """While inside, Cycles may use the GPUs; the preference is put back. Raises EngineMissingError if there is none."""
    if device == "cpu":
        yield
        return
    addon = bpy.context.preferences.addons.get("cycles")  # pyright: ignore
    preferences: Any = None if addon is None else addon.preferences
    if preferences is None:
        raise EngineMissingError("cycles-missing", "Cycles is switched off.", "Enable it in Preferences > Add-ons.")
    before = preferences.compute_device_type
    used = [(d, d.use) for d in preferences.devices]
    try:
        for kind, *_ in preferences.get_device_types(bpy.context):
            if kind == "NONE":
                continue
            preferences.compute_device_type = kind
            found = preferences.get_devices_for_type(kind) or []
            gpus = [d for d in found if d.type == kind]
            if gpus:
                for d in found:
                    d.use = d.type == kind
                break
        else:
            raise EngineMissingError(
                "gpu-missing", "Cycles finds no graphics card that it can use.", "Render the passes on the CPU."
            )
        yield
    finally:
        preferences.compute_device_type = before
        for d, use in used:
            d.use = use
