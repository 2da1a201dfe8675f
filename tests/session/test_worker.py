# SPDX-License-Identifier: GPL-3.0-or-later
"""The real worker over its real pipes, with an engine that needs no weights; and the loop with engines that fail."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.errors import MemoryLimitError
from orbit_painter.backend.job import Job, ReferenceSpec
from orbit_painter.backend.painters.base import Frame, PaintedFrames
from orbit_painter.backend.process import Child, child_environment
from orbit_painter.backend.protocol import Writer
from orbit_painter.backend.run_request import RunRequest, load_request, save_request
from orbit_painter.backend.serving import Worker

from ..child_events import expect

GRACE = 30.0  # seconds; two on an idle machine, which a test cannot count on
ROOT = Path(__file__).resolve().parents[2]


def start(folder, *words, protocol="1"):
    command = [sys.executable, "-I", "-u", ROOT / "backend" / "worker.py", "--protocol", protocol]
    command += ["--log", folder / "worker.log", *words]
    return Child(command, folder, folder / "errors.log", child_environment())


@pytest.fixture(scope="module")
def passes(tmp_path_factory):
    """An output folder with a finished passes stage of the sample, and the job."""
    folder = tmp_path_factory.mktemp("passes")
    job = Job(
        out=str(folder / "out"),
        references=(ReferenceSpec(str(ROOT / "examples" / "reference.png")),),
        mesh=str(ROOT / "examples" / "sample.glb"),
        engine_options={"grid": 32},
        views=(4, 2),
        size=64,
        renderer="embree",
        texture_size=64,
    )
    run(Worker(Writer(io.StringIO()), 1.0), RunRequest(job, ("passes",)), folder)
    return job


def run(worker, request, folder):
    """One job in this process; the events."""
    path = folder / "request.json"
    save_request(path, request)
    worker._run("job", str(path))
    return [json.loads(line) for line in worker._writer._stream.getvalue().splitlines()]


@pytest.mark.slow
def test_a_job_and_another_in_the_same_process(passes, tmp_path):
    request = tmp_path / "request.json"
    save_request(request, RunRequest(passes, ("paint",), resume=False))
    child = start(tmp_path)
    try:
        child.send("hello", protocol=1)
        ready = expect(child, "ready")
        assert (ready["protocol"], ready["pid"]) == (1, child.pid)
        for job in ("a", "b"):
            child.send("run", job_id=job, request=str(request))
            accepted = expect(child, "accepted")
            assert [entry["stage"] for entry in accepted["plan"]] == ["paint"]
            assert accepted["estimate"].keys() == {"seconds", "vram", "disk"}
            assert expect(child, "preview")["kind"] == "view"
            assert expect(child, "result")["job_id"] == job
        child.send("ping", n=5)
        assert expect(child, "pong")["n"] == 5
        assert expect(child, "heartbeat")["rss"] > 1e7
        child.send("free")
        expect(child, "freed")
        child.send("shutdown")
        end = time.monotonic() + 60
        while child.status is None and time.monotonic() < end:
            time.sleep(0.02)
        assert child.status == 0
    finally:
        child.kill()


@pytest.mark.slow
def test_cancel_an_idle_end_and_another_protocol(passes, tmp_path):
    request = tmp_path / "request.json"
    slow = replace(passes, engine_options={"grid": 384})  # so slow that it can be stopped
    save_request(request, RunRequest(slow, ("paint",), resume=False))
    child = start(tmp_path, "--idle", "1")
    try:
        child.send("hello", protocol=1)
        expect(child, "ready")
        child.send("run", job_id="a", request=str(request))
        expect(child, "progress")
        child.send("cancel", job_id="a")
        assert expect(child, "cancelled")["job_id"] == "a"
        child.send("run", job_id="b", request=str(tmp_path / "none.json"))
        assert expect(child, "error")["code"] == "request-unreadable"
        end = time.monotonic() + 60
        while child.status is None and time.monotonic() < end:
            time.sleep(0.02)
        assert child.status == 0, "it ends after its idle time"
    finally:
        child.kill()
    other = start(tmp_path, protocol="99")
    try:
        assert expect(other, "error")["code"] == "protocol-version"
    finally:
        other.kill()


class Engine:
    """Paints grey. Runs out of memory while `size` is above what it can hold."""

    name, supersample = "projection", 1

    def __init__(self, room):
        self.room, self.closed, self.sizes = room, 0, []

    def paint(self, request, progress):
        self.sizes.append(request.options["size"])
        if request.options["size"] > self.room:
            raise MemoryLimitError("out-of-gpu-memory", "The GPU ran out of memory.")
        progress(0.5, "painting")
        frames = []
        for view in request.passes:
            image = np.full((*view.mask.shape, 4), 128, np.uint8)
            frames.append(Frame(image, view.camera))
        return PaintedFrames(frames, exact=True)

    def lighter(self, options):
        size = options["size"]
        return None if size <= 1 else ({**options, "size": size // 2}, f"Took size {size // 2} instead of {size}")

    def close(self):
        self.closed += 1


def with_size(passes, size):
    return RunRequest(replace(passes, engine_options={"size": size}), ("paint",), resume=False)


def test_out_of_memory_is_tried_once_with_less_and_said(passes, tmp_path):
    engine = Engine(room=4)
    events = run(Worker(Writer(io.StringIO()), 1.0, lambda name: engine), with_size(passes, 8), tmp_path)
    assert engine.sizes == [8, 4]
    assert engine.closed >= 1
    assert events[-1]["type"] == "result"
    assert any("Took size 4 instead of 8" in event.get("message", "") for event in events)


@pytest.mark.parametrize("size", [16, 1])
def test_out_of_memory_twice_or_with_nothing_less_is_an_error(passes, tmp_path, size):
    engine = Engine(room=0.5)
    events = run(Worker(Writer(io.StringIO()), 1.0, lambda name: engine), with_size(passes, size), tmp_path)
    assert (events[-1]["type"], events[-1]["code"], events[-1]["retryable"]) == ("error", "out-of-gpu-memory", True)
    assert len(engine.sizes) == (2 if size > 1 else 1)
    assert engine.closed >= 1


def test_an_engine_is_kept_between_jobs(passes, tmp_path):
    made = []

    def create(name):
        made.append(Engine(room=9))
        return made[-1]

    worker = Worker(Writer(io.StringIO()), 1.0, create)
    run(worker, with_size(passes, 2), tmp_path)
    run(worker, with_size(passes, 3), tmp_path)
    assert len(made) == 1
    assert made[0].sizes == [2, 3]


def test_a_job_that_is_cancelled_before_it_was_taken_up(passes, tmp_path):
    worker = Worker(Writer(io.StringIO()), 1.0, lambda name: Engine(room=9))
    worker._on_message({"type": "cancel", "job_id": "job"})
    assert run(worker, with_size(passes, 2), tmp_path)[-1]["type"] == "cancelled"
    assert run(worker, with_size(passes, 2), tmp_path)[-1]["type"] == "result", "a retry has the same id"


def test_a_cancel_that_came_too_late_does_not_stop_a_retry(passes, tmp_path):
    worker = Worker(Writer(io.StringIO()), 1.0, lambda name: Engine(room=9))
    assert run(worker, with_size(passes, 2), tmp_path)[-1]["type"] == "result"
    worker._on_message({"type": "cancel", "job_id": "job"})
    worker._on_message({"type": "run", "job_id": "job", "request": str(tmp_path / "request.json")})
    worker._serve(worker._waiting.get())
    assert json.loads(worker._writer._stream.getvalue().splitlines()[-1])["type"] == "result"


def test_a_request_survives_its_file(passes, tmp_path):
    request = RunRequest(passes, ("paint", "bake"), resume=False)
    save_request(tmp_path / "r.json", request)
    loaded = load_request(tmp_path / "r.json")
    assert (loaded.job, tuple(loaded.stages), loaded.resume) == (passes, ("paint", "bake"), False)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("way", ["cancel", "close", "kill parent"])
def test_the_command_line_follows_its_parent(passes, tmp_path, way):
    """`cli.py run --parent-pipe` ends when it is told to, or when its parent is gone."""
    from orbit_painter.tests.processes import wait

    from .test_process import alive

    slow = replace(passes, engine_options={"grid": 384}, out=str(tmp_path / "out"), size=128)
    request = tmp_path / "request.json"
    save_request(request, RunRequest(slow, ("passes", "paint"), resume=False))
    words = [sys.executable, str(ROOT / "backend" / "cli.py"), "run", str(request), "--json", "--parent-pipe"]
    if way == "kill parent":
        code = (
            "import subprocess as s, sys; p = s.Popen(sys.argv[1:], stdin=s.PIPE); print(p.pid, flush=True); p.wait()"
        )
        process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, text=True)
        pid = int(process.stdout.readline())
    else:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pid = process.pid
    try:
        while json.loads(process.stdout.readline()).get("stage") != "paint":
            pass
        if way == "cancel":
            process.stdin.write('{"type": "cancel"}\n')
            process.stdin.flush()
            assert process.wait(GRACE) == 6
        elif way == "close":
            process.stdin.close()
            assert process.wait(GRACE) == 6
        else:
            process.send_signal(signal.SIGKILL)
            process.wait()
            wait(lambda: not alive(pid), GRACE)
        assert (tmp_path / "out" / "work" / "passes" / "stage.json").exists()
        assert not (tmp_path / "out" / "work" / "paint").exists()
    finally:
        process.kill()
