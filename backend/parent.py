# SPDX-License-Identifier: GPL-3.0-or-later
"""The child's side of its pipes: commands come over standard input, and its end means that the parent is gone."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from .errors import CancelledError
from .interruption import GRACE
from .memory import resident_bytes
from .protocol import COMMANDS, Decoder, Message, Noise, Writer

BEAT = 2.0  # seconds between two heartbeats
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


def die_with_parent() -> None:
    """Where the kernel can do it (Linux): this process is killed when its parent ends. Elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)


class Parent:
    """Listens to the parent and beats for it, on two threads, until `stop`.

    on_message  called on the listening thread with every command
    cancel      called when standard input closes; if the process has not ended GRACE seconds later, `last_resort` is
                called (remove temporary files) and the process exits with status 6
    """

    def __init__(
        self,
        writer: Writer,
        on_message: Callable[[Message], None],
        cancel: Callable[[], None],
        last_resort: Callable[[], None] = lambda: None,
        facts: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._writer, self._on_message, self._cancel = writer, on_message, cancel
        self.last_resort, self._facts = last_resort, facts
        self._stopped = threading.Event()

    def start(self) -> None:
        die_with_parent()
        for target in (self._listen, self._beat):
            threading.Thread(target=target, name="parent", daemon=True).start()

    def stop(self) -> None:
        """The process is about to end by itself."""
        self._stopped.set()

    def _listen(self) -> None:
        decoder = Decoder(COMMANDS)
        while data := os.read(0, 1 << 16):
            for item in decoder.feed(data):
                if isinstance(item, Noise):
                    print(f"not a command: {item.text[:200]}", file=sys.stderr, flush=True)
                elif item["type"] == "ping":
                    self._writer.send("pong", n=item.get("n"), **self._facts())
                else:
                    self._on_message(item)
        self._cancel()
        if not self._stopped.wait(GRACE):
            self.last_resort()
            os._exit(CancelledError.exit_status)

    def _beat(self) -> None:
        count = 0
        while not self._stopped.wait(BEAT):
            count += 1
            try:
                self._writer.send("heartbeat", n=count, rss=resident_bytes(), **self._facts())
            except OSError:  # the parent is gone; the other thread ends us
                return
