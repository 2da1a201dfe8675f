# SPDX-License-Identifier: GPL-3.0-or-later
"""Endless textured objects without a download, and their samples by ray casting: a seed makes an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.encoding import encode_view, resize
from ..orbits.passes import ViewPasses
from ..orbits.raycast import embree_scene, raycast_view
from .lighting import Lights, lit, point_lights, random_lights, studio
from .plan import RenderPlan
from .procedural_shapes import random_mesh
from .procedural_textures import SolidColour, random_colour
from .sample import OrbitSample, ReferenceView


@dataclass(frozen=True, eq=False)
class ProceduralObject:
    """A body and its base colour; metallic and roughness are one number each."""

    seed: int
    mesh: MeshData
    colour: SolidColour
    kind: str
    metallic: float
    roughness: float

    @property
    def caption(self) -> str:
        return f"A {self.kind} with {self.colour.words}"


def procedural_object(seed: int, bodies: int | None = None) -> ProceduralObject:
    """The object of a seed; equal seeds give equal objects on every machine.

    bodies: so many bodies only, coloured anew for every seed (their passes are then rendered once); None: every seed
    has a body of its own.
    """
    body = seed if bodies is None else seed % bodies
    mesh, kind = random_mesh(np.random.default_rng([1, body]))
    random = np.random.default_rng([2, seed])
    colour = random_colour(random, len(mesh.object_names))
    metallic = float(random.random() < 0.2)
    return ProceduralObject(seed, mesh, colour, kind, metallic, float(random.uniform(0.2, 0.9)))


def procedural_sample(made: ProceduralObject, plan: RenderPlan, passes: list[ViewPasses] | None = None) -> OrbitSample:
    """The sample of an object. passes: of the plan's cameras, where they are known already."""
    scene = embree_scene(made.mesh)
    passes = passes or [raycast_view(made.mesh, camera, scene) for camera in plan.cameras()]
    size = plan.size
    encoded = [encode_view(view, size, size, "bilinear") for view in passes]
    albedo = [resize(_picture(view, _base_colour(made, view))[..., :3], size, size, "bilinear") for view in passes]
    random = np.random.default_rng([3, made.seed])
    views = tuple(plan.reference_views(random))
    references = [_reference(made, plan, view, random, scene) for view in views]
    mask = np.stack([view.mask for view in encoded])
    surface = np.array([255 * made.metallic, 255 * made.roughness])
    material = np.round(mask[..., None] / 255 * surface).astype(np.uint8) if plan.material else None
    return OrbitSample(
        key=f"procedural-{made.seed:08d}",
        views=plan.views,
        albedo=np.stack(albedo),
        normal=np.stack([view.normal for view in encoded]),
        position=np.stack([view.position for view in encoded]),
        mask=mask,
        references=np.stack(references),
        reference_views=views,
        material=material,
        info={"source": "procedural", "seed": made.seed, "description": made.caption},
    )


def _base_colour(made: ProceduralObject, view: ViewPasses) -> NDArray[np.float32]:
    return made.colour(view.position[view.mask], view.object_id[view.mask])


def _reference(
    made: ProceduralObject, plan: RenderPlan, view: ReferenceView, random: np.random.Generator, scene: Any
) -> NDArray[np.uint8]:
    """uint8 (S, S, 4), straight alpha."""
    lights: Lights
    if view.source == "orbit":
        lights = studio()
    else:
        lights = random_lights(random) if view.source == "random" else point_lights(random)
    seen = raycast_view(made.mesh, plan.reference_camera(view), scene)
    points, normals = seen.position[seen.mask], seen.normal[seen.mask]
    colour = lit(_base_colour(made, seen), points, normals, seen.camera, lights, made.metallic, made.roughness)
    picture = resize(_picture(seen, colour), plan.size, plan.size, "bilinear").astype(np.float32)
    alpha = picture[..., 3:] / 255
    picture[..., :3] = np.minimum(picture[..., :3] / np.maximum(alpha, 1 / 255), 255)
    return np.round(picture).astype(np.uint8)


def _picture(view: ViewPasses, colour: NDArray[np.float32]) -> NDArray[np.uint8]:
    """uint8 (H, W, 4) on black, hard-edged, from the colours of the pixels that show the object."""
    picture = np.zeros((*view.mask.shape, 4), np.uint8)
    picture[view.mask, :3] = np.round(255 * np.clip(colour, 0, 1))
    picture[view.mask, 3] = 255
    return picture
