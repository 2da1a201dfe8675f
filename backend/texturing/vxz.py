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

from ..errors import EngineMissingError, InputError, UsageError
from ..files import atomic_path
from .accel import njit

MAGIC = b"VXZ\0"
LEVELS = {"none": 0, "deflate": 9, "lzma": 6, "zstd": 19}  # ours; 9 for lzma would take 700 MB of memory
RESERVED = {"idx", "ptr", "svo"}
# Where the neighbour filter looks for the value a voxel is stored relative to, in this order.
BEFORE = ((-1, -1, -1), (0, -1, -1), (-1, 0, -1), (-1, -1, 0), (0, 0, -1), (0, -1, 0), (-1, 0, 0))


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


def read_vxz(path: Path | str) -> tuple[NDArray[np.int32], dict[str, NDArray[np.uint8]]]:
    """Coordinates int32 (N, 3), chunk by chunk in Morton order, and attributes uint8 (N, C) by name.

    All filters, interleavings and compressions are read. Raises InputError for a missing or damaged file,
    EngineMissingError for zstd without the zstandard package.
    """
    try:
        data = Path(path).read_bytes()
        if data[:4] != MAGIC:
            raise ValueError("it does not begin with VXZ and version 0")
        start = struct.unpack(">I", data[4:8])[0]
        return _read(json.loads(data[8:start].decode()), memoryview(data)[start:])
    except (OSError, ValueError, KeyError, TypeError, IndexError, struct.error, zlib.error, lzma.LZMAError) as error:
        raise InputError("voxels-damaged", f"{path} is missing or damaged ({error}).", "Write it again.") from error


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


