# SPDX-License-Identifier: GPL-3.0-or-later
"""Where uv comes from: the user's, one that we installed, one on PATH; else pip installs it from a hashed lock."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import EngineMissingError, InputError
from .devices import REQUIREMENTS
from .layout import Layout
from .request import Workshop

TOOLS = REQUIREMENTS / "tools.txt"  # uv and pip, hashed
_NAME = "uv.exe" if sys.platform == "win32" else "uv"


def find_uv(layout: Layout, given: Path | None) -> Path | None:
    """The uv to use, or None. Raises InputError if the given one does not work."""
    if given is not None:
        if not _works(given):
            raise InputError("uv-unusable", f"{given} is not a working uv.", "Give the path of uv, or leave it out.")
        return given
    on_path = shutil.which("uv")
    candidates = [layout.tools / _NAME, *([Path(on_path)] if on_path else [])]
    return next((path for path in candidates if _works(path)), None)


def _works(path: Path) -> bool:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.startswith("uv ")


def install_uv(work: Workshop) -> Path:
    """Install uv below the root with this Python's pip. Raises EngineMissingError where there is no pip either."""
    layout, source = work.request.layout, work.request.source
    folder = layout.tools / "fetched"
    shutil.rmtree(folder, ignore_errors=True)
    command: list[str | Path] = [*pip_command(), "install", "--quiet", "--no-input", "--target", folder, "--no-deps"]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", TOOLS]
    if source is not None:
        command += ["--no-index", "--find-links", source.wheels]
    elif work.request.index:
        command += ["--index-url", work.request.index]
    work.call("pip", command)
    target = layout.tools / _NAME
    os.replace(folder / "bin" / _NAME, target)
    target.chmod(0o755)
    shutil.rmtree(folder)
    return target


def pip_command() -> list[str | Path]:
    """How this Python runs pip: its own, or the one that ensurepip carries (Blender's Python)."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-I", "-m", "pip"]
    spec = importlib.util.find_spec("ensurepip")
    folders = [Path(spec.origin).parent / "_bundled"] if spec and spec.origin else []
    for folder in (*folders, Path("/usr/share/python-wheels")):
        for wheel in sorted(folder.glob("pip-*.whl"), reverse=True):
            return [sys.executable, "-I", wheel / "pip"]
    raise EngineMissingError(
        "uv-missing",
        "The installer uv is not here, and this Python has no pip to fetch it with.",
        "Install uv (docs.astral.sh/uv) and give its path in the preferences, or with --uv.",
    )
