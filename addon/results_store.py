# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of results are: beside the .blend, or in the user's store while that is not saved; and the trash.

    //textures/orbit_painter/<object>/   beside a saved .blend
    STORE/results/<object>/              of files that were never saved
    STORE/trash/<id>/                    a removed file, and entry.json: where it was

No file is ever overwritten, and none is deleted but by `empty_trash`, which also runs for what is older than KEPT.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..backend.environment.layout import default_root
from ..backend.whole_files import output_errors, write_json

BESIDE = Path("textures", "orbit_painter")
ENTRY = "entry.json"
KEPT = 30 * 86400.0  # seconds that the trash keeps a file
_TILE = re.compile(r"(\.1\d{3})?(\.[^.]+)$")


def safe_name(text: str) -> str:
    """The text as a file name that every system allows."""
    word = re.sub(r"[^\w.-]+", "_", text).strip("._ ")[:48]
    return f"{word}_" if word.upper() in _RESERVED else word or "object"


_RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


def folder_for(name: str) -> Path:
    """Where the results of an object of this name belong now: beside the .blend once it is saved."""
    if bpy.data.filepath:
        return Path(bpy.path.abspath("//")) / BESIDE / safe_name(name)
    return store() / safe_name(name)


def store() -> Path:
    """Where files are that do not belong to a saved .blend."""
    return default_root() / "results"


def trash() -> Path:
    return default_root() / "trash"


def in_store(path: Path) -> bool:
    return path.is_relative_to(store())


def copy_in(files: Sequence[Path], folder: Path, stem: str) -> list[Path]:
    """Copies of `files` in `folder` as `<stem><tile><suffix>`, with a number where another file has that name.

    A set of tiles gets one number for all of them. A file that is there already with the same bytes is used as it is.
    Raises OutputError.
    """
    endings = ["".join(part or "" for part in _ending(path)) for path in files]
    with output_errors(folder):
        names = (stem if number == 1 else f"{stem}_{number}" for number in itertools.count(1))
        choices = ([folder / f"{name}{ending}" for ending in endings] for name in names)
        targets = next(
            choice
            for choice in choices
            if all(not new.exists() or _same(old, new) for old, new in zip(files, choice, strict=True))
        )
    for old, new in zip(files, targets, strict=True):
        copy_once(old, new)
    return targets


def copy_once(old: Path, new: Path) -> None:
    """Copy a file unless there is one of that name. Raises OutputError."""
    if new.exists():
        return
    import shutil  # not while enabling, here and below

    with output_errors(new):
        new.parent.mkdir(parents=True, exist_ok=True)
        part = new.with_name(f".{new.name}.part")
        try:
            shutil.copyfile(old, part)
            part.replace(new)
        finally:
            part.unlink(missing_ok=True)


def _ending(path: Path) -> tuple[str | None, str]:
    found = _TILE.search(path.name)
    return (found[1], found[2]) if found else (None, path.suffix)


def _same(first: Path, second: Path) -> bool:
    import filecmp

    return first.stat().st_size == second.stat().st_size and filecmp.cmp(first, second, shallow=False)


def make_relative(image: Any) -> None:
    """Name the file relative to the .blend, once that is saved."""
    if bpy.data.filepath:
        with contextlib.suppress(ValueError):  # another drive
            image.filepath_raw = bpy.path.relpath(image.filepath_raw)


# The trash


@dataclass(frozen=True)
class Trashed:
    """A file in the trash: the folder that holds it, where it was, and when it came, seconds since 1970."""

    folder: Path
    original: Path
    removed: float

    @property
    def path(self) -> Path:
        return self.folder / self.original.name


def discard(path: Path) -> None:
    """Move a file to the trash. Raises OutputError."""
    if not path.is_file():
        return
    import shutil

    folder = trash() / os.urandom(6).hex()
    with output_errors(folder):
        folder.mkdir(parents=True)
        write_json(folder / ENTRY, {"original": str(path), "removed": time.time()})
        shutil.move(path, folder / path.name)


def trashed() -> Iterator[Trashed]:
    """Everything in the trash, newest first."""
    entries = []
    for entry in trash().glob(f"*/{ENTRY}"):
        data = json.loads(entry.read_text(encoding="utf-8"))
        entries.append(Trashed(entry.parent, Path(data["original"]), data["removed"]))
    yield from sorted(entries, key=lambda item: item.removed, reverse=True)


def recover(wanted: set[Path]) -> None:
    """Move files back that are missing where they are wanted: their removal was undone. Raises OutputError."""
    missing = {path for path in wanted if not path.exists()}
    if not missing or not trash().is_dir():
        return
    import shutil

    for item in trashed():
        if item.original in missing and item.path.is_file():
            with output_errors(item.original):
                item.original.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(item.path, item.original)
                shutil.rmtree(item.folder)
            missing.discard(item.original)


def trash_size() -> tuple[int, int]:
    """Files in the trash and their bytes."""
    sizes = [item.path.stat().st_size for item in trashed() if item.path.is_file()]
    return len(sizes), sum(sizes)


def empty_trash(age: float = 0.0) -> None:
    """Delete what has been in the trash for `age` seconds. Raises OutputError."""
    import shutil

    with output_errors(trash()):
        for item in list(trashed()):
            if time.time() - item.removed >= age:
                shutil.rmtree(item.folder)
