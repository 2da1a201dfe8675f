# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a UV map can carry a baked texture (specs/texture-optimizer.md 4.1, blender-extension.md section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .uv_raster import FAR, runs, sub_texels

SIZE = 1024  # of the overlap test, texels along each side of a tile
CLEAN = 0.99  # share of the surface with a place of its own from which on nothing needs to be said
# Below this a new map is better than the artist's own. Finished models often stack a few small parts (studs, the inside
# of a cap); giving up their layout for that would cost more than one texel that serves two places.
ENOUGH = 0.95
OVERSHOOT = 0.1  # tiles; UVs that stick out of 0..1 by less are an artist's rounding, not a UDIM layout
MIN_AREA = 1e-12  # of a UV triangle, in tiles
MAX_TILES = 100
MOST_LAYERS = 16

Layout = Literal["single", "udim", "repeating"]


@dataclass(frozen=True)
class UVQuality:
    """What is known about a UV map. Shares are of the 3-D surface, in [0, 1].

    valid      share with finite UV triangles that have an area
    overlap    share of that which lies on texels another, not adjacent, triangle also covers
    mirrored   share of that whose UVs are turned over
    layout     single: all in one tile (a little overshoot wraps around); udim: islands in several tiles;
               repeating: islands outside the tiles, as for a texture that repeats
    tiles      UDIM tile numbers used; (1001,) unless the layout is udim
    crossing   number of triangles across a tile border
    usable     at least 95 % of the surface has texels of its own
    reason     a sentence that says why it is usable or not
    """

    valid: float
    overlap: float
    mirrored: float
    layout: Layout
    tiles: tuple[int, ...]
    crossing: int
    usable: bool
    reason: str


def measure_uv(
    uv: NDArray[np.floating], area3d: NDArray[np.floating], polygons: NDArray[np.integer] | None = None
) -> UVQuality:
    """Measure the UVs (n, 3, 2) of triangles with surface area (n,).

    polygons int (n,): source polygon of each triangle; triangles of one polygon may cover the same texel (a bent quad
    folded over itself). Overlap is counted at the texel centres of 1024^2 per tile. Memory: 12 MiB a tile.
    """
    area3d = np.asarray(area3d, np.float64)
    surface = float(area3d[np.isfinite(area3d)].sum())
    if len(uv) == 0 or surface <= 0:
        return UVQuality(0.0, 0.0, 0.0, "single", (1001,), 0, False, "there is no surface")
    uv = np.asarray(uv, np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        one, two = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
        signed = 0.5 * (one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0])  # NumPy 2 has no cross product of the plane
        good = np.isfinite(uv).all(axis=(1, 2)) & (abs(uv) < FAR).all(axis=(1, 2)) & (abs(signed) > MIN_AREA)
    valid = float(area3d[good].sum()) / surface
    if not good.any():
        return UVQuality(0.0, 0.0, 0.0, "single", (1001,), 0, False, "its UVs have no area")
    uv, signed, area3d = uv[good], signed[good], area3d[good]
    polygons = np.arange(len(uv)) if polygons is None else np.asarray(polygons)[good]
    mirrored = float(area3d[signed < 0].sum() / max(area3d.sum(), 1e-30))
    layout, tiles, crossing = _layout(uv, area3d)
    room = len(tiles)
    if abs(signed).sum() > MOST_LAYERS * room:  # no need to count
        overlap = float(1.0 - room / abs(signed).sum())
    else:
        overlap = _overlap(uv, area3d, polygons, layout, tiles)
    own = valid * (1.0 - overlap)
    if own >= CLEAN:
        reason = "all of the surface has its own place"
    elif layout == "repeating":
        reason = f"it repeats the texture, so {_percent(overlap)} of the surface shares its texels"
    else:
        lacks = [] if valid >= CLEAN else [f"{_percent(1 - valid)} of the surface has no place in it"]
        shares = [] if overlap <= 0.005 else [f"{_percent(overlap)} of the surface shares its texels with another part"]
        reason = " and ".join(lacks + shares)
    usable = own >= ENOUGH
    return UVQuality(valid, overlap, mirrored, layout, tiles, crossing, usable, reason)


