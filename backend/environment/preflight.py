# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that would make an installation fail later, looked at before and told at once."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineMissingError, OrbitPainterError, OutputError
from ..whole_files import check_writable
from .devices import Recipe
from .drivers import problem_of
from .layout import KNOWN, OURS, Layout
from .locks import digest
from .request import Request

LONG_PATH = 80  # characters: engines have file names of up to 170 below it, and Windows allows 260
_SYNCHRONISED = re.compile(r"onedrive|dropbox|google ?drive|icloud|mobile documents|nextcloud|owncloud", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way, or (fatal=False) that is better known."""

    code: str
    message: str
    advice: str
    fatal: bool = True


def preflight(
    request: Request, recipe: Recipe, busy: bool = False, free: Callable[[Path], int] | None = None
) -> list[Problem]:
    """All problems of an installation. Changes nothing."""
    problems = [
        *_busy(busy),
        *_connection(request),
        *_bundle(request, recipe),
        *_device(recipe),
        *_path(request.root),
    ]
    in_the_way = _folder(request.layout)
    problems += in_the_way
    if not in_the_way:
        problems += _space(request.root, recipe, free or (lambda path: shutil.disk_usage(path).free))
    return problems


def refuse(problems: Sequence[Problem]) -> None:
    """Raise one error that names every fatal problem."""
    fatal = [problem for problem in problems if problem.fatal]
    if not fatal:
        return
    kind = OutputError if fatal[0].code in ("disk-full", "output-unwritable", "folder-foreign") else EngineMissingError
    first, *others = fatal
    message = " ".join([first.message, *(f"Also: {problem.message}" for problem in others)])
    raise kind(first.code, message, " ".join(dict.fromkeys(problem.advice for problem in fatal)))


def _busy(busy: bool) -> list[Problem]:
    if not busy:
        return []
    return [Problem("installer-busy", "Another installer is running.", "Wait for it to end, or stop it.")]


def _connection(request: Request) -> list[Problem]:
    if request.source is not None or request.online:
        return []
    return [
        Problem(
            "offline",
            "Allow Online Access is off, so nothing can be fetched.",
            "Turn it on in Preferences > System, or install from a folder.",
        )
    ]


def _bundle(request: Request, recipe: Recipe) -> list[Problem]:
    source = request.source
    if source is None or not source.digest:
        return []
    if source.device != recipe.device:
        return [
            Problem(
                "bundle-device",
                f"The folder holds an engine for {source.device}, not for {recipe.device}.",
                "Choose that device, or make another bundle.",
            )
        ]
    if source.digest != digest(recipe):
        return [
            Problem(
                "bundle-version",
                "The folder was made with another version of Orbit Painter.",
                "Make it again with this version ('environment bundle').",
            )
        ]
    return []


def _device(recipe: Recipe) -> list[Problem]:
    found = problem_of(recipe.device)
    problems = [Problem(*found)] if found else []
    if recipe.tier > 1:
        problems.append(
            Problem("tier", f"The engine for {recipe.device} here is declared and has not been tried.", "", fatal=False)
        )
    return problems


def _path(root: Path) -> list[Problem]:
    problems = []
    if sys.platform == "win32" and len(str(root)) > LONG_PATH:
        problems.append(
            Problem(
                "path-long",
                f"The engine folder's path has more than {LONG_PATH} characters; files in it may become too long.",
                "Choose a shorter folder.",
                fatal=False,
            )
        )
    if _SYNCHRONISED.search(str(root)):
        problems.append(
            Problem(
                "path-synchronised",
                "The engine folder looks like one that is copied to the cloud; several gigabytes would be.",
                "Choose a folder that is not.",
                fatal=False,
            )
        )
    return problems


def _folder(layout: Layout) -> list[Problem]:
    """Ours to use: not there, empty, or marked; nothing that we write to leads elsewhere; and it can be written."""
    root = layout.root
    foreign = Problem(
        "folder-foreign",
        f"{root} holds other files, or links that lead elsewhere.",
        "Choose an empty folder for engines and models.",
    )
    try:
        if root.exists() and (not root.is_dir() or (_foreign_files(root) and not layout.marker.exists())):
            return [foreign]
        if any((root / name).is_symlink() for name in (*OURS, "cache")):
            return [foreign]
        check_writable(_existing(root))
    except OrbitPainterError as error:
        return [Problem(error.code, error.message, error.advice)]
    except OSError as error:
        return [
            Problem(
                "output-unwritable",
                f"The folder {root} cannot be looked at ({error.strerror}).",
                "Choose a folder that you may write to.",
            )
        ]
    return []


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _foreign_files(root: Path) -> bool:
    """Anything that no part of Orbit Painter makes (temporary files are those of another installer)."""
    names = [path.name for path in root.iterdir()]
    return any(name not in KNOWN and not (name.startswith(".") and ".part" in name) for name in names)


def _space(root: Path, recipe: Recipe, free: Callable[[Path], int]) -> list[Problem]:
    there = _cached(Layout(root).cache)
    need, has = max(recipe.disk_bytes - there, 0), free(_existing(root))
    if has >= need:
        return []
    return [
        Problem(
            "disk-full",
            f"{root} needs about {need / 1e9:.1f} GB more and has {has / 1e9:.1f} GB free.",
            "Free some space or choose a folder on another disk.",
        )
    ]


def _cached(folder: Path) -> int:
    """Bytes that an earlier, stopped installation has fetched."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += os.lstat(os.path.join(place, name)).st_size
    return total
