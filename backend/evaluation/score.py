# SPDX-License-Identifier: GPL-3.0-or-later
"""One item of an evaluation: paint it, bake it in every way asked for, look at it from new sides, and measure.

OUT/items/NAME/reference.png   what the engine got, where it was rendered from the truth
OUT/items/NAME/pictures/       some views of the truth and of every bake, for the contact sheet
OUT/items/NAME/features.npz    of all views, for distances between sets
OUT/items/NAME/result.json     written last: an item that has it is finished
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..console import Console, stage_progress
from ..errors import InputError, UsageError
from ..files import write_json, write_png
from ..flat_view import Images
from ..host import Host, TextureFiles
from ..job import Job, ReferenceSpec
from ..memory import peak_bytes, reset_peak
from ..mesh import MeshData
from ..orbits.cameras import orbit_cameras, read_camera
from ..orbits.files import open_passes
from ..painters.base import PaintedFrames
from ..painters.frames_file import load_frames
from ..painters.registry import create_painter
from ..pipeline import Pipeline
from ..progress import Progress, part
from ..results import with_instances
from ..run_folder import RunFolder, digest
from ..texturing.coverage import coverage_numbers, seam_error
from ..texturing.types import BakedTile, TextureTarget
from ..whole_files import file_digest
from .consistency import mv_mse
from .evaluation_set import MODELS, EvaluationItem
from .learned import Networks
from .rendering import held_out_cameras
from .settings import Settings
from .strategies import UNTOLD, bake
from .truth import GivenFrames, SceneHost, Truth, known, side_camera
from .view_scores import Picture, at_references, look, square

STAGES = ("truth", "passes", "paint", "score")
TRUE_FRAMES = "truth"  # the engine that paints what is there


def inputs_key(item: EvaluationItem) -> str:
    """A hash of the files of an item. Raises InputError where one is not there."""
    paths = [item.job.mesh, *(p for r in item.job.references for p in (r.path, r.camera))]
    try:
        digests = [file_digest(path) for path in paths if path is not None]
    except OSError as error:
        raise InputError("file-missing", f"{error.filename} cannot be read.", "Check the path.") from error
    return digest(item.name, item.kind, item.seed, [r.view for r in item.job.references], digests)


def score_item(
    item: EvaluationItem,
    settings: Settings,
    make_host: Callable[[], Host],
    console: Console,
    check: Callable[[], None],
    resume: bool = False,
) -> Path:
    """Evaluate one item; the path of its result.json. Finished stages of an earlier run are kept with `resume`.

    Raises OrbitPainterErrors.
    """
    folder, begin = Path(item.job.out), time.monotonic()
    key = inputs_key(item)
    with RunFolder(folder) as run:
        (folder / "result.json").unlink(missing_ok=True)
        with stage_progress(console, "truth", check) as progress, known(item, settings.textured, make_host) as truth:
            job, given, true_views = _prepared(item, settings, truth, folder, progress)
        host = SceneHost(truth.mesh, item.name) if truth is not None and item.kind != MODELS else make_host()
        painter = (lambda _: GivenFrames(given)) if given is not None else create_painter
        pipeline = Pipeline(job, host, console, run, check, painter)
        pipeline.run(("passes", "paint"), resume)
        with stage_progress(console, "score", check) as progress:
            found = _scored(job, settings, run, pipeline, host, true_views, progress)
        if not settings.keep:
            shutil.rmtree(folder / "textures", ignore_errors=True)
            for stage in ("passes", "paint", "previews"):
                shutil.rmtree(run.work / stage, ignore_errors=True)
        shared = {"name": item.name, "key": key, "references": [r.path for r in job.references]}
        result = {**shared, "seconds": round(time.monotonic() - begin, 1), **found}
        write_json(folder / "result.json", result)
    return folder / "result.json"


def _prepared(
    item: EvaluationItem, settings: Settings, truth: Truth | None, folder: Path, progress: Progress
) -> tuple[Job, PaintedFrames | None, list[tuple[Picture, NDArray[np.bool_]]]]:
    """The job with its reference, the true frames where they are wanted, and the true held-out views with masks."""
    job, given, views = item.job, None, []
    if truth is not None:
        write_png(folder / "reference.png", truth.cut_out(side_camera(settings.view, settings.picture_size)))
        job = replace(job, references=(ReferenceSpec(str(folder / "reference.png"), settings.view),))
        cameras = held_out_cameras(settings.picture_size, settings.held_out)
        for number, camera in enumerate(cameras):
            progress(0.5 * number / len(cameras), f"true view {number + 1} of {len(cameras)}")
            views.append(truth.picture(camera))
    if job.engine == TRUE_FRAMES:
        if truth is None:
            raise UsageError("truth-missing", "There is no truth to take frames from.", "Give --truth.")
        horizontal, vertical = job.views
        orbits = [*orbit_cameras("H", horizontal, job.size), *orbit_cameras("V", vertical, job.size)]
        given = truth.frames(orbits, job.views, settings.drift, job.seed, part(progress, 0.5, 1.0))
        job = replace(job, engine_options={"drift": settings.drift})
    if not job.references:
        raise InputError(
            "reference-missing",
            f"There is no picture for '{item.name}'.",
            f"Name one {item.name}.png, or take the models' own textures for the truth with --truth.",
        )
    return job, given, views


def _scored(
    job: Job,
    settings: Settings,
    run: RunFolder,
    pipeline: Pipeline,
    host: Host,
    true_views: Sequence[tuple[Picture, NDArray[np.bool_]]],
    progress: Progress,
) -> dict[str, Any]:
    """Everything that result.json says about the bakes."""
    passes, painted = open_passes(run.folder("passes")), load_frames(run.folder("paint"))
    records = {stage: run.record(stage) for stage in ("passes", "paint")}
    targets = pipeline.plan(passes.mesh).targets
    shared = {
        "mv_mse": mv_mse(passes.mesh, painted.frames, part(progress, 0.0, 0.1)),
        **{f"{stage}_seconds": record.seconds for stage, record in records.items() if record is not None},
    }
    before = max(record.peak_bytes for record in records.values() if record is not None)
    made: dict[str, tuple[Sequence[TextureFiles], Images]] = {}
    rows: dict[str, dict[str, float | None]] = {}
    failed: dict[str, dict[str, str]] = {}
    for number, name in enumerate(settings.bakes):
        span = part(progress, 0.1 + 0.5 * number / len(settings.bakes), 0.1 + 0.5 * (number + 1) / len(settings.bakes))
        span(0.0, f"bake {name}")
        reset_peak()
        begin = time.monotonic()
        params = job.fuse_params(painted.exact)
        try:
            tiles = bake(name, passes.mesh, targets, painted, params, passes.orbit_counts, span)
        except InputError as error:  # the other bakes may do
            failed[name] = {"code": error.code, "message": str(error)}
            continue
        seconds = time.monotonic() - begin
        peak = max(peak_bytes(), before)
        made[name] = _textures(passes.mesh, targets, tiles)
        texture = _of_texture(passes.mesh, targets, tiles)
        if name in UNTOLD:
            texture["coverage"] = None
        rows[name] = {**texture, **shared, "bake_seconds": seconds, "peak_bytes": peak}
        if settings.keep:
            _save_textures(run.root / "textures" / name, *made[name])
    if not made:
        first = next(iter(failed.values()))
        raise InputError(first["code"], first["message"])
    networks = Networks(settings.metrics, settings.weights, job.device == "gpu") if settings.metrics else None
    pictures = [host.read_picture(r.path)[0] for r in job.references]
    write_png(run.root / "reference.png", pictures[0])
    references = [square(picture) for picture in pictures]
    if true_views:
        fronts = [(side_camera(settings.view, settings.picture_size), pictures[0])]
    else:
        placed = zip(job.references, pictures, strict=True)
        fronts = [(read_camera(spec.camera), picture) for spec, picture in placed if spec.camera]
    near = at_references(passes.mesh, made, fronts)
    seen = look(settings, passes.mesh, made, true_views, references, networks, run.root, part(progress, 0.6, 1.0))
    return {
        "triangles": len(passes.mesh.faces),
        "truth": bool(true_views),
        "failed": failed,
        "bakes": {name: _finite({**seen[name], **near[name], **row}) for name, row in rows.items()},
    }


def _textures(
    mesh: MeshData, targets: Sequence[TextureTarget], tiles: Mapping[str, Sequence[BakedTile]]
) -> tuple[list[TextureFiles], Images]:
    """Baked tiles as what `surface_colour` takes."""
    files = [
        TextureFiles(
            target.name,
            with_instances(np.unique(mesh.face_object[target.faces]).tolist(), mesh),
            target.uv_map,
            (),
            tuple(tile.tile for tile in tiles[target.name]),
            int(mesh.face_material[target.faces[0]]) if target.one_slot else -1,
        )
        for target in targets
    ]
    return files, [[tile.rgba for tile in tiles[target.name]] for target in targets]


def _save_textures(folder: Path, textures: Sequence[TextureFiles], images: Images) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for texture, tiles in zip(textures, images, strict=True):
        for number, image in zip(texture.tiles, tiles, strict=True):
            write_png(folder / f"{texture.name}.{number}.png", image.astype(np.uint8))


def _of_texture(
    mesh: MeshData, targets: Sequence[TextureTarget], tiles: Mapping[str, Sequence[BakedTile]]
) -> dict[str, float | None]:
    """Seam errors, means over the textures that have seams, and the share of texels that a view sees."""
    errors = [seam_error(mesh, target, tiles[target.name]) for target in targets]
    found: dict[str, float | None] = {}
    for name in ("uv_seam_ratio", "label_seam_ratio"):
        values = [value for error in errors if (value := error[name]) is not None]
        found[name] = float(np.mean(values)) if values else None
    found["coverage"] = 1 - coverage_numbers(tiles)["unseen"]
    return found


def _finite(row: Mapping[str, float | None]) -> dict[str, float | None]:
    """As JSON can have it."""
    return {name: None if value is None or not np.isfinite(value) else float(value) for name, value in row.items()}
