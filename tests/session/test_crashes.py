# SPDX-License-Identifier: GPL-3.0-or-later
"""A real job whose process crashes at every place of it, and comes to its end."""

import os
import sys
import time
from pathlib import Path

import pytest
from orbit_painter.backend.crashes import Crashes
from orbit_painter.backend.job import Job, ReferenceSpec
from orbit_painter.backend.job_history import JobProgress
from orbit_painter.backend.process import Child, child_environment
from orbit_painter.backend.run_request import STAGES, RunRequest, save_request
from orbit_painter.backend.session import Place, Session, Step
from orbit_painter.tests.processes import wait

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("crashing_run.py")
ENDS = ("done", "failed", "cancelled")
PLACES = {  # of crashing_run.py
    "rendering", "painting", "aligning", "selecting", "filling", "baking", "saving", "modelling", "drawing",
}  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals")]


def test_a_crash_anywhere_is_one_sentence_and_costs_one_stage(tmp_path):
    """Two crashes are survived without a word to the artist; after the third Try Again goes on where it stopped."""
    job = Job(
        out=str(tmp_path / "out"),
        references=(ReferenceSpec(str(ROOT / "examples" / "reference.png")),),
        mesh=str(ROOT / "examples" / "sample.glb"),
        views=(3, 2),
        size=48,
        renderer="embree",
        engine_options={"grid": 32},
        texture_size=32,
        fuse={"label_grid": 24, "grid": 32, "alignment": True},
        turntable=False,
    )
    request, markers = tmp_path / "request.json", tmp_path / "markers"
    save_request(request, RunRequest(job, STAGES))
    markers.mkdir()
    children = []

    def start(step):
        command = [sys.executable, PROGRAM, markers, request]
        children.append(Child(command, tmp_path, tmp_path / "log.txt", child_environment()))
        return Place(children[-1], shared=False)

    noted = []
    session = Session(
        "", [Step("blender", STAGES, str(request))], start, JobProgress(dict.fromkeys(STAGES, 1.0)), Crashes(),
        lambda stage, seconds: noted.append(stage), clock=lambda: time.monotonic() / 100,  # this machine may be slow
    )  # fmt: skip
    session.begin()
    failures = []

    def at_the_end():
        session.tick()
        return session.state in ENDS

    try:
        while session.state != "done":
            wait(at_the_end, 300.0)
            if session.state == "failed":
                failures.append(session.failure)
                assert session.failure.code == "process-crashed", session.failure
                session.retry()
                session.begin()
    finally:
        for child in children:
            child.kill()
            child.close(0.1)
    assert session.state == "done"
    assert {path.name for path in markers.iterdir()} == PLACES
    assert len(children) == len(PLACES) + 1
    assert failures
    assert all(failure.message.endswith("crashed.") and "try again" in failure.advice for failure in failures)
    assert noted == list(STAGES), "a stage that was finished was done again"
    assert (tmp_path / "out" / "textures" / "Owl.png").is_file()
    assert not list((tmp_path / "out").rglob("*.part")), "half a file was left"
