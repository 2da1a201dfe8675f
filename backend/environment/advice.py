# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a tool printed to a sentence that a person can act on: one table, the first match counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import EngineMissingError, InputError, OrbitPainterError, OutputError


@dataclass(frozen=True)
class Known:
    """A failure that can be told from the tool's words."""

    pattern: str
    kind: type[OrbitPainterError]
    code: str
    message: str
    advice: str


_FOLDER = "Choose a folder that you may write to in the preferences, or with --root."
TABLE: tuple[Known, ...] = (
    Known(
        r"No space left on device|os error 28\b|not enough space on the disk|os error 112\b|Disk quota exceeded",
        OutputError,
        "disk-full",
        "The disk became full.",
        "Free some space and install again: what was fetched is kept.",
    ),
    Known(
        r"hash mismatch|do not match the hashes|Hashes mismatch",
        InputError,
        "hash-mismatch",
        "A downloaded package is not the one that was checked when this version was made.",
        "Try again; if it stays so, something between you and the package index changes files: tell its keeper.",
    ),
    Known(
        r"File name too long|os error 36\b|path too long|os error 206\b|filename or extension is too long",
        OutputError,
        "path-too-long",
        "A file name became longer than the system allows.",
        "Choose an engine folder with a shorter path.",
    ),
    Known(
        r"virus|potentially unwanted|os error 225\b|os error 226\b",
        OutputError,
        "blocked-by-security",
        "Security software blocked a file.",
        "Allow the engine folder in your security software, then press Repair.",
    ),
    Known(
        r"Permission denied|os error 13\b|Access is denied|os error 5\b|Read-only file system|os error 30\b",
        OutputError,
        "permission",
        "A file may not be written.",
        _FOLDER,
    ),
    Known(
        r"certificate|UnknownIssuer|SSL|TLS handshake",
        OrbitPainterError,
        "certificate",
        "The connection to the package index is not trusted.",
        "Behind a company proxy, set SSL_CERT_FILE to its certificate; check the computer's clock.",
    ),
    Known(
        r"proxy|407",
        OrbitPainterError,
        "proxy",
        "The proxy refused the connection.",
        "Check HTTPS_PROXY, or install from a folder that was made on another computer.",
    ),
    Known(
        r"429 Too Many|rate limit",
        OrbitPainterError,
        "rate-limit",
        "The package index asks to wait.",
        "Wait a few minutes and install again.",
    ),
    Known(
        r"no (wheels with a matching|compatible wheel|usable wheels)|No matching distribution|not compatible with",
        EngineMissingError,
        "no-wheel",
        "There is no package for this system.",
        "Check that the system is 64 bit and not older than Windows 10, macOS 14 or glibc 2.28.",
    ),
    Known(
        r"not found in the (package registry|provided package locations)|no versions? of|connectivity is disabled",
        InputError,
        "package-missing",
        "A package is not where it was looked for.",
        "Online: check the index. From a folder: make the folder again with 'environment bundle'.",
    ),
    Known(
        r"No interpreter found|No Python|No download found|python downloads",
        EngineMissingError,
        "python-missing",
        "There is no Python 3.11 here, and none could be fetched.",
        "Allow the connection, or install Python 3.11 and give it with --python.",
    ),
    Known(
        r"dns error|lookup address|connect|timed? ?out|error sending request|network|fetch|broken pipe|connection",
        OrbitPainterError,
        "no-connection",
        "The package index cannot be reached.",
        "Check the connection and install again: what was fetched is kept. Without one, install from a folder.",
    ),
)


def explain(tool: str, status: int, lines: Sequence[str], log: Path) -> OrbitPainterError:
    """The error for a tool that ended with `status` after printing `lines`."""
    text = "\n".join(lines[-60:])
    for known in TABLE:
        if re.search(known.pattern, text, re.IGNORECASE):
            return known.kind(known.code, known.message, f"{known.advice} The log is {log}.")
    return OrbitPainterError(
        "tool-failed", f"{tool} ended with status {status}.", f"Try again; if it stays so, report the log {log}."
    )
