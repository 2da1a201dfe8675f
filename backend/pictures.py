# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures about a run: the contact sheet and orbit videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import EngineMissingError, OutputError
from .files import atomic_path
from .orbits.cameras import orbit_angles
from .orbits.encoding import encode_view, resize
from .orbits.passes import PassSet
from .painters.base import PaintedFrames
from .progress import Progress, part, silent

BACKGROUND = (38, 38, 38)
PANEL = (52, 52, 52)  # behind pictures with alpha
INK, FAINT = (225, 225, 225), (150, 150, 150)
CELL, GAP, MARGIN, LABEL, HEAD, FOOT = 176, 6, 28, 104, 34, 20
VIEWS = 10  # of each orbit


@dataclass(frozen=True, eq=False)
class SheetRow:
    """label: beside the row; cells: pictures uint8 (CELL, CELL, 3); captions: under them, may be empty."""

    label: str
    cells: list[NDArray[np.uint8]]
    captions: list[str]


@dataclass(frozen=True, eq=False)
class SheetSection:
    title: str
    rows: list[SheetRow]


def contact_sheet(
    references: Sequence[NDArray[np.uint8]], passes: PassSet, painted: PaintedFrames, progress: Progress = silent
) -> NDArray[np.uint8]:
    """One picture that shows a whole run, uint8 (h, w, 3): the references (each uint8 (h, w, 4)), and some evenly
    spaced views of each orbit: normals, positions, painted frames. Captions need Pillow and are left out without it.
    """
    sections = [SheetSection("References", _reference_rows(references, painted))]
    horizontal, vertical = passes.orbit_counts
    for title, start, count, share in (
        ("Horizontal orbit", 0, horizontal, (0.0, 0.5)),
        ("Vertical orbit", horizontal, vertical, (0.5, 1.0)),
    ):
        if count:
            rows = _orbit_rows(passes, painted, start, count, part(progress, *share))
            sections.append(SheetSection(title, rows))
    progress(1.0, "contact sheet")
    return draw_sheet(sections)


def _reference_rows(references: Sequence[NDArray[np.uint8]], painted: PaintedFrames) -> list[SheetRow]:
    rows = [SheetRow("given", [fit_cell(image) for image in references[:VIEWS]], [])]
    if painted.anchors:
        rows.append(SheetRow("as placed", [fit_cell(anchor.image) for anchor in painted.anchors[:VIEWS]], []))
    return rows


