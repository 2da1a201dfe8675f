# SPDX-License-Identifier: GPL-3.0-or-later
"""The one callback through which a stage reports progress and learns that it must stop."""

from __future__ import annotations

from collections.abc import Callable

# progress(fraction, detail): fraction of the running stage in [0, 1], never decreasing; detail is a short phrase.
# A stage calls it at least once a second of work. The call raises CancelledError when the user has asked to stop;
# the stage lets it through and leaves nothing behind.
Progress = Callable[[float, str], None]


def silent(fraction: float, detail: str = "") -> None:
    """The progress callback for those who do not care."""


def part(progress: Progress, start: float, end: float) -> Progress:
    """A callback that maps [0, 1] of a sub-stage to [start, end] of `progress`."""

    def report(fraction: float, detail: str = "") -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), detail)

    return report
