# SPDX-License-Identifier: GPL-3.0-or-later
"""How quality grows with the number of frames and their resolution: the trend of Ink3D's Table 3.

Frames are true ones of two orbits of 61, with the drift, gains, blur and noise of evaluation/drift.py; fewer are every
second, third ... of these, so that they err alike. Drift is given in pixels of a frame of 512 and is the same distance
on the surface at every resolution.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..errors import UsageError
from ..orbits.cameras import orbit_cameras
from ..painters.base import Frame, PaintedFrames
from ..texturing.hits import cast
from ..texturing.types import FuseParams
from . import metrics
from .bench import Table
from .bench_inputs import SCENES
from .drift import render_frames
from .drift_table import whole_target
from .filters import eroded
from .rendering import held_out_cameras, render, render_texture
from .scenes import Scene
from .strategies import OURS, bake

ORBIT = 61  # frames of a whole orbit
KEPT = Path("out/tables/frames.jsonl")  # a line for every finished case, from which a run goes on
COLUMNS = {"psnr": metrics.psnr, "ssim": metrics.ssim, "ms_ssim": metrics.ms_ssim, "sharpness": metrics.sharpness}


@dataclass(frozen=True)
class Sweep:
    """frames: of each orbit, divisors of 60 plus one; sizes: pixels of a side; drift: pixels of a frame of 512."""

    scenes: tuple[str, ...] = tuple(SCENES)
    frames: tuple[int, ...] = (7, 13, 31, 61)
    sizes: tuple[int, ...] = (128, 256, 512)
    drift: float = 2.0
    texture_size: int = 1024
    grid: int = 256
    held_out: int = 20
    picture_size: int = 512


QUICK = Sweep(("bumpy-sphere",), (7, 16, 61), (64, 128), 2.0, 256, 64, 4, 128)


def tables(quick: bool) -> list[Table]:
    """The whole sweep, going on where a run before was stopped; quick: one scene, small frames, nothing kept."""
    sweep = QUICK if quick else Sweep()
    rows = run(sweep, None if quick else KEPT)
    lines = []
    for frames in sweep.frames:
        for size in sweep.sizes:
            chosen = [row for key, row in rows.items() if key in {(name, frames, size) for name in sweep.scenes}]
            means = [float(np.mean([row[name] for row in chosen])) for name in COLUMNS]
            lines.append([f"{frames} + {frames}", size, *means])
    note = (
        f"Means over {sweep.held_out} new views of {sweep.picture_size} pixels of {', '.join(sweep.scenes)}. True "
        f"frames that drift by {sweep.drift:g} pixels of a 512-pixel frame; textures of {sweep.texture_size}."
    )
    head = ["frames", "pixels", "PSNR, dB", "SSIM", "MS-SSIM", "sharpness"]
    return [Table("Quality against the number of frames and their resolution", head, lines, [note])]


def run(sweep: Sweep, kept: Path | None = None) -> dict[tuple[str, int, int], dict[str, float]]:
    """The metrics by scene, frames and size.

    kept: a file to which finished cases are added; cases that it has from the same sweep are not done again.
    """
    shared = {name: value for name, value in asdict(sweep).items() if name not in ("scenes", "frames", "sizes")}
    setting = json.dumps(shared)
    done = _finished(kept, setting)
    for name in sweep.scenes:
        for size in sweep.sizes:
            missing = [count for count in sweep.frames if (name, count, size) not in done]
            if not missing:
                continue
            scene = SCENES[name]()
            orbits = _orbits(scene, size, sweep)
            for count in missing:
                row = done[name, count, size] = _measured(scene, [_some(orbit, count) for orbit in orbits], sweep)
                if kept is not None:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    with kept.open("a", encoding="utf-8") as file:
                        file.write(json.dumps({"setting": setting, "case": (name, count, size), "row": row}) + "\n")
    return done


def _finished(kept: Path | None, setting: str) -> dict[tuple[str, int, int], dict[str, float]]:
    """The cases of a file of `run`; a last line that was cut off counts as none."""
    found = {}
    for line in kept.read_text(encoding="utf-8").splitlines() if kept is not None and kept.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        if entry["setting"] == setting:
            name, frames, size = entry["case"]
            found[name, frames, size] = entry["row"]
    return found


def _orbits(scene: Scene, size: int, sweep: Sweep) -> list[list[Frame]]:
    """All frames of the horizontal and of the vertical orbit."""
    cameras = [*orbit_cameras("H", ORBIT, size), *orbit_cameras("V", ORBIT, size)]
    frames = render_frames(scene.mesh, scene.colour, cameras, (ORBIT, ORBIT), sweep.drift * size / 512)
    return [frames[:ORBIT], frames[ORBIT:]]


def _some(orbit: Sequence[Frame], count: int) -> Sequence[Frame]:
    """Evenly spaced frames, the first and the last among them. Raises UsageError where they cannot be so many."""
    step, rest = divmod(len(orbit) - 1, count - 1)
    if rest:
        raise UsageError("bench-frames", f"{count} of {len(orbit)} frames are not evenly spaced.", "Use 7, 31 or 61.")
    return orbit[::step]


def _measured(scene: Scene, orbits: Sequence[Sequence[Frame]], sweep: Sweep) -> dict[str, float]:
    """Bake a scene from frames of two orbits, and compare new views with the truth."""
    painted = PaintedFrames([frame for orbit in orbits for frame in orbit])
    target = whole_target(scene.mesh, sweep.texture_size)
    params = FuseParams(label_grid=sweep.grid, grid=sweep.grid)
    counts = (len(orbits[0]), len(orbits[1]))
    tiles = bake(OURS, scene.mesh, [target], painted, params, counts)[target.name]
    rows: list[Sequence[float]] = []
    for camera in held_out_cameras(sweep.picture_size, sweep.held_out):
        hits = cast(scene.mesh, camera)
        drawn, true = render_texture(hits, scene.mesh, target, tiles), render(hits, scene.colour)
        mask = eroded(hits.mask())
        rows.append([metric(drawn, true, mask) for metric in COLUMNS.values()])
    return dict(zip(COLUMNS, np.mean(rows, axis=0).tolist(), strict=True))
