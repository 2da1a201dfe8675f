"""Runs the command line as a user does: in a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PASSES = ("--views", "9,9", "--size", "128")
PAINT = ("--engine-option", "grid=64")
BAKE = ("--texture-size", "256", "--fuse", "label_grid=64", "--fuse", "grid=96")
QUICK = (*PASSES, *PAINT, *BAKE)


@dataclass
class Outcome:
    status: int
    events: list
    stdout: str
    stderr: str

    @property
    def error(self):
        return next(event for event in self.events if event["type"] == "error")


def command(*words):
    """The words of a whole command line: `python backend/cli.py WORDS`, or a Blender program named by REAL_BLENDER."""
    return [sys.executable, str(ROOT / "backend" / "cli.py"), *map(str, words)]


def run(*words, timeout=300, environment=None, cwd=None):
    """Run with --json and parse the events; everything on standard output must be an event."""
    result = subprocess.run(
        command(*words, "--json"),
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        check=False,
    )
    events = [json.loads(line) for line in result.stdout.splitlines()]
    return Outcome(result.returncode, events, result.stdout, result.stderr)


def files_below(folder):
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())
