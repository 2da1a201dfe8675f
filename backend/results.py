# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves behind: textures, voxels, pictures, recipe and report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError, OutputError
from .files import load_npz, save_npz, write_json, write_png
from .host import TextureFiles
from .job import Job
from .mesh import MeshData
from .orbits.files import open_passes
from .painters.base import Reference
from .painters.frames_file import load_frames
from .pictures import contact_sheet
from .png import read_png
from .progress import Progress, part
from .run_folder import SCHEMA, RunFolder
from .run_request import STARTS_FROM
from .texturing.coverage import coverage_picture
from .texturing.types import BakedTile, FuseResult, TextureTarget
from .texturing.voxel_files import VoxelTexture, export_vxz, save_voxels
from .version import VERSION
from .whole_files import file_digest

# Results whose names do not depend on the model's.
NAMES = ("voxels.npz", "voxels.vxz", "contact_sheet.png", "still.png", "turntable.mp4", "report.json", "recipe.json")


def require_file(path: str) -> None:
    """Raises InputError if there is no such file."""
    if not Path(path).is_file():
        raise InputError("file-missing", f"There is no file {path}.", "Check the path.")


def require_apart(out: Path, model: str | None, pictures: Sequence[str]) -> None:
    """Raises OutputError if results in the folder `out` could take the place of what the job reads.

    model: the model file or the open .blend; what belongs to it, such as its textures, lies beside it.
    """
    folder = out.resolve()
    kept_by_us = [folder / name for name in ("work", "textures", "coverage", "planned")]
    for name in (*([model] if model else []), *pictures):
        path = Path(name).resolve()
        beside = path.parent == folder and (name == model or path.name in NAMES)
        if beside or any(place in path.parents for place in kept_by_us):
            raise OutputError(
                "output-holds-input",
                f"The results would take the place of files beside {path.name}, which the job reads.",
                f"Choose another output folder, for instance {path.parent / (path.stem + '-textured')}.",
            )


def save_references(folder: Path, references: Sequence[Reference]) -> None:
    """The pictures as the engine got them, for the contact sheet and for a later look."""
    for index, reference in enumerate(references):
        write_png(folder / f"reference_{index:02d}.png", reference.image)


def save_bake(
    folder: Path,
    mesh: MeshData,
    targets: Sequence[TextureTarget],
    result: FuseResult,
    progress: Progress,
    *,
    vxz: bool = False,
) -> None:
    """Textures as `<name>.png` (one per tile where there are several), where each texel came from, and the voxels as
    .npz and, with `vxz`, as .vxz."""
    entries = []
    for index, target in enumerate(targets):
        tiles = result.textures[target.name]
        names = _tile_names(target.name, tiles)
        for tile, name in zip(tiles, names, strict=True):
            write_png(folder / f"{name}.png", tile.rgba)
            save_npz(folder / f"{name}.sources.npz", label=tile.label, confidence=tile.confidence)
        materials = np.unique(mesh.face_material[target.faces])
        entries.append(
            {
                "name": target.name,
                "uv_map": target.uv_map,
                "tiles": [tile.tile for tile in tiles],
                "files": [f"{name}.png" for name in names],
                "objects": np.unique(mesh.face_object[target.faces]).tolist(),
                "material": int(materials[0]) if target.one_slot else -1,
            }
        )
        progress((index + 1) / (len(targets) + 1), f"saving {target.name}")
    found = result.voxels
    voxels = VoxelTexture(
        found.coords, result.voxel_colour, found.normal, result.voxel_label, found.grid, mesh.normalisation
    )
    save_voxels(folder / "voxels.npz", voxels)
    if vxz:
        export_vxz(folder / "voxels.vxz", voxels)
    write_json(folder / "textures.json", {"textures": entries})


def _tile_names(name: str, tiles: Sequence[BakedTile]) -> list[str]:
    numbers = [tile.tile for tile in tiles]
    return [name] if numbers == [1001] else [f"{name}.{number}" for number in numbers]


def texture_files(bake: Path, mesh: MeshData) -> list[TextureFiles]:
    """The textures of a finished bake and the objects they belong to; instances go with their originals."""
    result = []
    for entry in json.loads((bake / "textures.json").read_text(encoding="utf-8"))["textures"]:
        result.append(
            TextureFiles(
                entry["name"],
                with_instances(entry["objects"], mesh),
                entry["uv_map"],
                tuple(bake / name for name in entry["files"]),
                tuple(entry["tiles"]),
                entry["material"],
            )
        )
    return result


