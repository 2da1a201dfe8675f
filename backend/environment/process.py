# SPDX-License-Identifier: GPL-3.0-or-later
"""Running uv, pip and the self-test: their output line by line, cancellation, no orphans."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from ..process import child_environment

TICK = 0.25  # seconds between two looks at whether to stop
GRACE = 0.5  # seconds that a tool has to end politely

# Settings of the user's that would switch off checks or lead installations elsewhere.
_REFUSED = {"UV_INSECURE_HOST", "PIP_TRUSTED_HOST", "UV_PROJECT_ENVIRONMENT", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"}
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def tool_environment(extra: Mapping[str, str] | None = None, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables for a tool: those of any child of ours, and the user's mirrors and proxies."""
    kept = child_environment(also=("UV_", "PIP_"), environ=environ)
    allowed = {name: value for name, value in kept.items() if name.upper() not in _REFUSED}
    return {**allowed, "PYTHONNOUSERSITE": "1", "PYTHONUTF8": "1", **(extra or {})}


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    log: TextIO,
    check: Callable[[], None],
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda line: None,
    on_tick: Callable[[], None] = lambda: None,
    lock: int | None = None,
) -> tuple[int, list[str]]:
    """Run a tool to its end; (exit status, its lines). Its output also goes to `log`, without passwords in addresses.

    check     called several times a second; what it raises (CancelledError) ends the tool and is passed on
    on_tick   called as often while the tool says nothing
    lock      handle of a lock file that the tool keeps held as well: should we be killed, nobody else starts before
              the tool has ended too
    Raises OSError if the tool cannot be started.
    """
    log.write(_PASSWORD.sub("***@", f"$ {' '.join(map(str, command))}\n"))
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True
        options["pass_fds"] = () if lock is None else (lock,)
    process = subprocess.Popen(
        [*_ending_with_us(), *map(str, command)],
        cwd=cwd,
        env=tool_environment(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **options,
    )
    assert process.stdout is not None
    waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, waiting), daemon=True)
    reader.start()
    lines: list[str] = []
    try:
        while True:
            check()
            try:
                line = waiting.get(timeout=TICK)
            except queue.Empty:
                on_tick()
                continue
            if line is None:
                break
            line = _PASSWORD.sub("***@", line)
            log.write(line + "\n")
            lines.append(line)
            on_line(line)
        return process.wait(), lines
    finally:
        _end(process)
        reader.join(timeout=1)
        process.stdout.close()
        log.flush()


def _ending_with_us() -> list[str]:
    """Where the kernel can do it (Linux): words before a command that let it be killed when this process ends.

    Elsewhere a tool of a killed installer comes to its end; the lock that it holds keeps others from starting before.
    """
    program = shutil.which("setpriv") if sys.platform == "linux" else None
    return [program, "--pdeathsig", "KILL"] if program else []


def _read(stream: TextIO, waiting: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        waiting.put(line.rstrip())
    waiting.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    """End the tool and what it started, politely if it listens."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        process.terminate()
        process.wait()
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
