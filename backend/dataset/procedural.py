# SPDX-License-Identifier: GPL-3.0-or-later
"""Endless textured objects without a download: a seed makes an object, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..mesh import MeshData
from ..orbits.passes import ViewPasses
from .build import Paint, build_sample
from .plan import RenderPlan
from .procedural_shapes import random_mesh
from .procedural_textures import SolidColour, random_colour
from .sample import OrbitSample


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
    def description(self) -> str:
        return f"a {self.kind} with {self.colour.words}"

    def paint(self, view: ViewPasses) -> Paint:
        """The surface that a view shows."""
        colour = self.colour(view.position[view.mask], view.normal[view.mask], view.object_id[view.mask])
        ones = np.ones(len(colour), np.float32)
        return Paint(colour, self.metallic * ones, self.roughness * ones)


def procedural_object(seed: int, bodies: int | None = None, patterns: Sequence[str] = ()) -> ProceduralObject:
    """The object of a seed.

    bodies: so many bodies only, coloured anew for every seed (their passes need to be rendered once); None: every seed
    has a body of its own. patterns: see `random_colour`.
    """
    mesh, kind = random_mesh(np.random.default_rng([1, seed if bodies is None else seed % bodies]))
    random = np.random.default_rng([2, seed])
    colour = random_colour(random, len(mesh.object_names), patterns)
    metallic = float(random.random() < 0.2)
    return ProceduralObject(seed, mesh, colour, kind, metallic, float(random.uniform(0.2, 0.9)))


def procedural_sample(made: ProceduralObject, plan: RenderPlan, passes: Sequence[ViewPasses] = ()) -> OrbitSample:
    """The sample of an object. passes: of the plan's cameras, where they are known already."""
    info = {"source": "procedural", "seed": made.seed, "description": made.description}
    return build_sample(f"procedural-{made.seed:08d}", made.mesh, made.paint, plan, made.seed, info, passes=passes)