def _orbit_rows(passes: PassSet, painted: PaintedFrames, start: int, count: int, progress: Progress) -> list[SheetRow]:
    angles = orbit_angles(count)
    distinct = count - 1 if count > 1 and angles[-1] == 0 else count
    chosen = np.unique(np.arange(min(VIEWS, distinct)) * distinct // min(VIEWS, distinct))
    normals, positions, frames, captions = [], [], [], []
    for done, index in enumerate(chosen.tolist()):
        progress(done / len(chosen), f"contact sheet, view {start + index + 1}")
        encoded = encode_view(passes.view(start + index), CELL, CELL)
        normals.append(encoded.normal)
        positions.append(encoded.position)
        frames.append(fit_cell(painted.frames[start + index].image))
        captions.append(f"{start + index}: {angles[index]:.0f}°")
    return [
        SheetRow("normals", normals, []),
        SheetRow("positions", positions, []),
        SheetRow("painted", frames, captions),
    ]


def fit_cell(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (h, w, 3 or 4) as large as it can be in a cell, on the panel colour, uint8 (CELL, CELL, 3)."""
    flat = on_background(image, PANEL)
    height, width = flat.shape[:2]
    scale = CELL / max(height, width)
    small = resize(flat, max(1, round(width * scale)), max(1, round(height * scale)))
    cell = np.full((CELL, CELL, 3), PANEL, np.uint8)
    top, left = (CELL - small.shape[0]) // 2, (CELL - small.shape[1]) // 2
    cell[top : top + small.shape[0], left : left + small.shape[1]] = small
    return cell


def on_background(image: NDArray[np.uint8], colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Straight-alpha uint8 (h, w, 4) over a colour, blended as stored, uint8 (h, w, 3); RGB is returned as it is."""
    if image.shape[2] == 3:
        return image
    alpha = image[..., 3:].astype(np.uint16)
    mixed = image[..., :3] * alpha + np.array(colour, np.uint16) * (255 - alpha)
    return ((mixed + 127) // 255).astype(np.uint8)


def draw_sheet(sections: Sequence[SheetSection]) -> NDArray[np.uint8]:
    """Sections of rows of cells with their words, uint8 (h, w, 3). Words need Pillow and are left out without it."""
    columns = max(len(row.cells) for section in sections for row in section.rows)
    width = 2 * MARGIN + LABEL + columns * (CELL + GAP) - GAP
    heights = [HEAD + sum(_row_height(row) for row in section.rows) for section in sections]
    sheet = np.full((2 * MARGIN + sum(heights) + MARGIN * (len(sections) - 1), width, 3), BACKGROUND, np.uint8)
    texts: list[tuple[int, int, str, int, tuple[int, int, int], str]] = []  # x, y, text, size, colour, anchor
    y = MARGIN
    for section, height in zip(sections, heights, strict=True):
        texts.append((MARGIN, y, section.title, 20, INK, "la"))
        row_y = y + HEAD
        for row in section.rows:
            texts.append((MARGIN, row_y + CELL // 2, row.label, 15, FAINT, "lm"))
            for column, cell in enumerate(row.cells):
                x = MARGIN + LABEL + column * (CELL + GAP)
                sheet[row_y : row_y + CELL, x : x + CELL] = cell
                if column < len(row.captions):
                    texts.append((x + CELL // 2, row_y + CELL + 4, row.captions[column], 13, FAINT, "ma"))
            row_y += _row_height(row)
        y += height + MARGIN
    return _write(sheet, texts)


def _row_height(row: SheetRow) -> int:
    return CELL + GAP + (FOOT if row.captions else 0)


def _write(sheet: NDArray[np.uint8], texts: Sequence[tuple[int, int, str, int, Any, str]]) -> NDArray[np.uint8]:
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        return sheet
    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    for x, y, text, size, colour, anchor in texts:
        font = ImageFont.load_default(size)
        if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow without FreeType places text by its corner only
            draw.text((x, y), text.encode("latin-1", "replace").decode("latin-1"), fill=colour, font=font)
            continue
        draw.text((x, y), text, fill=colour, font=font, anchor=anchor)
    return np.array(image)


def encode_video(
    frames: Iterable[NDArray[np.uint8]],
    path: Path | str,
    fps: float = 24.0,
    background: tuple[int, int, int] = BACKGROUND,
    progress: Progress = silent,
    total: int = 0,
) -> None:
    """Write uint8 frames (h, w, 3 or 4) as H.264 (yuv420p, CRF 18) with imageio-ffmpeg, for machines without Blender.

    total: how many frames there are, for progress only. Raises EngineMissingError (video-encoder-missing), OutputError.
    """
    try:
        from imageio_ffmpeg import write_frames
    except ImportError as error:
        raise EngineMissingError(
            "video-encoder-missing", "Videos need imageio-ffmpeg, which is not installed.", "Install the engine."
        ) from error
    start: Any = write_frames
    with atomic_path(path) as temporary:
        writer: Any = None
        try:
            for done, frame in enumerate(frames):
                picture = on_background(frame, background)
                even = np.pad(picture, ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)), mode="edge")
                if writer is None:
                    writer = start(
                        str(temporary),
                        (even.shape[1], even.shape[0]),
                        fps=fps,
                        codec="libx264",
                        quality=None,
                        macro_block_size=2,
                        output_params=["-crf", "18", "-movflags", "+faststart"],
                    )
                    writer.send(None)
                writer.send(np.ascontiguousarray(even))
                progress(min((done + 1) / max(total, done + 1), 1.0), f"video frame {done + 1}")
        finally:
            if writer is not None:
                writer.close()
        if writer is None or not temporary.is_file() or temporary.stat().st_size == 0:
            raise OutputError("video-failed", f"{path} could not be encoded.", "See the log.")
