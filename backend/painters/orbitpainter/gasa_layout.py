# SPDX-License-Identifier: GPL-3.0-or-later
"""The sparse structure of GASA for one mesh: built once, shared by all blocks and steps.

Only *active* tokens take part: foreground tokens that have at least one key. All others get zero (spec section 12),
and as the neighbourhood is symmetric they are nobody's key either, so leaving them out is exact. Active tokens are
sorted along a Morton curve through their voxels, so that neighbours in space are neighbours in memory, and cut into
blocks; a block of queries then needs few blocks of keys.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file

from .gasa_tokens import GasaOptions, TokenGeometry

BLOCK = 128  # FlexAttention's own block size


def morton_code(voxel: NDArray[np.integer]) -> NDArray[np.int64]:
    """Interleave the bits of (..., 3) coordinates below 2^20: position along the Z-order curve, int64 (...)."""
    code = np.asarray(voxel).astype(np.int64)
    for shift, keep in (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ):
        code = (code | (code << shift)) & keep
    return code[..., 0] | (code[..., 1] << 1) | (code[..., 2] << 2)


@dataclass(frozen=True, eq=False)
class GasaLayout:
    """Which tokens attend to which; A active tokens in Morton order, in B = ceil(A / block) blocks.

    tokens          int64 (A,), index into the video tokens (order frame, row, column; reference tokens not counted)
    voxel           int32 (A, 3); frame: int32 (A,)
    key_blocks      for each block of queries the blocks with at least one of its keys, ascending; together int32 (E,)
    first_of_block  where each block's list starts in `key_blocks`, B + 1 numbers
    pairs           query-key pairs that attend
    grid            latent frames, rows, columns of the video
    """

    tokens: torch.Tensor
    voxel: torch.Tensor
    frame: torch.Tensor
    key_blocks: torch.Tensor
    first_of_block: tuple[int, ...]
    pairs: int
    grid: tuple[int, int, int]
    options: GasaOptions = field(default_factory=GasaOptions)
    block: int = BLOCK

    @property
    def device(self) -> torch.device:
        return self.tokens.device

    def to(self, device: torch.device | str) -> GasaLayout:
        """The same layout on another device; itself where it is there already.

        Offloading hooks call this for every block, and a copy would have to build its block mask again.
        """
        target = torch.device(device)
        if self.device.type == target.type and target.index in (None, self.device.index):
            return self
        moved = {name: getattr(self, name).to(target) for name in ("tokens", "voxel", "frame", "key_blocks")}
        return replace(self, **moved)

    def allowed(self, query: Any, key: Any) -> torch.Tensor:
        """Whether active token `query` attends to active token `key`; indices broadcast against each other."""
        near = self.frame[query] != self.frame[key] if not self.options.same_frame else None
        for axis in range(3):
            close = (self.voxel[query, axis] - self.voxel[key, axis]).abs() <= self.options.radius
            near = close if near is None else near & close
        assert near is not None
        return near

    def keys_of_block(self, index: int) -> torch.Tensor:
        """Active tokens in the key blocks of query block `index`, int64, ascending."""
        blocks = self.key_blocks[self.first_of_block[index] : self.first_of_block[index + 1]].long()
        inside = torch.arange(self.block, device=self.device)
        keys = (blocks[:, None] * self.block + inside).flatten()
        return keys[keys < len(self.tokens)]

    @property
    def padded(self) -> int:
        """Length at which FlexAttention is called: all tokens of the video in whole blocks, the same for any mesh."""
        frames, rows, columns = self.grid
        return -(-frames * rows * columns // self.block) * self.block

    @cached_property
    def block_mask(self) -> Any:
        """FlexAttention's BlockMask over `padded` tokens: the active ones, then ones without keys."""
        from torch.nn.attention.flex_attention import BlockMask

        size, count = self.padded, len(self.tokens)
        # Padding is far from everything, so that no query sees it.
        x, y, z = (F.pad(axis, (0, size - count), value=-(2**20)) for axis in self.voxel.unbind(1))
        frame = F.pad(self.frame, (0, size - count), value=-1)
        radius, same_frame = self.options.radius, self.options.same_frame

        def mask_mod(batch: Any, head: Any, query: Any, key: Any) -> torch.Tensor:
            near = (x[query] - x[key]).abs() <= radius
            near = near & ((y[query] - y[key]).abs() <= radius)
            near = near & ((z[query] - z[key]).abs() <= radius)
            return near if same_frame else near & (frame[query] != frame[key])

        rows = size // self.block
        counts = torch.zeros(rows, dtype=torch.int32, device=self.device)
        starts = torch.tensor(self.first_of_block, dtype=torch.int32, device=self.device)
        counts[: len(starts) - 1] = starts.diff()
        # FlexAttention wants a full row of indices; those past the count are not read.
        indices = torch.zeros((rows, rows), dtype=torch.int32, device=self.device)
        column = torch.arange(rows, device=self.device)
        indices[column[None] < counts[:, None]] = self.key_blocks.to(torch.int32)
        return BlockMask.from_kv_blocks(
            counts[None, None], indices[None, None], BLOCK_SIZE=self.block, mask_mod=mask_mod, seq_lengths=(size, size)
        )


