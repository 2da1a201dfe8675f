# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files so that they are whole or not there: arrays, pictures, and all of `whole_files.py`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .png import read_png, write_png_to
from .whole_files import atomic_path, check_writable, clean_parts, output_errors, shortened, write_json

__all__ = [
    "atomic_path",
    "check_writable",
    "clean_parts",
    "load_npz",
    "output_errors",
    "read_png",
    "save_npz",
    "shortened",
    "write_json",
    "write_png",
]


def write_png(path: Path | str, image: NDArray[np.uint8] | NDArray[np.uint16], level: int = 4) -> None:
    """Write uint8 or uint16 (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4) as PNG. Raises OutputError."""
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        write_png_to(file, image, level)


def save_npz(path: Path | str, compress: bool = True, **arrays: Any) -> None:
    """Write arrays (no objects) as .npz. Raises OutputError."""
    values = {name: np.asarray(value) for name, value in arrays.items()}
    if any(value.dtype.hasobject for value in values.values()):
        raise TypeError("arrays of Python objects are not written")
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        (np.savez_compressed if compress else np.savez)(file, **values)


def load_npz(path: Path | str) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file; never unpickles. Raises InputError for a missing or damaged file."""
    try:
        with np.load(path, allow_pickle=False) as data:
            return {name: data[name] for name in data.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            "data-damaged", f"{path} is missing or damaged ({error}).", "Run the stage that writes it again."
        ) from error
