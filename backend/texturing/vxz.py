# SPDX-License-Identifier: GPL-3.0-or-later
"""The .vxz sparse-voxel container (specs/trellis2-refine.md section 15).

A JSON header, then per chunk of chunk_size^3 voxels an octree and the attributes' bytes, each stream compressed by
itself. Leaves are in Morton order with x the most significant bit of each triple.
"""

from __future__ import annotations

import itertools
import json
import lzma
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EngineMissingError, UsageError
from ..files import atomic_path

MAGIC = b"VXZ\0"
LEVELS = {"none": 0, "deflate": 9, "lzma": 6, "zstd": 19}  # ours; 9 for lzma would take 700 MB of memory
RESERVED = {"idx", "ptr", "svo"}


def write_vxz(
    path: Path | str,
    coords: NDArray[np.integer],
    attributes: Mapping[str, NDArray[np.uint8]],
    *,
    chunk_size: int = 256,
    compression: str = "lzma",
) -> None:
    """Write voxels, in any order, whole or not at all.

    coords (N, 3) of distinct voxels, >= 0; attributes: name -> uint8 (N, C); chunk_size a power of two up to 1024;
    compression none, deflate, lzma or zstd. Raises UsageError, EngineMissingError (zstd without the zstandard
    package), OutputError.
    """
    _check(coords, attributes, chunk_size, compression)
    depth = chunk_size.bit_length() - 1
    coords = np.asarray(coords, np.int64).reshape(-1, 3)
    place, code = coords // chunk_size, morton(coords % chunk_size, depth)
    order = np.lexsort((code, place[:, 2], place[:, 1], place[:, 0]))
    place, code = place[order], code[order]
    borders = np.flatnonzero((place[1:] != place[:-1]).any(axis=1)) + 1
    binary, chunks = bytearray(), []
    for start, end in itertools.pairwise([0, *borders.tolist(), len(code)] if len(code) else [0]):
        rows = order[start:end]
        streams = {"svo": encode_octree(code[start:end], depth)}
        streams.update({name: np.ascontiguousarray(values[rows]).tobytes() for name, values in attributes.items()})
        chunk: dict[str, Any] = {"idx": place[start].tolist(), "ptr": [len(binary), 0]}
        for name, stream in streams.items():
            packed = _compress(stream, compression)
            chunk[name] = [len(binary) - chunk["ptr"][0], len(packed)]
            binary += packed
        chunk["ptr"][1] = len(binary) - chunk["ptr"][0]
        chunks.append(chunk)
    raw_size = 12 * len(code) + sum(values.size for values in attributes.values())
    header = {
        "num_voxel": len(code),
        "chunk_size": chunk_size,
        "filter": "none",
        "compression": compression,
        "compression_level": LEVELS[compression],
        "raw_size": raw_size,
        "compressed_size": len(binary),
        "compress_ratio": raw_size / max(len(binary), 1),
        "attr_interleave": "as_is",
        "attr": [[name, values.shape[1]] for name, values in attributes.items()],
        "chunks": chunks,
    }
    text = json.dumps(header).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(MAGIC + struct.pack(">I", 8 + len(text)) + text + binary)


def _check(
    coords: NDArray[np.integer], attributes: Mapping[str, NDArray[np.uint8]], chunk_size: int, compression: str
) -> None:
    def refuse(why: str) -> UsageError:
        return UsageError("vxz-arguments", f"The voxels cannot be written: {why}.", "Change the request.")

    if compression not in LEVELS:
        raise refuse(f"there is no compression named {compression}")
    if not 2 <= chunk_size <= 1024 or chunk_size & (chunk_size - 1):
        raise refuse(f"a chunk size of {chunk_size} is not a power of two from 2 to 1024")
    if len(coords) and np.min(coords) < 0:
        raise refuse("coordinates are negative")
    if len(np.unique(coords, axis=0)) != len(coords):
        raise refuse("voxels are listed twice")
    for name, values in attributes.items():
        if name in RESERVED or values.dtype != np.uint8 or values.ndim != 2 or len(values) != len(coords):
            raise refuse(f"the attribute {name} is not bytes (N, C) under a free name")


def morton(local: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Codes (N,) of coordinates (N, 3) below 2^depth: octal digits 4 x + 2 y + z, coarsest first."""
    code = np.zeros(len(local), np.int64)
    for bit in range(depth):
        digit = ((local >> bit) & 1) @ np.array([4, 2, 1])
        code |= digit << (3 * bit)
    return code


def encode_octree(code: NDArray[np.int64], depth: int) -> bytes:
    """Sorted codes -> one byte per inner node, depth first, bit i set where child i exists."""
    first, level, mask = [], [], []
    for d in range(depth):
        child = np.unique(code >> (3 * (depth - 1 - d)))
        parent = child >> 3
        start = np.flatnonzero(np.concatenate([[True], parent[1:] != parent[:-1]]))
        mask.append(np.bitwise_or.reduceat((1 << (child & 7)).astype(np.uint8), start))
        first.append(parent[start] << (3 * (depth - d)))
        level.append(np.full(len(start), d))
    order = np.lexsort((np.concatenate(level), np.concatenate(first)))
    return np.concatenate(mask)[order].tobytes()


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise EngineMissingError(
            "zstandard-missing",
            "This .vxz uses zstd compression, which needs the Python package zstandard.",
            "Install zstandard, or use lzma compression.",
        ) from error
    return zstandard


def _compress(data: bytes, method: str) -> bytes:
    level = LEVELS[method]
    if method == "deflate":
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()
    if method == "lzma":
        return lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": level}])
    if method == "zstd":
        return _zstandard().ZstdCompressor(level=level).compress(data)
    return data
