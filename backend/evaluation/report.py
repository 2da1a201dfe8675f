# SPDX-License-Identifier: GPL-3.0-or-later
"""What an evaluation leaves behind: a table in Markdown, CSV and JSON, and a contact sheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..files import atomic_path, load_npz, read_png, write_json, write_png
from ..job import Job
from ..pictures import CELL, PANEL, SheetRow, SheetSection, draw_sheet, fit_cell
from ..progress import Progress, silent
from .learned import NEEDS, left_out, set_distances
from .settings import Settings

# metric -> title, format, factor; in the order of the tables
COLUMNS: dict[str, tuple[str, str, float]] = {
    "psnr": ("PSNR, dB", ".2f", 1),
    "ssim": ("SSIM", ".3f", 1),
    "ms_ssim": ("MS-SSIM", ".3f", 1),
    "reference_psnr": ("reference PSNR", ".2f", 1),
    "reference_ssim": ("reference SSIM", ".3f", 1),
    "lpips": ("LPIPS", ".3f", 1),
    "fid": ("FID", ".1f", 1),
    "kid": ("KID × 1000", ".2f", 1000),
    "clip_fid": ("CLIP-FID", ".4f", 1),
    "clip_i": ("CLIP-I", ".4f", 1),
    "mv_mse": ("MV-MSE × 1000", ".2f", 1000),
    "uv_seam_ratio": ("UV seams", ".2f", 1),
    "label_seam_ratio": ("view seams", ".2f", 1),
    "sharpness": ("sharpness", ".3f", 1),
    "gradient": ("gradient", ".2f", 1),
    "coverage": ("coverage, %", ".1f", 100),
    "passes_seconds": ("passes, s", ".1f", 1),
    "paint_seconds": ("paint, s", ".1f", 1),
    "bake_seconds": ("bake, s", ".1f", 1),
    "peak_bytes": ("peak, MiB", ".0f", 2**-20),
}
# Why a metric that was to be measured has no value for any object.
ABSENT = {
    "psnr": "the truth is not known",
    "ssim": "the truth is not known",
    "ms_ssim": "the truth is not known, or the objects are smaller than its window",
    "reference_psnr": "no reference has a known camera",
    "reference_ssim": "no reference has a known camera",
    "lpips": "the truth is not known",
    "fid": "there are fewer than two pictures",
    "kid": "there are fewer than two pictures",
    "clip_fid": "there are fewer than two pictures",
    "mv_mse": "no two frames show the same point",
    "uv_seam_ratio": "no UV seam has texels on both sides",
    "label_seam_ratio": "no two views meet on a texture",
    "sharpness": "the truth is not known, or has no detail",
    "coverage": "the bakes do not tell",
}
SHEET_ITEMS = 30  # on the contact sheet
Row = Mapping[str, float | None]


def write_report(
    out: Path,
    base: Job,
    settings: Settings,
    results: Sequence[Mapping[str, Any]],
    failed: Mapping[str, Mapping[str, str]],
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the files of an evaluation into `out`; the summary for the user. Raises OutputError, InputError."""
    progress(0.0, "tables")
    bakes = [bake for bake in settings.bakes if any(bake in result["bakes"] for result in results)]
    means = {bake: _mean([r["bakes"][bake] for r in results if bake in r["bakes"]]) for bake in bakes}
    for bake in bakes:
        means[bake] |= _distances(out, settings, [result for result in results if bake in result["bakes"]], bake)
    text = markdown(base, settings, results, means, failed)
    for name, content in (("table.md", text), ("table.csv", csv_text(results, means))):
        with atomic_path(out / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
    write_json(
        out / "evaluation.json",
        {
            "job": {**base.to_json(), "out": ""}, "settings": settings.to_json(), "means": means,
            "items": list(results), "failed": failed,
        },
    )  # fmt: skip
    if results:
        progress(0.5, "contact sheet")
        write_png(out / "contact_sheet.png", sheet(out, results[:SHEET_ITEMS]))
    progress(1.0, "tables done")
    summary: dict[str, Any] = {"output": str(out), "measured": f"{len(results)} of {len(results) + len(failed)}"}
    if failed:
        summary["failed"] = ", ".join(failed)
    for bake, row in means.items():
        summary[bake] = ", ".join(f"{COLUMNS[name][0]} {_cell(name, row[name])}" for name in _used([row])[:4])
    return summary


def _mean(rows: Sequence[Row]) -> dict[str, float | None]:
    """Mean of each metric over the items that have it; of the peak the largest."""
    found: dict[str, float | None] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [value for row in rows if (value := row.get(name)) is not None]
        found[name] = float(max(values) if name == "peak_bytes" else np.mean(values)) if values else None
    return found


def _distances(
    out: Path, settings: Settings, results: Sequence[Mapping[str, Any]], bake: str
) -> dict[str, float | None]:
    """Distances between the sets of all views of a bake and of the truth."""
    if not {"fid", "kid", "clip_fid"} & set(settings.metrics):
        return {}
    stored = [load_npz(out / "items" / result["name"] / "features.npz") for result in results]
    networks = sorted({name.rpartition(".")[2] for features in stored for name in features})

    def joined(kind: str) -> dict[str, NDArray[np.float32]]:
        return {network: np.concatenate([one[f"{kind}.{network}"] for one in stored]) for network in networks}

    return set_distances(settings.metrics, joined("real"), joined(bake))


def _used(rows: Sequence[Row]) -> list[str]:
    """The columns that have a value anywhere."""
    return [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]


def _cell(name: str, value: float | None) -> str:
    _, form, factor = COLUMNS[name]
    return "–" if value is None else format(value * factor, form)


def _table(head: Sequence[str], rows: Sequence[tuple[Sequence[str], Row]]) -> list[str]:
    names = _used([row for _, row in rows])
    titles = [*head, *(COLUMNS[name][0] for name in names)]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(head) + "---:|" * len(names)]
    for words, row in rows:
        lines.append("| " + " | ".join([*words, *(_cell(name, row.get(name)) for name in names)]) + " |")
    return lines


