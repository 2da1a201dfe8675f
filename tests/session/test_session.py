# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine of a job, with a made-up process and a made-up clock."""

from dataclasses import replace

import pytest
from orbit_painter.backend.crashes import Crashes, explain
from orbit_painter.backend.job_history import History, JobProgress
from orbit_painter.backend.job_queue import JobQueue, Workers
from orbit_painter.backend.session import Place, Session, Step

STAGES = ("passes", "paint", "bake")


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Link:
    """A process that says what a test makes it say."""

    def __init__(self):
        self.tail, self.sent, self.events, self.calls = [], [], [], []
        self.status = None

    @property
    def ended(self):
        return self.status is not None and not self.events

    def event(self):
        return self.events.pop(0) if self.events else None

    def send(self, kind, /, **fields):
        self.sent.append({"type": kind, **fields})

    def terminate(self):
        self.calls.append("terminate")

    def kill(self):
        self.calls.append("kill")
        self.status = -9

    def say(self, kind, /, **fields):
        self.events.append({"type": kind, "job_id": "job", **fields})


class World:
    def __init__(self, steps=None, shared=False):
        self.clock, self.links, self.places, self.times = Clock(), [], [], []
        self.steps = steps or [Step("worker" if shared else "blender", STAGES, "request.json")]
        self.crashes = Crashes()
        self.session = Session(
            "job",
            self.steps,
            self.start,
            JobProgress(dict.fromkeys(STAGES, 10.0)),
            self.crashes,
            lambda *noted: self.times.append(noted),
            self.clock,
        )
        self.shared = shared

    def start(self, step):
        self.links.append(Link())
        self.places.append(Place(self.links[-1], step.place == "worker"))
        return self.places[-1]

    @property
    def link(self):
        return self.links[-1]

    def tick(self, seconds=0.1):
        self.clock.now += seconds
        self.session.tick()

    def running(self):
        self.session.begin()
        self.tick()
        self.link.say("accepted", plan=list(STAGES))
        self.tick()
        return self

    def end(self, status):
        self.link.status = status
        self.tick()


def progress(world, stage, done, **more):
    world.link.say("progress", stage=stage, done=done, total=1.0, detail="view", **more)
    world.tick()


def test_a_job_from_queue_to_result():
    world = World()
    assert world.session.state == "queued"
    world.running()
    assert world.session.state == "running"
    progress(world, "paint", 0.5)
    assert world.session.fraction == pytest.approx(0.5)
    progress(world, "paint", 1.0, seconds=4.2)
    world.link.say("preview", kind="view", path="a.png", view=3)
    world.link.say("log", level="warning", message="A note.")
    world.link.say("result", manifest="report.json", metrics={})
    world.tick()
    assert world.session.state == "running", "its process has not ended yet"
    world.end(0)
    session = world.session
    assert (session.state, session.fraction, session.manifest) == ("done", 1.0, "report.json")
    assert (session.previews, session.notes, world.times) == (["a.png"], ["A note."], [("paint", 4.2)])


def test_steps_follow_each_other_and_the_worker_is_greeted_once():
    steps = [Step("blender", ("passes",), "1"), Step("worker", ("paint",), "2"), Step("blender", ("bake",), "3")]
    world = World(steps).running()
    world.link.say("result", manifest="")
    world.tick()
    world.end(0)
    world.tick()
    worker = world.link
    assert worker.sent[-1]["type"] == "hello"
    worker.say("ready", protocol=1)
    world.tick()
    assert worker.sent[-1] == {"type": "run", "job_id": "job", "request": "2"}
    worker.events.append({"type": "result", "job_id": "an earlier job"})
    world.tick()
    assert len(world.links) == 2
    worker.say("result", manifest="")
    world.tick()
    world.tick()
    assert len(world.links) == 3
    world.link.say("result", manifest="m")
    world.tick()
    world.end(0)
    assert world.session.state == "done"


