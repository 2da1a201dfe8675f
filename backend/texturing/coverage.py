# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each texel came from, and how visible the seams are: pictures and numbers for the report."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData
from .types import UNOBSERVED, UNOWNED, BakedTile, TextureTarget
from .uv_seams import same_direction, seam_mates

GOLDEN = 0.6180339887  # steps of the golden ratio put the hues of neighbouring views far apart
BACKGROUND = (34, 34, 34)
UNSEEN = (200, 0, 160)
SEEN = 128  # confidence from which on a colour counts as seen in a reference
HATCH = 24  # texels per 1024 pixels, period of the stripes: seen in a picture as small as an icon, too
SPREAD = 4  # samples per texel of a seam edge at most
BLOCK_ROWS = 512


def coverage_picture(
    label: NDArray[np.integer], confidence: NDArray[np.uint8] | None = None, *, anchors: int = 0
) -> NDArray[np.uint8]:
    """A picture uint8 (S, S, 3) of the view each texel came from.

    label (S, S) and confidence (S, S) of a BakedTile; anchors: the first views are exact references. Views differ in
    hue; references are bright, frames darker; colours that the painter invented are striped with grey; surface that
    no view sees is striped magenta and black; what belongs to no face is dark grey.
    """
    count = int(max(label.max(initial=0), 0)) + 1
    colours = [_view_colour(view, view < anchors) for view in range(count)]
    palette = np.array([*colours, BACKGROUND, UNSEEN], np.uint8)
    index = np.where(label == UNOWNED, count, np.where(label == UNOBSERVED, count + 1, np.maximum(label, 0)))
    picture = palette[index]
    period = max(4, round(HATCH * label.shape[0] / 1024))
    rows, columns = np.ogrid[: label.shape[0], : label.shape[1]]
    stripe = (rows + columns) // (period // 2) % 2 == 0
    picture[stripe & (label == UNOBSERVED)] = 0
    if confidence is not None:
        invented = stripe & (label >= 0) & (confidence < SEEN)
        picture[invented] = picture[invented] // 3 + np.uint8(60)
    return picture


def _view_colour(view: int, exact: bool) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb((view * GOLDEN) % 1, 0.55 + 0.2 * (view % 2), 1.0 if exact else 0.8)
    return int(255 * red), int(255 * green), int(255 * blue)


def coverage_numbers(textures: Mapping[str, Sequence[BakedTile]]) -> dict[str, float]:
    """Shares of the owned texels of all textures, adding up to 1.

    reference: the colour was seen in a reference (the painter is sure of it); painted: a frame shows it, but it was
    invented; unseen: no view sees it, it was filled from around.
    """
    counts = np.zeros(3, np.int64)
    for tiles in textures.values():
        for tile in tiles:
            sure = tile.confidence >= SEEN
            observed = tile.label >= 0
            counts += (observed & sure).sum(), (observed & ~sure).sum(), (tile.label == UNOBSERVED).sum()
    shares = np.round(counts / max(1, counts.sum()), 4)
    return dict(zip(("reference", "painted", "unseen"), shares.tolist(), strict=True))


def seam_error(mesh: MeshData, target: TextureTarget, tiles: Sequence[BakedTile]) -> dict[str, float | None]:
    """How much colours step at seams, RMS over channels in 1/255.

    inside: between neighbouring texels of one view; label_seam: between neighbouring texels of different views;
    uv_seam: between the two sides of a UV seam, half a texel inside each; and the ratios of the last two to the first.
    None where there is nothing to measure. A ratio of 1 means that a seam cannot be told from the texture.
    """
    sums = np.zeros((3, 2))
    for tile in tiles:
        _label_steps(tile, sums)
    _uv_steps(mesh, target, {tile.tile: tile for tile in tiles}, sums)
    rms = [float(np.sqrt(total / count)) if count else None for total, count in sums]
    inside, label_seam, uv_seam = rms

    def ratio(value: float | None) -> float | None:
        return None if value is None or not inside else round(value / inside, 3)

    return {
        "inside": None if inside is None else round(inside, 3),
        "label_seam": None if label_seam is None else round(label_seam, 3),
        "uv_seam": None if uv_seam is None else round(uv_seam, 3),
        "label_seam_ratio": ratio(label_seam),
        "uv_seam_ratio": ratio(uv_seam),
    }


def _unit(tile: BakedTile) -> float:
    return 255.0 / np.iinfo(tile.rgba.dtype).max


