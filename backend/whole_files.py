# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are whole or not there, and the sentences for when they cannot be written. The standard library alone.

`files.py` has these and those that need NumPy.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import OutputError
from .progress import Progress, silent

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}
_FORBIDDEN = {errno.EROFS, errno.EACCES, errno.EPERM}


LONGEST = 120  # bytes of a name, so that with all that is put before and behind it every file system takes it


def shortened(name: str) -> str:
    """The name of a model, object or picture, without what may not be in a file's name and no longer than is safe."""
    name = re.sub(r'[\x00-\x1f\\/:*?"<>|]', "_", name)
    return name.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore").rstrip(" .") or "model"


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
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


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
    import shutil  # not while enabling

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


def file_digest(path: Path | str, progress: Progress = silent, method: str = "sha256") -> str:
    """A file's hash, hexadecimal; SHA-256 unless another is named. Raises OSError."""
    import hashlib  # not while enabling

    hasher, done = hashlib.new(method), 0
    with open(path, "rb") as file:
        size = max(os.fstat(file.fileno()).st_size, 1)
        while block := file.read(1 << 23):
            hasher.update(block)
            done += len(block)
            progress(done / size, Path(path).name)
    return hasher.hexdigest()


def hold(path: Path) -> int:
    """Take the lock file `path` for this process and return its handle; the system releases it when the process ends.

    Raises BlockingIOError if another process holds it, OSError if it cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise BlockingIOError(error.errno, error.strerror, str(path)) from error
    return handle
