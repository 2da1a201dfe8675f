# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line's grammar, and how its words become a Job."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, NoReturn

from . import batch, plan_command, reference_command
from .dataset import command as dataset_command
from .environment import command as environment_command
from .errors import UsageError
from .evaluation import command as evaluate_command
from .job import ALPHAS, DEVICES, OUTPUTS, POSES, RENDERERS, STILLS, Job, ReferenceSpec, absolute
from .models import command as models_command
from .painters.base import VIEWS
from .painters.registry import ENGINES
from .run_request import LOOKING_AHEAD, STAGES
from .texturing.types import FuseParams
from .training import command as train_command
from .version import VERSION

# Sub-command -> the stages it runs.
COMMANDS = {
    "generate": STAGES,
    "passes": ("passes",),
    "coverage": LOOKING_AHEAD,
    "paint": ("paint",),
    "bake": ("bake",),
    "preview": ("model", "preview"),
}
# Commands about what engines need.
MANAGING = {"environment": environment_command, "models": models_command}
LEARNING = {"dataset": dataset_command, "train": train_command}  # commands for those who train networks
_HELP = {
    "generate": "texture a mesh from reference pictures: all stages",
    "passes": "read the mesh and render its position and normal passes",
    "coverage": "show what the planned views and the references will see, before anything is painted",
    "paint": "turn the passes and references of an output folder into frames",
    "bake": "fuse the frames of an output folder into textures",
    "preview": "write the textured model and its pictures from a baked output folder",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError("usage", message[:1].upper() + message[1:] + ".", f"See '{self.prog} --help'.")


def parser() -> argparse.ArgumentParser:
    """The grammar. Options that are not given are absent from the namespace, so that a saved job shows through."""
    top = _Parser(prog="orbit-painter", description="Paint any mesh from a picture.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"Orbit Painter {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name in COMMANDS:
        command = commands.add_parser(name, help=_HELP[name], argument_default=argparse.SUPPRESS, allow_abbrev=False)
        _add_output(command)
        if name in ("generate", "passes", "coverage"):
            _add_mesh(command)
        if name in ("generate", "passes", "paint"):
            _add_existing(command)
        if name in ("generate", "coverage", "paint"):
            _add_painting(command)
        if name == "coverage":
            _add_fusing(command)
        if name in ("generate", "bake"):
            _add_baking(command)
        if name in ("generate", "preview"):
            _add_results(command)
    several = commands.add_parser(
        "batch",
        help="texture all models of a folder, or all objects of a scene or of a collection",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    batch.add_arguments(several)
    _add_output(several)
    _add_mesh(several)
    _add_existing(several)
    _add_painting(several)
    _add_baking(several)
    _add_results(several)
    evaluate = commands.add_parser(
        "evaluate",
        help="texture a set of objects in several ways, and measure how good the results are",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    evaluate_command.add_arguments(evaluate)
    _add_output(evaluate)
    _add_views(evaluate)
    _add_engine(evaluate, [*ENGINES, evaluate_command.TRUE_FRAMES])
    _add_fusing(evaluate)
    evaluate_item = commands.add_parser("evaluate-item", allow_abbrev=False)  # the process of one item
    evaluate_item.add_argument("request", metavar="JSON")
    evaluate_item.add_argument("--json", action="store_true")
    evaluate_item.add_argument("--parent-pipe", action="store_true")
    run = commands.add_parser("run", help="run the stages that a request file names", allow_abbrev=False)
    run.add_argument(
        "request", metavar="JSON", help="job, stages, and whether to keep valid ones (backend/run_request.py)"
    )
    run.add_argument("--json", action="store_true", default=False, help="one event per line on standard output")
    run.add_argument(
        "--parent-pipe",
        action="store_true",
        help="take commands as JSON lines from standard input, and stop when it closes",
    )
    guide = commands.add_parser(
        "guide",
        help="save a picture of the bare object to paint over, and its camera",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    _add_source(guide)
    guide.add_argument("--view", choices=list(VIEWS), default="front", help="the side to show (default: front)")
    guide.add_argument("--size", type=int, default=1024, help="pixels along each side (default: 1024)")
    guide.add_argument("--out", required=True, metavar="PNG", help="the picture; the camera is written beside it")
    guide.add_argument("--json", action="store_true", default=False, help="one event per line on standard output")
    reference_command.add_arguments(commands, _Parser)
    bench = commands.add_parser("bench", help="measure speed, memory and quality; prints tables", allow_abbrev=False)
    bench.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run (default: all)")
    bench.add_argument("--quick", action="store_true", help="small problems, to see that the benchmarks work")
    bench.add_argument("--case", nargs=2, help=argparse.SUPPRESS)  # one measurement, in the process that it starts
    for manager in (*MANAGING.values(), plan_command, *LEARNING.values()):
        manager.add_arguments(commands, _Parser)
    return top


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", required=True, metavar="FOLDER", help="where results go and stages are saved")
    command.add_argument("--resume", action="store_true", default=False, help="keep stages that are still valid")
    command.add_argument("--json", action="store_true", default=False, help="one event per line on standard output")
    command.add_argument("--dry-run", action="store_true", default=False, help="say what would be done, and stop")


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument("--mesh", metavar="FILE", help="model: .glb .gltf .obj .ply .stl .fbx .usd* .blend")
    command.add_argument("--object", action="append", dest="objects", metavar="NAME", help="object; may be repeated")
    command.add_argument("--collection", metavar="NAME", help="texture the visible meshes of this collection")
    command.add_argument("--pose", choices=POSES, help="of armatures and shape keys (default: evaluated)")
    command.add_argument(
        "--alpha", choices=ALPHAS, help="sample: views see through what materials cut out (default: opaque)"
    )


def _add_mesh(command: argparse.ArgumentParser) -> None:
    _add_source(command)
    if command.prog.endswith("generate"):
        command.add_argument("--recipe", metavar="JSON", help="run a saved recipe.json again")
    _add_views(command)


def _add_views(command: argparse.ArgumentParser) -> None:
    command.add_argument("--views", type=_views, metavar="N[,M]", help="horizontal, vertical views (default: 61,61)")
    command.add_argument("--size", type=int, help="pixels along each side of a frame (default: 512)")
    command.add_argument("--supersample", type=int, help="render passes this many times larger (default: engine's)")
    command.add_argument("--renderer", choices=RENDERERS, help="what renders the passes (default: cycles)")
    command.add_argument("--device", choices=DEVICES, help="where Cycles renders (default: cpu)")
    command.add_argument("--uv", metavar="auto|new|keep|NAME", help="UV map to bake in (default: auto)")
    command.add_argument("--atlas", choices=("object", "slot", "shared"), help="one texture per ... (default: object)")


def _add_existing(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--existing",
        type=float,
        metavar="STRENGTH",
        help="start from the texture that the objects have: 0 keeps it, 1 does not look at it (default: 1)",
    )


def _add_painting(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--reference",
        action="append",
        nargs="+",
        dest="references",
        metavar=("PICTURE", "VIEW|CAMERA.json"),
        help="picture, and the side it shows (front, back, left, right, top, bottom) or the camera of a guide",
    )
    _add_engine(command, list(ENGINES))


def _add_engine(command: argparse.ArgumentParser, engines: Sequence[str]) -> None:
    command.add_argument("--engine", choices=engines, help="what paints (default: projection)")
    command.add_argument("--engine-option", action="append", dest="engine_options", metavar="NAME=VALUE")
    command.add_argument("--seed", type=int, help="a seed makes a run repeatable (default: 0)")


def _add_baking(command: argparse.ArgumentParser) -> None:
    _add_fusing(command)
    command.add_argument("--vxz", action="store_true", help="also write the voxel texture as voxels.vxz")


def _add_fusing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--texture-size", type=int, help="pixels along each side of a texture (default: 2048)")
    command.add_argument("--fuse-preset", choices=("default", "paper"), help="TextureOptimizer's parameters")
    command.add_argument("--fuse", action="append", dest="fuse", metavar="NAME=VALUE", help="see docs/texturing.md")


def _add_results(command: argparse.ArgumentParser) -> None:
    command.add_argument("--output", choices=OUTPUTS, help="what the objects get (default: textures)")
    command.add_argument("--still", choices=STILLS, help="the result's picture (default: rendered)")
    command.add_argument("--no-turntable", action="store_false", dest="turntable", help="no turntable video")


def _views(text: str) -> tuple[int, int]:
    try:
        numbers = [int(word) for word in text.replace("x", ",").split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of views such as 61 or 61,61") from None
    if len(numbers) > 2:
        raise argparse.ArgumentTypeError(f"'{text}' names more than two orbits")
    return numbers[0], numbers[-1]


def assignments(words: Sequence[str]) -> dict[str, Any]:
    """NAME=VALUE words as a dict; values are JSON where they can be, text otherwise."""
    result: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError("usage", f"'{word}' is not of the form NAME=VALUE.", "Write for instance smoothness=2.")
        try:
            result[name.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            result[name.strip().replace("-", "_")] = value
    return result


def reference_spec(words: Sequence[str]) -> ReferenceSpec:
    """`PICTURE`, `PICTURE VIEW` or `PICTURE CAMERA.json`."""
    if len(words) > 2:
        raise UsageError("usage", "A reference takes one picture and one view.", "Repeat --reference for each picture.")
    if len(words) == 1:
        return ReferenceSpec(absolute(words[0]))
    if words[1] in VIEWS:
        return ReferenceSpec(absolute(words[0]), words[1])
    if words[1].endswith(".json"):
        return ReferenceSpec(absolute(words[0]), camera=absolute(words[1]))
    raise UsageError("view-unknown", f"There is no view named {words[1]}.", f"Use {', '.join(VIEWS)} or a camera file.")


def job_of(options: argparse.Namespace, saved: Job | None) -> Job:
    """The job that the options describe; what they leave open comes from `saved`, else from the defaults."""
    known = {field.name for field in fields(Job)}
    given: dict[str, Any] = {name: value for name, value in vars(options).items() if name in known}
    given["out"] = absolute(given["out"])
    if given.get("mesh") is not None:
        given["mesh"] = absolute(given["mesh"])
    if "objects" in given:
        given["objects"] = tuple(given["objects"])
    if "references" in given:
        given["references"] = tuple(reference_spec(words) for words in given["references"])
    if "engine_options" in given:
        given["engine_options"] = assignments(given["engine_options"])
    fuse = assignments(given.pop("fuse", []))
    if "fuse_preset" in vars(options):
        fuse = {**fuse_preset_changes(options.fuse_preset), **fuse}
    if fuse or "fuse_preset" in vars(options):
        given["fuse"] = fuse
    return Job(**given) if saved is None else replace(saved, **given)


def fuse_preset_changes(name: str) -> Mapping[str, Any]:
    """What a preset changes of FuseParams, by name."""
    default, chosen = asdict(FuseParams()), asdict(FuseParams.preset(name))  # pyright: ignore[reportArgumentType]
    return {key: value for key, value in chosen.items() if value != default[key]}
