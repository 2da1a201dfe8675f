# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of acceptance criteria A9 to A13: every method on every scene at every drift, on held-out views."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import write_png
from ..mesh import MeshData
from ..orbits.cameras import Camera, orbit_cameras
from ..painters.base import Frame, PaintedFrames
from ..png import read_png
from ..progress import Progress, part, silent
from ..texturing.atlas import texel_points
from ..texturing.baselines.average import average_texture
from ..texturing.baselines.differentiable import differentiable_texture
from ..texturing.baselines.voxel_baselines import greedy_voxels, horizontal_first_voxels, mrf_voxels
from ..texturing.fuse import fuse
from ..texturing.hits import Hits, cast, texture_coordinates
from ..texturing.types import BakedTile, FuseParams, TextureTarget
from ..texturing.uv_raster import claim_texels
from .drift import render_drifts
from .metrics import compare, seam_ratio
from .rendering import held_out_cameras, render, render_texture
from .scenes import Scene


@dataclass(frozen=True, eq=False)
class Setting:
    """How large an experiment is. The defaults are those of the acceptance table."""

    orbit_frames: int = 61
    frame_size: int = 512
    texture_size: int = 1024
    held_out: int = 20
    grid: int = 256
    seed: int = 0


SHIFTED = 4  # shift-tolerant PSNR, as slow as all the rest, is measured on one of so many held-out views

Method = Callable[[MeshData, TextureTarget, Sequence[Frame], tuple[int, int]], list[BakedTile]]


def fused(**changes: object) -> Method:
    """TextureOptimizer with the default parameters and these changes."""

    def method(
        mesh: MeshData, target: TextureTarget, frames: Sequence[Frame], orbit_counts: tuple[int, int]
    ) -> list[BakedTile]:
        params = FuseParams().replaced(changes)
        return list(fuse(mesh, [target], PaintedFrames(frames), params, orbit_counts).textures[target.name])

    return method


def methods(setting: Setting, torch: bool = True) -> dict[str, Method]:
    """Ours and all baselines, at the setting's voxel grid. torch: include differentiable rendering."""
    grid = setting.grid
    chosen: dict[str, Method] = {
        "ours": fused(label_grid=grid, grid=grid),
        "ours, no alignment": fused(label_grid=grid, grid=grid, alignment=False),
        "best single view": fused(
            label_grid=grid, grid=grid, alignment=False, smoothness=0.0, consensus=0.0, feather=0.0, lock=0.0
        ),
        "average": lambda mesh, target, frames, _: average_texture(mesh, target, frames, 0.0),
        "average cos^6": lambda mesh, target, frames, _: average_texture(mesh, target, frames, 6.0),
    }
    if torch:
        chosen["differentiable"] = lambda mesh, target, frames, _: differentiable_texture(mesh, target, frames)
    chosen["greedy voxels"] = lambda *args: greedy_voxels(*args, grid=2 * grid)
    chosen["horizontal first"] = lambda *args: horizontal_first_voxels(*args, grid=2 * grid)
    chosen["paper (Eq. 8)"] = lambda *args: mrf_voxels(*args, grid=2 * grid, solver="fast")
    return chosen


