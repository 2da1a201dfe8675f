# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGINT and SIGTERM end a run within two seconds, politely if it can be, firmly if it must."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .errors import CancelledError

GRACE = 1.2  # seconds that a stage has to notice; then the process ends itself


class Interruption:
    """Set by a signal (or `cancel`), asked by every progress call."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        self._event.set()

    def check(self) -> None:
        """Raise CancelledError if the run must stop."""
        if self._event.is_set():
            raise CancelledError


@contextmanager
def signals(interruption: Interruption, last_resort: Callable[[], None], grace: float = GRACE) -> Iterator[None]:
    """While inside, SIGINT and SIGTERM cancel `interruption`.

    The interpreter's wake-up socket, not the Python handler, is what reports the signal: it also works while the
    main thread is inside a long native call (a render, an import). If the run has not ended `grace` seconds later,
    `last_resort` is called (remove temporary files) and the process exits with status 6.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    done = threading.Event()

    def watch() -> None:
        while True:
            numbers = reader.recv(16)
            if done.is_set() or not numbers:
                return
            if any(number in (signal.SIGINT, signal.SIGTERM) for number in numbers):
                break
        interruption.cancel()
        if not done.wait(grace):
            last_resort()
            os._exit(CancelledError.exit_status)

    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    previous_fd = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, name="signals", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(previous_fd)
        for number, handler in previous.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        writer.close()
        watcher.join(timeout=1)
        reader.close()
