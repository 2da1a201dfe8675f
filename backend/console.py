# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run says while it works: bars for people, JSON lines for programs (specs/blender-extension.md 6.2)."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from .errors import OrbitPainterError
from .estimate import Estimate
from .progress import Progress
from .protocol import Writer

RATE = 0.1  # seconds between two progress events


class Console(Protocol):
    """Where a run reports to."""

    def plan(self, stages: Sequence[str], estimate: Estimate | None = None) -> None: ...
    def begin(self, stage: str) -> None: ...
    def progress(self, stage: str, fraction: float, detail: str, eta: float | None) -> None: ...
    def end(self, stage: str, seconds: float, skipped: bool) -> None: ...
    def preview(self, kind: str, path: str, view: int) -> None: ...
    def note(self, message: str) -> None: ...
    def result(self, manifest: str, summary: Mapping[str, Any]) -> None: ...
    def error(self, error: OrbitPainterError, log: str | None) -> None: ...


@contextmanager
def stage_progress(console: Console, stage: str, check: Callable[[], None]) -> Iterator[Progress]:
    """The progress callback of one stage: never going backwards, with an ETA after a tenth, and rate limited; but what
    begins is told at once, as it may take long.

    `check` raises CancelledError when the run must stop; every call of the callback asks it.
    """
    start, last_time, best, doing = time.monotonic(), 0.0, 0.0, ""

    def report(fraction: float, detail: str = "") -> None:
        nonlocal last_time, best, doing
        check()
        best = min(max(best, fraction), 1.0)
        now = time.monotonic()
        words = re.sub(r"\d+", "", detail)
        if now - last_time >= RATE or best >= 1.0 or words != doing:
            last_time, doing = now, words
            eta = (now - start) * (1 - best) / best if best >= 0.1 else None
            console.progress(stage, best, detail, eta)

    check()
    console.begin(stage)
    yield report
    check()
    console.end(stage, time.monotonic() - start, skipped=False)


class TerminalConsole:
    """One line a stage on a terminal, redrawn in place; plain lines where the output is no terminal."""

    WIDTH = 28

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._live = stream.isatty()

    def plan(self, stages: Sequence[str], estimate: Estimate | None = None) -> None:
        pass

    def begin(self, stage: str) -> None:
        self._redraw(f"{stage:<10}")

    def progress(self, stage: str, fraction: float, detail: str, eta: float | None) -> None:
        filled = round(self.WIDTH * fraction)
        bar = "█" * filled + "·" * (self.WIDTH - filled)
        left = f"  {_clock(eta)} left" if eta is not None else ""
        self._redraw(f"{stage:<10} {bar} {100 * fraction:3.0f} %{left}  {detail}")

    def end(self, stage: str, seconds: float, skipped: bool) -> None:
        self._line(f"{stage:<10} {'kept from the earlier run' if skipped else f'{seconds:.1f} s'}")

    def preview(self, kind: str, path: str, view: int) -> None:
        pass

    def note(self, message: str) -> None:
        self._line(f"  note: {message}")

    def result(self, manifest: str, summary: Mapping[str, Any]) -> None:
        width = max([10, *map(len, summary)])
        for name, value in summary.items():
            self._line(f"{name:<{width}} {value}")

    def error(self, error: OrbitPainterError, log: str | None) -> None:
        self._line(f"{error.message} {error.advice}".strip() + f" [{error.code}]" + (f"\nLog: {log}" if log else ""))

    def _redraw(self, text: str) -> None:
        if self._live:
            self._stream.write("\r\x1b[K" + text[:118])
            self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(("\r\x1b[K" if self._live else "") + text + "\n")
        self._stream.flush()


class JsonConsole:
    """One JSON object a line, the worker protocol's events."""

    def __init__(self, writer: Writer, job_id: str = "") -> None:
        self.writer = writer
        self._job_id = job_id

    def _send(self, kind: str, /, **fields: Any) -> None:
        self.writer.send(kind, job_id=self._job_id, **fields)

    def plan(self, stages: Sequence[str], estimate: Estimate | None = None) -> None:
        if estimate is None:  # not known, or nothing will be done
            self._send("accepted", plan=[{"stage": stage, "weight": 1.0} for stage in stages])
            return
        plan = [{"stage": stage, "weight": round(estimate.weights[stage], 3)} for stage in stages]
        numbers = {"seconds": round(estimate.seconds, 1), "vram": estimate.vram, "disk": estimate.disk}
        self._send("accepted", plan=plan, estimate=numbers)

    def begin(self, stage: str) -> None:
        self._send("progress", stage=stage, done=0.0, total=1.0, eta_s=None, detail="")

    def progress(self, stage: str, fraction: float, detail: str, eta: float | None) -> None:
        eta_s = None if eta is None else round(eta, 1)
        self._send("progress", stage=stage, done=round(fraction, 4), total=1.0, eta_s=eta_s, detail=detail)

    def end(self, stage: str, seconds: float, skipped: bool) -> None:
        detail = "kept from the earlier run" if skipped else f"{seconds:.1f} s"
        self._send(
            "progress",
            stage=stage,
            done=1.0,
            total=1.0,
            eta_s=0.0,
            detail=detail,
            seconds=round(seconds, 3),
            kept=skipped,
        )

    def preview(self, kind: str, path: str, view: int) -> None:
        self._send("preview", kind=kind, path=path, view=view)

    def note(self, message: str) -> None:
        self._send("log", level="warning", message=message)

    def result(self, manifest: str, summary: Mapping[str, Any]) -> None:
        self._send("result", manifest=manifest, metrics=dict(summary))

    def error(self, error: OrbitPainterError, log: str | None) -> None:
        if error.exit_status == 6:
            self._send("cancelled")
            return
        self._send(
            "error",
            code=error.code,
            message=error.message,
            advice=error.advice,
            retryable=error.exit_status in (5, 7),  # memory and disk may be free another time
            trace_path=log,
        )


def _clock(seconds: float) -> str:
    whole = int(seconds + 0.5)
    return f"{whole // 60}:{whole % 60:02d}"
