# SPDX-License-Identifier: GPL-3.0-or-later
"""Where everything lies: one folder per user, shared by all Blender versions (specs/blender-extension.md 4 and 5.1).

ROOT/orbit-painter.json         says that the folder is ours; nothing is removed from a folder without it
ROOT/install.lock               held while an installer runs
ROOT/engine/<device>-<lock>/    a virtual environment; `engine.json` inside is written last and makes it complete
ROOT/engine/current.json        which engine is in use, and the one before
ROOT/engine/install.json        what the installer is doing, or how it ended
ROOT/models/                    see backend/models
ROOT/cache/ python/ tools/      downloads of uv, Pythons that uv fetched, uv itself
ROOT/logs/                      what the tools said
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENGINE_NAME = re.compile(r"(cpu|cuda|mps|rocm)-[0-9a-f]{10}")
OURS = ("engine", "cache/uv", "python", "tools", "logs")  # what Remove deletes
MODELS = ("models", "cache")  # what it deletes if it is asked for the models too: engines keep encodings in the cache
# Everything that may lie in the root folder.
KNOWN = ("engine", "cache", "python", "tools", "logs", "models", "jobs", "install.lock", "orbit-painter.json")


def default_root(platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for engines and models unless the user chose another. ORBIT_PAINTER_HOME names another place."""
    if given := environ.get("ORBIT_PAINTER_HOME"):
        return Path(given)
    home = Path.home()
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "OrbitPainter"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "OrbitPainter"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "orbit-painter"


@dataclass(frozen=True)
class Layout:
    """The paths below one root."""

    root: Path

    @property
    def marker(self) -> Path:
        return self.root / "orbit-painter.json"

    @property
    def lock(self) -> Path:
        return self.root / "install.lock"

    @property
    def engines(self) -> Path:
        return self.root / "engine"

    @property
    def current(self) -> Path:
        return self.engines / "current.json"

    @property
    def progress(self) -> Path:
        return self.engines / "install.json"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def cache(self) -> Path:
        return self.root / "cache" / "uv"

    @property
    def pythons(self) -> Path:
        return self.root / "python"

    @property
    def tools(self) -> Path:
        return self.root / "tools"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def engine(self, name: str) -> Path:
        return self.engines / name


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    if sys.platform == "win32":
        return environment / "Scripts" / "python.exe"
    return environment / "bin" / "python"


def site_packages(environment: Path) -> Path:
    """Where the packages of a virtual environment lie; the folder need not exist."""
    if sys.platform == "win32":
        return environment / "Lib" / "site-packages"
    return next(iter(sorted((environment / "lib").glob("python3.*"))), environment / "lib") / "site-packages"
