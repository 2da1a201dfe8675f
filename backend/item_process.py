# SPDX-License-Identifier: GPL-3.0-or-later
"""One item of many in a process of its own: a failure, a crash included, ends that item alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .crashes import explain
from .errors import OrbitPainterError
from .process import Child, child_environment
from .progress import Progress
from .protocol import FINAL

GRACE = 1.5  # seconds for a cancelled item to end by itself
POLL = 0.05


class ItemError(OrbitPainterError):
    """An item's process failed. exit_status is that of the process."""

    def __init__(self, code: str, message: str, advice: str, exit_status: int) -> None:
        super().__init__(code, message, advice)
        self.exit_status = exit_status


class Running:
    """A command of this program at work in a process of its own, which leaving the block ends.

    words: without --json; log: what it prints beside its events; stages: those it reports, in order.
    fraction, detail: how far it is; notes: what it told its user.
    """

    def __init__(self, words: Sequence[str], log: Path, stages: Sequence[str], cwd: Path | None = None) -> None:
        self.fraction, self.detail, self.notes = 0.0, "", list[str]()
        self._stages, self._final = stages, None
        environment = child_environment(also="BLENDER_")
        self._child = Child([*words, "--json", "--parent-pipe"], cwd or log.parent, log, environment)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cancel()
        self._child.close(GRACE)

    def cancel(self) -> None:
        """Ask it to stop."""
        self._child.send("cancel")

    @property
    def ended(self) -> bool:
        """It has ended, and `take` has read all that it said."""
        return self._child.ended

    @property
    def crashed(self) -> bool:
        """It has ended without a last word."""
        return self.ended and self._final is None

    def take(self) -> None:
        """Read what it has said since the last time."""
        while (event := self._child.event()) is not None:
            if event["type"] in FINAL:
                self._final = event
            elif event["type"] == "log":
                self.notes.append(event.get("message", ""))
            elif event["type"] == "progress" and event.get("stage") in self._stages:
                done = self._stages.index(event["stage"]) + float(event.get("done", 0.0))
                self.fraction, self.detail = done / len(self._stages), f"{event['stage']}: {event.get('detail', '')}"

    def result(self) -> dict[str, Any]:
        """The numbers of its result, once it has ended. Raises ItemError."""
        if self._final is None:
            failure = explain("The process", self._child.status or 0, self._child.tail)
            raise ItemError(failure.code, failure.message, failure.advice, 10)
        if self._final["type"] != "result":
            message, advice = self._final.get("message", "It was cancelled."), self._final.get("advice", "")
            raise ItemError(self._final.get("code", "cancelled"), message, advice, self._child.status or 10)
        return self._final.get("metrics", {})


def run_item(words: Sequence[str], log: Path, stages: Sequence[str], progress: Progress) -> None:
    """Run a command of this program to its end, see `Running`.

    Raises ItemError, and CancelledError through `progress`.
    """
    with Running(words, log, stages) as running:
        while not running.ended:
            running.take()
            progress(running.fraction, running.detail)
            time.sleep(POLL)
    running.result()
