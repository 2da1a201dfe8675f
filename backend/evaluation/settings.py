# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation measures of every item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .learned import Weights
from .strategies import OURS


@dataclass(frozen=True)
class Settings:
    """What is measured of every item, beside its job.

    bakes         names of BAKES; textured: a model's own texture is the truth, and its reference is rendered from it
    view          the side that such a reference shows; drift: of true frames, pixels
    held_out      views that the result is looked at from; picture_size: their pixels along a side
    metrics       learned ones, with their weights
    """

    bakes: tuple[str, ...] = (OURS,)
    textured: bool = False
    view: str = "front"
    drift: float = 0.0
    held_out: int = 20
    picture_size: int = 512
    metrics: tuple[str, ...] = ()
    weights: Weights = field(default_factory=Weights)
    keep: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Settings:
        names = {"bakes": tuple(data["bakes"]), "metrics": tuple(data["metrics"])}
        return Settings(**{**data, **names, "weights": Weights(**data["weights"])})
