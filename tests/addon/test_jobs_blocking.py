# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs while Blender waits: the whole flow, and nothing but the job folder has changed."""

import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from orbit_painter.backend.errors import CancelledError
from orbit_painter.backend.job import Job, ReferenceSpec
from orbit_painter.backend.job_history import History

pytestmark = pytest.mark.bpy
ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ReferenceSpec(str(ROOT / "examples" / "reference.png"))


@pytest.fixture
def owl(empty, monkeypatch, tmp_path):
    monkeypatch.setenv("ORBIT_PAINTER_JOBS", str(tmp_path / "jobs"))
    empty.ops.import_scene.gltf(filepath=str(ROOT / "examples" / "sample.glb"))
    return empty.data.objects["Owl"]


def job(tmp_path, **changes):
    settings = {
        "out": str(tmp_path / "jobs" / "job"),
        "references": (REFERENCE,),
        "objects": ("Owl",),
        "views": (4, 2),
        "size": 64,
        "renderer": "embree",
        "engine_options": {"grid": 32},
        "texture_size": 64,
        "fuse": {"label_grid": 32, "grid": 48},
    }
    return Job(**{**settings, **changes})


def run(empty, job, obj, progress=lambda view: None):
    from orbit_painter.addon import jobs

    return jobs.run_blocking(empty.context, job, [obj], progress)


@pytest.mark.slow
def test_a_whole_job_changes_nothing_in_the_file(empty, owl, tmp_path, snapshot):
    for layer in list(owl.data.uv_layers):
        owl.data.uv_layers.remove(layer)  # so that one must be made
    owl.data.update()
    before = snapshot()
    views = []
    view = run(empty, job(tmp_path), owl, views.append)
    assert (view.state, view.fraction, view.message) == ("done", 1.0, "")
    assert snapshot() == before
    assert [v.fraction for v in views] == sorted(v.fraction for v in views)
    assert {v.stage for v in views} >= {"passes", "paint", "bake"}
    for name in ("textures/Owl.png", "contact_sheet.png", "coverage/Owl.png", "recipe.json"):
        assert (view.out / name).is_file(), name
    assert view.previews[0].is_file()
    assert view.objects[0].name == "Owl"
    history = History(tmp_path / "jobs" / "history.json")
    assert all(history.knows(job(tmp_path), stage) for stage in ("passes", "paint", "bake")), "times are not remembered"


def test_a_job_that_is_stopped_and_one_without_a_reference(empty, owl, tmp_path, snapshot):
    def stop(view):
        if view.stage == "paint":
            raise CancelledError

    before = snapshot()
    stopped = run(empty, job(tmp_path), owl, stop)
    assert (stopped.state, stopped.code) == ("cancelled", "cancelled")
    assert not (stopped.out / "work" / "paint").exists()
    failed = run(empty, job(tmp_path, references=()), owl)
    assert (failed.state, failed.code) == ("failed", "reference-missing")
    assert failed.advice
    assert Path(failed.log).is_file()
    assert snapshot() == before


