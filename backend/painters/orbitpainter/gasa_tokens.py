# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tokens of the video lie in space: positions and voxels (specs/orbitpainter.md section 12). NumPy only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PATCH = 16  # pixels of the generated video along a token's side: 8 of the VAE times 2 of the patch embedding
FRAMES_PER_LATENT = 4


@dataclass(frozen=True)
class GasaOptions:
    """The choices the paper leaves open, with the product's defaults.

    grid             voxels along a side of the unit cube
    radius           largest Chebyshev distance between the voxels of a token and of its keys
    min_foreground   pixels of a 16 x 16 patch that must show the object; with fewer the token is background
    same_frame       tokens of the query's own latent frame are keys too (the paper: only others)
    """

    grid: int = 64
    radius: int = 3
    min_foreground: int = 4
    same_frame: bool = False


@dataclass(frozen=True, eq=False)
class TokenGeometry:
    """The tokens of a latent video.

    voxel       int32 (frames, rows, columns, 3), (i, j, k) along x, y, z in [0, grid); meaningless in the background
    foreground  bool (frames, rows, columns)
    """

    voxel: NDArray[np.int32]
    foreground: NDArray[np.bool_]

    def frame_of_token(self) -> NDArray[np.int32]:
        """Latent frame of each token, int32 (frames * rows * columns,)."""
        frames, rows, columns = self.foreground.shape
        return np.repeat(np.arange(frames, dtype=np.int32), rows * columns)


def standing_frames(latent_frames: int, stride: int = FRAMES_PER_LATENT) -> NDArray[np.intp]:
    """The frame that stands for each latent frame: 0, then the third of each group of four (3, 7, 11, ...).

    stride: frames of a group; 1: every frame stands for itself.
    """
    frames = np.arange(latent_frames) * stride - stride // 4
    frames[:1] = 0
    return frames


def token_positions(
    position: NDArray[np.floating], mask: NDArray[np.bool_], rows: int, columns: int, min_foreground: float = 4
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Mean foreground position of each patch of one frame.

    position (H, W, 3) in the normalised frame [-0.5, 0.5], mask bool (H, W); H and W are multiples of `rows` and
    `columns`. A frame rendered larger than the video has larger patches, and `min_foreground` grows with their area.
    Returns positions float64 (rows, columns, 3), 0 in the background, and foreground bool (rows, columns).
    """
    height, width = mask.shape
    if height % rows or width % columns:
        raise ValueError(f"a frame of {width} x {height} pixels has no grid of {columns} x {rows} patches")
    patch = (rows, height // rows, columns, width // columns)
    count = mask.reshape(patch).sum(axis=(1, 3))
    total = np.where(mask[..., None], position, 0).reshape(*patch, 3).sum(axis=(1, 3), dtype=np.float64)
    foreground = count >= max(min_foreground * patch[1] * patch[3] / PATCH**2, 1)
    return np.where(foreground[..., None], total / np.maximum(count, 1)[..., None], 0), foreground


def voxels_of(position: NDArray[np.floating], grid: int) -> NDArray[np.int32]:
    """floor((p + 0.5) grid), kept inside the grid; same shape as `position`."""
    return np.clip(np.floor((position + 0.5) * grid), 0, grid - 1).astype(np.int32)


def token_geometry(
    frames: Iterable[tuple[NDArray[np.floating], NDArray[np.bool_]]],
    rows: int,
    columns: int,
    options: GasaOptions = GasaOptions(),
) -> TokenGeometry:
    """Tokens of a sequence from the (position, mask) of the standing frame of each of its latent frames, in order.

    Two orbits in one sequence are simply the standing frames of the one, then of the other. Frames are read one at a
    time.
    """
    voxel, foreground = [], []
    for position, mask in frames:
        points, inside = token_positions(position, mask, rows, columns, options.min_foreground)
        voxel.append(voxels_of(points, options.grid))
        foreground.append(inside)
    return TokenGeometry(np.stack(voxel), np.stack(foreground))


def tokens_to_keep(geometry: TokenGeometry, margin: int = 1, register_every: int = 32) -> NDArray[np.int64]:
    """Video tokens worth computing where the background is known, int64 ascending (order frame, row, column).

    The foreground, `margin` tokens around it in its frame, and of the rest every `register_every`-th in order
    (0: none), because the network was trained with background and may use it as registers.
    """
    kept = geometry.foreground.copy()
    for axis in (1, 2):  # a square around each: rows, then columns
        wide = kept.copy()
        for shift in range(1, margin + 1):
            ahead, behind = [slice(None)] * 3, [slice(None)] * 3
            ahead[axis], behind[axis] = slice(shift, None), slice(None, -shift)
            wide[tuple(ahead)] |= kept[tuple(behind)]
            wide[tuple(behind)] |= kept[tuple(ahead)]
        kept = wide
    flat = kept.ravel()
    if register_every:
        flat[np.flatnonzero(~flat)[::register_every]] = True
    return np.flatnonzero(flat).astype(np.int64)
