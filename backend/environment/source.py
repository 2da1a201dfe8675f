# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder to install from without any connection: a bundle, or just wheels.

bundle.json     format, platform, device, digest of the engine, and size and SHA-256 of every other file
lock.txt        everything, hashed
wheels/         one wheel a package, uv among them
python.tar.gz   the Python that the engine runs on, where it was one that uv had fetched
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..progress import Progress, silent
from ..whole_files import file_digest
from .devices import platform_name

FORMAT = 1
_AGAIN = "Make it again with 'environment bundle' on a computer with a connection."


@dataclass(frozen=True)
class Source:
    """Where wheels lie; the rest is "" or None where the folder is not a bundle."""

    folder: Path
    wheels: Path
    device: str = ""
    digest: str = ""
    lock: Path | None = None
    python: Path | None = None
    files: dict[str, Any] = field(default_factory=dict)

    def verify(self, progress: Progress = silent) -> None:
        """Compare every file with what bundle.json says. Raises InputError that names the first that differs."""
        total = sum(entry["size"] for entry in self.files.values()) or 1
        done = 0
        for name, entry in self.files.items():
            progress(done / total, name)
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != entry["size"] or file_digest(path) != entry["sha256"]:
                raise InputError("bundle-damaged", f"{path} is missing or damaged.", "Copy the folder again.")
            done += entry["size"]


def read_source(folder: Path) -> Source:
    """What the folder offers. Raises InputError if it is neither a bundle for this platform nor has wheels."""
    description = folder / "bundle.json"
    if not description.is_file():
        wheels = next((place for place in (folder / "wheels", folder) if any(place.glob("*.whl"))), None)
        if wheels is None:
            raise InputError("bundle-missing", f"{folder} holds neither a bundle nor wheels.", _AGAIN)
        return Source(folder, wheels)
    try:
        data = json.loads(description.read_text(encoding="utf-8"))
        known = data["format"] == FORMAT
        source = Source(
            folder,
            folder / "wheels",
            data["device"],
            data["digest"],
            folder / "lock.txt",
            _if_there(folder / "python.tar.gz"),
            {str(name): {"size": int(e["size"]), "sha256": str(e["sha256"])} for name, e in data["files"].items()},
        )
        platform = data["platform"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError("bundle-damaged", f"{description} cannot be read.", _AGAIN) from error
    if not known or any(Path(name).is_absolute() or ".." in Path(name).parts for name in source.files):
        raise InputError("bundle-version", f"{folder} was made by another version of Orbit Painter.", _AGAIN)
    if platform != platform_name():
        raise InputError("bundle-platform", f"The bundle is for {platform}, this is {platform_name()}.", _AGAIN)
    return source


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None
