# SPDX-License-Identifier: GPL-3.0-or-later
"""One item of many in a process of its own: a failure, a crash included, ends that item alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .crashes import explain
from .errors import OrbitPainterError
from .process import Child, child_environment
from .progress import Progress
from .protocol import FINAL

if TYPE_CHECKING:
    from .protocol import Message

GRACE = 1.5  # seconds for a cancelled item to end by itself
POLL = 0.05


class ItemError(OrbitPainterError):
    """An item's process failed. exit_status is that of the process."""

    def __init__(self, code: str, message: str, advice: str, exit_status: int) -> None:
        super().__init__(code, message, advice)
        self.exit_status = exit_status


def run_item(words: Sequence[str], log: Path, stages: Sequence[str], progress: Progress) -> None:
    """Run a command of this program to its end.

    words: without --json; log: what it prints beside its events; stages: those it reports, in order.
    Raises ItemError, and CancelledError through `progress`.
    """
    child = Child([*words, "--json", "--parent-pipe"], log.parent, log, child_environment(also="BLENDER_"))
    try:
        final = _follow(child, stages, progress)
    finally:
        child.send("cancel")
        child.close(GRACE)
    if final is None:
        failure = explain("The process", child.status or 0, child.tail)
        raise ItemError(failure.code, failure.message, failure.advice, 10)
    if final["type"] != "result":
        message, advice = final.get("message", "It was cancelled."), final.get("advice", "")
        raise ItemError(final.get("code", "cancelled"), message, advice, child.status or 10)


def _follow(child: Child, stages: Sequence[str], progress: Progress) -> Message | None:
    """Report what the process does until it ends; its last word."""
    final, fraction, detail = None, 0.0, ""
    for event in _events(child):
        if event is not None and event["type"] in FINAL:
            final = event
        elif event is not None and event["type"] == "progress" and event.get("stage") in stages:
            fraction = (stages.index(event["stage"]) + float(event.get("done", 0.0))) / len(stages)
            detail = f"{event['stage']}: {event.get('detail', '')}"
        progress(fraction, detail)
    return final


def _events(child: Child) -> Iterator[Message | None]:
    """Events as they come, None now and then while there is none."""
    while not child.ended:
        event = child.event()
        if event is None:
            time.sleep(POLL)
        yield event