def with_instances(objects: Iterable[int], mesh: MeshData) -> tuple[int, ...]:
    """Those objects and the instances of them, in order."""
    originals = set(objects)
    return tuple(sorted(originals | {i for i, original in mesh.instance_of.items() if original in originals}))


def save_pictures(run: RunFolder, folder: Path, progress: Progress) -> None:
    """The contact sheet, and a coverage picture of each texture."""
    passes, paint, bake = (run.folder(stage) for stage in ("passes", "paint", "bake"))
    references = [read_png(path).astype(np.uint8) for path in sorted(paint.glob("reference_*.png"))]
    sheet = contact_sheet(references, open_passes(passes), load_frames(paint), part(progress, 0.0, 0.7))
    write_png(folder / "contact_sheet.png", sheet)
    anchors = run.require("paint").facts["anchors"]
    (folder / "coverage").mkdir()
    for sources in sorted(bake.glob("*.sources.npz")):
        data = load_npz(sources)
        name = sources.name.removesuffix(".sources.npz")
        picture = coverage_picture(data["label"], data["confidence"], anchors=anchors)
        write_png(folder / "coverage" / f"{name}.png", picture)
        progress(0.9, f"coverage of {name}")


def save_planned(folder: Path, textures: Mapping[str, Sequence[BakedTile]], references: int) -> None:
    """The pictures of `planned_coverage` as `<name>.png`; the first views are the `references`."""
    for name, tiles in textures.items():
        for tile, file in zip(tiles, _tile_names(name, tiles), strict=True):
            sure = tile.confidence if references else None  # nothing stands out where all is the painter's
            write_png(folder / f"{file}.png", coverage_picture(tile.label, sure, anchors=references))


def publish(job: Job, run: RunFolder) -> dict[str, Any]:
    """Put finished results on top of the output folder, write report and recipe; the summary for the user."""
    records = {stage: run.record(stage) for stage in STARTS_FROM}
    looked, rendered = records["coverage"], records["passes"]
    if looked is not None and (rendered is None or looked.facts["passes"] != rendered.key):
        records["coverage"] = None  # it was for other views
    published: list[str] = []

    def offer(stage: str, pattern: str, below: str = "") -> None:
        if records[stage] is not None:
            for path in sorted(run.folder(stage).glob(pattern)):
                published.append(str(run.publish(path, below + path.name).relative_to(run.root)))

    offer("coverage", "*.png", "planned/")
    offer("bake", "voxels.*")
    offer("bake", "*.png", "textures/")
    offer("model", "*.glb")
    offer("model", "*.blend")
    offer("preview", "*.png")
    offer("preview", "*.mp4")
    offer("preview", "coverage/*.png", "coverage/")
    done = {stage: record for stage, record in records.items() if record is not None}
    stages = {
        stage: {"seconds": record.seconds, "peak_mb": round(record.peak_bytes / 2**20)}
        for stage, record in done.items()
    }
    report = {
        "version": VERSION,
        "stages": stages,
        "seconds": round(sum(record.seconds for record in done.values()), 1),
        "peak_mb": max(stage["peak_mb"] for stage in stages.values()),
        **{stage: record.facts for stage, record in done.items()},
        "files": published,
    }
    write_json(run.root / "report.json", report)
    write_json(run.root / "recipe.json", recipe(job, done))
    summary: dict[str, Any] = {"output": str(run.root), "seconds": report["seconds"], "peak MB": report["peak_mb"]}
    for stage, title in (("coverage", "planned coverage"), ("bake", "coverage")):
        if shares := report.get(stage, {}).get("coverage"):
            summary[title] = ", ".join(f"{name} {100 * value:.0f} %" for name, value in shares.items())
    return {"manifest": str(run.root / "report.json"), "summary": summary}


def recipe(job: Job, done: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that is needed to run the job again and to know that its inputs are the same."""
    inputs = [job.mesh, *(r.path for r in job.references), *(r.camera for r in job.references)]
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "job": job.to_json(),
        "sha256": {path: file_digest(path) for path in inputs if path is not None and Path(path).is_file()},
        "keys": {stage: record.key for stage, record in done.items()},
    }
