# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads objects of the open scene into plain arrays (specs/blender-extension.md section 8).

Modifiers, rigs, shape keys and instances are honoured as the viewport shows them and never applied; nothing in the
file changes. Afterwards a job does not need the scene any more.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.cutouts import Cutout
from ..backend.errors import InputError
from ..backend.job import Alpha, Pose
from ..backend.mesh import MeshData, face_normals, normalisation_of
from .alpha_read import cutout_of
from .chosen import bone_shapes, has_surface, is_hidden, surfaces
from .compat import current_scene

MAX_OBJECTS = 32766  # object ids are stored as int16
FLAT = 1e-7  # smallest to largest scale of an object below which it counts as flat

_TYPE_WORDS = {
    "CURVE": "a curve",
    "CURVES": "hair curves",
    "SURFACE": "a NURBS surface",
    "FONT": "a text",
    "META": "a metaball",
    "POINTCLOUD": "a point cloud",
    "VOLUME": "a volume",
}


@dataclass(frozen=True)
class SourceObject:
    """Where one object of a MeshData came from. Plain values, so that it outlives undo and can be stored as JSON.

    name           its entry in MeshData.object_names
    object_name    the object that carries the mesh; library: file it is linked from, empty for local data
    session_uid    ID.session_uid of that object, valid while this file is open
    mesh_name      its mesh data-block
    matrix         4 x 4 rows, object to world; of an instance: that instance's own
    polygons, loops  counts of the evaluated mesh, which MeshData.face_polygon and corner_loop index
    topology_kept  the evaluated mesh has the polygons and loops of the original, in order: a UV map made for it fits
                   the original. False if modifiers make or reorder faces, and for geometry made by nodes
    instanced      made by an instancer (a collection instance, Geometry Nodes); the object may be elsewhere or hidden
    slots          name of the material in each slot, empty text for an empty slot
    uv_maps        names of the UV maps; active_uv: the one that renders, empty if there is none
    editable       object and mesh can be changed: neither is linked
    """

    name: str
    object_name: str
    library: str
    session_uid: int
    mesh_name: str
    matrix: tuple[tuple[float, ...], ...]
    polygons: int
    loops: int
    topology_kept: bool
    instanced: bool
    slots: tuple[str, ...]
    uv_maps: tuple[str, ...]
    active_uv: str
    editable: bool

    def resolve(self) -> bpy.types.Object | None:
        """The object in the open file, or None if it is gone."""
        for candidate in bpy.data.objects:
            if candidate.session_uid == self.session_uid:
                return candidate
        return bpy.data.objects.get((self.object_name, self.library or None))  # pyright: ignore[reportArgumentType]


def find_objects(names: Sequence[str] | None = None) -> list[bpy.types.Object]:
    """The objects of the open scene with these names; by default all visible meshes and instancers of meshes.

    The default leaves out objects that are hidden in the viewport or in renders, and custom bone shapes.
    Raises InputError: object-unknown (names the closest), object-not-in-scene, object-not-mesh, object-hidden, and
    no-objects or no-faces where nothing is left.
    """
    scene = current_scene()
    if names:
        return [_named(name, scene) for name in dict.fromkeys(names)]
    helpers = bone_shapes()
    shown = [o for o in scene.objects if not is_hidden(o) and not o.hide_render and o not in helpers]
    found = [o for o in shown if has_surface(o)]
    if not found:
        others = sorted({_TYPE_WORDS[o.type] for o in shown if o.type in _TYPE_WORDS})
        if others:
            raise InputError(
                "no-meshes",
                f"The scene shows no mesh, only {_listed(others)}.",
                "Convert a copy to a mesh (Object > Convert > Mesh).",
            )
        hidden = any(o.type == "MESH" and o not in helpers for o in scene.objects)
        raise InputError(
            "no-objects",
            "All meshes of the scene are hidden." if hidden else "The scene has no mesh.",
            "Show the object that you want to texture." if hidden else "Add or import one.",
        )
    return found


