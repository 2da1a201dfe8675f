# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages between the extension and its processes: UTF-8 JSON, one object a line (specs/blender-extension.md 6.2).

Large data travels as files that a message names. Fields that are not known are ignored; lines that are no message, and
messages of an unknown type, are handed on as `Noise`, because libraries print.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

PROTOCOL = 1
MAX_LINE = 64 * 1024  # bytes of one message, with its line end

COMMANDS = frozenset({"hello", "run", "cancel", "ping", "free", "shutdown"})
EVENTS = frozenset(
    {
        "ready",
        "pong",
        "heartbeat",
        "accepted",
        "progress",
        "preview",
        "log",
        "freed",
        "result",
        "cancelled",
        "error",
    }
)
FINAL = frozenset({"result", "cancelled", "error"})  # the events that end a job

Message = dict[str, Any]


@dataclass(frozen=True)
class Noise:
    """A line that is no message we know."""

    text: str


def encode(kind: str, /, **fields: Any) -> str:
    """One line with its line end. A message that is too long keeps its identity and says `truncated`."""
    line = json.dumps({"type": kind, **fields}) + "\n"  # ASCII: also names that are no valid Unicode pass
    if len(line) > MAX_LINE:
        kept = {name: fields[name] for name in ("job_id", "code") if name in fields}
        line = json.dumps({"type": kind, **kept, "truncated": True}) + "\n"
    return line


class Decoder:
    """Bytes in, in pieces of any size; messages and noise out. known: the types of messages that may come."""

    def __init__(self, known: frozenset[str]) -> None:
        self._known = known
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Message | Noise]:
        """What is complete now. A line beyond MAX_LINE is noise, cut off there; the next line is read as usual."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._rest += line
            yield from self._line()
            self._rest.clear()
            self._skipping = False
        self._rest += rest
        if len(self._rest) >= MAX_LINE:
            yield from self._line()
            self._rest.clear()
            self._skipping = True

    def end(self) -> Iterator[Message | Noise]:
        """The last line, where it has no line end."""
        yield from self._line()
        self._rest.clear()

    def _line(self) -> Iterator[Message | Noise]:
        line = bytes(self._rest).strip()
        if not line or self._skipping:
            return
        try:
            message = json.loads(line) if len(line) < MAX_LINE else None
        except (ValueError, RecursionError):  # includes invalid UTF-8
            message = None
        if isinstance(message, dict) and isinstance(message.get("type"), str) and message["type"] in self._known:
            yield message
        else:
            yield Noise(line[:MAX_LINE].decode("utf-8", "replace"))


class Writer:
    """Sends messages over a text stream, whole lines at a time, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, kind: str, /, **fields: Any) -> None:
        line = encode(kind, **fields)
        with self._lock:
            self._stream.write(line)
            self._stream.flush()
