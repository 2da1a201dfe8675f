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
    chosen["paper (Eq. 8)"] = lambda *args: mrf_voxels(*args, grid=2 * grid)
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
    the front, named scene-drift.png.
    kept: a file with one JSON object a line, to which the rows of every finished case are added; cases that it has
    from the same setting and methods are not done again.
    """
    setting = setting or Setting()
    count, size = setting.orbit_frames, setting.frame_size
    cameras = [*orbit_cameras("H", count, size), *orbit_cameras("V", count, size)]
    done = {} if kept is None else _finished(kept)
    table: list[dict[str, float | str]] = []
    for number, scene in enumerate(scenes):
        span = part(progress, number / len(scenes), (number + 1) / len(scenes))
        keys = {drift: json.dumps([scene.name, float(drift), asdict(setting), list(methods)]) for drift in drifts}
        missing = [drift for drift, key in keys.items() if key not in done]
        found = {drift: done[key] for drift, key in keys.items() if key in done}
        if not missing:
            table += [row for drift in drifts for row in found[drift]]
            continue
        span(0.0, f"{scene.name}: frames")
        frames = render_drifts(scene.mesh, scene.colour, cameras, (count, count), missing, seed=setting.seed)
        held_out = _HeldOut.of(scene, whole_target(scene.mesh, setting.texture_size), cameras[0], setting)
        for step, (drift, painted) in enumerate(zip(missing, frames, strict=True)):
            case = part(span, 0.1 + 0.9 * step / len(missing), 0.1 + 0.9 * (step + 1) / len(missing))
            picture = None if pictures is None else pictures / f"{scene.name}-{drift:g}.png"
            measured = _case(held_out, painted, methods, (count, count), picture, case)
            rows = [{"scene": scene.name, "drift": float(drift), **row} for row in measured]
            found[drift] = rows
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                with kept.open("a") as file:
                    file.write(json.dumps({"case": keys[drift], "rows": rows}) + "\n")
        table += [row for drift in drifts for row in found[drift]]
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


def _case(
    held_out: _HeldOut,
    frames: Sequence[Frame],
    methods: Mapping[str, Method],
    orbit_counts: tuple[int, int],
    picture: Path | None,
    progress: Progress,
) -> list[dict[str, float | str]]:
    """A row for each method, and the side-by-side picture of the front and three held-out views."""
    mesh, target = held_out.scene.mesh, held_out.target
    rows: list[dict[str, float | str]] = []
    shown = [held_out.truths[:4]]
    for step, (name, method) in enumerate(methods.items()):
        progress(step / len(methods), f"{held_out.scene.name}: {name}")
        tiles = method(mesh, target, frames, orbit_counts)
        drawn = [
            render_texture(hits, mesh, target, tiles, uv) for hits, uv in zip(held_out.views, held_out.uv, strict=True)
        ]
        rows.append({"method": name, **_measured(held_out, tiles, drawn)})
        shown.append(drawn[:4])
    if picture is not None:
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_png(picture, _bytes(np.concatenate([np.concatenate(column, axis=0) for column in shown], axis=1)))
    return rows


def _finished(kept: Path) -> dict[str, list[dict[str, float | str]]]:
    """The rows of each case that a file of `drift_table` has; a last line that was cut off counts as none."""
    found = {}
    for line in kept.read_text().splitlines() if kept.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[entry["case"]] = entry["rows"]
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
