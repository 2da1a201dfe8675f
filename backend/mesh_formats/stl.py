# SPDX-License-Identifier: GPL-3.0-or-later
"""STL, binary and text. Axes as they are (Z up), flat faces, corners in one place are joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .part import DamagedFileError, Part

_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])


def read_stl(path: Path) -> list[Part]:
    """Raises DamagedFileError."""
    data = path.read_bytes()
    count = int.from_bytes(data[80:84], "little")
    if len(data) >= 84 + _RECORD.itemsize * count and (count or not data.startswith(b"solid")):
        corners = np.frombuffer(data, _RECORD, count, 84)["corners"]
    elif data.lstrip().startswith(b"solid"):
        corners = _text(data)
    else:
        raise DamagedFileError("it is cut short")
    vertices, index = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    faces = index.reshape(-1, 3).astype(np.int32)
    number = np.arange(len(faces), dtype=np.int32)
    loop = np.arange(3 * len(faces), dtype=np.int32).reshape(-1, 3)
    return [Part(path.stem, vertices.astype(np.float64), faces, loop, number)]


def _text(data: bytes) -> NDArray[np.float32]:
    words = data.split()
    at = [i for i, word in enumerate(words) if word == b"vertex"]
    if len(at) % 3 or not any(word == b"endsolid" for word in words):
        raise DamagedFileError("it is cut short")
    try:
        values = [[float(value) for value in words[i + 1 : i + 4]] for i in at]
        return np.array(values, np.float32).reshape(-1, 3, 3)
    except ValueError as error:
        raise DamagedFileError("a number is missing") from error
