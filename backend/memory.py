# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory: the peak of this process, per stage where the system can tell, and what is free."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

# In the RuntimeError of PyTorch's allocator of host memory, in small letters: the message is all that tells.
HOST_MEMORY_WORDS = ("can't allocate memory", "not enough memory")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


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


def resident_bytes() -> int:
    """Resident memory of this process now, in bytes; the peak where only that is known."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return peak_bytes()


def available_bytes() -> int:
    """Memory that a process can still get without swapping, in bytes; 0 if unknown.

    On Linux within the limit of a container; on macOS, which does not tell, half of what the machine has.
    """
    if sys.platform == "win32":
        return _available_windows()
    if _MEMINFO.exists():
        fields = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines() if ":" in line)
        if "MemAvailable" in fields:
            free = int(fields["MemAvailable"].split()[0]) * 1024
            return max(1, min(free, _room_in_container(free)))
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        if "SC_AVPHYS_PAGES" in os.sysconf_names:
            return page * os.sysconf("SC_AVPHYS_PAGES")
        return page * os.sysconf("SC_PHYS_PAGES") // 2
    except (OSError, ValueError):
        return 0


def _room_in_container(free: int) -> int:
    """What a cgroup (version 2) lets this process add; `free` where there is no limit."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        if limit == "max":
            return free
        used = int((_CGROUP / "memory.current").read_text())
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return int(limit) - used + int(stat.get("inactive_file", 0))  # file pages are given back when needed
    except (OSError, ValueError):
        return free


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64),
        ("total_page_file", ctypes.c_uint64),
        ("available_page_file", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64),
        ("available_virtual", ctypes.c_uint64),
        ("available_extended", ctypes.c_uint64),
    )


def _available_windows() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  absent elsewhere
    return int(status.available) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else 0