def unmorton(code: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    local = np.zeros((len(code), 3), np.int64)
    for bit in range(depth):
        for axis in range(3):
            local[:, axis] |= ((code >> (3 * bit + 2 - axis)) & 1) << bit
    return local


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


@njit
def walk_octree(tree, depth, codes):
    """Codes of the leaves in order; their number, or -1 for a tree that ends early. Also runs as plain Python."""
    prefix = np.zeros(depth, np.int64)
    mask = np.zeros(depth, np.int64)
    if len(tree) == 0:
        return -1
    mask[0] = tree[0]
    position, count, level = 1, 0, 0
    while level >= 0:
        if mask[level] == 0:
            level -= 1
            continue
        child = 0
        while not (mask[level] >> child) & 1:
            child += 1
        mask[level] &= mask[level] - 1
        code = prefix[level] * 8 + child
        if level == depth - 1:
            codes[count] = code
            count += 1
            continue
        if position >= len(tree):
            return -1
        level += 1
        prefix[level] = code
        mask[level] = tree[position]
        position += 1
    return count


def _read(header: dict[str, Any], binary: memoryview) -> tuple[NDArray[np.int32], dict[str, NDArray[np.uint8]]]:
    size, count = int(header["chunk_size"]), int(header["num_voxel"])
    if not 2 <= size <= 1024 or size & (size - 1):
        raise ValueError(f"chunk size {size}")
    depth = size.bit_length() - 1
    method, filtering = header["compression"], header.get("filter", "none")
    attr = header.get("attr") or []
    channels = [(str(name), int(c)) for name, c in (attr.items() if isinstance(attr, dict) else attr)]
    coords: list[NDArray[np.int64]] = [np.zeros((0, 3), np.int64)]
    values: dict[str, list[NDArray[np.uint8]]] = {name: [np.zeros((0, c), np.uint8)] for name, c in channels}
    left = count
    for chunk in header.get("chunks", []):
        begin, length = chunk["ptr"]
        body = binary[begin : begin + length]

        def stream(name: str, limit: int, chunk=chunk, body=body) -> NDArray[np.uint8]:
            at, size = chunk[name]
            return np.frombuffer(_decompress(bytes(body[at : at + size]), method, limit, header), np.uint8)

        tree = stream("svo", left * depth + 1)
        codes = np.empty(int(np.unpackbits(tree).sum()), np.int64)
        found = walk_octree(tree, depth, codes)
        if not 0 <= found <= left:
            raise ValueError("the octree of a chunk is cut off or too large")
        codes, left = codes[:found], left - found
        local = unmorton(codes, depth)
        coords.append(local + np.asarray(chunk["idx"], np.int64) * size)
        for name, rows in _rows(stream, header.get("attr_interleave", "as_is"), channels, found).items():
            values[name].append(_unfilter(rows, filtering, codes, local, depth))
    if left:
        raise ValueError(f"{left} of {count} voxels are missing")
    joined = np.concatenate(coords)
    if len(joined) and (joined.min() < 0 or joined.max() > 2**30):
        raise ValueError("coordinates out of range")
    return joined.astype(np.int32), {name: np.concatenate(parts) for name, parts in values.items()}


def _rows(stream: Any, interleave: str, channels: list[tuple[str, int]], count: int) -> dict[str, NDArray[np.uint8]]:
    """The stored rows uint8 (count, C) of each attribute of a chunk."""
    if interleave == "as_is":
        return {name: stream(name, count * c).reshape(count, c) for name, c in channels}
    if interleave == "none":
        return {
            name: np.stack([stream(f"{name}_{i}", count).reshape(count) for i in range(c)], axis=1)
            for name, c in channels
        }
    if interleave == "all":
        total = sum(c for _, c in channels)
        rows = stream("attr", count * total).reshape(count, total)
        ends = np.cumsum([c for _, c in channels])
        return {name: rows[:, end - c : end] for (name, c), end in zip(channels, ends, strict=True)}
    raise ValueError(f"unknown attr_interleave {interleave}")


def _unfilter(
    rows: NDArray[np.uint8], filtering: str, codes: NDArray[np.int64], local: NDArray[np.int64], depth: int
) -> NDArray[np.uint8]:
    if filtering == "none" or len(rows) == 0:
        return rows
    if filtering == "parent":
        return _add_up(*_parent_chain(rows, codes, depth))
    if filtering == "neighbor":
        return _add_up(rows, _earlier_neighbour(local, codes, depth))
    raise ValueError(f"unknown filter {filtering}")


def _add_up(rows: NDArray[np.uint8], before: NDArray[np.int64]) -> NDArray[np.uint8]:
    """value[i] = rows[i] + value[before[i]] modulo 256, before = -1 ends a chain; by pointer doubling."""
    value = rows.copy()
    while (before >= 0).any():
        linked = before >= 0
        source = np.maximum(before, 0)
        value = value + np.where(linked[:, None], value[source], np.uint8(0))
        before = np.where(linked, before[source], -1)
    return value


def _parent_chain(
    rows: NDArray[np.uint8], codes: NDArray[np.int64], depth: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Per leaf its row and the leaf it adds to.

    A node has the value of its first leaf, so leaf j, where child i of node A begins, adds to the first leaf of child
    i - 1; A is the lowest common ancestor of leaves j - 1 and j. Rows are stored by A in pre-order, then by child.
    """
    differ = codes[1:] ^ codes[:-1]
    level = np.zeros(len(differ), np.int64)  # of A's children, counted from the leaves
    for k in range(1, depth):
        level[differ >= (1 << (3 * k))] = k
    ancestor = (codes[1:] >> (3 * (level + 1))) << (3 * (level + 1))
    order = np.lexsort((-level, ancestor))
    row = np.empty(len(differ), np.int64)
    row[order] = np.arange(1, len(differ) + 1)
    before = np.searchsorted(codes, (codes[:-1] >> (3 * level)) << (3 * level))
    return rows[np.concatenate([[0], row])], np.concatenate([[-1], before])


def _earlier_neighbour(local: NDArray[np.int64], codes: NDArray[np.int64], depth: int) -> NDArray[np.int64]:
    """Row of the first existing voxel among BEFORE, -1 where there is none."""
    before = np.full(len(local), -1)
    for step in BEFORE:
        beside = local + np.asarray(step)
        wanted = morton(np.maximum(beside, 0), depth)
        at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        exists = (beside >= 0).all(axis=1) & (codes[at] == wanted) & (before < 0)
        before[exists] = at[exists]
    return before


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


def _lzma_filters(level: int) -> list[dict[str, int]]:
    return [{"id": lzma.FILTER_LZMA2, "preset": level}]


def _compress(data: bytes, method: str) -> bytes:
    level = LEVELS[method]
    if method == "deflate":
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        return packer.compress(data) + packer.flush()
    if method == "lzma":
        return lzma.compress(data, lzma.FORMAT_RAW, filters=_lzma_filters(level))
    if method == "zstd":
        return _zstandard().ZstdCompressor(level=level).compress(data)
    return data


def _decompress(data: bytes, method: str, limit: int, header: dict[str, Any]) -> bytes:
    """At most `limit` bytes, so that a damaged or hostile file cannot fill the memory."""
    if method == "deflate":
        out = zlib.decompressobj(-15).decompress(data, limit + 1)
    elif method == "lzma":
        level = min(max(int(header.get("compression_level", 9)), 0), 9)
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_lzma_filters(level))
        out = unpacker.decompress(data, limit + 1)
    elif method == "zstd":
        zstandard = _zstandard()
        try:
            out = zstandard.ZstdDecompressor().stream_reader(data).read(limit + 1)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
    elif method == "none":
        out = data
    else:
        raise ValueError(f"unknown compression {method}")
    if len(out) > limit:
        raise ValueError("a stream is longer than its voxels need")
    return out
