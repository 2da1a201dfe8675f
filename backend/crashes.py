# SPDX-License-Identifier: GPL-3.0-or-later
"""What to say about a process that ended without a word, and when to stop starting it again."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

LIMIT, WINDOW = 3, 600.0  # crashes within so many seconds after which nothing is started by itself any more
_LAST_LINES = 12


@dataclass(frozen=True)
class Failure:
    """A failure in words; again: starting the process once more by itself may help."""

    code: str
    message: str
    advice: str = ""
    again: bool = False


_MEMORY = Failure(
    "out-of-memory",
    "The job ran out of memory.",
    "Close other programs, or choose a smaller quality preset, and try again: finished stages are kept.",
)
_GPU_MEMORY = replace(_MEMORY, code="out-of-gpu-memory", message="The GPU ran out of memory.")
_DRIVER = Failure(
    "gpu-lost",
    "The graphics driver stopped working while the job ran.",
    "Save your work, restart the computer, and update the driver if it happens again. Finished stages are kept.",
)
# Words in the last lines of its log -> what they mean.
_SIGNS: tuple[tuple[str, Failure], ...] = (
    ("cuda out of memory", _GPU_MEMORY),
    ("outofmemoryerror", _GPU_MEMORY),
    ("hip out of memory", _GPU_MEMORY),
    ("std::bad_alloc", _MEMORY),
    ("memoryerror", _MEMORY),
    ("cannot allocate memory", _MEMORY),
    ("cuda error", _DRIVER),
    ("device lost", _DRIVER),
    ("unspecified launch failure", _DRIVER),
    (
        "no module named",
        Failure("engine-damaged", "Part of the engine is missing.", "Repair the engine in the preferences."),
    ),
)
_CRASHES = {
    getattr(signal, name): what
    for name, what in (("SIGSEGV", "crashed"), ("SIGABRT", "gave up"), ("SIGILL", "crashed"), ("SIGBUS", "crashed"))
    if hasattr(signal, name)
}
_KILLED = getattr(signal, "SIGKILL", 9)


def explain(what: str, status: int, tail: Sequence[str]) -> Failure:
    """The failure of a process that ended without saying how its job ended.

    what: its name for the artist ("The background Blender"); status: exit status, negative for a signal; tail: the
    last lines of its log
    """
    said = "\n".join(list(tail)[-_LAST_LINES:]).lower()
    for sign, failure in _SIGNS:
        if sign in said:
            return failure
    kept = "Finished stages are kept: try again. The log says more."
    if status == -_KILLED:
        return Failure(
            "process-killed",
            f"{what} was ended by the system, most likely because memory ran out.",
            "Close other programs, or choose a smaller quality preset, and try again: finished stages are kept.",
        )
    if status < 0 or (sys.platform == "win32" and status >= 0xC0000000):
        return Failure("process-crashed", f"{what} {_CRASHES.get(-status, 'was ended')}.", kept, again=True)
    if status == 0:
        return Failure("process-ended", f"{what} ended before the job was done.", kept, again=True)
    last = next((line.strip() for line in reversed(tail) if line.strip()), "")
    reason = f": {last[:200].rstrip('.')}" if last else ""
    return Failure("process-failed", f"{what} stopped with status {status}{reason}.", kept, again=True)


class Crashes:
    """Counts crashes, so that a broken engine is not started for ever."""

    def __init__(self) -> None:
        self._times: list[float] = []

    def note(self, now: float) -> bool:
        """Remember a crash; whether it was one too many."""
        self._times = [time for time in self._times if now - time < WINDOW] + [now]
        return len(self._times) >= LIMIT
