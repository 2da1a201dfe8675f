# SPDX-License-Identifier: GPL-3.0-or-later
"""How far uv is, from what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..progress import Progress

_STARTED = re.compile(r"^Downloading (\S+) \(([\d.]+)(KiB|MiB|GiB)\)")
_ENDED = re.compile(r"^\s*Downloaded (\S+)")
_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class SyncProgress:
    """Follows `uv pip sync`: packages are fetched, then put into place.

    prepared is called once, when everything is fetched; it returns the callback of the stage that follows.
    """

    def __init__(self, expected: int, fetching: Progress, prepared: Callable[[], Progress]) -> None:
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
            total = max(self._expected, sum(self._sizes.values()))
            self._report(min(self._done / total, 0.99), self._detail())
        elif text.startswith("Installed "):
            self._report(1.0, text)

    def fetched(self) -> None:
        """Everything is here (uv says so, or had nothing to fetch)."""
        if self._fetching:
            self._fetching = False
            self._report = self._prepared()

    def _detail(self) -> str:
        largest = sorted(self._open, key=lambda name: -self._sizes[name])[:2]
        return ", ".join(f"{name} {self._sizes[name] / 1e6:.0f} MB" for name in largest)