def find_in_collection(name: str) -> tuple[list[bpy.types.Object], list[str]]:
    """The objects of a collection of the open scene, and of those nested in it, that `find_objects` would take by
    default; notes name what is left out.

    Raises InputError: collection-unknown (names the closest), collection-not-in-scene, collection-empty.
    """
    scene = current_scene()
    collection = next((c for c in scene.collection.children_recursive if c.name == name), None)
    if collection is None:
        raise _no_collection(name, scene)
    helpers, found, notes, others = bone_shapes(), [], [], 0
    for obj in collection.all_objects:
        if not has_surface(obj):
            others += 1
        elif is_hidden(obj):
            notes.append(f"'{obj.name}' is hidden. It is left out.")
        elif obj.hide_render:
            notes.append(f"'{obj.name}' is disabled in renders. It is left out.")
        elif obj not in helpers:
            found.append(obj)
    if not found:
        raise InputError(
            "collection-empty",
            f"The collection '{name}' shows no mesh.",
            "Show its meshes in viewport and renders, or choose another one.",
        )
    if others:
        notes.append(f"Left out of the collection '{name}', because they are not meshes: {others} objects.")
    return found, notes


def _no_collection(name: str, scene: bpy.types.Scene) -> InputError:
    if name in bpy.data.collections:
        return InputError(
            "collection-not-in-scene",
            f"The collection '{name}' is not in the scene '{scene.name}'.",
            "Open the scene that holds it, or link it into this one.",
        )
    known = [c.name for c in scene.collection.children_recursive]
    near = _near(name, known)
    advice = f"It has {_listed([repr(n) for n in known[:5]])}." if known else "It has no collections; leave it away."
    if near:
        advice = f"Did you mean {_listed([repr(n) for n in near], 'or')}?"
    return InputError("collection-unknown", f"The scene has no collection named '{name}'.", advice)


def read_mesh(
    objects: Sequence[bpy.types.Object], *, pose: Pose = "evaluated", alpha: Alpha = "opaque"
) -> tuple[MeshData, list[SourceObject], list[str]]:
    """The evaluated triangles of `objects` in the normalised frame, where they came from, and notes for the artist.

    alpha: "sample" also reads where materials are cut out, so that what asks the mesh sees through them.
    pose: "evaluated" takes armatures and shape keys as they are now; "rest" as if they were off (put back afterwards).
    Vertices that no face uses are left out, also of the normalisation, and so are faces with a non-finite corner.
    Faces without area stay, with a usable normal. Unusable objects are skipped with a note as long as another one
    remains. Raises InputError (mesh-empty, mesh-zero-size, object-zero-scale, too-many-objects).

    Memory: about 300 bytes per triangle at the peak.
    """
    for obj in objects:
        obj.update_from_editmode()  # the artist's mode stays as it is
        _evaluate_again_if_outdated(obj)
    notes = [f"'{o.name}' is in {_mode_name(o.mode)}; its shape at this moment was read." for o in objects if _busy(o)]
    with posed(objects, pose):
        pieces = list(_pieces(objects))
    parts: list[_Placed] = []
    refused: list[InputError] = []
    for piece in pieces:
        try:
            placed = _place(piece)
        except InputError as error:
            refused.append(error)
            continue
        parts.append(placed)
        notes += placed.notes
    seen = {piece.chosen for piece in pieces}
    refused += [_empty(f"'{o.name}' has nothing that is shown.") for i, o in enumerate(objects) if i not in seen]
    if not parts:
        raise refused[0] if refused else _empty("No object was given.")
    notes += [f"{error.message} It is left out." for error in refused]
    if len(parts) > MAX_OBJECTS:
        raise InputError(
            "too-many-objects",
            f"There are {len(parts)} objects and instances; at most {MAX_OBJECTS} can be textured at once.",
            "Choose fewer objects.",
        )
    notes += _render_differences(objects)
    mesh, sources = _assemble(parts)
    if alpha == "sample":
        cutouts, remarks = _cutouts(mesh)
        mesh, notes = replace(mesh, cutouts=cutouts), notes + remarks
    return mesh, sources, list(dict.fromkeys(notes))


def _cutouts(mesh: MeshData) -> tuple[dict[int, Cutout], list[str]]:
    """Of the materials that faces have, by number; and notes."""
    blocks = {material.name_full: material for material in bpy.data.materials}
    found, notes = {}, []
    numbers, first = np.unique(mesh.face_material, return_index=True)
    for number, face in zip(numbers.tolist(), first.tolist(), strict=True):
        active = mesh.active_uv.get(int(mesh.face_object[face]), "")
        if number < 0 or not active:
            continue
        cutout, note = cutout_of(blocks[mesh.material_names[number]], active)
        if cutout is not None:
            found[number] = cutout
        elif note:
            notes.append(note)
    if not found:
        notes.append("None of the materials is cut out by a picture, so nothing is seen through.")
    return found, notes


