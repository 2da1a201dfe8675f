# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes that misbehave: each ends in one clear sentence, and none is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from orbit_painter.backend.crashes import Crashes
from orbit_painter.backend.job_history import JobProgress
from orbit_painter.backend.process import NICENESS, Child, child_environment
from orbit_painter.backend.session import Place, Session, Step
from orbit_painter.tests.processes import wait

FAKE = Path(__file__).with_name("fake_child.py")
STAGES = ("passes", "paint", "bake")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


def alive(pid):
    """Zombies do not count: they wait for a parent that may be anybody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Running:
    """A session over a real child of this behaviour."""

    def __init__(self, folder, *behaviour, place="blender"):
        self.children = []

        def start(step):
            child = Child([sys.executable, "-u", FAKE, *behaviour], folder, folder / "log.txt", child_environment())
            self.children.append(child)
            return Place(child, step.place == "worker")

        steps = [Step(place, STAGES, "request.json")]
        self.session = Session(
            "job" if place == "worker" else "", steps, start, JobProgress(dict.fromkeys(STAGES, 1.0)), Crashes()
        )
        self.session.begin()

    def until(self, *states, seconds=60.0):
        def there():
            self.session.tick()
            return self.session.state in states

        wait(there, seconds)

    def close(self):
        for child in self.children:
            child.kill()
            child.close(0.1)


@pytest.fixture
def run(tmp_path):
    made = []

    def make(*behaviour, **options):
        made.append(Running(tmp_path, *behaviour, **options))
        return made[-1]

    yield make
    for running in made:
        running.close()


ENDS = ("done", "failed", "cancelled")


def test_a_good_process(run):
    running = run("good")
    running.until(*ENDS)
    assert running.session.state == "done"
    assert running.session.fraction == 1.0


def test_noise_does_not_disturb_and_is_in_the_log(run, tmp_path):
    running = run("noise")
    running.until(*ENDS)
    assert running.session.state == "done"
    log = (tmp_path / "log.txt").read_bytes()
    assert b"Read prefs" in log
    assert b"warning: yyy" in log


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("how", "code"), [("memory", "out-of-memory"), ("killed", "process-killed")])
def test_a_crash_at_each_stage_is_one_sentence(run, stage, how, code):
    running = run("crash", stage, how)
    running.until(*ENDS)
    assert (running.session.state, running.session.failure.code) == ("failed", code)
    assert running.session.stage == stage
    assert "again" in running.session.failure.advice


def test_a_crash_is_started_again_until_the_third(run):
    running = run("crash", "paint", "signal")
    running.until(*ENDS)
    assert (running.session.failure.code, len(running.children)) == ("process-crashed", 3)


def test_a_single_crash_is_survived(run, tmp_path):
    running = run("crash-once", "bake", "31", str(tmp_path / "marker"))
    running.until(*ENDS)
    assert (running.session.state, len(running.children)) == ("done", 2)
    assert any("started again" in note for note in running.session.notes)


def test_an_error_of_its_own(run):
    running = run("error")
    running.until(*ENDS)
    assert running.session.failure.code == "mesh-empty"


def test_cancel_is_confirmed(run):
    running = run("patient")
    running.until("running")
    running.session.cancel()
    running.until(*ENDS)
    assert running.session.state == "cancelled"


@pytest.mark.slow
def test_a_deaf_process_is_killed_with_its_children(run):
    running = run("deaf-with-child")
    running.until("running")
    wait(lambda: running.session.tick() or running.session.notes)
    grandchild = int(running.session.notes[0])
    running.session.cancel()
    start = time.monotonic()
    running.until(*ENDS, seconds=60)
    assert running.session.state == "cancelled"
    assert time.monotonic() - start > 9.5
    assert not alive(running.children[0].pid)
    wait(lambda: not alive(grandchild))


def test_a_worker_and_one_of_another_version(run):
    running = run("worker", place="worker")
    running.until(*ENDS)
    assert running.session.state == "done"
    assert running.children[0].status is None, "a worker stays"
    other = run("worker", "99", place="worker")
    other.until(*ENDS)
    assert other.session.failure.code == "protocol-version"


def test_a_tick_does_not_wait_for_the_process(run):
    running = run("silent")  # for a minute
    start = time.monotonic()
    for _ in range(20):
        running.session.tick()
    assert time.monotonic() - start < 30


def test_closing_ends_the_process(run):
    running = run("silent")
    running.until("running")
    running.children[0].close(2.0)
    assert running.children[0].status is not None


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files")
def test_a_process_that_has_ended_leaves_no_open_file_and_no_thread(run):
    def held():
        return len(list(Path("/proc/self/fd").iterdir())) + threading.active_count()

    before = held()
    run("good").until("done")
    wait(lambda: held() <= before)


@pytest.mark.parametrize("behaviour", ["silent", "good"])
def test_a_killed_parent_leaves_no_process(tmp_path, behaviour):
    """The child hears of it by its closed standard input."""
    program = f"""
import sys, time
sys.path.insert(0, {str(FAKE.parents[1])!r})
import conftest
from pathlib import Path
from orbit_painter.backend.process import Child, child_environment
command = [sys.executable, "-u", {str(FAKE)!r}, {behaviour!r}]
child = Child(command, Path("."), Path({str(tmp_path / "log")!r}), child_environment())
print(child.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait(lambda: not alive(pid))


def test_a_child_gets_only_what_it_needs_of_the_environment():
    given = {"PATH": "/bin", "PYTHONPATH": "/x", "LD_LIBRARY_PATH": "/y", "OCIO": "/z", "LC_ALL": "C", "BLENDER_X": "1"}
    given |= {"CUDA_VISIBLE_DEVICES": "1", "https_proxy": "p", "SECRET_TOKEN": "s", "PYTHONUNBUFFERED": "1"}
    assert set(child_environment(environ=given)) == {"PATH", "LC_ALL", "CUDA_VISIBLE_DEVICES", "https_proxy"}
    assert "BLENDER_X" in child_environment(also="BLENDER_", environ=given)


def test_what_works_behind_a_window_gives_way(tmp_path):
    """A child that nobody waits for at a screen keeps its priority; autogroups where there are any."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    for behind in (False, True):
        child = Child([sys.executable, FAKE, "mute"], tmp_path, tmp_path / "log", child_environment(), behind=behind)
        try:
            assert os.getpriority(os.PRIO_PROCESS, child.pid) == before + NICENESS * behind
            group = Path(f"/proc/{child.pid}/autogroup")
            if group.exists() and (told := group.read_text()):  # "/autogroup-7 nice 0"
                assert int(told.split()[-1]) == NICENESS * behind
        finally:
            child.kill()
            child.close()
