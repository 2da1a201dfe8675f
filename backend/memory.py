# SPDX-License-Identifier: GPL-3.0-or-later
"""Peak memory of this process, per stage where the system can tell."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def reset_peak() -> None:
    """Start a new measurement where the kernel allows it (Linux); elsewhere the peak stays that of the process."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return  # not Linux, or not allowed: peak() then counts from the start of the process


def peak_bytes() -> int:
    """Largest resident memory since `reset_peak` (or since the start of the process), in bytes; 0 if unknown."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