# Reading


@dataclass(frozen=True, eq=False)
class _Geometry:
    """One evaluated mesh in object space, triangulated."""

    co: NDArray[np.float32]  # (n, 3)
    corners: NDArray[np.int32]  # (m, 3) vertex indices
    loops: NDArray[np.int32]  # (m, 3)
    polygon: NDArray[np.int32]  # (m,)
    slot: NDArray[np.int32]  # (m,) index into materials, -1 for none
    normals: NDArray[np.float32]  # (m, 3, 3)
    uv: dict[str, NDArray[np.float32]]  # (m, 3, 2)
    active_uv: str
    materials: tuple[tuple[str, bool] | None, ...]  # name and culling of each slot
    polygons: int
    loop_count: int
    topology_kept: bool


@dataclass(frozen=True, eq=False)
class _Piece:
    """A mesh at a place: an object itself, or one instance."""

    geometry: _Geometry
    matrix: NDArray[np.float64]
    owner: bpy.types.Object  # original
    shares: Any  # equal for pieces that share mesh data and UVs
    instanced: bool
    chosen: int  # index into the objects asked for


@dataclass(frozen=True, eq=False)
class _Placed:
    """A piece in world space, without the faces that cannot be used."""

    piece: _Piece
    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    kept: NDArray[np.intp]  # rows of the geometry's arrays
    flipped: bool
    notes: tuple[str, ...]


def _pieces(objects: Sequence[bpy.types.Object]) -> Iterator[_Piece]:
    """What the viewport shows of `objects`, in their order, each object before its instances."""
    order = {obj: i for i, obj in enumerate(objects)}
    depsgraph = bpy.context.evaluated_depsgraph_get()
    cache: dict[Any, _Geometry] = {}  # objects that share a mesh may still have materials of their own
    found: list[_Piece] = []
    for instance in depsgraph.object_instances:
        owner = instance.object  # for geometry made by nodes, the chosen object with another mesh
        bearer = instance.parent if instance.is_instance else owner
        chosen = None if bearer is None else order.get(_original(bearer))
        if owner is None or chosen is None or owner.type != "MESH" or not (instance.is_instance or instance.show_self):
            continue
        original = _original(owner)
        made_by_nodes = instance.is_instance and objects[chosen] == original
        data = _mesh_of(owner).as_pointer()
        key = data, tuple(slot.material for slot in owner.material_slots)
        if key not in cache:
            cache[key] = _read_geometry(owner, made_by_nodes)
        if cache[key].polygons == 0 and instance.is_instance:
            continue
        shares = data if made_by_nodes else _mesh_of(original).as_pointer()
        matrix = np.array(instance.matrix_world, np.float64)
        found.append(_Piece(cache[key], matrix, original, shares, instance.is_instance, chosen))
    counts = Counter(piece.chosen for piece in found)
    for piece in sorted(found, key=lambda p: (p.chosen, p.instanced)):
        if piece.geometry.polygons or counts[piece.chosen] == 1:  # an instancer's own mesh may well be empty
            yield piece


def _evaluate_again_if_outdated(obj: bpy.types.Object) -> None:
    """A script that removes a UV map tells nobody: the evaluated mesh has it still (modifiers may add some, too)."""
    if obj.type != "MESH" or obj.mode == "EDIT" or obj.modifiers:
        return
    shown = _mesh_of(obj.evaluated_get(bpy.context.evaluated_depsgraph_get()))
    if shown.uv_layers.keys() != _mesh_of(obj).uv_layers.keys():
        _mesh_of(obj).update()


