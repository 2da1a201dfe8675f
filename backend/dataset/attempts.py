# SPDX-License-Identifier: GPL-3.0-or-later
"""A note on the disk of the object that is being rendered, so that one at which the program crashes is left out."""

from __future__ import annotations

import json
from pathlib import Path

from ..errors import InputError
from ..files import write_json

ATTEMPTS = 3  # times that the program may end at one object (a crash of an importer) before it is left out


class Attempts:
    """Says on the disk which object is at work. What is found there at the start is where the process ended before.

    path: a file that is there as long as the shard is not whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended: dict[str, int] = {}
        try:
            there = json.loads(path.read_text(encoding="utf-8"))
            self._ended = {str(name): int(count) for name, count in there["ended"].items()}
            if there["at work"] is not None:
                self._ended[there["at work"]] = self._ended.get(there["at work"], 0) + 1
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError, AttributeError):  # cut off by the same crash: counted anew
            self._ended = {}

    def begin(self, name: str) -> None:
        """Raises InputError for an object at which the program has ended too often."""
        if self._ended.get(name, 0) >= ATTEMPTS:
            raise InputError("model-crashes", f"the program ended {ATTEMPTS} times while it was at work on it")
        self._write(name)

    def stopped(self) -> None:
        """The process ends here, but not because of the object."""
        if self._ended:
            self._write(None)
        else:
            self.done()

    def done(self) -> None:
        """The shard is whole."""
        self._path.unlink(missing_ok=True)

    def _write(self, name: str | None) -> None:
        write_json(self._path, {"at work": name, "ended": self._ended})
