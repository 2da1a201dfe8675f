# SPDX-License-Identifier: GPL-3.0-or-later
"""A Windows job object: whatever is in it ends with us, however we end."""

from __future__ import annotations

import ctypes
import subprocess
import weakref
from typing import Any

_KILL_ON_CLOSE = 0x2000  # JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
_EXTENDED_LIMITS = 9  # JobObjectExtendedLimitInformation


class _BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum_working_set", ctypes.c_size_t),
        ("maximum_working_set", ctypes.c_size_t),
        ("active_processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class _ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", _BasicLimits),
        ("io", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class JobObject:
    """Holds `process` and all that it starts from now on. Raises OSError if Windows refuses.

    Its handle is closed with the last reference to it, which ends whatever is still in it.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kernel: Any = getattr(ctypes, "WinDLL")("kernel32", use_last_error=True)  # noqa: B009  absent elsewhere
        self._kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle = ctypes.c_void_p(self._kernel.CreateJobObjectW(None, None))
        self._check(self._handle.value)
        weakref.finalize(self, self._kernel.CloseHandle, self._handle)
        limits = _ExtendedLimits(basic=_BasicLimits(flags=_KILL_ON_CLOSE))
        size = ctypes.sizeof(limits)
        self._check(
            self._kernel.SetInformationJobObject(self._handle, _EXTENDED_LIMITS, ctypes.byref(limits), size)
            and self._kernel.AssignProcessToJobObject(self._handle, ctypes.c_void_p(int(getattr(process, "_handle"))))  # noqa: B009
        )

    def terminate(self) -> None:
        self._kernel.TerminateJobObject(self._handle, 1)

    def _check(self, done: int | None) -> None:
        if not done:
            raise getattr(ctypes, "WinError")(getattr(ctypes, "get_last_error")())  # noqa: B009