def _read_geometry(owner: bpy.types.Object, made_by_nodes: bool) -> _Geometry:
    """`owner` is evaluated; see _Geometry."""
    mesh = owner.to_mesh()
    try:
        mesh.calc_loop_triangles()
        triangles = mesh.loop_triangles
        count = len(triangles)
        co = _get(mesh.vertices, "co", np.float32, 3)
        corners = _get(triangles, "vertices", np.int32, 3)
        loops = _get(triangles, "loops", np.int32, 3)
        polygon = _get(triangles, "polygon_index", np.int32)
        normals = _get(mesh.corner_normals, "vector", np.float32, 3)[loops] if count else np.zeros((0, 3, 3), "f4")
        uv, active = {}, ""
        for layer in mesh.uv_layers:
            uv[layer.name] = _get(layer.uv, "vector", np.float32, 2)[loops]
            active = layer.name if layer.active_render else active
        materials = _materials(owner, mesh)
        slot = np.full(count, -1, np.int32)
        if materials and count:
            slot = np.clip(_get(mesh.polygons, "material_index", np.int32), 0, len(materials) - 1)[polygon]
        kept = not made_by_nodes and _same_topology(owner, mesh)
        return _Geometry(
            co, corners, loops, polygon, slot, normals, uv, active, materials, len(mesh.polygons), len(mesh.loops), kept
        )
    finally:
        owner.to_mesh_clear()


def _get(collection: Any, name: str, dtype: Any, width: int = 1) -> Any:
    """A property of all items as an array (n,) or (n, width)."""
    values = np.empty(len(collection) * width, dtype)
    collection.foreach_get(name, values)
    return values if width == 1 else values.reshape(-1, width)


def _materials(owner: bpy.types.Object, mesh: bpy.types.Mesh) -> tuple[tuple[str, bool] | None, ...]:
    """Name and back-face culling of each slot's material; slots linked to the object win over the mesh's."""
    slots = [slot.material for slot in owner.material_slots]
    given = list(mesh.materials)
    given += [None] * (len(slots) - len(given))
    used = [slots[i] if i < len(slots) and slots[i] is not None else given[i] for i in range(len(given))]
    return tuple(None if m is None else (m.name_full, m.use_backface_culling) for m in used)


def _same_topology(owner: bpy.types.Object, mesh: bpy.types.Mesh) -> bool:
    original = _mesh_of(_original(owner))
    if (len(original.polygons), len(original.loops)) != (len(mesh.polygons), len(mesh.loops)):
        return False
    if not owner.modifiers:
        return True
    return all(
        np.array_equal(_get(getattr(mesh, a), b, np.int32), _get(getattr(original, a), b, np.int32))
        for a, b in (("polygons", "loop_start"), ("loops", "vertex_index"))
    )


# Placing


