# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for other processes, and for the end of them."""

import contextlib
import time
from pathlib import Path


def wait(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def tools_below(root):
    """Command lines of running processes that name the folder. Linux only."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            lines.append(path.read_bytes().decode(errors="replace").replace("\0", " "))
    return [line for line in lines if str(root) in line]
