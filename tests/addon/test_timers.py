# SPDX-License-Identifier: GPL-3.0-or-later
"""What the timers look after goes on when one thing that they call fails."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.bpy


def test_a_done_job_is_told_though_its_folder_cannot_be_marked(extension, tmp_path):
    from orbit_painter.addon import jobs
    from orbit_painter.backend.crashes import Crashes
    from orbit_painter.backend.job import Job
    from orbit_painter.backend.job_history import JobProgress
    from orbit_painter.backend.job_store import JobStore
    from orbit_painter.backend.session import Session

    told = []
    jobs.on_done.append(told.append)
    job = Job(out=str(tmp_path / "job"), references=(), objects=("Cube",))
    store = JobStore(Path(job.out))
    session = Session("1", (), lambda step: None, JobProgress({}), Crashes(), state="done")
    cube = extension.data.objects.new("Cube", extension.data.meshes.new("Cube"))
    shutil.rmtree(store.folder)
    jobs._tell(jobs._Entry(job, (jobs.ref(cube),), store, session))
    store.close()
    assert [view.state for view in told] == ["done"]


def test_a_result_is_delivered_after_one_whose_receiver_fails(extension):
    from orbit_painter.addon import threads

    got = []
    threads._finished.put(lambda: 1 / 0)
    threads._finished.put(lambda: got.append("second"))
    while threads._tick() is not None:
        pass
    assert got == ["second"]


def test_what_a_thread_made_waits_while_something_is_dragged(extension, monkeypatch):
    from orbit_painter.addon import compat, threads

    got = []
    threads._finished.put(lambda: got.append("guide"))
    monkeypatch.setattr(compat, "tool_in_use", lambda: True)
    assert threads._tick() is not None
    assert got == []
    monkeypatch.undo()
    assert threads._tick() is None
    assert got == ["guide"]


def test_a_result_that_hits_an_error_of_ours_is_refused(extension, tmp_path, monkeypatch):
    from orbit_painter.addon import apply_result, tray

    def fail(*arguments):
        raise ValueError("a fault")

    monkeypatch.setattr(apply_result, "apply_result", fail)
    tray.job_done(SimpleNamespace(id="1", out=tmp_path, title="Cube", objects=(), state="done", has_result=True))
    assert [(item.code, item.goes_on) for item in tray.items()] == [("internal", False)]
