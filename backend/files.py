# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing files so that they are whole or not there, and the sentences for when they cannot be written."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, OutputError
from .png import read_png, write_png_to

__all__ = [
    "atomic_path",
    "check_writable",
    "clean_parts",
    "load_npz",
    "output_errors",
    "read_png",
    "save_npz",
    "write_json",
    "write_png",
]

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextmanager
def output_errors(path: Path | str) -> Iterator[None]:
    """Turn any OSError of the block into an OutputError about `path` that says what to do."""
    try:
        yield
    except OSError as error:
        raise _explained(Path(path), error) from error


def _explained(path: Path, error: OSError) -> OutputError:
    if error.errno in _FULL:
        return OutputError(
            "disk-full",
            f"{path} could not be written: the disk is full.",
            "Free some space or choose a folder on another disk.",
        )
    if error.errno in _FORBIDDEN:
        return OutputError(
            "output-unwritable",
            f"{path} could not be written: the folder is read-only or belongs to someone else.",
            "Choose a folder that you may write to.",
        )
    return OutputError(
        "output-failed", f"{path} could not be written ({error.strerror or error}).", "Choose another folder."
    )


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path`, `.<stem>.<pid>.part<suffix>`; renamed to `path` when the block ends well.

    The block writes the temporary file itself (its suffix is kept, so that writers which look at it work). Whatever
    ends the block otherwise, the temporary file is removed and `path` is as it was. Raises OutputError.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        with output_errors(path):
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _flush(path: Path) -> None:
    """Make sure that the bytes are on the disk before the name is."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path | str, data: Any) -> None:
    """Write JSON (UTF-8, indented, NumPy numbers and arrays allowed, NaN refused). Raises OutputError."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


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


def check_writable(folder: Path | str, need_bytes: int = 0) -> None:
    """Raises OutputError unless a file can be made in the existing `folder` and `need_bytes` are free there."""
    folder = Path(folder)
    if not folder.is_dir():
        raise OutputError("output-missing", f"There is no folder {folder}.", "Choose a folder that exists.")
    probe = folder / f".probe.{os.getpid()}.part"
    try:
        with output_errors(folder):
            probe.write_bytes(b"\0" * 4096)
    finally:
        probe.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    if free < need_bytes:
        raise OutputError(
            "disk-full",
            f"{folder} needs about {need_bytes / 1e6:.0f} MB and has {free / 1e6:.0f} MB free.",
            "Free some space or choose a folder on another disk.",
        )


def clean_parts(folder: Path | str, idle: float = 60.0) -> list[Path]:
    """Remove the temporary files in `folder` that a process which is gone has left; the paths removed.

    Files written to within the last `idle` seconds stay: on a shared disk the process may live on another machine.
    """
    removed = []
    for path in sorted(Path(folder).glob(".*.part*")):
        process = path.name.rpartition(".part")[0].rpartition(".")[2]
        try:
            stale = process.isdigit() and path.is_file() and time.time() - path.stat().st_mtime >= idle
        except FileNotFoundError:  # its owner has just renamed it
            continue
        if stale and not _alive(int(process)):
            path.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _alive(process: int) -> bool:
    if sys.platform == "win32":
        import ctypes

        query_limited_information = 0x1000
        handle = ctypes.windll.kernel32.OpenProcess(query_limited_information, False, process)
        if not handle:
            return False
        ctypes.windll.kernel32.CloseHandle(handle)
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
