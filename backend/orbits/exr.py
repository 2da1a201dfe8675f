# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenEXR scan line files with NumPy and zlib alone.

Of its own because no EXR library can be imported in every Blender's Python (OpenImageIO ships with official builds
only, and bpy itself cannot read multi-layer files back, specs/blender-extension.md section 9). Handles what Blender
writes for lossless passes: one part with dotted channel names ("ViewLayer.Position.X") or, since Blender 5, several
parts; codecs NONE, ZIPS and ZIP; types HALF, FLOAT and UINT.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..files import atomic_path

_MAGIC = b"\x76\x2f\x31\x01"
_CODECS = ("NONE", "RLE", "ZIPS", "ZIP", "PIZ", "PXR24", "B44", "B44A", "DWAA", "DWAB", "HTJ2K256", "HTJ2K32")
_LINES = {"NONE": 1, "ZIPS": 1, "ZIP": 16}  # scan lines of a chunk
_TYPES = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}
_TYPE_OF = {np.dtype(np.uint32): 0, np.dtype(np.float16): 1, np.dtype(np.float32): 2}
_TILED, _LONG_NAMES, _DEEP, _MULTI_PART = 0x200, 0x400, 0x800, 0x1000
MAX_SIDE = 1 << 15


@dataclass(frozen=True)
class _Part:
    channels: list[tuple[str, np.dtype[Any]]]  # in file order, which is alphabetical
    codec: str
    left: int
    top: int
    width: int
    height: int

    @property
    def chunks(self) -> int:
        return -(-self.height // _LINES[self.codec])

    @property
    def line_bytes(self) -> int:
        return self.width * sum(kind.itemsize for _, kind in self.channels)


def read_exr(path: Path | str) -> dict[str, NDArray[np.float32]]:
    """All channels of a file as float32 (h, w), row 0 at the top, by their full names.

    Raises InputError: exr-missing, exr-damaged (truncated or not an EXR file), exr-unsupported (another codec, tiles).
    """
    with _opened(path) as data:
        return _read(data)


def check_exr(path: Path | str) -> tuple[int, int, list[str]]:
    """Width, height and channel names, after checking without decoding that all chunks are there. Raises InputError."""
    with _opened(path) as data:
        parts, at, multi = _header(data)
        _chunk_starts(data, parts, at, multi)
    return parts[0].width, parts[0].height, [name for part in parts for name, _ in part.channels]


class _UnsupportedError(Exception):
    pass


@contextmanager
def _opened(path: Path | str) -> Iterator[mmap.mmap]:
    """The file's bytes; what goes wrong in the block becomes an InputError about the file."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data
    except OSError as error:
        raise InputError(
            "exr-missing", f"{path} cannot be read ({error.strerror}).", "Render the passes again."
        ) from error
    except (struct.error, zlib.error, ValueError, IndexError) as error:
        raise InputError(
            "exr-damaged", f"{path} is not a whole EXR file ({error}).", "Render the passes again."
        ) from error
    except _UnsupportedError as error:
        raise InputError(
            "exr-unsupported",
            f"{path} is an EXR file of a kind that is not read here: {error}.",
            "Save it with codec ZIP.",
        ) from error


def _header(data: mmap.mmap) -> tuple[list[_Part], int, bool]:
    """The parts, the position behind all headers, and whether chunks carry a part number."""
    if data[:4] != _MAGIC:
        raise ValueError("it does not start like one")
    (version,) = struct.unpack_from("<I", data, 4)
    if version & 0xFF != 2:
        raise _UnsupportedError(f"version {version & 0xFF}")
    if version & (_TILED | _DEEP):
        raise _UnsupportedError("tiles or deep data")
    multi = bool(version & _MULTI_PART)
    parts, at = [], 8
    while True:
        attributes, at = _attributes(data, at)
        if not attributes:
            break
        parts.append(_part(attributes))
        if not multi:
            break
    if not parts:
        raise ValueError("it has no header")
    return parts, at, multi


def _attributes(data: mmap.mmap, at: int) -> tuple[dict[str, bytes], int]:
    found = {}
    while data[at : at + 1] != b"\0":
        name, at = _text(data, at)
        _, at = _text(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        if size < 0 or at + 4 + size > len(data):
            raise ValueError("the header is cut off")
        found[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found, at + 1


def _text(data: bytes | mmap.mmap, at: int) -> tuple[str, int]:
    end = data.find(b"\0", at, at + 256)
    if end < 0:
        raise ValueError("the header is cut off")
    return data[at:end].decode("utf-8"), end + 1


def _part(attributes: Mapping[str, bytes]) -> _Part:
    try:
        codec_number = attributes["compression"][0]
        left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
        display = struct.unpack("<4i", attributes["displayWindow"])
        channel_list = attributes["channels"]
    except KeyError as error:
        raise ValueError(f"the header lacks {error}") from error
    codec = _CODECS[codec_number] if codec_number < len(_CODECS) else str(codec_number)
    if codec not in _LINES:
        raise _UnsupportedError(f"codec {codec}")
    if attributes.get("type", b"scanlineimage") != b"scanlineimage":
        raise _UnsupportedError("tiles or deep data")
    if (left, top, right, bottom) != display:
        raise _UnsupportedError("a cropped picture")
    if not (0 <= right - left < MAX_SIDE and 0 <= bottom - top < MAX_SIDE):
        raise ValueError("its size makes no sense")
    prefix = attributes.get("name", b"").decode("utf-8")
    channels, at = [], 0
    while channel_list[at] != 0:
        name, at = _text(channel_list, at)
        kind, _, x_step, y_step = struct.unpack_from("<iB3xii", channel_list, at)
        at += 16
        if kind not in _TYPES or (x_step, y_step) != (1, 1):
            raise _UnsupportedError("subsampled channels")
        if prefix and not name.startswith(prefix):  # a part's channels may be named within the part
            name = f"{prefix}.{name}"
        channels.append((name, _TYPES[kind]))
    return _Part(channels, codec, left, top, right - left + 1, bottom - top + 1)


def _chunk_starts(data: mmap.mmap, parts: list[_Part], at: int, multi: bool) -> list[list[int]]:
    """Where each chunk of each part starts (behind its part number), after checking that it lies inside the file."""
    starts = []
    head = 4 if multi else 0
    for part in parts:
        offsets = struct.unpack_from(f"<{part.chunks}Q", data, at)
        at += 8 * part.chunks
        for offset in offsets:
            if offset == 0 or offset + head + 8 > len(data):
                raise ValueError("the end is missing")
            _, size = struct.unpack_from("<ii", data, offset + head)
            if size < 0 or offset + head + 8 + size > len(data):
                raise ValueError("the end is missing")
        starts.append([offset + head for offset in offsets])
    return starts


def _read(data: mmap.mmap) -> dict[str, NDArray[np.float32]]:
    parts, at, multi = _header(data)
    result: dict[str, NDArray[np.float32]] = {}
    for part, starts in zip(parts, _chunk_starts(data, parts, at, multi), strict=True):
        planes = [np.empty((part.height, part.width), np.float32) for _ in part.channels]
        for start in starts:
            y, size = struct.unpack_from("<ii", data, start)
            row = y - part.top
            count = min(_LINES[part.codec], part.height - row)
            if not 0 <= row < part.height:
                raise ValueError("a chunk lies outside the picture")
            lines = _unpack(data[start + 8 : start + 8 + size], part.codec, count * part.line_bytes)
            lines = lines.reshape(count, part.line_bytes)
            column = 0
            for plane, (_, kind) in zip(planes, part.channels, strict=True):
                wide = part.width * kind.itemsize
                plane[row : row + count] = np.ascontiguousarray(lines[:, column : column + wide]).view(kind)
                column += wide
        result.update({name: plane for (name, _), plane in zip(part.channels, planes, strict=True)})
    return result


def _unpack(packed: bytes, codec: str, expected: int) -> NDArray[np.uint8]:
    """One chunk's bytes. ZIP stores the even bytes, then the odd ones, as differences, deflated."""
    if codec == "NONE" or len(packed) == expected:  # what does not shrink is stored
        raw = np.frombuffer(packed, np.uint8)
    else:
        delta = np.frombuffer(zlib.decompressobj().decompress(packed, expected), np.uint8).copy()
        delta[1:] += 128
        halves = np.add.accumulate(delta, dtype=np.uint8)
        raw = np.empty_like(halves)
        middle = (len(halves) + 1) // 2
        raw[0::2], raw[1::2] = halves[:middle], halves[middle:]
    if len(raw) != expected:
        raise ValueError("a chunk is too short")
    return raw


def _pack(raw: bytes) -> bytes:
    data = np.frombuffer(raw, np.uint8)
    halves = np.concatenate([data[0::2], data[1::2]])
    halves[1:] -= halves[:-1].copy() + np.uint8(128)
    packed = zlib.compress(halves.tobytes(), 4)
    return packed if len(packed) < len(raw) else raw


def write_exr(
    path: Path | str, channels: Mapping[str, NDArray[Any]], codec: Literal["NONE", "ZIPS", "ZIP"] = "ZIP"
) -> None:
    """Write named channels (h, w) of float16, float32 or uint32 as one part that Blender reads. Raises OutputError."""
    names = sorted(channels)
    planes = [np.ascontiguousarray(channels[name]) for name in names]
    height, width = planes[0].shape
    if any(plane.shape != (height, width) or plane.dtype not in _TYPE_OF for plane in planes):
        raise TypeError("EXR channels are float16, float32 or uint32 arrays of one shape (h, w)")
    listing = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", _TYPE_OF[plane.dtype], 0, 1, 1)
        for name, plane in zip(names, planes, strict=True)
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    attributes = [
        ("channels", "chlist", listing + b"\0"),
        ("compression", "compression", bytes([_CODECS.index(codec)])),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ]
    version = 2 | (_LONG_NAMES if any(len(name.encode()) > 31 for name in names) else 0)
    head = _MAGIC + struct.pack("<I", version)
    for name, kind, value in attributes:
        head += name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value
    head += b"\0"
    step = _LINES[codec]
    chunks, offsets = [], []
    at = len(head) + 8 * -(-height // step)
    for row in range(0, height, step):
        lines = [plane[y].tobytes() for y in range(row, min(row + step, height)) for plane in planes]
        raw = b"".join(lines)
        packed = raw if codec == "NONE" else _pack(raw)
        chunks.append(struct.pack("<ii", row, len(packed)) + packed)
        offsets.append(at)
        at += len(chunks[-1])
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(head + struct.pack(f"<{len(offsets)}Q", *offsets))
        file.writelines(chunks)
