# SPDX-License-Identifier: GPL-3.0-or-later
"""A job: one immutable request, the contract between whoever asks (panel, command line, script) and the pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from .errors import InputError, UsageError
from .texturing.types import FuseParams

SCHEMA = 1
RENDERERS = ("cycles", "eevee", "embree")
DEVICES = ("cpu", "gpu")
STILLS = ("rendered", "flat")
OUTPUTS = ("textures", "color_attribute")
Pose = Literal["evaluated", "rest"]
POSES: tuple[Pose, ...] = get_args(Pose)
Alpha = Literal["opaque", "sample"]
ALPHAS: tuple[Alpha, ...] = get_args(Alpha)


@dataclass(frozen=True)
class ReferenceSpec:
    """A reference picture: its file, the side it shows, or the camera file of the guide it was painted over."""

    path: str
    view: str = "front"
    camera: str | None = None


@dataclass(frozen=True)
class Job:
    """Everything that decides a result. All paths are absolute.

    mesh             model file, or None for the .blend that Blender has open
    objects          names of the objects to texture; empty: all visible meshes
    collection       name of the collection whose visible meshes are textured; empty: the scene's
    pose             evaluated: as the scene shows the objects; rest: armatures at rest, shape keys at their basis,
                     so that what the pose covers is seen (a file that is read without Blender is at rest)
    alpha            opaque: faces are solid; sample: views see through what materials cut out
    existing         how much is painted anew of the texture that the objects have: 1: they need not have one; 0: it
                     stays as far as the references let it
    views            number of horizontal and of vertical orbit views
    size             pixels along each side of a frame
    supersample      passes are rendered this many times larger; 0: what the engine asks for
    texture_size     pixels along each side of a texture (or UDIM tile)
    uv               auto | new | keep | the name of a UV map
    atlas            object | slot | shared
    output           what the objects get: textures, or a colour attribute (color_attribute)
    fuse             changes to FuseParams, by name
    vxz              the voxel texture also as .vxz, for programs that read sparse voxels
    engine_options   options of the engine, by name
    still            the picture of the result: rendered in soft light, or flat, which takes a second
    """

    out: str
    references: tuple[ReferenceSpec, ...] = ()
    mesh: str | None = None
    objects: tuple[str, ...] = ()
    collection: str = ""
    engine: str = "projection"
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    pose: Pose = "evaluated"
    alpha: Alpha = "opaque"
    existing: float = 1.0
    views: tuple[int, int] = (61, 61)
    size: int = 512
    supersample: int = 0
    renderer: Literal["cycles", "eevee", "embree"] = "cycles"
    device: Literal["cpu", "gpu"] = "cpu"
    texture_size: int = 2048
    uv: str = "auto"
    atlas: Literal["object", "slot", "shared"] = "object"
    output: Literal["textures", "color_attribute"] = "textures"
    fuse: Mapping[str, Any] = field(default_factory=dict)
    still: Literal["rendered", "flat"] = "rendered"
    turntable: bool = True
    vxz: bool = False

    def __post_init__(self) -> None:
        def check(good: bool, code: str, message: str, advice: str) -> None:
            if not good:
                raise UsageError(code, message, advice)

        horizontal, vertical = self.views
        check(
            0 <= horizontal <= 250 and 0 <= vertical <= 250 and 1 <= horizontal + vertical <= 250,
            "views-range",
            f"{horizontal} horizontal and {vertical} vertical views were asked for.",
            "Ask for 1 to 250 views in all; 61 and 61 is the default.",
        )
        for name, value, low, high in (
            ("frame size", self.size, 16, 2048),
            ("texture size", self.texture_size, 16, 8192),
            ("supersampling", self.supersample, 0, 4),
            ("seed", self.seed, 0, 2**63 - 1),
            ("strength", self.existing, 0.0, 1.0),
        ):
            check(
                low <= value <= high,
                "option-range",
                f"The {name} is {value}, outside {low} to {high}.",
                "Choose a value inside the range.",
            )
        for name, value, known in (
            ("pose", self.pose, POSES),
            ("alpha", self.alpha, ALPHAS),
            ("renderer", self.renderer, RENDERERS),
            ("device", self.device, DEVICES),
            ("atlas", self.atlas, ("object", "slot", "shared")),
            ("output", self.output, OUTPUTS),
            ("still", self.still, STILLS),
        ):
            check(value in known, "option-unknown", f"There is no {name} named {value}.", f"Use {', '.join(known)}.")
        check(
            not (self.objects and self.collection),
            "usage",
            "Objects and a collection were chosen.",
            "Choose objects by name, or one collection.",
        )
        FuseParams().replaced(self.fuse)

    @property
    def from_existing(self) -> bool:
        """It starts from the texture that the objects have."""
        return self.existing < 1

    def fuse_params(self, exact_frames: bool) -> FuseParams:
        """TextureOptimizer's parameters: alignment and exposure only serve frames that may disagree."""
        base = {"alignment": False, "exposure": False, "lock": 180.0} if exact_frames else {}
        return FuseParams().replaced({**base, **self.fuse})

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Job:
        """The job that `to_json` described. Raises UsageError for another schema or unknown fields."""
        values = dict(data)
        schema = values.pop("schema", None)
        if schema != SCHEMA:
            raise UsageError(
                "job-version",
                f"The recipe has format {schema}, this program reads format {SCHEMA}.",
                "Run it with the version of Orbit Painter that wrote it.",
            )
        unknown = sorted(set(values) - {f.name for f in fields(Job)})
        if unknown:
            raise UsageError("job-unknown-field", f"The recipe has an unknown entry: {unknown[0]}.", "Remove it.")
        values["references"] = tuple(ReferenceSpec(**r) for r in values.get("references", ()))
        values["objects"] = tuple(values.get("objects", ()))
        values["views"] = tuple(values.get("views", (61, 61)))
        return Job(**values)


def absolute(path: str | Path) -> str:
    """The path without `.`, `..` and `~`, as text."""
    return str(Path(path).expanduser().resolve())


def load_recipe(path: str | Path) -> Job:
    """The job of a recipe.json. Raises InputError if the file cannot be read, UsageError if it does not fit."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        job = data["job"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError("recipe-unreadable", f"The recipe {path} cannot be read.", "Give a recipe.json.") from error
    return Job.from_json(job)
