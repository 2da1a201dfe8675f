# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in Blender, such as many renders, made of short steps.

A generator of steps yields (fraction, phrase) before each of them, as a progress callback gets it. Whoever drives it
may let Blender's window live between two steps. Closed early, it tidies up.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from ..backend.progress import Progress

Steps = Generator[tuple[float, str], None, None]


def reported(steps: Steps, progress: Progress) -> Iterator[None]:
    """The same steps, each told to `progress`, which may stop them."""
    with closing(steps):
        for fraction, detail in steps:
            progress(fraction, detail)
            yield


def run(steps: Steps, progress: Progress) -> None:
    """All steps one after another."""
    for _ in reported(steps, progress):
        pass
