# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports a file in a process of its own first, where damage to it may crash the importer and Blender with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import bpy

IMPORT_USD = "import bpy, sys; bpy.ops.wm.usd_import(filepath=sys.argv[-1])"
_CRASHES = (134, 139, 0xC0000005, 0xC0000409)  # as a shell and as Windows report them


def crashes(path: Path, script: str = IMPORT_USD) -> bool:
    """Whether `script` (its last argument is the path) ends its Python by a crash; ordinary errors do not count."""
    words = [sys.executable, "-c", script, str(path)]
    if bpy.app.binary_path:
        options = ("--background", "--factory-startup", "--offline-mode", "--python-expr", script, "--", str(path))
        words = [bpy.app.binary_path, *options]
    silent = subprocess.DEVNULL
    status = subprocess.run(words, stdin=silent, stdout=silent, stderr=silent, check=False).returncode
    return status < 0 or status in _CRASHES
