# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a sample: orbits by ray casting, base colours from whoever knows them, references in simple lights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from ..orbits.encoding import encode_view, resize
from ..orbits.passes import ViewPasses
from ..orbits.raycast import embree_scene, raycast_view
from ..progress import Progress, silent
from .lighting import lit, point_lights, random_lights, shadow_test, studio
from .plan import RenderPlan
from .sample import CAPTION, OrbitSample, ReferenceView


@dataclass(frozen=True, eq=False)
class Paint:
    """What the n pixels of a view that show the object look like, in row order.

    colour  float32 (n, 3), sRGB base colour in 0...1 without any view transform; metallic, roughness: float32 (n,)
    """

    colour: NDArray[np.float32]
    metallic: NDArray[np.float32]
    roughness: NDArray[np.float32]


PaintOf = Callable[[ViewPasses], Paint]


def build_sample(
    key: str,
    mesh: MeshData,
    paint_of: PaintOf,
    plan: RenderPlan,
    seed: int,
    info: Mapping[str, Any],
    caption: str = CAPTION,
    passes: Sequence[ViewPasses] = (),
    progress: Progress = silent,
) -> OrbitSample:
    """The sample of a normalised mesh. seed: of the references' lights and viewpoints. passes: of the plan's cameras,
    where they are known already. Raises InputError for an object that shows nothing, CancelledError.
    """
    scene, size = embree_scene(mesh), plan.size
    frames: dict[str, list[NDArray[np.uint8]]] = {name: [] for name in ("albedo", "normal", "position", "mask")}
    materials = []
    cameras = plan.cameras()
    for number, camera in enumerate(cameras):
        progress(number / (len(cameras) + 1), f"view {number + 1} of {len(cameras)}")
        view = passes[number] if passes else raycast_view(mesh, camera, scene)
        paint, encoded = paint_of(view), encode_view(view, size, size, "bilinear")
        frames["albedo"].append(resize(_picture(view, paint.colour)[..., :3], size, size, "bilinear"))
        for name in ("normal", "position", "mask"):
            frames[name].append(getattr(encoded, name))
        if plan.material:
            surface = np.stack([paint.metallic, paint.roughness, np.zeros_like(paint.metallic)], axis=1)
            materials.append(resize(_picture(view, surface)[..., :2], size, size, "bilinear"))
    random = np.random.default_rng([3, seed])
    views = tuple(plan.reference_views(random))
    sample = OrbitSample(
        key=key,
        views=plan.views,
        albedo=np.stack(frames["albedo"]),
        normal=np.stack(frames["normal"]),
        position=np.stack(frames["position"]),
        mask=np.stack(frames["mask"]),
        references=np.stack([_reference(mesh, scene, paint_of, plan, view, random) for view in views]),
        reference_views=views,
        caption=caption,
        material=np.stack(materials) if materials else None,
        info=dict(info),
    )
    sample.check()
    return sample


def _reference(
    mesh: MeshData, scene: Any, paint_of: PaintOf, plan: RenderPlan, view: ReferenceView, random: np.random.Generator
) -> NDArray[np.uint8]:
    """A lit picture uint8 (S, S, 4), straight alpha: source A in a fixed light, B and C in lights drawn at random."""
    lights = {"orbit": lambda _: studio(), "random": random_lights, "points": point_lights}[view.source](random)
    seen = raycast_view(mesh, plan.reference_camera(view), scene)
    paint = paint_of(seen)
    points, normals = seen.position[seen.mask], seen.normal[seen.mask]
    shadows = shadow_test(scene) if scene is not None else None
    colour = lit(paint.colour, points, normals, seen.camera, lights, paint.metallic, paint.roughness, shadows)
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