def test_the_bar_never_goes_backwards_and_the_estimate_comes_late():
    world = World().running()
    seen = []
    for stage, done in (("passes", 0.05), ("passes", 0.02), ("paint", 0.0), ("passes", 0.9), ("bake", 0.5)):
        progress(world, stage, done)
        seen.append(world.session.fraction)
        if seen[-1] < 0.1:
            assert world.session.eta is None
    assert seen == sorted(seen)
    assert world.session.eta is not None


def test_what_a_stage_took_is_not_shown_as_what_is_being_done():
    world = World().running()
    progress(world, "passes", 0.5)
    assert world.session.detail == "view"
    world.link.say("progress", stage="passes", done=1.0, total=1.0, detail="1.8 s", seconds=1.8, kept=False)
    world.tick()
    assert world.session.detail == ""


def test_a_stage_that_was_kept_does_not_shorten_the_estimate():
    bar = JobProgress({"passes": 100.0, "paint": 10.0})
    bar.begin(0.0)
    bar.update("passes", 1.0, kept=True)
    assert bar.fraction == 0.0
    bar.update("paint", 0.5)
    assert bar.eta(5.0) == pytest.approx(5.0)


def test_silence_is_told_and_forgotten_when_something_is_heard():
    world = World().running()
    world.tick(9)
    assert world.session.state == "running"
    world.tick(3)
    assert world.session.state == "stalled"
    assert not world.session.failure.advice
    world.tick(60)
    assert "Restart" in world.session.failure.advice
    world.link.say("heartbeat", n=1)
    world.tick()
    assert world.session.state in ("running", "preparing")
    assert world.session.failure.message == ""


def test_a_restart_ends_the_process_and_starts_the_step_again():
    world = World().running()
    world.tick(70)
    world.session.restart()
    assert world.links[0].calls == ["kill"]
    assert world.places[0].dropped
    world.tick()
    assert len(world.links) == 2
    assert world.session.state == "preparing"


def test_a_process_that_never_speaks_is_given_up():
    world = World()
    world.session.begin()
    world.tick()
    world.tick(59)
    assert world.session.state == "preparing"
    world.tick(2)
    assert (world.session.state, world.session.failure.code) == ("failed", "start-timeout")
    assert world.link.calls == ["kill"]


def test_cancel_asks_then_terminates_then_kills():
    world = World().running()
    world.session.cancel()
    world.session.cancel()
    assert [m["type"] for m in world.link.sent] == ["cancel"]
    world.tick(4.9)
    assert world.link.calls == []
    world.tick(0.2)
    assert world.link.calls == ["terminate"]
    assert world.session.state == "finishing", "busy until the process is gone"
    world.tick(5)
    assert world.link.calls == ["terminate", "kill"]
    world.tick()
    assert world.session.state == "cancelled"


def test_a_process_that_confirms_is_not_terminated():
    world = World().running()
    world.session.cancel()
    world.link.say("cancelled")
    world.tick()
    world.end(6)
    assert (world.session.state, world.link.calls) == ("cancelled", [])


def test_cancel_in_the_queue_and_between_steps():
    world = World()
    world.session.cancel()
    assert world.session.state == "cancelled"
    world.session.retry()
    world.session.begin()
    world.session.cancel()
    assert world.session.state == "cancelled"
    assert world.links == []


def test_a_crash_starts_the_step_again_and_the_third_in_ten_minutes_does_not():
    world = World().running()
    for count in (1, 2):
        world.end(-11)
        assert world.session.state == "preparing"
        assert len(world.session.notes) == count
        world.tick()
        world.link.say("accepted", plan=[])
        world.tick()
    world.end(-11)
    assert (world.session.state, world.session.failure.code) == ("failed", "process-crashed")
    assert "crashed" in world.session.failure.message
    world.session.retry()
    assert world.session.state == "queued"


def test_crashes_long_ago_do_not_count():
    crashes = Crashes()
    assert [crashes.note(t) for t in (0, 300, 650, 700)] == [False, False, False, True]


def test_an_error_is_the_processs_own_sentence():
    world = World().running()
    world.link.say("error", code="mesh-empty", message="No mesh.", advice="Give one.", trace_path="x.log")
    world.tick()
    world.end(3)
    failure = world.session.failure
    assert (failure.code, failure.message, failure.advice) == ("mesh-empty", "No mesh.", "Give one.")
    assert world.session.log == "x.log"
    assert world.session.state == "failed"


