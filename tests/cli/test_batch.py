# SPDX-License-Identifier: GPL-3.0-or-later
"""Many models one after the other: which pictures they get, and what becomes of them."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from dataclasses import replace
from types import SimpleNamespace

import pytest
from orbit_painter.backend import batch
from orbit_painter.backend.errors import CancelledError, InputError, UsageError
from orbit_painter.backend.job import Job, ReferenceSpec

# Stands in for the program: the request's model says how it ends.
PROGRAM = """
import json, sys, time
job = json.load(open(sys.argv[2]))["job"]
say = lambda kind, **fields: print(json.dumps({"type": kind, "job_id": "", **fields}), flush=True)
say("progress", stage="passes", done=0.5, total=1.0, eta_s=None, detail="view 1")
time.sleep(0.3)  # progress is reported ten times a second at most
if "bad" in job["mesh"]:
    say("error", code="mesh-empty", message="It holds no faces.", advice="Export it again.")
    sys.exit(3)
if "crash" in job["mesh"]:
    import os
    os.abort()
if "slow" in job["mesh"]:
    time.sleep(60)
say("result", manifest="report.json", metrics={})
"""


class Recorder:
    def __init__(self):
        self.notes, self.results, self.fractions = [], [], []

    def plan(self, stages):
        self.planned = list(stages)

    def begin(self, stage):
        pass

    def progress(self, stage, fraction, detail, eta):
        self.fractions.append((stage, fraction, detail))

    def end(self, stage, seconds, skipped):
        pass

    def note(self, message):
        self.notes.append(message)

    def result(self, manifest, summary):
        self.results.append((manifest, summary))


@pytest.fixture
def folder(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for name in ("chair.glb", "bad.obj", "crash.glb", "alone.stl", "readme.txt", "Lamp.GLB"):
        (models / name).write_bytes(b"x")
    for name in ("chair.png", "chair.back.jpg", "bad.png", "crash.png", "lamp.png", "lamp.left.png", "lamp.left.json"):
        (models / name).write_bytes(b"x")
    return models


def run(folder, out, **changes):
    program = folder.parent / "program.py"
    program.write_text(PROGRAM)
    options = Namespace(**{"models": str(folder), "dry_run": False, "resume": False, **changes})
    console = Recorder()
    host = SimpleNamespace(program=[sys.executable, str(program)])
    check = changes.get("check", lambda: None)
    return batch.run_batch(options, Job(out=str(out)), host, console, check), console


def test_pictures_are_matched_by_name(folder, tmp_path):
    found = {item.name: item.job for item in batch.items(Job(out=str(tmp_path / "out")), str(folder), None, None)}
    assert list(found) == ["Lamp", "alone", "bad", "chair", "crash"]
    assert [(r.view, r.camera is not None) for r in found["chair"].references] == [("front", False), ("back", False)]
    assert [(r.view, r.camera is not None) for r in found["Lamp"].references] == [("front", False), ("left", True)]
    assert found["alone"].references == ()
    assert found["chair"].out == str(tmp_path / "out" / "chair")


def test_one_picture_may_serve_all(folder, tmp_path):
    base = replace(Job(out=str(tmp_path / "out")), references=(ReferenceSpec("all.png"),))
    found = {item.name: item.job for item in batch.items(base, str(folder), None, None)}
    assert [r.path for r in found["alone"].references] == ["all.png"]
    assert len(found["chair"].references) == 2


def test_equal_names_get_folders_of_their_own(folder, tmp_path):
    (folder / "chair.obj").write_bytes(b"x")
    names = [item.name for item in batch.items(Job(out=str(tmp_path)), str(folder), None, None)]
    assert len({name.lower() for name in names}) == len(names) == 6


def test_objects_of_a_scene(folder, tmp_path):
    mesh = SimpleNamespace(object_names=("Chair", "a/b", "Chair #2"), instance_of={2: 0})
    host = SimpleNamespace(load=lambda job: SimpleNamespace(mesh=mesh))
    found = batch.items(Job(out=str(tmp_path), mesh="scene.blend"), None, str(folder), host)
    assert [(item.name, item.job.objects) for item in found] == [("Chair", ("Chair",)), ("a_b", ("a/b",))]
    assert len(found[0].job.references) == 2


def test_one_failure_does_not_stop_the_others(folder, tmp_path):
    status, console = run(folder, tmp_path / "out")
    saved = json.loads((tmp_path / "out" / "batch.json").read_text())["items"]
    states = {item["name"]: (item["state"], item["code"]) for item in saved}
    assert states["chair"] == states["Lamp"] == ("done", "")
    assert states["bad"] == ("failed", "mesh-empty")
    assert states["alone"] == ("failed", "reference-missing")
    assert states["crash"][0] == "failed"
    assert status == 3
    assert console.results[0][1]["textured"] == "2 of 5"
    assert console.results[0][1]["failed"] == "alone, bad, crash"
    assert ("chair", 0.1, "passes: view 1") in console.fractions


def test_cancelling_ends_the_item_that_runs(folder, tmp_path):
    for path in folder.iterdir():
        path.unlink()
    (folder / "slow.glb").write_bytes(b"x")
    (folder / "slow.png").write_bytes(b"x")
    asked = []

    def check():
        asked.append(1)
        if len(asked) > 8:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(folder, tmp_path / "out", check=check)


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        batch.items(Job(out="o"), str(tmp_path / "none"), None, None)
    with pytest.raises(InputError, match="no model"):
        batch.items(Job(out="o"), str(tmp_path), None, None)
    with pytest.raises(UsageError):
        batch.items(Job(out="o", mesh="a.glb"), str(folder), None, None)