def _label_steps(tile: BakedTile, sums: NDArray[np.float64]) -> None:
    """Adds squared steps and counts between texels adjacent in the image: row 0 inside, row 1 label seams."""
    size = tile.label.shape[0]
    for start in range(0, size, BLOCK_ROWS):
        rows = slice(start, min(size, start + BLOCK_ROWS + 1))
        colour = tile.rgba[rows, :, :3].astype(np.float32) * np.float32(_unit(tile))
        label = tile.label[rows]
        for here, there in (
            ((slice(None, BLOCK_ROWS), slice(None, -1)), (slice(None, BLOCK_ROWS), slice(1, None))),
            ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ):
            step = ((colour[there] - colour[here]) ** 2).mean(axis=-1)
            a, b = label[here], label[there]
            for kind, pairs in enumerate(((a >= 0) & (a == b), (a >= 0) & (b >= 0) & (a != b))):
                sums[kind] += float(step[pairs].sum(dtype=np.float64)), int(pairs.sum())


def _uv_steps(mesh: MeshData, target: TextureTarget, tiles: Mapping[int, BakedTile], sums: NDArray[np.float64]) -> None:
    """Adds squared steps across UV seams to row 2."""
    faces = mesh.faces[target.faces]
    uv = np.asarray(target.uv, np.float64)
    mate, seam = seam_mates(mesh.vertices, faces, uv)
    edge = np.flatnonzero((seam & (mate >= 0)).reshape(-1))
    other = mate.reshape(-1)[edge]
    once = edge < other
    edge, other = edge[once], other[once]
    good = np.isfinite(uv).all(axis=(1, 2))
    both = good[edge // 3] & good[other // 3]
    edge, other = edge[both], other[both]
    if len(edge) == 0:
        return
    start, end, inward = _edge(uv, edge)
    turned = ~same_direction(mesh.vertices, faces, edge, other)
    other_start, other_end, other_inward = _edge(uv, other)
    swapped = np.where(turned[:, None], other_end, other_start), np.where(turned[:, None], other_start, other_end)
    length = np.linalg.norm(end - start, axis=1) * target.size
    count = np.clip(np.ceil(length), 1, target.size * SPREAD).astype(np.int64)
    row = np.repeat(np.arange(len(edge)), count)
    t = ((np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)) + 0.5) / count[row]
    half = 0.5 / target.size
    here = start[row] + t[:, None] * (end - start)[row] + half * inward[row]
    there = swapped[0][row] + t[:, None] * (swapped[1] - swapped[0])[row] + half * other_inward[row]
    first, seen_first = _lookup(here, target, tiles)
    second, seen_second = _lookup(there, target, tiles)
    both = seen_first & seen_second
    sums[2] += float((((first - second) ** 2).mean(axis=1))[both].sum()), int(both.sum())


def _edge(uv: NDArray[np.float64], edge: NDArray[np.integer]) -> tuple[NDArray, NDArray, NDArray]:
    """Start, end and unit inward normal, each (m, 2), of edges numbered 3 t + k."""
    triangle, k = edge // 3, edge % 3
    start, end, third = (uv[triangle, (k + i) % 3] for i in range(3))
    side = end - start
    normal = np.stack([-side[:, 1], side[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    return start, end, np.where(((third - start) * normal).sum(axis=1)[:, None] < 0, -normal, normal)


def _lookup(
    uv: NDArray[np.float64], target: TextureTarget, tiles: Mapping[int, BakedTile]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Nearest colours float64 (m, 3) in 0...255 at uv (m, 2), and whether the texel there was seen by a view."""
    colour, seen = np.zeros((len(uv), 3)), np.zeros(len(uv), bool)
    whole = np.floor(uv).astype(np.int64)
    number = 1001 + whole[:, 0] + 10 * whole[:, 1] if target.tiles != (1001,) else np.full(len(uv), 1001)
    local = uv - whole
    for tile_number, tile in tiles.items():
        at = np.flatnonzero(number == tile_number)
        size = tile.label.shape[0]
        column = np.minimum((local[at, 0] * size).astype(np.int64), size - 1)
        row = np.minimum(((1.0 - local[at, 1]) * size).astype(np.int64), size - 1)
        colour[at] = tile.rgba[row, column, :3].astype(np.float64) * _unit(tile)
        seen[at] = tile.label[row, column] >= 0
    return colour, seen