def drift_table(
    scenes: Sequence[Scene],
    drifts: Sequence[float],
    methods: Mapping[str, Method],
    setting: Setting | None = None,
    pictures: Path | None = None,
    progress: Progress = silent,
    kept: Path | None = None,
) -> list[dict[str, float | str]]:
    """One row per scene, drift and method: the metrics of section 8.1, means over the held-out views.

    Keys: scene, drift, method, psnr, ssim, sharpness, shift_psnr, swd, seams, front_ssim, front_psnr.
    pictures: a folder for side-by-side PNGs (truth first, then the methods in order) of three held-out views and of
    the front, named scene-drift.png; the columns of which they are made lie in a folder scene-drift.
    kept: a file with one JSON object a line, to which every finished row is added; rows that it has from the same
    setting are not made again.
    """
    setting = setting or Setting()
    count, size = setting.orbit_frames, setting.frame_size
    cameras = [*orbit_cameras("H", count, size), *orbit_cameras("V", count, size)]
    rows = {} if kept is None else _finished(kept)
    table: list[dict[str, float | str]] = []
    for number, scene in enumerate(scenes):
        span = part(progress, number / len(scenes), (number + 1) / len(scenes))
        keys = {(drift, name): json.dumps([scene.name, float(drift), asdict(setting), name])
                for drift in drifts for name in methods}  # fmt: skip
        missing = {drift: [name for name in methods if keys[drift, name] not in rows] for drift in drifts}
        moving = [drift for drift in drifts if missing[drift]]
        if moving:
            span(0.0, f"{scene.name}: frames")
            frames = render_drifts(scene.mesh, scene.colour, cameras, (count, count), moving, seed=setting.seed)
            held_out = _HeldOut.of(scene, whole_target(scene.mesh, setting.texture_size), cameras[0], setting)
            for step, (drift, painted) in enumerate(zip(moving, frames, strict=True)):
                case = part(span, 0.1 + 0.9 * step / len(moving), 0.1 + 0.9 * (step + 1) / len(moving))
                columns = None if pictures is None else pictures / f"{scene.name}-{drift:g}"
                for done, name in enumerate(missing[drift]):
                    case(done / len(missing[drift]), f"{scene.name}, {drift:g} px: {name}")
                    measured = _row(held_out, painted, methods[name], (count, count), columns, name)
                    row = {"scene": scene.name, "drift": float(drift), "method": name, **measured}
                    rows[keys[drift, name]] = row
                    if kept is not None:
                        kept.parent.mkdir(parents=True, exist_ok=True)
                        with kept.open("a") as file:
                            file.write(json.dumps({"key": keys[drift, name], "row": row}) + "\n")
                if columns is not None:
                    _side_by_side(columns, ["truth", *methods])
        table += [rows[key] for key in keys.values()]
    return table


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """A scene, its texture and the views it is judged in, the front first: what they see, where, and its colours."""

    scene: Scene
    target: TextureTarget
    views: Sequence[Hits]
    uv: Sequence[NDArray[np.float32]]
    truths: Sequence[NDArray[np.float32]]

    @staticmethod
    def of(scene: Scene, target: TextureTarget, front: Camera, setting: Setting) -> _HeldOut:
        views = [cast(scene.mesh, camera) for camera in (front, *held_out_cameras(front.width, setting.held_out))]
        uv = [texture_coordinates(scene.mesh, target, hits) for hits in views]
        return _HeldOut(scene, target, views, uv, [render(hits, scene.colour) for hits in views])


def _row(
    held_out: _HeldOut,
    frames: Sequence[Frame],
    method: Method,
    orbit_counts: tuple[int, int],
    columns: Path | None,
    name: str,
) -> dict[str, float]:
    """The metrics of one method; its column of pictures, and the truth's, of the front and three held-out views."""
    mesh, target = held_out.scene.mesh, held_out.target
    tiles = method(mesh, target, frames, orbit_counts)
    drawn = [
        render_texture(hits, mesh, target, tiles, uv) for hits, uv in zip(held_out.views, held_out.uv, strict=True)
    ]
    if columns is not None:
        columns.mkdir(parents=True, exist_ok=True)
        for title, views in (("truth", held_out.truths), (name, drawn)):
            write_png(_column(columns, title), _bytes(np.concatenate(views[:4], axis=0)))
    return _measured(held_out, tiles, drawn)


def _column(folder: Path, name: str) -> Path:
    return folder / f"{name.replace(' ', '-')}.png"


