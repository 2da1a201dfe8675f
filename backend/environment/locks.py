# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading requirement locks, and one digest for all that an engine is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from .devices import PYTHON, Recipe

_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


def pinned(text: str) -> list[tuple[str, str]]:
    """Names (normalised) and versions in a lock, in its order; a package may occur once per marker."""
    return [(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in _PINNED.findall(text)]


def joined(paths: Iterable[Path]) -> str:
    """Several locks as one."""
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def digest(recipe: Recipe) -> str:
    """Ten hexadecimal digits of all that the extension asks for: equal digests mean equal engines."""
    hasher = hashlib.sha256(f"{PYTHON}\n{recipe.device}\n{recipe.unhashed}\n".encode())
    hasher.update(joined(recipe.locks).encode())
    return hasher.hexdigest()[:10]


def engine_name(recipe: Recipe) -> str:
    return f"{recipe.device}-{digest(recipe)}"
