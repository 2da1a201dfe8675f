# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer's state as it moves, on disk and on the console."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TextIO

from ..console import Console, stage_progress
from ..errors import CancelledError, OrbitPainterError, OutputError
from ..progress import Progress, silent
from ..whole_files import hold, output_errors, write_json
from .layout import Layout
from .records import ProgressRecord, write
from .states import Event, State, advance
from .status import status

PATIENCE = 1.0  # seconds for somebody who only looks whether the lock is free


class Machine:
    """Moves through the states of one action; each is a stage of the console."""

    def __init__(self, layout: Layout, action: Event, device: str, console: Console, check: Callable[[], None]) -> None:
        self._layout, self._device = layout, device
        self._console, self._check = console, check
        self._stage = ExitStack()
        self._state = status(layout.root, installing=False).state
        if self._state is State.MISSING and action in (Event.UPDATE, Event.REPAIR):
            action = Event.INSTALL
        self._action = action
        layout.engines.mkdir(parents=True, exist_ok=True)
        self.report = self.to(action)

    def to(self, event: Event) -> Progress:
        """Go on, end the running stage and begin the next; its progress callback."""
        self._stage.close()
        self._state = advance(self._state, event)
        write(self._layout.progress, ProgressRecord(self._state, self._action.value, self._device))
        if self._state in (State.PREFLIGHT, State.UPDATING):  # told before the lock was taken
            return silent
        return self._stage.enter_context(stage_progress(self._console, self._state.value, self._check))

    def finish(self, event: Event) -> None:
        """The last step, into a state of rest."""
        self._stage.close()
        self._state = advance(self._state, event)
        self._layout.progress.unlink(missing_ok=True)

    def fail(self, error: OrbitPainterError) -> None:
        """Write down why it ended, for whoever looks later."""
        code, message, advice = error.code, error.message, error.advice
        if isinstance(error, CancelledError):
            message, advice = "The installation was stopped.", "Install again to continue; what was fetched is kept."
        self._state = advance(self._state, Event.FAIL)
        record = ProgressRecord(self._state, self._action.value, self._device, code, message, advice)
        with suppress(OutputError):  # the disk is full: the record of the last stage then reads as an interruption
            write(self._layout.progress, record)


@contextmanager
def running(machine: Machine) -> Iterator[None]:
    """Whatever ends the block is written down and passed on."""
    try:
        yield
    except OrbitPainterError as error:
        machine.fail(error)
        raise
    except KeyboardInterrupt:
        machine.fail(CancelledError())
        raise


@contextmanager
def locked(layout: Layout) -> Iterator[int]:
    """The installer's lock; its handle. The root folder is made, and marked as ours, if it is new.

    Raises OutputError if another installer holds the lock.
    """
    with output_errors(layout.root):
        layout.root.mkdir(parents=True, exist_ok=True)
    if not layout.marker.exists():
        write_json(layout.marker, {"made_by": "Orbit Painter", "layout": 1})
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            handle = hold(layout.lock)
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise OutputError(
                    "installer-busy", "Another installer is running.", "Wait for it to end, or stop it."
                ) from error
            time.sleep(0.1)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def logging(layout: Layout) -> Iterator[TextIO]:
    """A new log file; the ten newest are kept."""
    layout.logs.mkdir(parents=True, exist_ok=True)
    for old in sorted(layout.logs.glob("install-*.log"))[:-9]:
        old.unlink(missing_ok=True)
    with open(
        layout.logs / f"install-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log", "w", encoding="utf-8"
    ) as log:
        yield log
