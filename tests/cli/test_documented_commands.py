# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command that the documentation shows is one that the program understands."""

import re
import shlex
from pathlib import Path

import pytest
from orbit_painter.backend.arguments import COMMANDS, job_of, parser
from orbit_painter.backend.job import Job

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "examples" / "README.md"]
PROGRAM = re.compile(r"(?:backend/cli\.py(?: --)? +|blender -c orbit_painter +|`cli\.py +|`(?=[a-z]+ --[a-z]))(.+)")


def shown(page):
    """The lines of a page's code blocks and its `code`, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    for line in text.splitlines():
        if line.startswith("    "):
            yield line
        else:
            yield from re.findall(r"`[^`]+`", line)


def alternatives(words):
    """`models verify | remove NAME` and `install [--device cuda]` as the commands that they stand for."""
    words = words.split(" #")[0].strip().rstrip("`")
    without, everything = re.sub(r"\[.*?\] ?", "", words), words.replace("[", "").replace("]", "")
    for line in dict.fromkeys((without, everything)):
        first, *others = (part.strip() for part in line.split(" | "))
        yield first
        command = first.split()[0]
        yield from (f"{command} {other}" for other in others)


def whole(line):
    """False for text that leaves words out: `bench NAME ...`, or the name of a command."""
    return line not in ("run", "ARGS") and " ..." not in line and not line.startswith("...")


COMMAND_LINES = sorted(
    {
        line
        for page in PAGES
        for text in shown(page)
        if (found := PROGRAM.search(text))
        for line in alternatives(found[1])
        if whole(line)
    }
)


def test_the_pages_show_commands():
    assert len(COMMAND_LINES) > 30


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_a_documented_command_is_understood(line):
    options = parser().parse_args(shlex.split(line))
    if options.command in COMMANDS or options.command in ("batch", "evaluate"):
        job_of(options, Job(out="out"))
