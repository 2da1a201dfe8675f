# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps Blender's own printing out of standard output, which belongs to the JSON protocol."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """While inside, everything printed to standard output, by Python or by C, goes to standard error.

    Keep the block as short as the call into Blender: a progress event sent from inside would be diverted too.
    """
    _flush()
    try:
        saved = os.dup(1)
    except OSError:  # a Windows program without a console has no file descriptor 1
        saved = None
    try:
        if saved is not None:
            os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _flush()
        if saved is not None:
            os.dup2(saved, 1)
            os.close(saved)


def _flush() -> None:
    """Write out what Python and the C library still hold back, so that it goes where it was meant to go."""
    if sys.stdout is not None:
        with contextlib.suppress(ValueError):  # closed
            sys.stdout.flush()
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    library.fflush(None)
