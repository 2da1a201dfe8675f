# SPDX-License-Identifier: GPL-3.0-or-later
"""One training sample: the orbits of one textured object, and pictures of it that can be its reference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

CAPTION = "This is a 3D model"  # the one prompt of the released weights (specs/orbitpainter.md section 4)
ReferenceSource = Literal["orbit", "random", "points"]


@dataclass(frozen=True)
class ReferenceView:
    """How a reference picture was taken.

    source     orbit: a lit frame of the horizontal orbit; random: under random lights from a random viewpoint;
               points: under three point lights (specs/orbitpainter.md section 11, sources A, B, C)
    azimuth    degrees from the front, 90 is the +X side; elevation: degrees above the equator
    """

    source: ReferenceSource
    azimuth: float
    elevation: float = 0.0


@dataclass(frozen=True, eq=False)
class OrbitSample:
    """The frames of an object: `views[0]` of the horizontal orbit, then `views[1]` of the vertical one; N together.

    albedo      uint8 (N, S, S, 3), sRGB base colour without any view transform, on black
    normal, position   uint8 (N, S, S, 3), encoded as specs/orbitpainter.md section 2.3
    mask        uint8 (N, S, S)
    references  uint8 (R, S, S, 4), lit pictures, sRGB, straight alpha; reference_views says how each was taken
    material    uint8 (N, S, S, 2), metallic and roughness on black, or None
    info        whatever else is known of the object: source file, seed, licence
    """

    key: str
    views: tuple[int, int]
    albedo: NDArray[np.uint8]
    normal: NDArray[np.uint8]
    position: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    references: NDArray[np.uint8]
    reference_views: tuple[ReferenceView, ...]
    caption: str = CAPTION
    material: NDArray[np.uint8] | None = None
    info: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Pixels along a side of a frame."""
        return self.albedo.shape[1]

    def orbit(self, frames: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """`frames` of all views (N, ...) split into those of the orbits that there are, H before V."""
        parts = (frames[: self.views[0]], frames[self.views[0] :])
        return [part for part in parts if len(part)]

    def check(self) -> None:
        """Raises InputError where the arrays do not fit together or show nothing (section 11, rejection)."""
        count, size = sum(self.views), self.size
        wanted = {"albedo": 3, "normal": 3, "position": 3, "mask": 0, "material": 2}
        for name, channels in wanted.items():
            array = getattr(self, name)
            shape = (count, size, size, channels) if channels else (count, size, size)
            if array is not None and (array.shape != shape or array.dtype != np.uint8):
                raise InputError(
                    "sample-shape",
                    f"'{name}' of sample {self.key} is {array.dtype} {array.shape} and should be uint8 {shape}.",
                    "Render the object again.",
                )
        if self.references.ndim != 4 or self.references.shape[3] != 4 or len(self.references) == 0:
            raise InputError(
                "sample-reference", f"Sample {self.key} has no reference picture.", "Render the object again."
            )
        if len(self.references) != len(self.reference_views):
            described = f"{len(self.references)} references and {len(self.reference_views)} descriptions of them"
            raise InputError("sample-reference", f"Sample {self.key} has {described}.", "Render the object again.")
        if self.albedo[0].max() <= 10:
            raise InputError(
                "sample-black",
                f"The first frame of sample {self.key} is black.",
                "Leave the object out: it has no base colour, or cannot be seen from the front.",
            )
