"""Whole jobs of the engine `orbitpainter` with tiny weights: the command line and the worker, as a user runs them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.png import read_png
from orbit_painter.backend.process import Child

from ..child_events import expect

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def weights(tiny, tmp_path_factory):
    return tiny.write_release(tmp_path_factory.mktemp("weights") / "release")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    return {**os.environ, "XDG_DATA_HOME": str(tmp_path_factory.mktemp("data")), "OMP_NUM_THREADS": "1"}


def words(out, weights, *more, stage="paint", **options):
    given = ["--out", str(out), "--json"]
    if stage == "passes":
        given += ["--mesh", str(ROOT / "examples" / "sample.glb"), "--views", "4,4", "--size", "32"]
        given += ["--supersample", "2", "--renderer", "embree"]
    if stage == "bake":
        given += ["--texture-size", "64", "--fuse", "grid=64", "--fuse", "label_grid=32"]
    if stage == "paint":
        given += ["--reference", str(ROOT / "examples" / "reference.png"), "--engine", "orbitpainter"]
        for name, value in {"weights": weights, "steps": 2, **options}.items():
            given += ["--engine-option", f"{name}={value}"]
    return [sys.executable, str(ROOT / "backend" / "cli.py"), stage, *given, *more]


def run(command, environment):
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def painted(out):
    return [read_png(path).tobytes() for path in sorted((out / "work" / "paint").glob("frame_????.png"))]


@pytest.fixture(scope="module")
def finished(weights, environment, tmp_path_factory):
    """The output folder of a job whose frames are painted and baked (what follows knows nothing of engines)."""
    out = tmp_path_factory.mktemp("job") / "out"
    for stage in ("passes", "paint", "bake"):
        status, events, errors = run(words(out, weights, stage=stage), environment)
        assert status == 0, (stage, events[-3:], errors[-2000:])
        if stage == "paint":
            assert any(event["type"] == "preview" for event in events)
    assert len(painted(out)) == 8
    assert list((out / "work" / "bake").iterdir())
    return out


def test_seed_modes_and_resuming(finished, weights, environment, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    first = painted(out)

    status, events, _ = run(words(out, weights, "--resume", stage="paint"), environment)
    assert status == 0
    assert [event["stage"] for event in events if "kept" in str(event.get("detail"))] == ["paint"]
    status, _, errors = run(words(out, weights, stage="paint"), environment)  # another process, the same seed
    assert status == 0, errors[-2000:]
    assert painted(out) == first

    status, _, errors = run(words(out, weights, stage="paint", mode="paper"), environment)
    assert status == 0, errors[-2000:]
    assert painted(out) != first


def test_stopping_leaves_what_was_there(finished, weights, environment, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    before = painted(out)
    command = words(out, weights, stage="paint", steps=200)  # so many that some are told (events are rate limited)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert any("step " in line for line in child.stdout)
    child.send_signal(signal.SIGINT)
    rest = child.stdout.read()
    assert child.wait(120) == 6
    assert "step 200 of" not in rest
    assert '"cancelled"' in rest
    assert painted(out) == before
    assert not [path for path in (out / "work").iterdir() if path.name.startswith(".")]


def test_missing_weights_end_with_their_own_status(finished, environment, tmp_path):
    (tmp_path / "empty").mkdir()
    out = tmp_path / "out"
    shutil.copytree(finished, out)
    status, events, _ = run(words(out, tmp_path / "empty"), environment)
    assert status == 4
    error = next(event for event in events if event["type"] == "error")
    assert error["code"] == "models-missing"


def test_the_worker_keeps_the_model_and_can_be_stopped(weights, environment, tmp_path):
    from orbit_painter.backend.job import Job, ReferenceSpec
    from orbit_painter.backend.run_request import RunRequest, save_request

    job = Job(
        out=str(tmp_path / "out"),
        references=(ReferenceSpec(str(ROOT / "examples" / "reference.png")),),
        mesh=str(ROOT / "examples" / "sample.glb"),
        engine="orbitpainter",
        engine_options={"weights": str(weights), "steps": 3},
        views=(4, 4),
        size=32,
        renderer="embree",
        texture_size=64,
    )
    requests = {}
    long = replace(job, engine_options={**job.engine_options, "steps": 200})  # to be stopped before it ends
    paper = replace(job, engine_options={**job.engine_options, "mode": "paper"})
    for name, stage, each in (
        ("passes", "passes", job), ("paint", "paint", job), ("paper", "paint", paper), ("long", "paint", long)
    ):  # fmt: skip
        requests[name] = tmp_path / f"{name}.json"
        save_request(requests[name], RunRequest(each, (stage,), resume=False))
    command = [sys.executable, "-I", "-u", ROOT / "backend" / "worker.py", "--protocol", "1"]
    child = Child([*command, "--log", tmp_path / "worker.log"], tmp_path, tmp_path / "errors.log", environment)
    try:
        child.send("hello", protocol=1)
        expect(child, "ready")
        child.send("run", job_id="p", request=str(requests["passes"]))
        expect(child, "result")
        results = []
        for job_id, request in (("a", "paint"), ("b", "paper"), ("c", "paint")):
            child.send("run", job_id=job_id, request=str(requests[request]))
            expect(child, "preview")
            assert expect(child, "result")["job_id"] == job_id
            results.append(painted(tmp_path / "out"))
        assert results[0] == results[2] != results[1]
        child.send("run", job_id="d", request=str(requests["long"]))
        expect(child, "progress")
        child.send("cancel", job_id="d")
        expect(child, "cancelled")
        assert painted(tmp_path / "out") == results[2]
        child.send("free")
        expect(child, "freed")
    finally:
        child.kill()
