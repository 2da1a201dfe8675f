# SPDX-License-Identifier: GPL-3.0-or-later
"""Which textures to bake, in which UVs (specs/texture-optimizer.md 4.1, blender-extension.md section 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..files import shortened
from ..mesh import MeshData, face_normals
from .types import TextureTarget
from .uv_quality import CLEAN, UVQuality, measure_uv

NEW_UV_MAP = "OrbitPainter"
CLASH = 0.005  # share of the surface; objects that overlap each other by more do not share a texture

Atlas = Literal["object", "slot", "shared"]
Unwrap = Callable[[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Plan:
    """What to bake.

    targets       for all objects whose UVs are there
    needs_unwrap  indices of the objects (originals, not instances) that need a new UV map first
    together      those are to be unwrapped into one common map, not each into its own
    notes         sentences for the artist
    chosen        object index -> UV map that is used, for originals and instances that have one
    """

    targets: list[TextureTarget]
    needs_unwrap: tuple[int, ...] = ()
    together: bool = False
    notes: list[str] = field(default_factory=list)
    chosen: Mapping[int, str] = field(default_factory=dict)
    size: int = 2048
    atlas: Atlas = "object"

    def uv_maps(self, new_name: str = NEW_UV_MAP) -> dict[int, str]:
        """Object index -> UV map once the new maps are there: what `plan_targets` takes as `uv_choice`."""
        return {**self.chosen, **dict.fromkeys(self.needs_unwrap, new_name)}


def plan_targets(
    mesh: MeshData,
    *,
    uv_choice: str | Mapping[int, str] = "auto",
    size: int = 2048,
    atlas: Atlas = "object",
) -> Plan:
    """Choose UV maps and group faces into textures.

    uv_choice  auto: each object's active map if it is usable, else another usable one, else a new map;
               new: new maps for all; keep: the active map whatever its state, the first claim of a texel wins;
               a name: that map, whatever its state; object index -> name: decided before (see Plan.uv_maps)
    size       pixels along each side of a texture or UDIM tile
    atlas      object: one texture per object, shared by objects of one material that do not overlap each other;
               slot: one per object and material; shared: one for all

    Instances use the texture of their original, whose faces alone are baked. Raises UsageError for an unknown map.
    """
    known = sorted(mesh.uv)
    if isinstance(uv_choice, str) and uv_choice not in ("auto", "new", "keep", *known):
        raise UsageError(
            "uv-map-unknown",
            f"There is no UV map named {uv_choice}.",
            f"Use auto, new, keep{''.join(', ' + name for name in known)}.",
        )
    areas = face_normals(mesh.vertices, mesh.faces)[1]
    notes: list[str] = []
    without: list[str] = []
    chosen: dict[int, str] = {}
    needs: list[int] = []
    faces_of: dict[int, NDArray[np.int32]] = {}
    for index, name in enumerate(mesh.object_names):
        if index in mesh.instance_of:
            continue
        faces = np.flatnonzero(mesh.face_object == index).astype(np.int32)
        if len(faces) == 0:
            continue
        faces_of[index] = faces
        map_name, note = _choose(mesh, index, name, faces, areas, uv_choice, atlas)
        if note:
            notes.append(note)
        if map_name is None:
            needs.append(index)
            if not note and uv_choice != "new":
                without.append(name)
        else:
            chosen[index] = map_name
    if without:
        notes.insert(0, _no_map(without))
    ready = {index: faces for index, faces in faces_of.items() if index in chosen}
    if atlas == "shared" and not isinstance(uv_choice, Mapping) and uv_choice in ("auto", "new") and needs:
        # One atlas for all: as soon as one object has no place in it, all move into a new map together.
        needs, ready, chosen = sorted(faces_of), {}, {}
    groups = _groups(mesh, ready, chosen, areas, atlas)
    if atlas == "shared" and len(groups) > 1:
        if uv_choice == "auto":
            needs, groups, chosen = sorted(faces_of), [], {}
            notes.append(
                f"The objects' UV maps lie on top of each other, so all move to a new map {NEW_UV_MAP} with one layout."
            )
        else:
            notes.append("The objects' UV maps lie on top of each other, so they do not share one texture.")
    targets = _targets(mesh, groups, areas, size)
    for index, original in mesh.instance_of.items():
        root = mesh.instance_of.get(original, original)
        if root in chosen:
            chosen[index] = chosen[root]
    return Plan(targets, tuple(needs), atlas == "shared" and len(needs) > 1, notes, chosen, size, atlas)


def _choose(
    mesh: MeshData,
    index: int,
    name: str,
    faces: NDArray[np.int32],
    areas: NDArray[np.float64],
    uv_choice: str | Mapping[int, str],
    atlas: Atlas,
) -> tuple[str | None, str]:
    """The UV map of one object, None for a new one, and what to tell the artist; nothing where it has no map."""
    own = [key for key in sorted(mesh.uv) if np.isfinite(mesh.uv[key][faces]).all(axis=(1, 2)).any()]
    active = mesh.active_uv.get(index)
    if active not in own:
        active = own[0] if own else None
    if isinstance(uv_choice, Mapping):
        decided = uv_choice.get(index)
        if decided in own:
            return decided, ""
    if uv_choice == "new":
        return None, ""
    if active is None:
        return None, ""

    def quality(key: str) -> UVQuality:
        """Of the whole object, or the worst of its slots where each has a texture of its own."""
        parts = [faces]
        if atlas == "slot":
            parts = [faces[mesh.face_material[faces] == slot] for slot in np.unique(mesh.face_material[faces])]
        found = [measure_uv(mesh.uv[key][p], areas[p], mesh.face_polygon[p]) for p in parts]
        return min(found, key=lambda q: q.valid * (1 - q.overlap))

    if isinstance(uv_choice, str) and uv_choice in own:
        active, forced = uv_choice, True
    else:
        forced = uv_choice == "keep"
    found = quality(active)
    if found.usable or forced:
        if found.valid * (1 - found.overlap) >= CLEAN:
            return active, ""
        return active, f"{name}: in the UV map {active}, {found.reason}; where parts share texels the first one wins."
    for other in own:
        if other != active and quality(other).usable:
            return other, f"{name}: the UV map {active} cannot be used ({found.reason}), so {other} is used instead."
    return None, (
        f"{name}: the UV map {active} cannot be used ({found.reason}), so it gets a new one named {NEW_UV_MAP}."
    )


def _no_map(names: Sequence[str]) -> str:
    """One sentence for all objects without a UV map; a scene may have hundreds."""
    if len(names) == 1:
        return f"{names[0]} has no UV map, so it gets a new one named {NEW_UV_MAP}."
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{listed} have no UV map, so each gets a new one named {NEW_UV_MAP}."


@dataclass(frozen=True, eq=False)
class _Group:
    """Faces that share one texture."""

    name: str
    objects: tuple[int, ...]
    faces: NDArray[np.int32]
    uv_map: str
    one_slot: bool = False


def _groups(
    mesh: MeshData,
    faces_of: Mapping[int, NDArray[np.int32]],
    chosen: Mapping[int, str],
    areas: NDArray[np.float64],
    atlas: Atlas,
) -> list[_Group]:
    single: list[_Group] = []
    for index, faces in faces_of.items():
        slots = np.unique(mesh.face_material[faces])
        if atlas == "slot" and len(slots) > 1:
            for slot in slots:
                own = faces[mesh.face_material[faces] == slot]
                name = f"{mesh.object_names[index]}_{_material_name(mesh, int(slot))}"
                single.append(_Group(name, (index,), own, chosen[index], True))
        else:
            single.append(_Group(mesh.object_names[index], (index,), faces, chosen[index], atlas == "slot"))
    if atlas == "shared":
        together = _merged(mesh, single, areas, "atlas")
        return [together] if together is not None else single
    by_material: dict[tuple[int, str], list[_Group]] = {}
    for group in single:
        slots = np.unique(mesh.face_material[group.faces])
        key = int(slots[0]) if len(slots) == 1 and slots[0] >= 0 else -1 - len(by_material)
        by_material.setdefault((key, group.uv_map), []).append(group)
    result = []
    for (material, _), members in by_material.items():
        together = None
        if len(members) > 1:
            together = _merged(mesh, members, areas, _material_name(mesh, material))
        result += [together] if together is not None else members
    return result


def _merged(mesh: MeshData, groups: list[_Group], areas: NDArray[np.float64], name: str) -> _Group | None:
    """One group of all, or None where they use different maps or lie on top of each other."""
    if len(groups) == 1:
        return replace(groups[0], name=groups[0].name)
    if not groups or len({group.uv_map for group in groups}) > 1:
        return None
    uv_map = groups[0].uv_map
    faces = np.sort(np.concatenate([group.faces for group in groups]))

    def measure(part: NDArray[np.int32]) -> UVQuality:
        # Polygons are numbered within their object; make them unique.
        polygon = mesh.face_polygon[part].astype(np.int64) * len(mesh.object_names) + mesh.face_object[part]
        return measure_uv(mesh.uv[uv_map][part], areas[part], polygon)

    alone = sum(measure(group.faces).overlap * areas[group.faces].sum() for group in groups)
    union = measure(faces)
    if union.layout == "repeating" or union.overlap - alone / max(areas[faces].sum(), 1e-30) > CLASH:
        return None
    objects = tuple(i for group in groups for i in group.objects)
    return _Group(name, objects, faces, uv_map, all(group.one_slot for group in groups))


def _material_name(mesh: MeshData, material: int) -> str:
    return mesh.material_names[material] if 0 <= material < len(mesh.material_names) else "no_material"


def _targets(mesh: MeshData, groups: list[_Group], areas: NDArray[np.float64], size: int) -> list[TextureTarget]:
    targets: list[TextureTarget] = []
    taken: set[str] = set()
    for group in groups:
        uv = mesh.uv[group.uv_map][group.faces]
        quality = measure_uv(uv, areas[group.faces], mesh.face_polygon[group.faces])
        name = _file_name(group.name, taken)
        targets.append(TextureTarget(name, group.faces, uv, group.uv_map, quality.tiles, size, group.one_slot))
    return targets


def _file_name(name: str, taken: set[str]) -> str:
    """The name with characters that are safe in file names, different from those in `taken` whatever the case."""
    safe = shortened(re.sub(r"[^\w.-]+", "_", name).strip("._") or "texture")
    result, number = safe, 1
    while result.casefold() in taken:
        number += 1
        result = f"{safe}_{number}"
    taken.add(result.casefold())
    return result


def with_unwrapped(
    mesh: MeshData, plan: Plan, unwrap: Unwrap, name: str = NEW_UV_MAP
) -> tuple[MeshData, list[TextureTarget]]:
    """The mesh with the new maps that `plan` asks for, and all targets.

    unwrap(vertices (V, 3), faces (n, 3), polygon (n,)) -> uv float32 (n, 3, 2) in 0..1, V up; corners of one polygon
    must stay together. A map has one UV per source face corner (MeshData.corner_loop). Objects that have a map stay
    without the new one (NaN); instances get that of their original.
    """
    if not plan.needs_unwrap:
        return mesh, plan.targets
    uv = np.array(mesh.uv[name]) if name in mesh.uv else np.full((len(mesh.faces), 3, 2), np.nan, np.float32)
    batches = [plan.needs_unwrap] if plan.together else [(index,) for index in plan.needs_unwrap]
    for batch in batches:
        faces = np.flatnonzero(np.isin(mesh.face_object, batch))
        owner = mesh.face_object[faces].astype(np.int64)
        _, polygon = np.unique(owner * (2**32) + mesh.face_polygon[faces], return_inverse=True)
        uv[faces] = unwrap(mesh.vertices, mesh.faces[faces], polygon.astype(np.int32))
        _one_per_loop(uv, mesh, faces)
    for index, original in mesh.instance_of.items():
        copy, source = (np.flatnonzero(mesh.face_object == i) for i in (index, original))
        if original in plan.needs_unwrap and len(copy) == len(source):
            uv[copy] = uv[source]
    new = mesh.with_uv(name, uv)
    active = {**mesh.active_uv, **dict.fromkeys(plan.needs_unwrap, name)}
    new = replace(new, active_uv=active)
    return new, plan_targets(new, uv_choice=plan.uv_maps(name), size=plan.size, atlas=plan.atlas).targets


def _one_per_loop(uv: NDArray[np.float32], mesh: MeshData, faces: NDArray[np.int64]) -> None:
    """Checks that triangles that share a source corner agree. Raises ValueError for an unwrap that tears polygons."""
    loop = mesh.face_object[faces].astype(np.int64)[:, None] * (2**32) + mesh.corner_loop[faces]
    _, first, index = np.unique(loop.reshape(-1), return_index=True, return_inverse=True)
    flat = uv[faces].reshape(-1, 2)
    if not np.allclose(flat, flat[first][index.reshape(-1)], rtol=0, atol=1e-6):
        raise ValueError("the unwrap gave two UVs to one face corner")
