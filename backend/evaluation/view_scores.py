# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at baked textures from held-out views, beside the truth where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import save_npz, write_png
from ..flat_view import Images, surface_colour
from ..host import TextureFiles
from ..mesh import MeshData
from ..orbits.cameras import Camera
from ..orbits.encoding import resize
from ..pictures import on_background
from ..progress import Progress
from ..texturing.hits import cast
from . import metrics
from .filters import eroded
from .learned import Networks, similarity
from .rendering import held_out_cameras
from .settings import Settings
from .truth import eight_bits

SHOWN = 4  # views that are kept for the contact sheet
BEST = 100.0  # dB that stand for pictures without any difference

Picture = NDArray[np.uint8]
Made = Mapping[str, tuple[Sequence[TextureFiles], Images]]  # by bake


def look(
    settings: Settings,
    mesh: MeshData,
    made: Made,
    true_views: Sequence[tuple[Picture, NDArray[np.bool_]]],
    references: Sequence[Picture],
    networks: Networks | None,
    folder: Path,
    progress: Progress,
) -> dict[str, dict[str, float]]:
    """Means over the held-out views, by bake. Keeps some views as pictures, and the features of all."""
    cameras = held_out_cameras(settings.picture_size, settings.held_out)
    shown = np.unique(np.linspace(0, len(cameras) - 1, SHOWN).round().astype(int)).tolist()
    values: dict[str, list[dict[str, float]]] = {name: [] for name in made}
    features: dict[str, list[NDArray[np.float32]]] = {}
    pictures = folder / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()

    def keep(name: str, index: int, picture: Picture) -> None:
        if index in shown:
            write_png(pictures / f"{name}-{index:02d}.png", picture)

    describe: Callable[[Picture], Mapping[str, NDArray[np.float32]]] = networks.features if networks else lambda _: {}
    described = [describe(picture) for picture in references]
    for real in described if not true_views else ():
        _add(features, "real", real)
    for index, camera in enumerate(cameras):
        progress(index / len(cameras), f"view {index + 1} of {len(cameras)}")
        hits = cast(mesh, camera)
        truth, mask = true_views[index] if true_views else (None, hits.mask())
        real = describe(truth) if truth is not None else described[0]
        if truth is not None:
            keep("truth", index, truth)
            _add(features, "real", real)
        for name, (textures, images) in made.items():
            picture = eight_bits(hits.picture(surface_colour(mesh, hits, textures, images)))
            keep(name, index, picture)
            row = compared(picture, truth, mask)
            found = describe(picture)
            _add(features, name, found)
            distance = networks.distance(picture, truth) if networks is not None and truth is not None else None
            if distance is not None:
                row["lpips"] = distance
            if "clip" in found and "clip_i" in settings.metrics:
                row["clip_i"] = similarity(found["clip"], real["clip"])
            values[name].append(row)
    if features:
        save_npz(folder / "features.npz", True, **{name: np.stack(rows) for name, rows in features.items()})
    return {name: _means(rows) for name, rows in values.items()}


def at_references(
    mesh: MeshData, made: Made, references: Sequence[tuple[Camera, Picture]]
) -> dict[str, dict[str, float]]:
    """How near each bake is to reference pictures, uint8 (h, w, 4), from their cameras: means of PSNR and SSIM."""
    values: dict[str, list[dict[str, float]]] = {name: [] for name in made}
    for camera, picture in references:
        hits = cast(mesh, camera)
        fitted = resize(picture, camera.width, camera.height)
        mask = hits.mask() & (fitted[..., 3] >= 128)
        for name, (textures, images) in made.items():
            drawn = eight_bits(hits.picture(surface_colour(mesh, hits, textures, images)))
            row = compared(drawn, on_background(fitted, (255, 255, 255)), mask)
            values[name].append({f"reference_{key}": row[key] for key in ("psnr", "ssim") if key in row})
    return {name: _means(rows) for name, rows in values.items()}


def _add(features: dict[str, list[NDArray[np.float32]]], name: str, found: Mapping[str, NDArray[np.float32]]) -> None:
    for network, vector in found.items():
        features.setdefault(f"{name}.{network}", []).append(vector)


def compared(picture: Picture, truth: Picture | None, mask: NDArray[np.bool_]) -> dict[str, float]:
    """The metrics of one view on the object's pixels less their rim; without a truth the sharpness itself alone."""
    mask = eroded(mask)
    if not mask.any():
        return {}
    image = picture.astype(np.float32) / 255
    row = {"gradient": 255 * metrics.gradient(image, mask)}
    if truth is not None:
        right = truth.astype(np.float32) / 255
        row |= {
            "psnr": min(metrics.psnr(image, right, mask), BEST),
            "ssim": metrics.ssim(image, right, mask),
            "ms_ssim": metrics.ms_ssim(image, right, mask),
            "true_gradient": 255 * metrics.gradient(right, mask),
        }
    return row


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over views; sharpness is the ratio of the mean gradients, for a view may be of one colour."""
    names = dict.fromkeys(name for row in rows for name in row)
    found = {}
    for name in names:
        values = np.array([row[name] for row in rows if name in row])
        found[name] = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
    true_gradient = found.pop("true_gradient", 0.0)
    if true_gradient > 0:
        found["sharpness"] = found["gradient"] / true_gradient
    return found


def square(image: Picture) -> Picture:
    """A picture (h, w, 4) over white in the middle of a white square, uint8 (s, s, 3)."""
    flat = on_background(image, (255, 255, 255))
    side = max(flat.shape[:2])
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - flat.shape[0]) // 2, (side - flat.shape[1]) // 2
    square[top : top + flat.shape[0], left : left + flat.shape[1]] = flat
    return square
