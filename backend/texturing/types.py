# SPDX-License-Identifier: GPL-3.0-or-later
"""What TextureOptimizer's stages pass to each other (specs/texture-optimizer.md section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError

UNOBSERVED = -1  # label of a voxel or texel that no view sees
LARGEST_TEXTURE = 32_768  # pixels a side; texels are numbered in 32 bits
UNOWNED = -2  # label of a texel that belongs to no face


@dataclass(frozen=True, eq=False)
class SurfaceVoxels:
    """Voxels of a grid of `grid`^3 over [-0.5, 0.5]^3 that the surface passes through.

    coords    int32 (N, 3), lexicographically sorted
    point     float32 (N, 3), closest point of the surface to the voxel centre
    normal    float32 (N, 3), unit, area-weighted mean (the closest triangle's in thin sheets)
    triangle  int32 (N,), the triangle of `point`
    object_id int32 (N,), the object of that triangle
    """

    coords: NDArray[np.int32]
    point: NDArray[np.float32]
    normal: NDArray[np.float32]
    triangle: NDArray[np.int32]
    object_id: NDArray[np.int32]
    grid: int

    def __len__(self) -> int:
        return len(self.coords)

    def rows(self, index: NDArray[np.integer]) -> SurfaceVoxels:
        """Some of the voxels, by index."""
        return SurfaceVoxels(
            self.coords[index],
            self.point[index],
            self.normal[index],
            self.triangle[index],
            self.object_id[index],
            self.grid,
        )


@dataclass(frozen=True, eq=False)
class Candidates:
    """The K best views of each voxel, best first.

    label   int16 (N, K), view index, -1 pads
    conf    uint8 (N, K), round(127.5 (1 + cos theta)), demoted at depth edges; 0 pads
    colour  uint8 (N, K, 3), bilinear colour of the voxel's point in that view
    """

    label: NDArray[np.int16]
    conf: NDArray[np.uint8]
    colour: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Problem:
    """View selection as a sparse Potts problem (Ink3D Eq. 8; specs/texture-optimizer.md 4.7).

    label       int16 (N, K), feasible views of each voxel, -1 pads
    cost        float32 (N, K), data term, +inf at pads
    neighbours  int32 (N, 6), +x -x +y -y +z -z, -1 where there is none
    weight      float32 (N, 6), w_mn without lambda, symmetric, 0 where there is no neighbour
    smoothness  lambda
    """

    label: NDArray[np.int16]
    cost: NDArray[np.float32]
    neighbours: NDArray[np.int32]
    weight: NDArray[np.float32]
    smoothness: float


@dataclass(frozen=True, eq=False)
class TextureTarget:
    """One texture to bake: some faces and the UVs to bake them in.

    faces   int32 (n,), indices into MeshData.faces
    uv      float32 (n, 3, 2), V up; u and v outside [0, 1) belong to other UDIM tiles
    uv_map  name of the UV map
    tiles   UDIM tile numbers used, (1001,) for an ordinary texture
    size    pixels along each side of a tile
    one_slot  it belongs to one material slot of its objects, not to all of them
    """

    name: str
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    uv_map: str
    tiles: tuple[int, ...] = (1001,)
    size: int = 2048
    one_slot: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.size, (int, np.integer)) or not 1 <= self.size <= LARGEST_TEXTURE:
            raise UsageError(
                "texture-size",
                f"A texture cannot be {self.size} pixels wide.",
                f"Choose a whole number of pixels up to {LARGEST_TEXTURE}.",
            )


@dataclass(frozen=True, eq=False)
class BakedTile:
    """One baked image. Row 0 is the top of the image (V = 1).

    rgba        uint8 or uint16 (S, S, 4), in the frames' own encoding, straight alpha
    label       int16 (S, S), view each texel came from; UNOBSERVED: no view sees it; UNOWNED: no face
    confidence  uint8 (S, S), the painter's confidence at that texel, 0 where invented or unobserved
    """

    tile: int
    rgba: NDArray[np.uint8] | NDArray[np.uint16]
    label: NDArray[np.int16]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True)
class FuseParams:
    """All parameters of TextureOptimizer with the defaults of specs/texture-optimizer.md section 5."""

    label_grid: int = 256
    grid: int = 512
    candidates: int = 15
    smoothness: float = 1.0  # the specification says 2, for weights of Eq. 8; "agreement" weights have a mean of 1
    consensus: float = 1.5
    seams: Literal["agreement", "contrast"] = "agreement"
    cos_min: float = 0.259
    tolerance: float = 1.0
    slope_tolerance: float = 1.0
    edge_erosion: int = 1
    lock: float = 60.0
    priority: Literal["none", "soft", "strict"] = "none"
    exposure: bool = True
    alignment: bool = True
    feather: float = 2.0
    sampling: Literal["texel", "voxel"] = "texel"
    solver: Literal["fast", "exact"] = "fast"
    diffusion: Literal["mean", "first_come"] = "mean"
    margin: int = 16
    depth: Literal["own", "passes"] = "own"
    depth_size: int = 1024
    bits: Literal[8, 16] = 8
    memory: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (
            ("label_grid", 16, 1024),
            ("grid", 16, 1024),
            ("candidates", 1, 255),
            ("smoothness", 0, 1e6),
            ("consensus", 0, 1e6),
            ("cos_min", 0, 1),
            ("tolerance", 0, 100),
            ("slope_tolerance", 0, 100),
            ("edge_erosion", 0, 16),
            ("lock", 0, 180),
            ("feather", 0, 16),
            ("margin", 0, 1024),
            ("depth_size", 64, 4096),
            ("memory", 0, 1e6),
        ):
            value, whole = getattr(self, name), isinstance(getattr(FuseParams, name), int)
            number = isinstance(value, (int, np.integer)) or (isinstance(value, (float, np.floating)) and not whole)
            if not number or isinstance(value, bool) or not low <= value <= high:
                raise UsageError(
                    "parameter-range",
                    f"{name} is {value}, not a {'whole ' * whole}number from {low} to {high}.",
                    "Choose a value inside the range.",
                )
        for name, choices in _choices().items():
            if getattr(self, name) not in choices:
                raise UsageError(
                    "parameter-choice",
                    f"{name} is {getattr(self, name)}, which it cannot be.",
                    f"Use {' or '.join(str(choice).lower() for choice in choices)}.",
                )

    @property
    def depth_map_size(self) -> int:
        """Pixels along the longer side of a depth map: at least 2048 for grids above 512 (4.3)."""
        return max(self.depth_size, 2048 if self.grid > 512 else 0)

    @staticmethod
    def preset(name: Literal["default", "paper"]) -> FuseParams:
        if name == "default":
            return FuseParams()
        if name == "paper":
            return FuseParams(
                label_grid=1024,
                grid=1024,
                candidates=30,
                smoothness=5.0,
                consensus=0.0,
                seams="contrast",
                cos_min=0.0,
                edge_erosion=0,
                exposure=False,
                alignment=False,
                feather=0.0,
                sampling="voxel",
                solver="exact",
                diffusion="first_come",
            )
        raise UsageError("preset-unknown", f"There is no preset named {name}.", "Use default or paper.")

    def replaced(self, changes: Mapping[str, Any]) -> FuseParams:
        """A copy with some values changed; unknown names are errors."""
        unknown = sorted(set(changes) - set(asdict(self)))
        if unknown:
            raise UsageError(
                "parameter-unknown", f"There is no parameter named {unknown[0]}.", "See docs/texturing.md."
            )
        return replace(self, **changes)


@cache
def _choices() -> dict[str, tuple[Any, ...]]:
    """The values that each parameter which is no number may have."""
    hints = get_type_hints(FuseParams)
    named = {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}
    return {**named, **{name: (True, False) for name, hint in hints.items() if hint is bool}}


@dataclass(frozen=True, eq=False)
class FuseResult:
    """What TextureOptimizer returns.

    textures       target name -> its baked tiles
    voxels         at FuseParams.grid, with voxel_colour uint8 (N, 3) and voxel_label int16 (N,)
    report         numbers and warnings, ready for JSON
    """

    textures: Mapping[str, list[BakedTile]]
    voxels: SurfaceVoxels
    voxel_colour: NDArray[np.uint8]
    voxel_label: NDArray[np.int16]
    report: Mapping[str, Any] = field(default_factory=dict)