def markdown(
    base: Job,
    settings: Settings,
    results: Sequence[Mapping[str, Any]],
    means: Mapping[str, Row],
    failed: Mapping[str, Mapping[str, str]],
) -> str:
    """The whole report: means over the items, each item, what failed and what was left out."""
    horizontal, vertical = base.views
    drift = f", drift {settings.drift:g} px" if settings.drift else ""
    plural = "" if len(results) == 1 else "s"
    lines = [
        "# Evaluation",
        "",
        f"{len(results)} object{plural}; engine {base.engine}{drift}, {horizontal} + {vertical} views of {base.size} "
        f"pixels, textures of {base.texture_size}; seen from {settings.held_out} new views of "
        f"{settings.picture_size} pixels.",
        "",
    ]
    if results:
        lines += ["## Means", "", *_table(["bake"], [([bake], row) for bake, row in means.items()]), ""]
        rows = [([result["name"], bake], row) for result in results for bake, row in result["bakes"].items()]
        lines += ["## Each object", "", *_table(["object", "bake"], rows), ""]
    errors = dict(failed)
    for result in results:
        errors |= {f"{result['name']}, {bake}": error for bake, error in result.get("failed", {}).items()}
    if errors:
        lines += ["## Failed", ""]
        lines += [*(f"* {name}: {error['message']} [{error['code']}]" for name, error in errors.items()), ""]
    for sentence in (absent(settings, means), left_out(settings.metrics)):
        if sentence is not None:
            lines += [sentence, ""]
    return "\n".join(lines)


def absent(settings: Settings, means: Mapping[str, Row]) -> str | None:
    """A sentence about the metrics that could not be measured, with the reasons."""
    wanted = [name for name in ABSENT if name not in NEEDS or name in settings.metrics]
    used, reasons = _used(list(means.values())), dict[str, list[str]]()
    for name in wanted:
        if means and name not in used:
            reasons.setdefault(ABSENT[name], []).append(COLUMNS[name][0].partition(",")[0])
    if not reasons:
        return None
    return "Not measured: " + "; ".join(f"{', '.join(titles)} ({why})" for why, titles in reasons.items()) + "."


def csv_text(results: Sequence[Mapping[str, Any]], means: Mapping[str, Row]) -> str:
    """One line per object and bake, and the means as the object `mean`; numbers as measured."""
    rows = [(result["name"], bake, row) for result in results for bake, row in result["bakes"].items()]
    rows += [("mean", bake, row) for bake, row in means.items()]
    names = _used([row for *_, row in rows])
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["object", "bake", *names])
    for item, bake, row in rows:
        writer.writerow([item, bake, *("" if row.get(name) is None else repr(row[name]) for name in names)])
    return stream.getvalue()


def sheet(out: Path, results: Sequence[Mapping[str, Any]]) -> NDArray[np.uint8]:
    """The reference of each object, and the same new views of the truth and of every bake, uint8 (h, w, 3)."""
    blank = np.full((CELL, CELL, 3), PANEL, np.uint8)
    sections = []
    for result in results:
        folder = out / "items" / result["name"]
        reference = folder / "reference.png"
        first = fit_cell(read_png(reference).astype(np.uint8)) if reference.exists() else blank
        rows = []
        for name in (*(("truth",) if result["truth"] else ()), *result["bakes"]):
            paths = sorted((folder / "pictures").glob(f"{name}-*.png"))
            cells = [fit_cell(read_png(path).astype(np.uint8)) for path in paths]
            rows.append(SheetRow(name, [blank if rows else first, *cells], [] if rows else ["reference"]))
        sections.append(SheetSection(result["name"], rows))
    return draw_sheet(sections)
