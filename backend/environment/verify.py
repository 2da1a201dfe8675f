# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of an engine against the hashes that its packages came with (RECORD, PEP 376)."""

from __future__ import annotations

import base64
import csv
from dataclasses import dataclass
from pathlib import Path

from ..progress import Progress, silent
from ..whole_files import file_digest
from .layout import site_packages


@dataclass(frozen=True)
class BadFile:
    """A file that is missing or not as it was installed."""

    package: str
    path: Path


def verify_files(environment: Path, progress: Progress = silent) -> list[BadFile]:
    """All bad files of a virtual environment; [] if it is sound. A package whose RECORD is gone counts as one."""
    packages = site_packages(environment)
    records = sorted(packages.glob("*.dist-info"))
    bad: list[BadFile] = []
    for index, folder in enumerate(records):
        name = folder.name.partition("-")[0]
        progress(index / len(records), name)
        try:
            rows = list(csv.reader((folder / "RECORD").read_text(encoding="utf-8").splitlines()))
        except (OSError, ValueError, csv.Error):
            bad.append(BadFile(name, folder / "RECORD"))
            continue
        bad += [
            BadFile(name, packages / row[0])
            for row in rows
            if len(row) == 3
            and row[1]
            and not _sound(packages / row[0], row[1], row[2], progress, index / len(records))
        ]
    return bad


def _sound(path: Path, expected: str, size: str, progress: Progress, fraction: float) -> bool:
    method, _, wanted = expected.partition("=")
    try:
        if size and path.stat().st_size != int(size):
            return False
        found = file_digest(path, lambda _, name: progress(fraction, name), method)
    except (OSError, ValueError):
        return False
    return base64.urlsafe_b64encode(bytes.fromhex(found)).rstrip(b"=").decode() == wanted
