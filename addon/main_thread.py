# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands calls of a thread over to Blender's main thread, the only one that may touch bpy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import GeneratorType
from typing import Any, TypeVar

from ..backend.errors import CancelledError

T = TypeVar("T")


@dataclass(eq=False)
class _Call:
    function: Callable[[], Any]
    done: threading.Event = field(default_factory=threading.Event)
    result: Any = None
    error: BaseException | None = None
    steps: Iterator[Any] | None = None


class MainThread:
    """`call` is for the thread, the rest for the main thread. One thread, so one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: _Call | None = None
        self._closed = False

    def call(self, function: Callable[[], T]) -> T:
        """Wait until `step` has called it; its result, or its exception. Of a generator all steps are taken.

        Raises CancelledError once this is closed.
        """
        call = _Call(function)
        with self._lock:
            if self._closed:
                raise CancelledError
            self._waiting = call
        call.done.wait()
        if call.error is not None:
            raise call.error
        return call.result

    def step(self) -> None:
        """Make the call that waits, or take its next step."""
        call = self._waiting
        if call is None:
            return
        try:
            if call.steps is None:
                call.result = call.function()
                if isinstance(call.result, GeneratorType):
                    call.steps, call.result = call.result, None
            if call.steps is not None:
                next(call.steps)
                return
        except StopIteration:
            pass
        except BaseException as error:  # handed over to the thread that called
            call.error = error
        self._end(call)

    def close(self) -> None:
        """Refuse all calls from now on; one that is under way is stopped and tidies up."""
        with self._lock:
            self._closed = True
            call = self._waiting
        if call is not None:
            if isinstance(call.steps, GeneratorType):
                call.steps.close()
            call.error = CancelledError()
            self._end(call)

    def _end(self, call: _Call) -> None:
        self._waiting = None
        call.done.set()
