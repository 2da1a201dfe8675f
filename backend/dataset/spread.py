# SPDX-License-Identifier: GPL-3.0-or-later
"""`dataset render` in several processes of one machine, each with a part of its share."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..item_process import POLL, Running
from ..progress import Progress
from .attempts import ATTEMPTS
from .render import Share

CRASHES = 4 * ATTEMPTS  # of a part, after which it is not begun again: the fault is not the models' then


def spread(processes: int, share: Share, progress: Progress, note: Callable[[str], None]) -> dict[str, int]:
    """Run this program's own command line in parts; what they made together, as `Rendered` counts it.

    A part that crashes while it renders is begun again: the model it crashed on is left out in the end, see
    `render_dataset`. The others go on when one fails. Raises ItemError, CancelledError through `progress`.
    """

    def words(number: int) -> list[str]:
        part = f"{share.index + number * share.count}/{share.count * processes}"
        return [*sys.orig_argv, "--processes", "1", "--share", part]

    with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:

        def begun(number: int) -> Running:
            log = Path(logs) / f"{number}.log"
            return stack.enter_context(Running(words(number), log, ("render",), Path.cwd()))

        parts, crashes = [begun(number) for number in range(processes)], [0] * processes
        reached = [0.0] * processes
        try:
            while True:
                for number, part in enumerate(parts):
                    part.take()
                    while part.notes:
                        note(part.notes.pop(0))
                    reached[number] = max(reached[number], part.fraction)
                    if part.crashed and part.detail and crashes[number] < CRASHES:
                        crashes[number] += 1
                        note(f"Process {number + 1} of {processes} ended without a word and is begun again.")
                        parts[number] = begun(number)
                at_work = [part for part in parts if not part.ended]
                if not at_work:
                    break
                detail = at_work[0].detail.removeprefix("render: ")
                progress(sum(reached) / processes, f"{len(at_work)} processes at work, {detail}")
                time.sleep(POLL)
        finally:  # all at once: leaving the stack waits for one after the other
            for part in parts:
                part.cancel()
        totals = Counter[str]()
        for part in parts:
            totals.update(part.result())
    return dict(totals)
