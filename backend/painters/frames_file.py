# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted frames on disk: `frames.json` with cameras and notes, one PNG a frame, one more for its confidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import write_json, write_png
from ..orbits.cameras import Camera
from ..png import read_png
from ..progress import Progress
from .base import Frame, PaintedFrames

SCHEMA = 1


def save_frames(folder: Path, painted: PaintedFrames, progress: Progress) -> None:
    """Write everything that `load_frames` needs into an existing folder."""
    entries: dict[str, list[dict[str, Any]]] = {}
    total = len(painted.frames) + len(painted.anchors)
    done = 0
    for kind, frames in (("frame", painted.frames), ("anchor", painted.anchors)):
        entries[kind] = []
        for index, frame in enumerate(frames):
            entry: dict[str, Any] = {"image": f"{kind}_{index:04d}.png", "camera": frame.camera.to_json()}
            write_png(folder / entry["image"], frame.image)
            if frame.confidence is not None:
                entry["confidence"] = f"{kind}_{index:04d}_confidence.png"
                write_png(folder / entry["confidence"], frame.confidence)
            entries[kind].append(entry)
            done += 1
            progress(done / total, f"saving frame {done} of {total}")
    write_json(
        folder / "frames.json",
        {
            "schema": SCHEMA,
            "frames": entries["frame"],
            "anchors": entries["anchor"],
            "exact": painted.exact,
            "notes": list(painted.notes),
            "info": dict(painted.info),
        },
    )


def load_frames(folder: Path) -> PaintedFrames:
    """What `save_frames` wrote. Raises InputError for a missing or damaged file."""
    try:
        data = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
        frames = [_load_frame(folder, entry) for entry in data["frames"]]
        anchors = [_load_frame(folder, entry) for entry in data["anchors"]]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "frames-damaged", f"The frames in {folder} cannot be read ({error}).", "Run 'paint' again."
        ) from error
    return PaintedFrames(frames, anchors, data["exact"], data["notes"], data["info"])


def _load_frame(folder: Path, entry: dict[str, Any]) -> Frame:
    confidence = _picture(folder / entry["confidence"]) if "confidence" in entry else None
    return Frame(_picture(folder / entry["image"]), Camera.from_json(entry["camera"]), confidence)


def _picture(path: Path) -> NDArray[np.uint8]:
    return read_png(path).astype(np.uint8, copy=False)
