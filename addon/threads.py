# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a pure computation beside Blender's main thread and hands its result back on the main thread, between two uses
of a tool: nothing changes under a drag or a stroke.

The work must not touch bpy (specs/blender-extension.md section 7): it gets plain arrays and returns plain data.
"""

from __future__ import annotations

import queue
import threading
import traceback
from collections.abc import Callable
from typing import TypeVar

import bpy

from . import compat

PERIOD = 0.05  # seconds between two looks at what has finished
T = TypeVar("T")

_finished: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
_running: set[threading.Thread] = set()


def start(work: Callable[[], T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
    """Call `work` in a thread, then `done` with its result, or `failed` with its exception, on the main thread.

    In background mode, where timers never run, everything happens before this returns.
    """

    def run() -> None:
        try:
            result = work()
        except Exception as failure:  # handed over, not swallowed
            error = failure
            _finished.put(lambda: failed(error))
        else:
            _finished.put(lambda: done(result))

    if bpy.app.background:
        run()
        _deliver()
        return
    thread = threading.Thread(target=run, name="orbit_painter", daemon=True)
    _running.add(thread)
    thread.start()
    if not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=PERIOD, persistent=True)


def busy() -> bool:
    return bool(_running)


def register() -> None:
    pass


def unregister() -> None:
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for thread in list(_running):
        thread.join(timeout=1.0)
    _running.clear()
    while not _finished.empty():
        _finished.get()


def _tick() -> float | None:
    """Never raises, for Blender would drop the timer, and what else has finished would wait for the next start."""
    try:
        if not compat.tool_in_use():
            _deliver()
    except Exception:  # shown where Blender shows such things
        traceback.print_exc()
    _running.difference_update([thread for thread in _running if not thread.is_alive()])
    return PERIOD if _running or not _finished.empty() else None


def _deliver() -> None:
    while not _finished.empty():
        _finished.get()()
