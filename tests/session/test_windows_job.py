# SPDX-License-Identifier: GPL-3.0-or-later
"""The job object that ends children on Windows, with a kernel that only takes notes."""

import ctypes
import gc

import pytest
from orbit_painter.backend.windows_job import JobObject


class Function:
    def __init__(self, kernel, name):
        self._kernel, self._name = kernel, name

    def __call__(self, *arguments):
        self._kernel.calls.append(self._name)
        if self._name == "CloseHandle":
            self._kernel.closed.append(arguments[0].value)
        return self._kernel.answers.get(self._name, 1)


class Kernel:
    def __init__(self, **answers):
        self.calls, self.closed, self.answers = [], [], {"CreateJobObjectW": 77, **answers}

    def __getattr__(self, name):
        function = Function(self, name)
        setattr(self, name, function)
        return function


class Process:
    _handle = 5


@pytest.fixture
def kernel(monkeypatch):
    def make(**answers):
        made = Kernel(**answers)
        monkeypatch.setattr(ctypes, "WinDLL", lambda *_, **__: made, raising=False)
        monkeypatch.setattr(ctypes, "WinError", OSError, raising=False)
        monkeypatch.setattr(ctypes, "get_last_error", lambda: 6, raising=False)
        return made

    return make


def test_its_handle_is_closed_with_the_last_reference(kernel):
    made = kernel()
    job = JobObject(Process())
    assert made.calls == ["CreateJobObjectW", "SetInformationJobObject", "AssignProcessToJobObject"]
    job.terminate()
    assert made.closed == []
    del job
    gc.collect()
    assert made.closed == [77]


def test_a_refusal_is_an_os_error_and_leaves_no_handle(kernel):
    made = kernel(AssignProcessToJobObject=0)
    with pytest.raises(OSError, match="6"):
        JobObject(Process())
    gc.collect()
    assert made.closed == [77]
