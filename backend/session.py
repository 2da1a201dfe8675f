# SPDX-License-Identifier: GPL-3.0-or-later
"""One job over its steps, each in a process of its own or in a worker (specs/blender-extension.md 6.3).

A state machine without threads, files or bpy: whoever owns it calls `tick` a few times a second.

    queued -> preparing -> running -> finishing -> done | failed | cancelled
                  |           |
                  +- stalled -+      nothing was heard for a while; ends when something is heard

`cancel` climbs a ladder: it asks, terminates, kills. A process that crashes is started again, with finished stages
kept, until it crashes too often. `retry` continues a failed or cancelled job where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from .crashes import Crashes, Failure, explain
from .job_history import JobProgress
from .protocol import FINAL, PROTOCOL, Message

SILENT = 10.0  # seconds without a word after which a process counts as not responding
HOPELESS = 60.0  # and after which a restart is offered
START = 60.0  # seconds that a process has to start
ASKED, TERMINATED = 5.0, 10.0  # seconds after a cancel when the process is terminated, and when it is killed
LEAVING = 5.0  # seconds that a process of its own has to end after its last word
BUDGET = 0.005  # seconds of one tick

State = Literal["queued", "preparing", "running", "stalled", "finishing", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
NOTHING = Failure("", "")


class Link(Protocol):
    """A process to talk to; see process.Child."""

    @property
    def tail(self) -> Iterable[str]: ...
    @property
    def status(self) -> int | None: ...
    @property
    def ended(self) -> bool: ...
    def event(self) -> Message | None: ...
    def send(self, kind: str, /, **fields: object) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True)
class Step:
    """place: "blender", a process for this step alone, or "worker"; request: the path of its request file."""

    place: Literal["blender", "worker"]
    stages: tuple[str, ...]
    request: str


@dataclass(eq=False)
class Place:
    """Where a step runs. A worker outlives the step: `busy` says whether a job has it, `ready` that it answered,
    `dropped` that it was killed and must not be used again."""

    link: Link
    shared: bool
    ready: bool = False
    busy: bool = True
    dropped: bool = False


@dataclass(eq=False)
class Session:
    """start(step) gives the place to run it, or None while all are busy; it raises OSError if nothing can be started.

    noted(stage, seconds): a stage was done and took so long.
    """

    id: str
    steps: Sequence[Step]
    start: Callable[[Step], Place | None]
    bar: JobProgress
    crashes: Crashes
    noted: Callable[[str, float], None] = lambda stage, seconds: None
    clock: Callable[[], float] = time.monotonic

    state: State = "queued"
    stage: str = ""
    detail: str = ""
    failure: Failure = NOTHING
    log: str = ""
    notes: list[str] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    manifest: str = ""
    changes: int = 0  # counts what a viewer may want to redraw for

    _index: int = 0
    _place: Place | None = None
    _last: Message | None = None  # the event that ended the step, while its process is still ending
    _since: float = 0.0  # start of the step, or of its end
    _heard: float = 0.0
    _cancelled_at: float | None = None
    _rung: int = 0

    @property
    def fraction(self) -> float:
        return self.bar.fraction

    @property
    def eta(self) -> float | None:
        return self.bar.eta(self.clock()) if self.state == "running" else None

    @property
    def active(self) -> bool:
        return self.state not in ENDED and self.state != "queued"

    def begin(self) -> None:
        """Leave the queue. Nothing happens before the next tick."""
        self._set("preparing")
        self.bar.begin(self.clock())
        self._place, self._last, self._cancelled_at, self._rung = None, None, None, 0

    def cancel(self) -> None:
        """Stop as soon as possible. The job counts as busy until the process has confirmed, or is gone."""
        if self.state == "queued" or (self.active and self._place is None):
            self._set("cancelled")
        elif self.active and self._cancelled_at is None:
            self._cancelled_at, self._rung = self.clock(), 0
            self.detail = "Stopping"
            self._set("finishing")
            if self._place is not None:
                self._place.link.send("cancel", job_id=self.id)

    def retry(self) -> None:
        """Back into the queue, from failed or cancelled; finished stages are kept."""
        if self.state in ("failed", "cancelled"):
            self.failure, self.detail, self.log = NOTHING, "", ""
            self._set("queued")

    def restart(self) -> None:
        """End a process that does not respond, and start the step again."""
        if self.active and self._cancelled_at is None:
            self._give_up_place()
            self._set("preparing")

    def tick(self, budget: float = BUDGET) -> None:
        """Take what has been said, look after the process, and go on. At most about `budget` seconds."""
        if not self.active:
            return
        if self._place is None:
            self._start_step()
            return
        end = self.clock() + budget
        while (event := self._place.link.event()) is not None:
            self._take(event)
            if self._place is None or self.clock() >= end:
                return
        self._supervise(self._place, self.clock())

    # Steps

    def _start_step(self) -> None:
        step = self.steps[self._index]
        try:
            self._place = self.start(step)
        except OSError as error:
            self._fail(Failure("start-failed", f"{_NAMES[step.place]} could not be started ({error}).", _SEE_ENGINE))
            return
        if self._place is None:
            return  # all workers are busy
        self._since = self._heard = self.clock()
        self._last = None
        if not self._place.shared:
            return
        if self._place.ready:
            self._place.link.send("run", job_id=self.id, request=step.request)
        else:
            self._place.link.send("hello", protocol=PROTOCOL)

    def _end_step(self, event: Message) -> None:
        """The step's last word was said, and its process is gone or free for the next job."""
        self._release()
        if event["type"] == "cancelled" or self._cancelled_at is not None:
            self._set("cancelled")
        elif event["type"] == "error":
            message = str(event.get("message") or "The job failed; the log says why.")
            self.log = str(event.get("trace_path") or "")
            self._fail(Failure(str(event.get("code", "internal")), message, str(event.get("advice") or "")))
        elif self._index + 1 < len(self.steps):
            self._index += 1
            self._set("running")
        else:
            self.manifest = str(event.get("manifest", ""))
            self.bar.update(self.steps[-1].stages[-1], 1.0)
            self._set("done")

    def _fail(self, failure: Failure) -> None:
        self.failure = failure
        self._set("failed")

    def _release(self) -> None:
        if self._place is not None:
            self._place.busy = False
        self._place, self._last = None, None

    def _give_up_place(self) -> None:
        if self._place is not None:
            self._place.dropped = True
            self._place.link.kill()
        self._release()

    # Events

    def _take(self, event: Message) -> None:
        assert self._place is not None
        self._heard = self.clock()
        if self.state == "stalled":
            self._set("running" if self.stage else "preparing")
        kind = event["type"]
        if kind == "ready":
            self._take_ready(event)
        elif kind == "error" and not self._place.ready and self._place.shared:
            self._give_up_place()  # another protocol, or it cannot start
            self._end_step(event)
        elif self._place.shared and event.get("job_id") != self.id:
            return  # of an earlier job
        elif kind == "accepted":
            self._set("finishing" if self._cancelled_at is not None else "running")
        elif kind == "progress":
            self._take_progress(event)
        elif kind == "preview" and event.get("path"):
            self.previews.append(str(event["path"]))
            self.changes += 1
        elif kind == "log" and event.get("level") in ("warning", "error") and event.get("message"):
            self.notes.append(str(event["message"]))
            self.changes += 1
        elif kind in FINAL:
            if self._place.shared:
                self._end_step(event)
            else:
                self._last, self._since = event, self.clock()

    def _take_ready(self, event: Message) -> None:
        assert self._place is not None
        if event.get("protocol") != PROTOCOL:
            self._give_up_place()
            self._fail(
                Failure(
                    "protocol-version",
                    "The engine and the extension are of different versions.",
                    "Update the engine in the preferences.",
                )
            )
            return
        self._place.ready = True
        if self._cancelled_at is None:
            self._place.link.send("run", job_id=self.id, request=self.steps[self._index].request)
        else:
            self._end_step({"type": "cancelled"})

    def _take_progress(self, event: Message) -> None:
        stage, kept = str(event.get("stage", "")), bool(event.get("kept"))
        fraction = float(event.get("done", 0.0)) / max(float(event.get("total") or 1.0), 1e-9)
        self.stage = stage
        if self._cancelled_at is None:  # how long a stage took is no phrase for the panel
            self.detail = "" if "seconds" in event else str(event.get("detail", ""))
        self.bar.update(stage, fraction, kept)
        if "seconds" in event and not kept:
            self.noted(stage, float(event["seconds"]))
        self.changes += 1

    # Supervision

    def _supervise(self, place: Place, now: float) -> None:
        if place.link.ended:
            self._take_end(place, now)
        elif self._last is not None:
            if now - self._since > LEAVING:
                place.link.kill()
        elif self._cancelled_at is not None:
            self._climb(place, now - self._cancelled_at)
        elif not place.ready and self._heard == self._since:  # it has not said a word yet
            if now - self._since > START:
                self._give_up_place()
                name = _NAMES[self.steps[self._index].place]
                self._fail(Failure("start-timeout", f"{name} did not answer within {START:.0f} seconds.", _TRY_AGAIN))
        elif now - self._heard > SILENT:
            offer = now - self._heard > HOPELESS
            advice = "Restart it: finished stages are kept." if offer else ""
            failure = Failure("stalled", f"It has not answered for {_rounded(now - self._heard)} seconds.", advice)
            if failure != self.failure or self.state != "stalled":
                self.failure = failure
                self._set("stalled")

    def _climb(self, place: Place, waited: float) -> None:
        if waited > TERMINATED and self._rung < 2:
            self._rung = 2
            place.link.kill()
        elif waited > ASKED and self._rung < 1:
            self._rung = 1
            place.link.terminate()

    def _take_end(self, place: Place, now: float) -> None:
        """The process has ended."""
        status = place.link.status or 0
        last, tail = self._last, list(place.link.tail)
        if last is not None or self._cancelled_at is not None:
            self._end_step(last or {"type": "cancelled"})
            return
        self._release()
        failure = explain(_NAMES[self.steps[self._index].place], status, tail)
        too_many = self.crashes.note(now)
        if failure.again and not too_many:
            self.notes.append(f"{failure.message} It was started again.")
            self._set("preparing")
        else:
            self._fail(failure)

    def _set(self, state: State) -> None:
        if state != "stalled" and self.failure.code == "stalled":
            self.failure = NOTHING
        self.state = state
        self.changes += 1


_NAMES = {"blender": "The background Blender", "worker": "The engine"}
_SEE_ENGINE = "Look at the engine in the preferences."
_TRY_AGAIN = "Try again; if it happens again, look at the log."


def _rounded(seconds: float) -> int:
    return int(seconds) // 10 * 10
