# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer's states and what leads from one to another. Pure: no file, no clock, no process."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """specs/blender-extension.md section 5.3; models are downloaded apart, by backend/models."""

    MISSING = "missing"
    PREFLIGHT = "preflight"
    UPDATING = "updating"  # the preflight of an update: the engine in use stays usable
    FETCHING = "fetching"
    BUILDING = "building"
    VERIFYING = "verifying"
    READY = "ready"
    OUTDATED = "outdated"
    FAILED = "failed"
    REMOVING = "removing"


class Event(StrEnum):
    INSTALL = "install"
    UPDATE = "update"
    REPAIR = "repair"
    REMOVE = "remove"
    CHECKED = "checked"
    FETCHED = "fetched"
    BUILT = "built"
    VERIFIED = "verified"
    REMOVED = "removed"
    FAIL = "fail"


BUSY = frozenset({State.PREFLIGHT, State.UPDATING, State.FETCHING, State.BUILDING, State.VERIFYING, State.REMOVING})
_RESTING = frozenset(State) - BUSY

_TRANSITIONS: dict[tuple[State, Event], State] = {
    **{(state, Event.INSTALL): State.PREFLIGHT for state in _RESTING},
    **{(state, Event.REPAIR): State.PREFLIGHT for state in _RESTING - {State.MISSING}},
    **{(state, Event.UPDATE): State.UPDATING for state in (State.READY, State.OUTDATED)},
    (State.FAILED, Event.UPDATE): State.PREFLIGHT,
    **{(state, Event.REMOVE): State.REMOVING for state in _RESTING},
    (State.PREFLIGHT, Event.CHECKED): State.FETCHING,
    (State.UPDATING, Event.CHECKED): State.FETCHING,
    (State.FETCHING, Event.FETCHED): State.BUILDING,
    (State.BUILDING, Event.BUILT): State.VERIFYING,
    (State.VERIFYING, Event.VERIFIED): State.READY,
    (State.REMOVING, Event.REMOVED): State.MISSING,
    **{(state, Event.FAIL): State.FAILED for state in BUSY},
}


def advance(state: State, event: Event) -> State:
    """The state after `event`. Raises ValueError where the event means nothing in `state`."""
    try:
        return _TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"{event} means nothing while {state}") from None
