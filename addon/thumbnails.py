# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of files for the panel. Blender reads each once, the first time that it is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy.utils.previews

MOST = 256  # pictures kept

_collection: Any = None


def icon(path: Path) -> int:
    """The icon of a picture file; a file that was written again under the same name stays as it was."""
    global _collection
    if _collection is None:
        _collection = bpy.utils.previews.new()
    name = str(path)
    if name not in _collection:
        if len(_collection) >= MOST:
            _collection.clear()
        _collection.load(name, name, "IMAGE")
    return _collection[name].icon_id


def forget() -> None:
    """The files may have changed."""
    if _collection is not None:
        _collection.clear()


def register() -> None:
    pass


def unregister() -> None:
    global _collection
    if _collection is not None:
        bpy.utils.previews.remove(_collection)
        _collection = None
