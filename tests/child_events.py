# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what a child process says."""

import time


def expect(child, kind, seconds=120.0):
    """The next event of this kind. Fails on an error event, when the child ends, and after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        event = child.event()
        if event is not None and event["type"] == kind:
            return event
        assert not child.ended, list(child.tail)
        assert event is None or event["type"] != "error", event
        if event is None:
            time.sleep(0.01)
    raise AssertionError(f"no {kind} event")
