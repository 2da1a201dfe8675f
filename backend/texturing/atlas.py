# SPDX-License-Identifier: GPL-3.0-or-later
"""From labels and frames to the pixels of a texture (specs/texture-optimizer.md 4.11 and 4.12)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..mesh import MeshData, face_normals
from ..progress import Progress, part, silent
from . import accel
from .margin import fill_margin
from .texel_sampling import SurfaceSampler
from .types import UNOWNED, BakedTile, TextureTarget
from .uv_raster import barycentric, claim_texels
from .visibility import blocks

BLOCK_TEXELS = 1_048_576  # in work at a time, at most on so many threads:
THREADS = 4
MARGIN_SIZE = 2048  # FuseParams.margin is given for textures of this size


def bake_target(
    mesh: MeshData,
    target: TextureTarget,
    sampler: SurfaceSampler,
    *,
    double_sided: bool | NDArray[np.bool_] = False,
    progress: Progress = silent,
) -> list[BakedTile]:
    """Bake one texture, one image per UDIM tile of the target; the sampler may serve several textures.

    double_sided  one bool, or bool (F,) per face of the mesh
    Texels that the mesh's cut-outs take away are filled from around and belong to no view.
    Returns uint8 images, uint16 where params.bits is 16. Memory: 22 bytes a texel (26 at 16 bit) and 150 MB for
    the million texels in work.
    """
    tiles = []
    for index, tile in enumerate(target.tiles):
        span = part(progress, index / len(target.tiles), (index + 1) / len(target.tiles))
        tiles.append(_bake_tile(mesh, target, tile, sampler, double_sided, span))
    return tiles


def _bake_tile(
    mesh: MeshData,
    target: TextureTarget,
    tile: int,
    sampler: SurfaceSampler,
    double_sided: bool | NDArray[np.bool_],
    progress: Progress,
) -> BakedTile:
    size = target.size
    params = sampler.params
    faces = mesh.faces[target.faces]
    normals, area = face_normals(mesh.vertices, faces)
    corners = mesh.vertices[faces].astype(np.float64)
    # Faces without area or with broken corners have no colour of their own and would only take texels from others.
    usable = (area > 0) & np.isfinite(corners).all(axis=(1, 2))
    uv = np.where(usable[:, None, None], np.asarray(target.uv, np.float64), np.nan)
    two_sided = np.broadcast_to(np.asarray(double_sided, bool), (len(mesh.faces),))[target.faces]
    progress(0.0, target.name)
    owner = claim_texels(uv, size, tile, wrap=target.tiles == (1001,))
    factor = np.float32(257.0 if params.bits == 16 else 1.0)
    rgba: Any = np.zeros((size * size, 4), np.uint16 if params.bits == 16 else np.uint8)
    top = np.iinfo(rgba.dtype).max
    label = np.full(size * size, UNOWNED, np.int16)
    confidence = np.zeros(size * size, np.uint8)
    texels = np.flatnonzero(owner.reshape(-1) >= 0)
    directions, holes = normals.astype(np.float32), mesh.holes

    def work(block: NDArray[np.int64]) -> None:
        triangle = owner.reshape(-1)[block]
        points = texel_points(uv, corners, triangle, block, size)
        face = target.faces[triangle]
        cut = None if holes is None else ~holes.is_solid_point(face, points, mesh.vertices, mesh.faces)
        found = sampler.sample(points, directions[triangle], two_sided[triangle], face=face, hidden=cut)
        _store(found.colour, factor, top, block, rgba)
        label[block] = found.label if cut is None else np.where(cut, np.int16(UNOWNED), found.label)
        confidence[block] = found.confidence

    threads = min(THREADS, accel.workers())
    # A stop is heard between blocks, and NumPy needs more memory for each texel of one: it gets smaller ones.
    block_size = BLOCK_TEXELS if accel.NUMBA else BLOCK_TEXELS // 4
    parts = np.array_split(texels, max(1, threads * -(-len(texels) // block_size)))
    for done, _ in enumerate(accel.mapped(work, parts, threads), start=1):
        progress(0.05 + 0.85 * done / len(parts), target.name)
    del texels, parts  # 8 bytes a texel that the margin can use
    progress(0.9, target.name)
    margin = round(params.margin * size / MARGIN_SIZE)
    local = target.uv - np.array([(tile - 1001) % 10, (tile - 1001) // 10], np.float32)
    shape = (size, size)
    fill_margin(
        rgba.reshape(*shape, 4), owner, margin, uv=local, vertices=mesh.vertices, faces=faces,
        progress=part(progress, 0.9, 1.0),
    )  # fmt: skip
    if not sampler.alpha:
        rgba[:, 3] = top
    return BakedTile(tile, rgba.reshape(*shape, 4), label.reshape(shape), confidence.reshape(shape))


def _store(
    colour: NDArray[np.float32], factor: np.float32, top: int, texels: NDArray[np.integer], rgba: NDArray[Any]
) -> None:
    """Put colours float32 (m, 4), times factor and rounded, into the texels (m,) of an image (S S, 4)."""
    if accel.NUMBA:
        from .kernels_texels import store

        def work(block: tuple[int, int]) -> None:
            store(colour, factor, np.float32(top), texels, *block, rgba)

        for _ in accel.mapped(work, blocks(len(texels))):
            pass
        return
    np.multiply(colour, factor, out=colour)
    rgba[texels] = np.clip(np.rint(colour, out=colour), 0, top, out=colour)


def texel_points(
    uv: NDArray[np.float64],
    corners: NDArray[np.float64],
    triangle: NDArray[np.integer],
    texels: NDArray[np.integer],
    size: int,
) -> NDArray[np.float32]:
    """The surface point float32 (m, 3) at the centre of each texel (flat index) of its triangle, both (m,)."""
    points = np.empty((len(texels), 3), np.float32)
    if accel.NUMBA:
        from .kernels_texels import surface_points

        def work(block: tuple[int, int]) -> None:
            surface_points(triangle, texels, size, uv, corners, *block, points)

        for _ in accel.mapped(work, blocks(len(texels))):
            pass
        with np.errstate(invalid="ignore"):
            outside = ((uv < 0) | (uv > 1)).any(axis=(1, 2))
        rest = np.flatnonzero(outside[triangle])
    else:
        rest = np.arange(len(texels))
    for start in range(0, len(rest), BLOCK_TEXELS // 32):
        rows = rest[start : start + BLOCK_TEXELS // 32]
        weights = barycentric(uv, triangle[rows], texels[rows] // size, texels[rows] % size, size)
        corner = corners[triangle[rows]]
        points[rows] = weights[:, :1] * corner[:, 0] + weights[:, 1:2] * corner[:, 1] + weights[:, 2:] * corner[:, 2]
    return points