def _percent(share: float) -> str:
    return f"{max(1, round(100 * share))} %"


def _layout(uv: NDArray[np.float64], area3d: NDArray[np.float64]) -> tuple[Layout, tuple[int, ...], int]:
    """Layout, tiles and number of triangles across a tile border, for valid UVs (n, 3, 2)."""
    low, high = uv.min(axis=1), uv.max(axis=1)
    tile = np.floor(uv.mean(axis=1))
    over = np.maximum(tile - low, high - tile - 1).max(axis=1)
    across = over > 1e-3
    home = np.floor(np.median(uv.reshape(-1, 2), axis=0))
    if (low >= home - OVERSHOOT).all() and (high <= home + 1 + OVERSHOOT).all():
        return "single", (1001,), int(across.sum())
    used = np.unique(tile[~across].astype(np.int64), axis=0)
    proper = len(used) > 0 and (used >= 0).all() and (used[:, 0] < 10).all() and len(used) <= MAX_TILES
    if not proper or area3d[across].sum() > (1 - CLEAN) * area3d.sum():
        return "repeating", (1001,), int(across.sum())
    if len(used) == 1:
        return "single", (1001,), int(across.sum())
    return "udim", tuple(sorted(int(1001 + u + 10 * v) for u, v in used)), int(across.sum())


def _overlap(
    uv: NDArray[np.float64],
    area3d: NDArray[np.float64],
    polygons: NDArray[np.integer],
    layout: Layout,
    tiles: tuple[int, ...],
) -> float:
    """Share of the surface on texels that a triangle of another polygon covers as well."""
    claims = np.zeros(len(uv))
    shared = np.zeros(len(uv))
    wrap = layout != "udim"
    for tile in tiles:
        points = sub_texels(uv, SIZE, tile)
        found = [np.concatenate(parts) for parts in zip(*runs(points, SIZE, wrap), strict=True)]
        if not found:
            continue
        triangle, row, first, last = found
        count = _cover_count(row, first, last)
        total = np.zeros((SIZE, SIZE + 1), np.int64)
        np.cumsum(count >= 2, axis=1, out=total[:, 1:])
        double = total[row, last + 1] - total[row, first]
        double -= _within_polygon(triangle, row, first, last, polygons, double)
        claims += np.bincount(triangle, last - first + 1, len(uv))
        shared += np.bincount(triangle, np.maximum(double, 0), len(uv))
    seen = claims > 0
    if not seen.any():
        return 0.0
    return float((area3d[seen] * shared[seen] / claims[seen]).sum() / area3d[seen].sum())


def _cover_count(row: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many runs cover each texel, int64 (SIZE, SIZE)."""
    flat = SIZE + 1
    edges = np.bincount(row * flat + first, minlength=SIZE * flat) - np.bincount(
        row * flat + last + 1, minlength=SIZE * flat
    )
    return np.cumsum(edges.reshape(SIZE, flat), axis=1)[:, :SIZE]


def _within_polygon(
    triangle: NDArray[np.int64],
    row: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    polygons: NDArray[np.integer],
    double: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Texels of each run that are covered twice only because the polygon's own triangles fold over each other."""
    result = np.zeros(len(row), np.int64)
    _, index, members = np.unique(polygons, return_inverse=True, return_counts=True)
    candidate = np.flatnonzero((double > 0) & (members[index][triangle] > 1))
    if len(candidate) == 0:
        return result
    order = candidate[np.lexsort((first[candidate], row[candidate], index[triangle[candidate]]))]
    here, after = order[:-1], order[1:]
    same = (index[triangle[here]] == index[triangle[after]]) & (row[here] == row[after])
    both = np.where(same, np.minimum(last[here], last[after]) - first[after] + 1, 0)
    both = np.maximum(both, 0)
    np.add.at(result, here, both)
    np.add.at(result, after, both)
    return np.minimum(result, double)
