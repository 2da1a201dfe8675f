# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG with NumPy and zlib alone (ISO/IEC 15948), because inside Blender no imaging library can be relied on.

The writer filters and compresses strips of rows on threads; what it writes does not depend on their number.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

MAX_PIXELS = 1 << 28  # refused beyond: 16384 squared
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG colour type
_CHANNELS = {value: key for key, value in _COLOUR_TYPE.items()}
_STRIP_BYTES = 1 << 21


def write_png_to(file: BinaryIO, image: NDArray[np.uint8] | NDArray[np.uint16], level: int = 4) -> None:
    """Write uint8 or uint16 (h, w) or (h, w, c), c = 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA."""
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.dtype not in (np.uint8, np.uint16) or pixels.ndim != 3 or pixels.shape[2] not in _COLOUR_TYPE:
        raise TypeError(f"cannot write {image.dtype} {image.shape} as PNG")
    height, width, channels = pixels.shape
    size = pixels.itemsize
    if size == 2:
        pixels = pixels.astype(">u2")
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(height, -1)
    file.write(_SIGNATURE)
    _write_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * size, _COLOUR_TYPE[channels], 0, 0, 0))
    _write_chunk(file, b"sRGB", b"\0")
    step = max(1, _STRIP_BYTES // rows.shape[1])
    checksum = 1

    def strip(start: int) -> tuple[bytes, bytes]:
        above = rows[start - 1] if start else np.zeros_like(rows[0])
        data = _filter(rows[start : start + step], above, channels * size).tobytes()
        packer = zlib.compressobj(level, zlib.DEFLATED, -15)
        last = start + step >= height
        return data, packer.compress(data) + packer.flush(zlib.Z_FINISH if last else zlib.Z_FULL_FLUSH)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        head = b"\x78\x5e"  # zlib header; the strips behind it form one deflate stream
        for data, packed in pool.map(strip, range(0, height, step)):
            checksum = zlib.adler32(data, checksum)
            _write_chunk(file, b"IDAT", head + packed)
            head = b""
    _write_chunk(file, b"IDAT", struct.pack(">I", checksum))
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file: BinaryIO, kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))


def _filter(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Rows with their filter byte, uint8 (n, 1 + bytes): the one of None, Sub and Up whose sum of sizes is least."""
    up = rows.copy()
    up[0] -= above
    up[1:] -= rows[:-1]
    sub = rows.copy()
    sub[:, step:] -= rows[:, :-step]
    cost = np.stack([_cost(filtered) for filtered in (rows, sub, up)])
    kind = cost.argmin(axis=0).astype(np.uint8)
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = kind
    out[:, 1:] = rows
    out[kind == 1, 1:] = sub[kind == 1]
    out[kind == 2, 1:] = up[kind == 2]
    return out


def _cost(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Sum of distances from zero, modulo 256, of every third byte: the usual guess of how well a row will pack."""
    sample = rows.view(np.int8)[:, ::3]
    return np.abs(sample.astype(np.int16)).sum(axis=1, dtype=np.int64)


def is_whole_png(path: Path | str) -> bool:
    """The file starts and ends as a PNG does; its pixels are not looked at."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(_SIGNATURE))
            file.seek(-12, os.SEEK_END)
            return start == _SIGNATURE and file.read(8)[4:] == b"IEND"
    except OSError:
        return False


def read_png(path: Path | str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels of a PNG as stored: uint8 or uint16 (h, w) for grey, (h, w, 2 | 3 | 4) otherwise.

    Reads 8 and 16 bits, not interlaced, without palette: all that this project writes, and what painting programs do.
    Raises InputError (png-damaged, png-unsupported).
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError("file-missing", f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    try:
        return _decode(data, path)
    except (struct.error, zlib.error, ValueError) as error:
        raise InputError(
            "png-damaged", f"{path} is not a whole PNG picture ({error}).", "Make or save the picture again."
        ) from error


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not data.startswith(_SIGNATURE):
        raise ValueError("it does not start like one")
    at = len(_SIGNATURE)
    while True:
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise ValueError("a checksum is wrong")
        yield kind, body
        if kind == b"IEND":
            return
        at += 12 + length


def _decode(data: bytes, path: Path | str) -> NDArray[np.uint8] | NDArray[np.uint16]:
    header, packed, transparent = None, [], False
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            header = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed.append(body)
        elif kind == b"tRNS":
            transparent = True
    if header is None:
        raise ValueError("it has no header")
    width, height, bits, colour, _, _, interlaced = header
    if bits not in (8, 16) or colour not in _CHANNELS or interlaced or transparent or width * height > MAX_PIXELS:
        raise InputError(
            "png-unsupported",
            f"{path} is a kind of PNG that is not read here.",
            "Save it as RGB or RGBA with 8 bits, not interlaced, no palette.",
        )
    channels = _CHANNELS[colour]
    step = channels * bits // 8
    expected = height * (1 + width * step)
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(b"".join(packed), expected)
    if len(raw) != expected or expected == 0:
        raise ValueError("pixels are missing")
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + width * step)
    pixels = _unfilter(rows[:, 0], rows[:, 1:].reshape(height, width, step))
    if bits == 16:
        pixels = pixels.reshape(height, width, channels, 2).view(">u2")[..., 0].astype(np.uint16)
    return pixels[..., 0] if channels == 1 else pixels


def _unfilter(kinds: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the row filters. kinds (h,); rows (h, w, bytes per pixel)."""
    if kinds.max(initial=0) > 4:
        raise ValueError("a row has an unknown filter")
    if kinds.max(initial=0) > 2:
        return _unfilter_diagonal(kinds, rows)
    out = rows.copy()
    sub = np.flatnonzero(kinds == 1)
    out[sub] = np.add.accumulate(out[sub], axis=1, dtype=np.uint8)
    for row in np.flatnonzero(kinds == 2):
        if row:
            out[row] += out[row - 1]
    return out


def _unfilter_diagonal(kinds: NDArray[np.uint8], rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same with the Average and Paeth filters, whose pixels need the left, upper and upper left ones.

    Pixels of an anti-diagonal do not depend on each other, so the picture is decoded in h + w - 1 vector steps.
    """
    height, width, step = rows.shape
    out = np.zeros((height + 1, width + 1, step), np.uint8)  # a border of zeros above and left
    for diagonal in range(height + width - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, up, corner = (out[y + 1, x].astype(np.int16), out[y, x + 1].astype(np.int16), out[y, x].astype(np.int16))
        kind = kinds[y][:, None]
        a, b, c = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
        paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
        guess = np.select([kind == 1, kind == 2, kind == 3, kind == 4], [left, up, (left + up) >> 1, paeth], 0)
        out[y + 1, x + 1] = rows[y, x] + guess.astype(np.uint8)
    return np.ascontiguousarray(out[1:, 1:])