def test_another_protocol_is_one_clear_sentence():
    world = World(shared=True)
    world.session.begin()
    world.tick()
    world.link.say("ready", protocol=99)
    world.tick()
    assert world.session.failure.code == "protocol-version"
    assert "Update" in world.session.failure.advice
    assert world.link.calls == ["kill"]


def test_an_engine_that_cannot_be_started_says_so():
    world = World()

    def refuse(step):
        raise FileNotFoundError(2, "No such file", "python")

    world.session.start = refuse
    world.session.begin()
    world.tick()
    assert world.session.failure.code == "start-failed"


@pytest.mark.parametrize(
    ("status", "tail", "code", "again"),
    [
        (-9, [], "process-killed", False),
        (-11, [], "process-crashed", True),
        (1, ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"], "out-of-gpu-memory", False),
        (-6, ["terminate called after throwing an instance of 'std::bad_alloc'"], "out-of-memory", False),
        (1, ["RuntimeError: CUDA error: unspecified launch failure"], "gpu-lost", False),
        (1, ["ModuleNotFoundError: No module named 'diffusers'"], "engine-damaged", False),
        (31, ["SyntaxError: invalid syntax"], "process-failed", True),
        (0, [], "process-ended", True),
    ],
)
def test_the_exit_status_and_the_last_lines_become_a_sentence(status, tail, code, again):
    failure = explain("The engine", status, tail)
    assert (failure.code, failure.again) == (code, again)
    assert failure.message.endswith(".")
    assert failure.advice.endswith(".")


def test_jobs_queue_up_and_slots_are_filled():
    worlds = [World() for _ in range(3)]
    queue = JobQueue(slots=2)
    for index, world in enumerate(worlds):
        world.session.id = str(index)
        queue.add(world.session)
    queue.tick(0.005)
    assert [world.session.state for world in worlds] == ["preparing", "preparing", "queued"]
    assert not queue.dismiss("0")
    worlds[0].session.cancel()
    queue.tick(0.005)
    if worlds[0].session.active:
        worlds[0].link.say("cancelled")
        queue.tick(0.005)
        worlds[0].link.status = 6
        queue.tick(0.005)
    queue.tick(0.005)
    assert worlds[2].session.state == "preparing"
    assert queue.dismiss("0")
    assert len(queue.sessions) == 2


def test_one_worker_a_device_rather_a_loaded_one_and_dead_ones_are_replaced():
    launched = []

    def launch(device):
        launched.append(device)
        return Place(Link(), True)

    workers = Workers(("cuda:0", "cuda:1"), launch)
    first = workers.take()
    second = workers.take()
    assert workers.take() is None
    first.busy = False
    assert workers.take() is first
    assert launched == ["cuda:0", "cuda:1"]
    second.busy, second.link.status = False, -9
    assert workers.take() is not second
    assert launched[-1] == "cuda:1"
    first.busy = False
    assert workers.free() == 1
    assert first.link.sent[-1]["type"] == "free"


def test_history_learns_from_this_machine(tmp_path):
    from orbit_painter.backend.job import Job

    path = tmp_path / "history.json"
    small, large = Job(out="/o", views=(4, 4), size=128), Job(out="/o", views=(8, 8), size=256)
    history = History(path)
    history.note(small, "paint", 10.0)
    assert History(path).expected(small, "paint") == pytest.approx(10.0)
    assert History(path).expected(large, "paint") == pytest.approx(80.0)
    History(path).note(small, "bake", 3.0)  # another job, at the same time
    history.note(small, "passes", 2.0)
    assert History(path).expected(small, "bake") == pytest.approx(3.0)
    assert History(path).expected(small, "passes") == pytest.approx(2.0)
    history.note(replace(small, existing=0.5), "passes", 9.0)  # renders the existing texture, too
    assert History(path).expected(small, "passes") == pytest.approx(2.0)
    assert History(path).expected(replace(small, existing=0.2), "passes") == pytest.approx(9.0)
    path.write_text("[damaged")
    assert History(path).expected(small, "bake") > 0