def test_an_engine_that_is_not_installed(empty, owl, tmp_path, monkeypatch):
    from orbit_painter.addon import launching
    from orbit_painter.backend.painters import registry

    monkeypatch.setattr(registry, "EMBEDDED", frozenset())
    monkeypatch.setattr(launching.settings, "root", tmp_path / "nothing")
    view = run(empty, job(tmp_path), owl)
    assert (view.state, view.code) == ("failed", "start-failed")
    assert (view.out / "work" / "passes" / "stage.json").is_file(), "finished stages are kept"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Frames are painted in a process of their own; the engine that stands in needs no weights."""
    from orbit_painter.addon import launching
    from orbit_painter.backend.environment import status
    from orbit_painter.backend.environment.states import State
    from orbit_painter.backend.painters import registry

    monkeypatch.setattr(registry, "EMBEDDED", frozenset())
    monkeypatch.setattr(status, "status", lambda root: status.EngineStatus(State.READY, Path(sys.executable)))
    monkeypatch.setattr(launching.settings, "root", tmp_path / "engine")
    yield launching
    launching.close_all()


def test_a_stopped_job_ends_its_worker_and_no_other(empty, owl, tmp_path, installed, monkeypatch):
    started, worker = [], installed.worker

    def start(device):
        started.append(worker(device))
        return started[-1]

    def stop(view):
        if started:
            raise CancelledError

    monkeypatch.setattr(installed, "worker", start)
    other = worker("")
    stopped = run(empty, job(tmp_path), owl, stop)
    assert stopped.state == "cancelled"
    assert [place.link.status is None for place in started] == [False]
    assert other.link.status is None, "a process of another job was ended"


@pytest.mark.slow
def test_a_neural_engine_paints_in_a_worker(empty, owl, tmp_path, installed):
    """Passes and textures here, frames in the worker."""
    views = []
    view = run(empty, job(tmp_path), owl, views.append)
    assert (view.state, view.message) == ("done", "")
    assert [v.fraction for v in views] == sorted(v.fraction for v in views)
    assert (view.out / "textures" / "Owl.png").is_file()
    assert (tmp_path / "engine" / "logs" / "worker.log").is_file()


# In Blender's window: a thread works, and the main thread is asked for what touches bpy


def in_window(job, obj):
    from orbit_painter.addon.window_job import WindowJob

    return WindowJob(job, [obj])


def played(job, each=lambda view: None):
    """Run a job of the window as its operator does; its view at the end."""
    job.begin()
    end = time.monotonic() + 300
    while not job.tick():
        each(job.view)
        assert time.monotonic() < end
        time.sleep(0.002)
    return job.view


@pytest.mark.slow
def test_a_job_in_the_window_with_a_turntable(empty, owl, tmp_path, snapshot, monkeypatch):
    from orbit_painter.addon import preview, reading_host

    monkeypatch.setattr(
        reading_host, "turntable_in_steps", lambda *given: preview.turntable_in_steps(*given, frames=3, size=64)
    )
    before = snapshot()
    asked = job(tmp_path, renderer="cycles", turntable=True, still="flat")
    made = in_window(asked, owl)
    ticks = []
    view = played(made, lambda view: ticks.append(view.stage))
    made.close()
    assert (view.state, view.fraction, view.message) == ("done", 1.0, "")
    assert ticks.count("passes") >= 6, "the window lives between two views"
    assert (view.out / "turntable.mp4").stat().st_size > 1000
    assert (view.out / "textures" / "Owl.png").is_file()
    assert snapshot() == before


@pytest.mark.parametrize("stage", ["passes", "paint"])
def test_a_job_in_the_window_is_cancelled_and_goes_on(empty, owl, tmp_path, snapshot, stage):
    before = snapshot()
    made = in_window(job(tmp_path, renderer="cycles" if stage == "passes" else "embree"), owl)

    def stop(view):
        if view.stage == stage:
            made.cancel()

    assert played(made, stop).state == "cancelled"
    assert not (made.view.out / "work" / stage).exists()
    assert snapshot() == before
    made.again()
    assert made.view.state == "queued"
    empty.data.objects.remove(owl)  # it is looked for again, and its absence is told
    assert played(made).state == "failed"
    assert made.view.message
    made.again()
    made.cancel()
    assert made.view.state == "cancelled"
    made.close()


def test_a_job_in_the_window_ends_with_blender(empty, owl, tmp_path, snapshot):
    """While the thread waits for the main thread, too."""
    before = snapshot()
    made = in_window(job(tmp_path, renderer="cycles"), owl)
    made.begin()
    while made.view.stage != "passes":
        made.tick()
    made.abort()
    made.close()
    assert made.view.state == "cancelled"
    assert not made._thread.is_alive()
    assert snapshot() == before


def test_what_waits_for_a_window_that_closes_can_be_tried_again(empty, owl, tmp_path):
    from orbit_painter.addon import jobs
    from orbit_painter.addon.window_job import ORBIT_PAINTER_OT_work

    waiting = in_window(job(tmp_path), owl)
    jobs.in_window.append(waiting)
    ended = []
    ORBIT_PAINTER_OT_work.cancel(SimpleNamespace(_job=None, _end=ended.append), empty.context)
    assert (waiting.view.state, len(ended)) == ("cancelled", 1)
    assert not jobs.busy_in_window()
    jobs.retry(waiting.view.id)
    assert waiting.view.state == "queued"
    jobs.cancel(waiting.view.id)
    jobs.dismiss(waiting.view.id)
    assert not jobs.jobs()


def test_one_who_fails_to_take_a_result_keeps_no_other_from_it(empty, monkeypatch):
    """A job in the window ends like one in the background: with a note on what went wrong."""
    from orbit_painter.addon import jobs
    from orbit_painter.addon.window_job import ORBIT_PAINTER_OT_work

    told, noted = [], []

    def broken(view):
        raise ValueError("no luck")

    monkeypatch.setattr(jobs, "on_done", [broken, told.append])
    view = SimpleNamespace(state="done", out=Path("folder"))
    job = SimpleNamespace(view=view, tick=lambda: True, note=noted.append)
    operator = SimpleNamespace(_job=job)
    assert ORBIT_PAINTER_OT_work._work(operator) is False
    assert operator._job is None
    assert told == [view]
    assert "folder" in noted[0]
    assert "no luck" in noted[0]


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="signals")
def test_a_signal_stops_a_script_that_waits(empty, owl, tmp_path, snapshot):
    before = snapshot()

    def stop(view):
        if view.stage == "passes":
            signal.raise_signal(signal.SIGINT)

    stopped = run(empty, job(tmp_path), owl, stop)
    assert (stopped.state, stopped.code) == ("cancelled", "cancelled")
    assert snapshot() == before