def save_layout(layout: GasaLayout, path: Path) -> None:
    """Write the layout as a safetensors file, for another process."""
    tensors = {name: getattr(layout, name).cpu().contiguous() for name in ("tokens", "voxel", "frame", "key_blocks")}
    tensors["first_of_block"] = torch.tensor(layout.first_of_block)
    facts = {"pairs": layout.pairs, "grid": layout.grid, "options": asdict(layout.options), "block": layout.block}
    save_file(tensors, path, {"layout": json.dumps(facts)})


def load_layout(path: Path) -> GasaLayout:
    """What `save_layout` wrote, on the CPU."""
    with safe_open(path, "pt") as store:
        tensors = {name: store.get_tensor(name) for name in store.keys()}  # noqa: SIM118 (it is no mapping)
        facts = json.loads(store.metadata()["layout"])
    first = tuple(tensors.pop("first_of_block").tolist())
    options = GasaOptions(**facts["options"])
    return GasaLayout(
        **tensors,
        first_of_block=first,
        pairs=facts["pairs"],
        grid=tuple(facts["grid"]),
        options=options,
        block=facts["block"],
    )


def build_layout(geometry: TokenGeometry, options: GasaOptions | None = None, block: int = BLOCK) -> GasaLayout:
    """Sort the tokens and find the blocks of keys of each block of queries.

    Pairs of blocks whose bounding boxes are within the radius are looked at token by token, so memory is bounded by
    `block` times the tokens of the neighbouring blocks.
    """
    options = options or GasaOptions()
    frame_of_token = geometry.frame_of_token()
    tokens = np.flatnonzero(geometry.foreground.ravel())
    voxel = geometry.voxel.reshape(-1, 3)
    tokens = tokens[np.argsort(morton_code(voxel[tokens]), kind="stable")]
    degree, _ = _scan(voxel[tokens], frame_of_token[tokens], options, block)
    tokens = tokens[degree > 0]
    degree, neighbours = _scan(voxel[tokens], frame_of_token[tokens], options, block)
    counts = [len(blocks) for blocks in neighbours]
    return GasaLayout(
        tokens=torch.from_numpy(tokens.astype(np.int64)),
        voxel=torch.from_numpy(voxel[tokens].astype(np.int32)),
        frame=torch.from_numpy(frame_of_token[tokens].astype(np.int32)),
        key_blocks=torch.from_numpy(np.concatenate([np.zeros(0, np.int32), *neighbours]).astype(np.int32)),
        first_of_block=tuple(int(start) for start in np.cumsum([0, *counts])),
        pairs=int(degree.sum()),
        grid=(geometry.foreground.shape[0], geometry.foreground.shape[1], geometry.foreground.shape[2]),
        options=options,
        block=block,
    )


def _scan(
    voxel: NDArray[np.int32], frame: NDArray[np.int32], options: GasaOptions, block: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
    """Keys of each token (A,), and for each block of queries the blocks that hold keys of it."""
    count = len(voxel)
    starts = np.arange(0, count, block)
    degree = np.zeros(count, np.int64)
    neighbours: list[NDArray[np.int32]] = []
    if count == 0:
        return degree, neighbours
    low = np.minimum.reduceat(voxel, starts, axis=0)
    high = np.maximum.reduceat(voxel, starts, axis=0)
    for index, start in enumerate(starts):
        query = slice(start, start + block)
        overlap = (low <= high[index] + options.radius) & (high >= low[index] - options.radius)
        candidates = np.flatnonzero(overlap.all(axis=1))
        keys = (starts[candidates][:, None] + np.arange(block)).ravel()
        keys = keys[keys < count]
        near = frame[query, None] != frame[keys] if not options.same_frame else np.ones((1, 1), np.bool_)
        for axis in range(3):
            near = near & (np.abs(voxel[query, axis, None] - voxel[keys, axis]) <= options.radius)
        degree[query] = near.sum(axis=1)
        neighbours.append(np.unique(keys[near.any(axis=0)] // block).astype(np.int32))
    return degree, neighbours
