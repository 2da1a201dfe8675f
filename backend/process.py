# SPDX-License-Identifier: GPL-3.0-or-later
"""A child process that speaks the protocol over its pipes (specs/blender-extension.md 6.1).

All three pipes are served by threads, so nobody waits for the child, and the child never waits for us. The portable
promise against orphans is standard input: the child ends when it closes (`parent.py`), however its parent ended.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from .protocol import EVENTS, Decoder, Message, Noise, encode

PIPES_OPEN = 1.0  # seconds that we go on listening after a process has ended
_FLAGS = getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_LOWER = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
NICENESS = 3  # of what works behind a window: where both want the processor, the window gets two thirds
TAIL = 60  # last lines of its log that are kept in memory

# What a child gets of our environment. Nothing that Blender or an add-on set for its own Python, no library paths.
_ALLOWED = re.compile(
    r"PATH|HOME|USER(NAME|PROFILE)?|LOGNAME|TE?MP(DIR)?|LANG(UAGE)?|LC_\w+|TZ|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC"
    r"|PATHEXT|(LOCAL)?APPDATA|PROGRAMDATA|PROGRAMFILES(\(X86\))?|NUMBER_OF_PROCESSORS|PROCESSOR_\w+|XDG_\w+"
    r"|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|LIBGL_\w+|(CUDA|NVIDIA|HIP|ROCR|GPU)_\w*DEVICES|CUDA_DEVICE_ORDER|HSA_\w+"
    r"|ZE_\w+|\w+_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|(OMP|MKL|NUMBA|OPENBLAS)_NUM_THREADS|ORBIT_PAINTER_\w+",
    re.IGNORECASE,
)


def child_environment(
    extra: Mapping[str, str] | None = None, also: str | tuple[str, ...] = "", environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment variables for a child; also: prefixes of further names that it gets."""
    kept = {n: v for n, v in environ.items() if _ALLOWED.fullmatch(n) or (also and n.upper().startswith(also))}
    return {**kept, **(extra or {})}


def _give_way(pid: int) -> None:
    """Lower the priority of a process that leads a session of its own (POSIX).

    Linux desktops share the processor out among sessions (autogroups): there a niceness counts inside a session only,
    and the session has one of its own. Best effort: where it is not allowed, or the process has ended, nothing happens.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid) + NICENESS)
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w") as file:
            file.write(str(NICENESS))


class Child:
    """One running process. Methods do not block and are called on one thread.

    log: its standard error and whatever it prints that is no message are appended there.
    behind: it works behind a window, which gets the processor first.
    Raises OSError if it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        cwd: Path,
        log: Path,
        environment: Mapping[str, str],
        *,
        behind: bool = False,
    ) -> None:
        self.log = log
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._events: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._commands: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._job_object: Any = None
        self._ended_at = 0.0
        open(log, "ab").close()
        self._process = subprocess.Popen(
            [str(word) for word in command],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",
            creationflags=_FLAGS | (_LOWER if behind else 0),
        )
        if behind and sys.platform != "win32":
            _give_way(self._process.pid)
        if sys.platform == "win32":
            from .windows_job import JobObject

            try:
                self._job_object = JobObject(self._process)
            except OSError:
                self._process.kill()
                raise
        self._log_lock = threading.Lock()
        self._threads = [
            threading.Thread(target=target, args=arguments, name="orbit-painter child", daemon=True)
            for target, arguments in (
                (self._read_events, (self._process.stdout,)),
                (self._read_errors, (self._process.stderr,)),
                (self._write_commands, (self._process.stdin,)),
            )
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Exit status, None while it runs; negative: the signal that ended it (POSIX)."""
        return self._process.poll()

    @property
    def ended(self) -> bool:
        """It has ended and all that it said has been taken; what it started may keep its pipes open a while."""
        if self.status is None:
            return False
        self._ended_at = self._ended_at or time.monotonic()
        silent = not self._threads[0].is_alive() or time.monotonic() - self._ended_at > PIPES_OPEN
        return silent and self._events.empty()

    def event(self) -> Message | None:
        """The next event, None if there is none now."""
        try:
            return self._events.get_nowait()
        except queue.Empty:
            return None

    def send(self, kind: str, /, **fields: Any) -> None:
        """Queue a command; one for a process that has ended is dropped."""
        self._commands.put(encode(kind, **fields))

    def close_input(self) -> None:
        """What makes every child of ours end by itself."""
        self._commands.put(None)

    def terminate(self) -> None:
        """Ask the system to end it; it may still tidy up (not on Windows)."""
        if self.status is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it and everything it started, now."""
        if sys.platform == "win32":
            if self._job_object is not None:
                self._job_object.terminate()
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone; macOS has two words for that
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self, grace: float = 1.0) -> None:
        """End it, politely for `grace` seconds, and wait for its threads. For when Blender quits."""
        self.close_input()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(timeout=0.5)

    def _read_events(self, stream: IO[bytes]) -> None:
        decoder = Decoder(EVENTS)
        while data := os.read(stream.fileno(), 1 << 16):
            for item in decoder.feed(data):
                self._take(item)
        for item in decoder.end():
            self._take(item)
        stream.close()
        self.close_input()  # it has ended: nobody reads commands any more, and their thread must end too

    def _take(self, item: Message | Noise) -> None:
        if isinstance(item, Noise):
            self._note(item.text.encode() + b"\n")
        else:
            self._events.put(item)

    def _read_errors(self, stream: IO[bytes]) -> None:
        for line in iter(lambda: stream.readline(8192), b""):
            self._note(line)
        stream.close()

    def _note(self, line: bytes) -> None:
        self.tail.append(line.decode("utf-8", "replace").rstrip())
        # Opened for each line, so that no handle is left. A full disk must not stop the reading of the pipes.
        with self._log_lock, contextlib.suppress(OSError), open(self.log, "ab") as file:
            file.write(line)

    def _write_commands(self, stream: IO[bytes]) -> None:
        try:
            while (line := self._commands.get()) is not None:
                stream.write(line.encode("utf-8", "replace"))
                stream.flush()
        except OSError:  # it has ended; its status says why
            pass
        finally:
            with contextlib.suppress(OSError):
                stream.close()
