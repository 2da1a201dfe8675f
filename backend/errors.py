# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that a person can act on, each with a stable code and a process exit status.

Exit statuses follow specs/blender-extension.md section 11: 2 usage, 3 input unusable, 4 engine missing,
5 out of memory, 6 cancelled, 7 output failed, 10 internal.
"""

from __future__ import annotations


class OrbitPainterError(Exception):
    """A failure that is explained to the artist.

    message: one sentence that says what happened; advice: one sentence that says what to do;
    code: a stable identifier such as ``mesh-empty`` (kebab case, never reworded).
    """

    exit_status = 10

    def __init__(self, code: str, message: str, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.code = code
        self.message = message
        self.advice = advice


class UsageError(OrbitPainterError):
    """The request itself is wrong: an unknown option, a value out of range."""

    exit_status = 2


class InputError(OrbitPainterError):
    """A file, mesh or picture that was given cannot be used."""

    exit_status = 3


class EngineMissingError(OrbitPainterError):
    """Something that must be installed first is not there."""

    exit_status = 4


class MemoryLimitError(OrbitPainterError):
    """The job does not fit into memory."""

    exit_status = 5


class CancelledError(OrbitPainterError):
    """The user stopped the job."""

    exit_status = 6

    def __init__(self, message: str = "Stopped on request; nothing was left half-written.") -> None:
        super().__init__("cancelled", message)


class OutputError(OrbitPainterError):
    """A result could not be written."""

    exit_status = 7