def _place(piece: _Piece) -> _Placed:
    """To world space: inverse-transpose normals, winding turned where the scale is mirrored, unusable faces dropped."""
    geometry, name = piece.geometry, piece.owner.name
    if geometry.polygons == 0:
        loose = "only loose vertices and edges" if len(geometry.co) else "no geometry"
        raise _empty(f"'{name}' has no faces, {loose}.")
    linear = piece.matrix[:3, :3]
    if not np.isfinite(piece.matrix).all():
        raise InputError("object-transform", f"'{name}' has a broken transform.", "Clear its location and scale.")
    scales = np.linalg.svd(linear, compute_uv=False)
    if scales[2] <= FLAT * scales[0]:
        raise InputError("object-zero-scale", f"'{name}' has a scale of zero.", "Give it a scale (N panel > Item).")
    flipped = bool(np.linalg.det(linear / scales[0]) < 0)

    with np.errstate(invalid="ignore", over="ignore"):
        vertices = geometry.co.astype(np.float64) @ linear.T + piece.matrix[:3, 3]
    good = np.isfinite(vertices).all(axis=1)[geometry.corners].all(axis=1)
    kept = np.flatnonzero(good)
    notes = []
    if len(kept) < len(good):
        notes.append(f"{len(good) - len(kept)} triangles of '{name}' have a corner without a position; left out.")
    if len(kept) == 0:
        raise _empty(f"'{name}' has no face with valid positions.")
    corners, normals = geometry.corners[kept], geometry.normals[kept]
    if flipped:
        corners, normals = corners[:, ::-1], normals[:, ::-1]
    used = np.zeros(len(vertices), bool)
    used[corners] = True
    renumber = np.cumsum(used, dtype=np.int32) - 1
    vertices, faces = vertices[used], renumber[corners]

    world = normals @ np.linalg.inv(linear / scales[0]).astype(np.float32)  # rows: n^T M^-1 = (M^-T n)^T
    length = np.linalg.norm(world, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        world /= length
    bad = ~(np.isfinite(world).all(axis=-1) & (length[..., 0] > 1e-12))
    if bad.any():
        flat, _ = face_normals(vertices - vertices.mean(axis=0), faces)
        flat[~flat.any(axis=1)] = (0, 0, 1)
        world[bad] = np.repeat(flat[:, None], 3, axis=1)[bad]
    return _Placed(piece, vertices, faces, world, kept, flipped, tuple(notes))


def _assemble(parts: Sequence[_Placed]) -> tuple[MeshData, list[SourceObject]]:
    normalisation = normalisation_of(np.concatenate([p.vertices for p in parts]))
    starts = np.cumsum([0] + [len(p.vertices) for p in parts])
    counts = [len(p.faces) for p in parts]
    offsets = np.cumsum([0, *counts])
    total = int(offsets[-1])
    names = _unique_names([p.piece.owner.name for p in parts])
    maps = list(dict.fromkeys(name for p in parts for name in p.piece.geometry.uv))
    uv = {name: np.full((total, 3, 2), np.nan, np.float32) for name in maps}
    materials: dict[str, int] = {}
    face_material = np.full(total, -1, np.int32)
    double_sided = np.ones(total, bool)
    face_polygon = np.empty(total, np.int32)
    corner_loop = np.empty((total, 3), np.int32)
    active, instance_of, first = {}, {}, {}
    sources = []
    for i, part in enumerate(parts):
        piece, geometry = part.piece, part.piece.geometry
        rows = slice(offsets[i], offsets[i + 1])
        turn = slice(None, None, -1) if part.flipped else slice(None)
        face_polygon[rows] = geometry.polygon[part.kept]
        corner_loop[rows] = geometry.loops[part.kept][:, turn]
        for name, values in geometry.uv.items():
            mine = values[part.kept][:, turn]
            mine[~np.isfinite(mine).all(axis=(1, 2))] = np.nan
            uv[name][rows] = mine
        index = np.array([-1 if m is None else materials.setdefault(m[0], len(materials)) for m in geometry.materials])
        culled = np.array([m is not None and m[1] for m in geometry.materials], bool)
        slot = geometry.slot[part.kept]
        if len(index):
            face_material[rows], double_sided[rows] = index[slot], ~culled[slot]
        if geometry.active_uv:
            active[i] = geometry.active_uv
        if first.setdefault(piece.shares, i) != i:
            instance_of[i] = first[piece.shares]
        sources.append(_source(part, names[i]))
    mesh = MeshData(
        vertices=np.concatenate([normalisation.apply(p.vertices).astype(np.float32) for p in parts]),
        faces=np.concatenate([p.faces + np.int32(start) for p, start in zip(parts, starts, strict=False)]),
        corner_normals=np.concatenate([p.normals for p in parts]),
        face_object=np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        face_material=face_material,
        face_polygon=face_polygon,
        corner_loop=corner_loop,
        object_names=tuple(names),
        material_names=tuple(materials),
        uv=uv,
        active_uv=active,
        instance_of=instance_of,
        double_sided=double_sided,
        normalisation=normalisation,
    )
    return mesh, sources


def _source(part: _Placed, name: str) -> SourceObject:
    owner, geometry = part.piece.owner, part.piece.geometry
    return SourceObject(
        name=name,
        object_name=owner.name,
        library=owner.library.filepath if owner.library else "",
        session_uid=owner.session_uid,
        mesh_name=_mesh_of(owner).name,
        matrix=tuple(tuple(row) for row in part.piece.matrix.tolist()),
        polygons=geometry.polygons,
        loops=geometry.loop_count,
        topology_kept=geometry.topology_kept,
        instanced=part.piece.instanced,
        slots=tuple("" if m is None else m[0] for m in geometry.materials),
        uv_maps=tuple(geometry.uv),
        active_uv=geometry.active_uv,
        editable=owner.is_editable and _mesh_of(owner).is_editable,
    )


def _unique_names(names: Sequence[str]) -> list[str]:
    """The names, with ` #2`, ` #3` where one repeats (instances)."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        number = taken[name] = taken.get(name, 0) + 1
        result.append(name if number == 1 else f"{name} #{number}")
    return result


# State of objects


def posed(objects: Sequence[bpy.types.Object], pose: Pose) -> AbstractContextManager[None]:
    """While inside, the objects are in that pose."""
    return _rest_pose(objects) if pose == "rest" else nullcontext()


@contextmanager
def _rest_pose(objects: Sequence[bpy.types.Object]) -> Iterator[None]:
    """Armatures in rest position and shape keys at their basis, put back at the end."""
    shown = dict.fromkeys(surface for obj in objects for surface in (obj, *surfaces(obj)))
    deformers = [m.object for o in shown for m in o.modifiers if isinstance(m, bpy.types.ArmatureModifier)]
    carriers = [*deformers, *(o.parent for o in shown)]
    rigs = {o.data for o in carriers if o is not None and isinstance(o.data, bpy.types.Armature)}
    saved: list[tuple[bpy.types.Armature, Any]] = [(rig, rig.pose_position) for rig in rigs]
    meshes = [o for o in shown if isinstance(o.data, bpy.types.Mesh) and o.data.shape_keys]
    keyed = [(o, o.show_only_shape_key, o.active_shape_key_index) for o in meshes]
    try:
        for rig, _ in saved:
            rig.pose_position = "REST"
        for obj, _, _ in keyed:
            obj.active_shape_key_index, obj.show_only_shape_key = 0, True
        yield
    finally:
        for rig, position in saved:
            rig.pose_position = position
        for obj, only, index in keyed:
            obj.show_only_shape_key, obj.active_shape_key_index = only, index
        view_layer: Any = bpy.context.view_layer
        view_layer.update()  # bones' matrices are of the pose again, for a script that reads them next


def _named(name: str, scene: bpy.types.Scene) -> bpy.types.Object:
    obj = scene.objects.get(name)
    if obj is None:
        if name in bpy.data.objects:
            raise InputError(
                "object-not-in-scene",
                f"'{name}' is not in the scene '{scene.name}'.",
                "Open the scene that holds it, or link it into this one.",
            )
        meshes = [o.name for o in scene.objects if has_surface(o)]
        near = _near(name, meshes)
        raise InputError(
            "object-unknown",
            f"The scene has no object named '{name}'.",
            f"Did you mean {_listed([repr(n) for n in near], 'or')}?"
            if near
            else f"It has {_listed([repr(n) for n in meshes[:5]])}."
            if meshes
            else "It has no mesh at all.",
        )
    if not has_surface(obj):
        convertible = obj.type in _TYPE_WORDS
        raise InputError(
            "object-not-mesh",
            f"'{name}' is {_TYPE_WORDS[obj.type]}, not a mesh." if convertible else f"'{name}' is not a mesh.",
            "Convert a copy to a mesh (Object > Convert > Mesh)." if convertible else "Choose a mesh.",
        )
    if is_hidden(obj):
        raise InputError("object-hidden", f"'{name}' is hidden.", "Show it and its collections in the viewport.")
    return obj


def _near(name: str, known: Sequence[str]) -> list[str]:
    """Up to three of the known names that are like this one."""
    folded = {n.casefold(): n for n in reversed(known)}
    return [folded[n] for n in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)]


def _original(obj: bpy.types.Object) -> bpy.types.Object:
    """The object of the file that an evaluated one was made from."""
    assert isinstance(obj.original, bpy.types.Object)
    return obj.original


def _mesh_of(obj: bpy.types.Object) -> bpy.types.Mesh:
    assert isinstance(obj.data, bpy.types.Mesh)
    return obj.data


def _busy(obj: bpy.types.Object) -> bool:
    return obj.mode != "OBJECT"


def _mode_name(mode: str) -> str:
    return mode.replace("_", " ").title() + ("" if "PAINT" in mode else " Mode")


def _render_differences(objects: Sequence[bpy.types.Object]) -> list[str]:
    """The viewport's state is read; say so where a render would look different."""
    notes = []
    for obj in objects:
        for modifier in obj.modifiers:
            levels = getattr(modifier, "levels", 0), getattr(modifier, "render_levels", 0)
            if modifier.show_viewport != modifier.show_render or (modifier.show_viewport and levels[0] != levels[1]):
                notes.append(f"The modifier '{modifier.name}' of '{obj.name}' differs between viewport and render; ")
                notes[-1] += "the viewport's state is used."
    return notes


def _empty(message: str) -> InputError:
    return InputError("mesh-empty", message, "Choose an object that has faces.")


def _listed(words: Sequence[str], last: str = "and") -> str:
    """a, b and c"""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
