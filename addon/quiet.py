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
    with _stdout_to(2), contextlib.redirect_stdout(sys.stderr):
        yield


@contextlib.contextmanager
def no_stdout() -> Iterator[None]:
    """The same, but what is printed is thrown away. For renders, which say nothing of use and a lot of it."""
    with open(os.devnull, "w") as nowhere, _stdout_to(nowhere.fileno()), contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _stdout_to(descriptor: int) -> Iterator[None]:
    _flush()
    try:
        saved = os.dup(1)
    except OSError:  # a Windows program without a console has no file descriptor 1
        yield
        return
    try:
        os.dup2(descriptor, 1)
        yield
    finally:
        _flush()
        os.dup2(saved, 1)
        os.close(saved)


def _flush() -> None:
    """Write out what Python and the C library still hold back, so that it goes where it was meant to go."""
    if sys.stdout is not None:
        with contextlib.suppress(ValueError):  # closed
            sys.stdout.flush()
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    library.fflush(None)
