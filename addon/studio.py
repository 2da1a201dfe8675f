# SPDX-License-Identifier: GPL-3.0-or-later
"""A scene of its own for pictures of the artist's objects: copies of what they look like now, a camera, perhaps lights.

Nothing of the open file takes part but the materials, and everything made here is removed again.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..backend.errors import InputError, OutputError, UsageError
from ..backend.files import atomic_path, read_png
from ..backend.mesh import Normalisation, normalisation_of
from ..backend.orbits.cameras import Camera
from . import compat, leftovers
from .material_nodes import make_unlit
from .quiet import no_stdout

PREFIX = ".orbit_painter_studio"  # of every temporary data-block
SENSOR = 32.0  # millimetres; any value would do
SKY = (0.60, 0.61, 0.63)  # light from everywhere; with the sun, a white surface that faces up is just white
SUN, SUN_SIZE = 1.6, math.radians(20)  # W/m^2; large, for soft shadows
SUN_HEIGHT, SUN_TURN = math.radians(48), math.radians(38)  # above the horizon; to the left of the camera
BACKDROP = 0.76
FLOOR_SIZE = 60.0  # unit-cube lengths


class Studio:
    """A scene with copies of objects in the normalised frame, of which `render` takes pictures.

    scene   bpy.types.Scene; points: float64 (n, 3), vertices in the normalised frame
    """

    def __init__(self, scene: bpy.types.Scene, points: NDArray[np.float64]) -> None:
        self.scene, self.points = scene, points
        self.sun: bpy.types.Object | None = None

    def set_camera(self, camera: Camera) -> None:
        obj: Any = self.scene.camera
        obj.matrix_world = Matrix(camera.matrix.tolist())
        data = obj.data
        data.sensor_fit = "HORIZONTAL"  # lens, shift and scale then refer to the picture's width
        data.sensor_width = SENSOR
        data.type = "ORTHO" if camera.orthographic else "PERSP"
        data.lens = SENSOR * camera.focal / camera.width
        data.ortho_scale = camera.width / camera.focal
        data.shift_x = 0.5 - camera.principal[0] / camera.width
        data.shift_y = (camera.principal[1] - camera.height / 2) / camera.width
        data.clip_start, data.clip_end = 0.01, 100.0
        render = self.scene.render
        render.resolution_x, render.resolution_y = camera.width, camera.height
        if self.sun is not None:
            back = camera.matrix[:3, 2]
            turn = math.atan2(back[1], back[0]) - SUN_TURN
            flat = math.cos(SUN_HEIGHT)
            towards = Vector((flat * math.cos(turn), flat * math.sin(turn), math.sin(SUN_HEIGHT)))
            self.sun.matrix_world = towards.to_track_quat("Z", "Y").to_matrix().to_4x4()

    def render(self, path: Path) -> None:
        """Write one PNG. Raises OutputError."""
        with atomic_path(path) as temporary:
            self.scene.render.filepath = str(temporary)
            run_render(self.scene, path, write_still=True)

    def picture(self) -> NDArray[np.uint8]:
        """The view as uint8 (h, w, 4), sRGB, straight alpha."""
        with tempfile.TemporaryDirectory(prefix="orbit-painter-") as folder:
            self.render(Path(folder) / "picture.png")
            return np.asarray(read_png(Path(folder) / "picture.png"), np.uint8)


def run_render(scene: bpy.types.Scene, path: Path, **options: Any) -> None:
    try:
        with no_stdout():
            bpy.ops.render.render(scene=scene.name, **options)
    except RuntimeError as error:
        raise OutputError(
            "picture-not-rendered", f"Blender could not render {path.name}: {str(error).strip()}.", "See the log."
        ) from error


@contextmanager
def studio(
    objects: Sequence[bpy.types.Object],
    *,
    samples: int,
    bounces: int = 0,
    lit: bool = True,
    opaque: bool = False,
    normalisation: Normalisation | None = None,
) -> Iterator[Studio]:
    """Open a studio with `objects`, normalised as a whole unless told how. Cycles on the CPU, PNG with alpha.

    lit: soft light from everywhere, a sun, and a floor without horizon; otherwise surfaces show their base colour
    alone, before transparency, or as if nothing were transparent (opaque).
    Raises InputError (mesh-empty), UsageError (a render runs).
    """
    if compat.is_rendering():
        raise UsageError("render-running", "Blender is rendering.", "Wait until the render is done.")
    with temporary_scene() as scene:
        _settings(scene, samples, bounces)
        points = _add_copies(scene, objects, normalisation)
        camera = bpy.data.objects.new(PREFIX, bpy.data.cameras.new(PREFIX))
        scene.collection.objects.link(camera)
        scene.camera = camera
        made = Studio(scene, points)
        if lit:
            made.sun = _light(scene)
            _floor(scene, float(points[:, 2].min()))
            compat.set_denoising(scene)
        else:
            _show_base_colour(scene, opaque)
        yield made


@contextmanager
def temporary_scene() -> Iterator[bpy.types.Scene]:
    """A new scene; afterwards all data-blocks named PREFIX are removed, and the render result if there was none."""
    had_result = "Render Result" in bpy.data.images
    try:
        with leftovers.InUse():
            yield bpy.data.scenes.new(PREFIX)
    finally:
        leftovers.remove(PREFIX)
        result = bpy.data.images.get("Render Result")
        if result is not None and not had_result:
            bpy.data.images.remove(result)


def _settings(scene: bpy.types.Scene, samples: int, bounces: int) -> None:
    render = scene.render
    compat.set_engine(render, ("CYCLES",))
    cycles: Any = scene.cycles  # pyright: ignore[reportAttributeAccessIssue]
    cycles.device = "CPU"
    cycles.samples, cycles.use_adaptive_sampling, cycles.use_denoising = samples, False, False
    cycles.max_bounces, cycles.transparent_max_bounces = bounces, 16  # what 16 leaves hide is not missed
    cycles.use_auto_tile = False
    cycles.use_light_tree = False
    render.film_transparent = False
    render.use_motion_blur = render.use_compositing = render.use_sequencer = False
    render.use_border = render.use_simplify = render.use_freestyle = render.use_stamp = False
    render.use_persistent_data = True
    render.resolution_percentage, render.pixel_aspect_x, render.pixel_aspect_y = 100, 1.0, 1.0
    compat.set_image_format(render.image_settings, "PNG")
    render.image_settings.color_mode = "RGBA"
    render.image_settings.color_depth = "8"
    render.image_settings.compression = 15
    compat.set_view_transform(scene, "Standard")
    user = compat.current_scene()
    scene.frame_set(user.frame_current, subframe=user.frame_subframe)  # for materials that are animated


# Objects


def _add_copies(
    scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], normalisation: Normalisation | None
) -> NDArray[np.float64]:
    """Add the evaluated meshes and instances of `objects` to the scene; their vertices, normalised (n, 3)."""
    placed = list(_evaluated(objects))
    points = [_world_points(mesh, matrix) for mesh, matrix in placed]
    if not sum(map(len, points)):
        raise InputError("mesh-empty", "There is nothing to take a picture of.", "Choose an object that has faces.")
    everything = np.concatenate(points)
    normalisation = normalisation or normalisation_of(everything)
    centre, scale = normalisation.centre, normalisation.scale
    to_unit = Matrix.Scale(scale, 4) @ Matrix.Translation([-c for c in centre])
    for mesh, matrix in placed:
        obj = bpy.data.objects.new(PREFIX, mesh)
        obj.matrix_world = to_unit @ matrix
        scene.collection.objects.link(obj)
    return normalisation.apply(everything)


def _evaluated(objects: Sequence[bpy.types.Object]) -> Iterator[tuple[bpy.types.Mesh, Matrix]]:
    """A copy of each mesh that `objects` show, and where; as backend.mesh.MeshData has them (scene_read)."""
    chosen = set(objects)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    copies: dict[Any, bpy.types.Mesh] = {}
    for instance in depsgraph.object_instances:
        owner: Any = instance.instance_object if instance.is_instance else instance.object
        bearer: Any = instance.parent if instance.is_instance else owner
        if owner is None or bearer is None or bearer.original not in chosen or owner.type != "MESH":
            continue
        if not (instance.is_instance or instance.show_self) or not len(owner.data.polygons):
            continue
        slots = tuple(slot.material.original if slot.material else None for slot in owner.material_slots)
        key = owner.data.as_pointer(), slots
        if key not in copies:
            mesh = bpy.data.meshes.new_from_object(owner, preserve_all_data_layers=True, depsgraph=depsgraph)
            mesh.name = PREFIX
            for index in range(min(len(mesh.materials), len(slots))):
                if slots[index] is not None:  # the object's own materials win
                    mesh.materials[index] = slots[index]
            copies[key] = mesh
        yield copies[key], instance.matrix_world.copy()


def _world_points(mesh: bpy.types.Mesh, matrix: Matrix) -> NDArray[np.float64]:
    """Positions (n, 3) of the vertices that faces use."""
    co = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", co)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    used = co.reshape(-1, 3)[np.unique(corners)].astype(np.float64)
    to_world = np.array(matrix, np.float64)
    points = used @ to_world[:3, :3].T + to_world[:3, 3]
    return points[np.isfinite(points).all(axis=1)]


def _show_base_colour(scene: bpy.types.Scene, opaque: bool) -> None:
    """Replace the materials of the copies; no light, transparent background."""
    scene.render.film_transparent = True
    unlit: dict[Any, bpy.types.Material] = {}
    for mesh in {obj.data: None for obj in scene.objects if isinstance(obj.data, bpy.types.Mesh)}:
        materials: Any = mesh.materials
        if len(materials) == 0:
            materials.append(None)
        for index, old in enumerate(list(materials)):
            if old not in unlit:
                unlit[old] = bpy.data.materials.new(PREFIX) if old is None else old.copy()
                unlit[old].name = PREFIX
                make_unlit(unlit[old], opaque)
            materials[index] = unlit[old]


# Light


def _light(scene: bpy.types.Scene) -> bpy.types.Object:
    world = scene.world = bpy.data.worlds.new(PREFIX)
    compat.enable_nodes(world)
    tree: Any = world.node_tree
    tree.nodes.clear()
    output, mix, path = (tree.nodes.new(f"ShaderNode{kind}") for kind in ("OutputWorld", "MixShader", "LightPath"))
    sky, backdrop = (tree.nodes.new("ShaderNodeBackground") for _ in range(2))
    sky.inputs[0].default_value = (*SKY, 1)
    backdrop.inputs[0].default_value = (BACKDROP, BACKDROP, BACKDROP, 1)
    tree.links.new(path.outputs["Is Camera Ray"], mix.inputs[0])
    for position, node in ((1, sky), (2, backdrop)):
        tree.links.new(node.outputs[0], mix.inputs[position])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    settings: Any = world.cycles  # pyright: ignore[reportAttributeAccessIssue]
    settings.sampling_method = "NONE"  # a uniform sky has no noise where nothing hides it
    light: Any = bpy.data.lights.new(PREFIX, "SUN")
    light.energy, light.angle = SUN, SUN_SIZE
    sun = bpy.data.objects.new(PREFIX, light)
    scene.collection.objects.link(sun)
    return sun


def _floor(scene: bpy.types.Scene, height: float) -> None:
    """An endless plane that, where nothing shades it, is exactly as bright as the backdrop: no horizon shows."""
    mesh = bpy.data.meshes.new(PREFIX)
    r = FLOOR_SIZE
    mesh.from_pydata([(-r, -r, height), (r, -r, height), (r, r, height), (-r, r, height)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new(PREFIX)
    compat.enable_nodes(material)
    tree: Any = material.node_tree
    tree.nodes.clear()
    output, diffuse = tree.nodes.new("ShaderNodeOutputMaterial"), tree.nodes.new("ShaderNodeBsdfDiffuse")
    sunlight = SUN * math.sin(SUN_HEIGHT) / math.pi
    diffuse.inputs["Color"].default_value = (*(BACKDROP / (sky + sunlight) for sky in SKY), 1)
    tree.links.new(diffuse.outputs[0], output.inputs["Surface"])
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new(PREFIX, mesh))
