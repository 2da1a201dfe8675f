# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads .vxz files plainly and slowly, to see what was written (specs/trellis2-refine.md section 15)."""

import json
import lzma
import struct
import zlib

import numpy as np


def read_vxz(path):
    """Coordinates (N, 3) in the file's order and attributes uint8 (N, C) by name. Unfiltered files, streams as is."""
    data = path.read_bytes()
    assert data[:4] == b"VXZ\0"
    start = struct.unpack(">I", data[4:8])[0]
    header, binary = json.loads(data[8:start]), data[start:]
    assert (header["filter"], header["attr_interleave"]) == ("none", "as_is")
    coords, attributes = [], {name: [np.zeros((0, width), np.uint8)] for name, width in header["attr"]}
    for chunk in header["chunks"]:
        body = binary[chunk["ptr"][0] :][: chunk["ptr"][1]]

        def stream(name, chunk=chunk, body=body):
            return _unpacked(body[chunk[name][0] :][: chunk[name][1]], header)

        leaves = list(_leaves(iter(stream("svo")), header["chunk_size"], (0, 0, 0)))
        coords += [np.add(leaf, np.multiply(chunk["idx"], header["chunk_size"])) for leaf in leaves]
        for name, width in header["attr"]:
            attributes[name].append(np.frombuffer(stream(name), np.uint8).reshape(len(leaves), width))
    assert len(coords) == header["num_voxel"]
    return np.array(coords, int).reshape(-1, 3), {name: np.concatenate(rows) for name, rows in attributes.items()}


def _leaves(masks, size, corner):
    """The voxels below one node: its mask is the next byte, and those of its inner children follow, depth first."""
    mask, half = next(masks), size // 2
    for child in range(8):
        if mask >> child & 1:
            at = tuple(c + half * (child >> bit & 1) for c, bit in zip(corner, (2, 1, 0), strict=True))
            yield from [at] if half == 1 else _leaves(masks, half, at)


def _unpacked(data, header):
    if header["compression"] == "deflate":
        return zlib.decompress(data, -15)
    if header["compression"] == "lzma":
        filters = [{"id": lzma.FILTER_LZMA2, "preset": header["compression_level"]}]
        return lzma.decompress(data, lzma.FORMAT_RAW, filters=filters)
    if header["compression"] == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data
