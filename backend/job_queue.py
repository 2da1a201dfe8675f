# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in the order they were asked for, and the workers that they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .session import ENDED, Place, Session


class JobQueue:
    """At most `slots` jobs are active; the others wait. Ended ones stay until they are dismissed."""

    def __init__(self, slots: int = 1) -> None:
        self.slots = slots
        self.sessions: list[Session] = []

    def add(self, session: Session) -> None:
        self.sessions.append(session)

    def find(self, job_id: str) -> Session | None:
        return next((session for session in self.sessions if session.id == job_id), None)

    def dismiss(self, job_id: str) -> bool:
        """Forget a job that has ended; whether it was there."""
        session = self.find(job_id)
        if session is None or session.state not in ENDED:
            return False
        self.sessions.remove(session)
        return True

    @property
    def busy(self) -> bool:
        return any(session.state not in ENDED for session in self.sessions)

    def tick(self, budget: float) -> None:
        """Start what can be started, and give each active job its share of `budget` seconds."""
        active = [session for session in self.sessions if session.active]
        for session in self.sessions:
            if len(active) >= self.slots:
                break
            if session.state == "queued":
                session.begin()
                active.append(session)
        for session in active:
            session.tick(budget / len(active))


class Workers:
    """One worker for each device, kept between jobs. launch(device) starts one and raises OSError."""

    def __init__(self, devices: Sequence[str], launch: Callable[[str], Place]) -> None:
        self.devices = tuple(devices)
        self._launch = launch
        self._places: dict[str, Place] = {}

    def take(self) -> Place | None:
        """A worker that no job has, rather one that is loaded already; None if all are busy."""
        for device, place in list(self._places.items()):
            if place.dropped or place.link.status is not None:
                del self._places[device]
        for place in self._places.values():
            if not place.busy:
                place.busy = True
                return place
        for device in self.devices:
            if device not in self._places:
                self._places[device] = self._launch(device)
                return self._places[device]
        return None

    def free(self) -> int:
        """Let go of what idle workers hold, as "Free GPU Memory"; how many there were."""
        for place in self._idle():
            place.link.send("free")
        return len(self._idle())

    @property
    def idle(self) -> int:
        """How many workers wait for a job, and may hold memory."""
        return len(self._idle())

    def _idle(self) -> list[Place]:
        return [place for place in self._places.values() if not place.busy and place.link.status is None]
