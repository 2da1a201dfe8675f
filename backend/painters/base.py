# SPDX-License-Identifier: GPL-3.0-or-later
"""The painter protocol: passes + references + seed + options -> frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..orbits.cameras import Camera
from ..orbits.passes import PassSet
from ..progress import Progress

# The side a picture shows -> (direction from the object to the camera, image up), normalised frame. As the orbits see
# them: H frames 0, 30, 60, 90 of 120 are front, right (+X), back, left; V frames 30 and 90 are top and bottom.
VIEWS: Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "front": ((0, -1, 0), (0, 0, 1)),
    "right": ((1, 0, 0), (0, 0, 1)),
    "back": ((0, 1, 0), (0, 0, 1)),
    "left": ((-1, 0, 0), (0, 0, 1)),
    "top": ((0, 0, 1), (0, 1, 0)),
    "bottom": ((0, 0, -1), (0, -1, 0)),
}


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture of the object.

    image   uint8 (h, w, 4), sRGB encoded, straight alpha (all 255 where the file has none)
    camera  the view it shows in the normalised frame, where known exactly (a painted-over guide);
            None: the framing must be found
    view    the side it shows where no camera is given, one of VIEWS
    """

    image: NDArray[np.uint8]
    camera: Camera | None = None
    name: str = "reference"
    view: str = "front"


# preview(view, picture): frame number and what is known of it so far, uint8 (h, w, 3 or 4); cheap, may be called often.
Preview = Callable[[int, NDArray[np.uint8]], None]


def no_preview(view: int, picture: NDArray[np.uint8]) -> None:
    """The preview callback for those who do not look."""


@dataclass(frozen=True, eq=False)
class Existing:
    """The texture that the object has, to start from.

    strength  0 ... 1: how much is painted anew
    frame     frame(k): what view k of the pass set shows now, uint8 (h, w, 4), sRGB, straight alpha
    """

    strength: float
    frame: Callable[[int], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class PaintRequest:
    """Everything an engine may use. `options` are the engine's own; `preview` shows frames as they come; `existing` is
    there where the artist wants the present texture to be heeded."""

    passes: PassSet
    references: Sequence[Reference]
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    preview: Preview = no_preview
    existing: Existing | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """One painted picture of the object.

    image       uint8 (h, w, 4), sRGB encoded, straight alpha: 255 where the object is, 0 outside
    confidence  uint8 (h, w) or None: 255 the colour was seen in a reference, 0 it was invented
    """

    image: NDArray[np.uint8]
    camera: Camera
    confidence: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class PaintedFrames:
    """What a painter hands to TextureOptimizer.

    frames   one per camera of the pass set, in its order
    anchors  further pictures that are exact where they see the surface (registered references); they win over frames
    exact    the frames agree with each other to the pixel (renders), so drift alignment is not wanted
    notes    sentences for the artist, for instance that a reference does not look like a view of this object
    info     numbers for the report
    """

    frames: Sequence[Frame]
    anchors: Sequence[Frame] = ()
    exact: bool = False
    notes: Sequence[str] = ()
    info: Mapping[str, Any] = field(default_factory=dict)


class Painter(Protocol):
    """An engine. Creating one is cheap; heavy imports and weights are loaded by `paint`, which may keep them."""

    name: str
    supersample: int  # passes are rendered this much larger than the frames (2 where encoded passes feed a network)

    def paint(self, request: PaintRequest, progress: Progress) -> PaintedFrames:
        """Paint all views. Deterministic for a seed. Raises InputError, EngineMissingError, CancelledError."""
        ...

    def close(self) -> None:
        """Free what `paint` has kept: weights, caches, memory of the device. The engine can paint again afterwards."""
        ...

    def lighter(self, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], str] | None:
        """Options for a run that needs less memory, and what changes as a clause ("Surface grid 96 instead of 192");
        None if there are none."""
        ...
