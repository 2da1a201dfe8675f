# SPDX-License-Identifier: GPL-3.0-or-later
"""How far uv is: from what it prints, and from what it has unpacked of the packages that are on their way."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

from ..progress import Progress

UNPACKED = 2  # bytes in the cache for one that was fetched, or more: the bar is rather too slow than too fast
PERIOD = 1.0  # seconds between two looks into the cache

_STARTED = re.compile(r"^Downloading (\S+) \(([\d.]+)(KiB|MiB|GiB)\)")
_ENDED = re.compile(r"^\s*Downloaded (\S+)")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class SyncProgress:
    """Follows `uv pip sync`: packages are fetched, then put into place.

    expected  about how many bytes are fetched; cache: where uv unpacks them
    prepared  called once, when everything is fetched; it returns the callback of the stage that follows
    """

    def __init__(self, expected: int, cache: Path, fetching: Progress, prepared: Callable[[], Progress]) -> None:
        self._cache, self._looked = cache, 0.0
        self._expected, self._report, self._prepared = max(expected, 1), fetching, prepared
        self._sizes: dict[str, int] = {}
        self._open: list[str] = []
        self._done = 0
        self._fetching = True

    def line(self, text: str) -> None:
        if started := _STARTED.match(text):
            name = started[1]
            self._sizes[name] = int(float(started[2]) * _UNITS[started[3]])
            self._open.append(name)
        elif ended := _ENDED.match(text):
            self._done += self._sizes.get(ended[1], 0)
            if ended[1] in self._open:
                self._open.remove(ended[1])
        elif text.startswith("Prepared "):
            self.fetched()
        if self._fetching:
            self._show(0)
        elif text.startswith("Installed "):
            self._report(1.0, text)

    def tick(self) -> None:
        """While uv says nothing: a large package may take minutes."""
        if self._fetching and self._open and time.monotonic() - self._looked >= PERIOD:
            self._looked = time.monotonic()
            coming = sum(self._sizes[name] for name in self._open)
            self._show(min(unpacking(self._cache) // UNPACKED, coming))

    def _show(self, coming: int) -> None:
        total = max(self._expected, sum(self._sizes.values()))
        self._report(min((self._done + coming) / total, 0.99), self._detail())

    def fetched(self) -> None:
        """Everything is here (uv says so, or had nothing to fetch)."""
        if self._fetching:
            self._fetching = False
            self._report = self._prepared()

    def _detail(self) -> str:
        largest = sorted(self._open, key=lambda name: -self._sizes[name])[:2]
        return ", ".join(f"{name} {self._sizes[name] / 1e6:.0f} MB" for name in largest)


def unpacking(cache: Path) -> int:
    """Bytes of what uv is unpacking now (it does so in `.tmp` folders of its cache)."""
    total = 0
    for folder in cache.glob(".tmp*"):
        for place, _, names in os.walk(folder):
            for name in names:
                try:
                    total += os.lstat(os.path.join(place, name)).st_size
                except FileNotFoundError:  # it has just been moved to where it belongs
                    continue
    return total