def _side_by_side(columns: Path, names: Sequence[str]) -> None:
    """Write FOLDER.png from the columns in FOLDER that there are."""
    files = [path for path in (_column(columns, name) for name in names) if path.exists()]
    pictures = [np.asarray(read_png(path), np.uint8) for path in files]
    write_png(columns.with_name(f"{columns.name}.png"), np.concatenate(pictures, axis=1))


def _finished(kept: Path) -> dict[str, dict[str, float | str]]:
    """The rows that a file of `drift_table` has, by key; lines of another form, or cut off, count as none."""
    found = {}
    for line in kept.read_text().splitlines() if kept.exists() else ():
        try:
            entry = json.loads(line)
            found[entry["key"]] = entry["row"]
        except (json.JSONDecodeError, KeyError):
            continue
    return found


def csv_text(rows: Sequence[Mapping[str, float | str]]) -> str:
    """The rows as comma-separated values with a line of names."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return "\n".join([",".join(names), *(",".join(str(row.get(name, "")) for name in names) for row in rows)]) + "\n"


def whole_target(mesh: MeshData, size: int) -> TextureTarget:
    """All faces of a one-object mesh in its active UV map."""
    name = mesh.active_uv[0]
    return TextureTarget(name, np.arange(len(mesh.faces), dtype=np.int32), mesh.uv[name], name, size=size)


def _measured(held_out: _HeldOut, tiles: Sequence[BakedTile], drawn: Sequence[NDArray[np.float32]]) -> dict[str, float]:
    """Means over the views but the first, which is the front; shift-tolerant PSNR over every fourth of them."""
    scores = [
        compare(picture, truth, hits.mask(), shifts=index % SHIFTED == 1)
        for index, (picture, truth, hits) in enumerate(zip(drawn, held_out.truths, held_out.views, strict=True))
    ]
    row = {key: float(np.mean([score[key] for score in scores[1:] if key in score])) for key in scores[1]}
    row["seams"] = _seams(held_out.scene, held_out.target, tiles)
    row["front_ssim"], row["front_psnr"] = scores[0]["ssim"], scores[0]["psnr"]
    return row


def _seams(scene: Scene, target: TextureTarget, tiles: Sequence[BakedTile]) -> float:
    size = target.size
    owner = claim_texels(target.uv, size)
    texels = np.flatnonzero(owner >= 0)
    corners = scene.mesh.triangles[target.faces].astype(np.float64)
    found = texel_points(target.uv.astype(np.float64), corners, owner.reshape(-1)[texels], texels, size)
    points, truth = np.zeros((size * size, 3), np.float32), np.zeros((size * size, 3), np.float32)
    points[texels], truth[texels] = found, scene.colour(found)
    return seam_ratio(tiles, [truth.reshape(size, size, 3)], [points.reshape(size, size, 3)])


def _bytes(picture: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.clip(np.rint(255 * picture), 0, 255).astype(np.uint8)


COLUMNS = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM", ".3f"),
    "sharpness": ("sharpness", ".3f"),
    "shift_psnr": ("shift-tolerant PSNR", ".2f"),
    "swd": ("SWD", ".3f"),
    "seams": ("seam ratio", ".2f"),
    "front_ssim": ("front SSIM", ".3f"),
}


def markdown(rows: Sequence[Mapping[str, float | str]]) -> str:
    """A Markdown table per drift: one line per method, means over scenes; methods in their first order."""
    lines: list[str] = []
    for drift in dict.fromkeys(row["drift"] for row in rows):
        lines += [f"Drift {drift:g} px", "", "| method | " + " | ".join(title for title, _ in COLUMNS.values()) + " |"]
        lines.append("|---|" + "---:|" * len(COLUMNS))
        chosen = [row for row in rows if row["drift"] == drift]
        for method in dict.fromkeys(row["method"] for row in chosen):
            cells = []
            for key, (_, form) in COLUMNS.items():
                values = np.array([row[key] for row in chosen if row["method"] == method], float)
                values = values[np.isfinite(values)]
                cells.append(format(values.mean(), form) if len(values) else "-")
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)
