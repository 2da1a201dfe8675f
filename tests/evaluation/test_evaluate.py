# SPDX-License-Identifier: GPL-3.0-or-later
"""`evaluate` as people run it: sets, tables, resuming, broken items, wrong requests, Ctrl-C."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.arguments import job_of, parser
from orbit_painter.backend.errors import CancelledError, InputError, OrbitPainterError, OutputError, UsageError
from orbit_painter.backend.evaluation import bench_main_job, command, report, score, truth
from orbit_painter.backend.evaluation.evaluation_set import EvaluationItem, evaluation_set
from orbit_painter.backend.evaluation.score import score_item
from orbit_painter.backend.evaluation.settings import Settings
from orbit_painter.backend.evaluation.view_scores import compared
from orbit_painter.backend.file_host import FileHost
from orbit_painter.backend.files import read_png, write_json, write_png
from orbit_painter.backend.job import Job
from orbit_painter.backend.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]
TINY = {"views": (5, 5), "size": 64, "texture_size": 128, "fuse": {"label_grid": 48, "grid": 48}}
WORDS = (
    *("--views", "5,5", "--size", "64", "--texture-size", "128", "--fuse", "label_grid=48", "--fuse", "grid=48"),
    *("--held-out", "3", "--picture-size", "64"),
)


class Recorder:
    def __init__(self):
        self.notes, self.results, self.kept = [], [], []

    def plan(self, stages, estimate=None):
        self.planned = list(stages)

    def begin(self, stage): ...
    def progress(self, stage, fraction, detail, eta): ...
    def preview(self, kind, path, view): ...

    def end(self, stage, seconds, skipped):
        if skipped:
            self.kept.append(stage)

    def note(self, message):
        self.notes.append(message)

    def result(self, manifest, summary):
        self.results.append((manifest, summary))


def evaluate(out, *words, host=FileHost, check=lambda: None):
    options = parser().parse_args(["evaluate", "--out", str(out), *WORDS, *map(str, words)])
    console = Recorder()
    status = command.run_command(options, job_of(options, None), host, console, check)
    return status, console


def in_this_process(monkeypatch):
    """Items without a process of their own; the names of those that were done."""
    done = []

    def run(words, log, stages, progress):
        path = Path(words[-1])
        done.append(path.stem)
        try:
            command.run_request(path, FileHost, Recorder(), lambda: progress(0.5, ""))
        except OrbitPainterError as error:
            failure = command.ItemError(error.code, error.message, error.advice, error.exit_status)
            raise failure from error

    monkeypatch.setattr(command, "run_item", run)
    return done


def test_procedural_objects_are_measured_kept_and_told(tmp_path, monkeypatch):
    done = in_this_process(monkeypatch)
    words = ("--set", "procedural", "--count", 2, "--first", 4, "--engine", "truth", "--bake", "ours", "--bake", "cos6")
    status, console = evaluate(tmp_path, *words)
    assert status == 0
    assert done == ["procedural-000004", "procedural-000005"] == console.planned
    assert any("LPIPS with --lpips-weights" in note for note in console.notes)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    for item in found["items"]:
        for row in item["bakes"].values():
            assert 15 < row["psnr"] <= 100
            assert 0.3 < row["ssim"] <= 1
            assert 15 < row["reference_psnr"] <= 100
            assert row["coverage"] > 0.7
            assert row["bake_seconds"] > 0
            assert row["peak_bytes"] > 2**20
    mean = np.mean([item["bakes"]["cos6"]["psnr"] for item in found["items"]])
    assert found["means"]["cos6"]["psnr"] == pytest.approx(mean)
    rows = list(csv.DictReader((tmp_path / "table.csv").open()))
    assert [(row["object"], row["bake"]) for row in rows][-2:] == [("mean", "ours"), ("mean", "cos6")]
    assert float(rows[-1]["psnr"]) == pytest.approx(mean)
    table = (tmp_path / "table.md").read_text()
    assert "| procedural-000005 | cos6 |" in table
    assert "FID" not in table.split("Left out")[0]
    sheet = read_png(tmp_path / "contact_sheet.png")
    assert sheet.shape[0] > 2 * 3 * 176  # two objects: truth and two bakes
    assert not (tmp_path / "items" / "procedural-000004" / "work" / "passes").exists()
    # Going on: what is finished stays; an item that was not finished is done.
    (tmp_path / "items" / "procedural-000005" / "result.json").unlink()
    done.clear()
    status, console = evaluate(tmp_path, *words, "--resume")
    assert (status, done, console.kept) == (0, ["procedural-000005"], ["procedural-000004"])
    again = json.loads((tmp_path / "evaluation.json").read_text())
    assert again["items"][0] == found["items"][0]
    assert again["items"][1]["bakes"]["ours"]["psnr"] == found["items"][1]["bakes"]["ours"]["psnr"]
    # Other settings are refused, and nothing is touched.
    before = (tmp_path / "settings.json").read_bytes()
    with pytest.raises(UsageError, match="held_out") as caught:
        evaluate(tmp_path, *words, "--held-out", 4, "--resume")
    assert caught.value.code == "evaluation-other"
    assert (tmp_path / "settings.json").read_bytes() == before


def test_the_result_of_exact_frames_is_near_and_of_drifting_ones_farther(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    monkeypatch.setattr("orbit_painter.backend.evaluation.evaluation_set.SCENES", {"vase": truth.SCENES["vase"]})
    psnr = {}
    for drift in (0, 4):
        status, _ = evaluate(tmp_path / str(drift), "--set", "scenes", "--engine", "truth", "--drift", drift)
        assert status == 0
        (item,) = json.loads((tmp_path / str(drift) / "evaluation.json").read_text())["items"]
        psnr[drift] = item["bakes"]["ours"]["psnr"]
    assert psnr[0] > psnr[4] + 0.5


def test_a_bake_that_fails_leaves_the_others(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    real = score.bake

    def bake(name, *arguments):
        if name == "average":
            raise InputError("bake-udim", "It cannot bake this.", "Leave it away.")
        return real(name, *arguments)

    monkeypatch.setattr(score, "bake", bake)
    words = ("--set", "procedural", "--count", 1, "--engine", "truth")
    status, console = evaluate(tmp_path, *words, "--bake", "average", "--bake", "cos6", "--keep")
    assert status == 3
    (texture,) = (tmp_path / "items" / "procedural-000000" / "textures" / "cos6").iterdir()
    assert read_png(texture).shape == (128, 128, 4)
    assert (tmp_path / "items" / "procedural-000000" / "work" / "paint").is_dir()
    assert any("bake average failed" in note for note in console.notes)
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert list(found["means"]) == ["cos6"]
    assert "* procedural-000000, average: It cannot bake this." in (tmp_path / "table.md").read_text()
    status, _ = evaluate(tmp_path / "none", *words, "--bake", "average")
    assert status == 3
    assert "procedural-000000" in json.loads((tmp_path / "none" / "evaluation.json").read_text())["failed"]


def test_what_a_bake_does_not_tell_is_no_number(tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    real = score.bake
    monkeypatch.setattr(score, "bake", lambda name, *arguments: real("cos6", *arguments))
    words = ("--set", "procedural", "--count", 1, "--engine", "truth", "--bake", "differentiable")
    assert evaluate(tmp_path, *words)[0] == 0
    assert json.loads((tmp_path / "evaluation.json").read_text())["means"]["differentiable"]["coverage"] is None
    assert "coverage (the bakes do not tell)" in (tmp_path / "table.md").read_text()


@pytest.fixture
def models(tmp_path):
    """A folder with a model and its picture, a model without one, and a file that is no model."""
    folder = tmp_path / "models"
    folder.mkdir()
    scene = truth.SCENES["vase"]()
    bench_main_job.write_obj(folder / "vase.obj", scene.mesh)
    bench_main_job.write_obj(folder / "alone.obj", scene.mesh)
    (folder / "broken.glb").write_bytes(b"no model")
    image = truth.Truth(scene.mesh, lambda hits: scene.colour(hits.point)).cut_out(truth.side_camera("front", 64))
    for name in ("vase", "broken"):
        write_png(folder / f"{name}.png", image)
    write_json(folder / "vase.json", truth.side_camera("front", 64).to_json())
    return folder


def test_pairs_are_measured_without_a_truth_and_broken_ones_are_named(models, tmp_path, monkeypatch):
    in_this_process(monkeypatch)
    status, console = evaluate(tmp_path / "out", "--set", models, "--engine-option", "grid=48")
    assert status == 3
    (item,) = json.loads((tmp_path / "out" / "evaluation.json").read_text())["items"]
    row = item["bakes"]["ours"]
    assert item["name"] == "vase"
    assert "psnr" not in row
    assert "sharpness" not in row
    assert row["reference_psnr"] > 18
    assert row["reference_ssim"] > 0.7
    assert row["gradient"] > 0
    assert row["mv_mse"] >= 0
    failed = json.loads((tmp_path / "out" / "evaluation.json").read_text())["failed"]
    assert set(failed) == {"alone", "broken"}
    assert failed["alone"]["code"] == "reference-missing"
    text = (tmp_path / "out" / "table.md").read_text()
    assert "alone" in text
    assert "Not measured: PSNR, SSIM (the truth is not known)" in text
    assert any(note.startswith("broken failed") for note in console.notes)
    assert (tmp_path / "out" / "contact_sheet.png").exists()


def test_a_list_names_models_pictures_and_sides(models, tmp_path):
    (tmp_path / "set.txt").write_text(
        "# models\nmodels/vase.obj\tmodels/vase.png\nmodels/vase.obj\tmodels/vase.png\tback\nmodels/alone.obj\n"
    )
    items = evaluation_set(Job(out=str(tmp_path / "out")), str(tmp_path / "set.txt"), None, FileHost())
    assert [item.name for item in items] == ["models-vase", "models-vase_2", "alone"]
    assert items[1].job.references[0].view == "back"
    assert items[1].job.references[0].path == str(models / "vase.png")
    assert items[1].job.references[0].camera == str(models / "vase.json")
    assert items[2].job.references == ()
    assert EvaluationItem.from_json(json.loads(json.dumps(items[1].to_json()))) == items[1]


def test_empty_and_missing_sets_are_errors(tmp_path):
    def code(source, **numbers):
        with pytest.raises((InputError, UsageError)) as caught:
            evaluation_set(Job(out=str(tmp_path)), str(source), None, FileHost(), **numbers)
        return caught.value.code

    (tmp_path / "none").mkdir()
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    assert code(tmp_path / "none") == "folder-empty"
    assert code(tmp_path / "nowhere") == "set-missing"
    assert code(tmp_path / "empty.txt") == "set-empty"
    assert code("procedural", count=0) == "set-empty"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--set", "procedural", "--engine", "truth", "--drift", "1"), "drift-needs-solid"),
        (("--set", "procedural", "--held-out", "0"), "option-range"),
        (("--set", "procedural", "--metric", "fid"), "weights-not-given"),
        (("--set", "procedural", "--fuse", "nonsense=1"), "parameter-unknown"),
        (("--set", "procedural", "--bake", "nonsense"), "usage"),
    ],
)
def test_wrong_requests_are_refused_before_any_work(tmp_path, words, code):
    with pytest.raises(UsageError) as caught:
        evaluate(tmp_path / "out", *words)
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()


def test_models_have_no_truth_unless_it_is_asked_for(models, tmp_path):
    with pytest.raises(UsageError) as caught:
        evaluate(tmp_path / "out", "--set", models, "--engine", "truth")
    assert caught.value.code == "truth-missing"


def test_what_all_items_would_say_ends_the_run(models, tmp_path, monkeypatch):
    done = in_this_process(monkeypatch)
    with pytest.raises(OrbitPainterError, match="Blender") as caught:  # materials need it, and FileHost has none
        evaluate(tmp_path / "out", "--set", models, "--truth")
    assert caught.value.exit_status == 4
    assert len(done) == 1


def test_damaged_settings_and_results_are_not_fatal_or_are_told(tmp_path, monkeypatch):
    done = in_this_process(monkeypatch)
    words = ("--set", "procedural", "--count", 1, "--engine", "truth")
    evaluate(tmp_path, *words)
    (tmp_path / "items" / "procedural-000000" / "result.json").write_text('{"key": ')
    evaluate(tmp_path, *words, "--resume")
    assert len(done) == 2
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError) as caught:
        evaluate(tmp_path, *words, "--resume")
    assert caught.value.code == "settings-damaged"


def test_two_runs_do_not_share_a_folder(tmp_path):
    with RunFolder(tmp_path), pytest.raises(OutputError) as caught:
        evaluate(tmp_path, "--set", "procedural", "--count", 1)
    assert caught.value.code == "output-busy"


def test_dry_run_does_nothing(tmp_path):
    _, console = evaluate(tmp_path / "out", "--set", "procedural", "--count", 3, "--dry-run")
    assert len(console.notes) == 3
    assert not (tmp_path / "out").exists()


def test_equal_pictures_are_perfect_and_an_empty_mask_measures_nothing():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    mask = np.ones((64, 64), bool)
    row = compared(picture, picture, mask)
    assert row["psnr"] == 100
    assert row["ssim"] == pytest.approx(1)
    assert row["ms_ssim"] == pytest.approx(1)
    assert row["gradient"] == row["true_gradient"]
    assert compared(picture, picture, ~mask) == {}


def test_cancelling_leaves_no_result_of_the_item(tmp_path):
    job = Job(out=str(tmp_path / "a"), engine="truth", **TINY)
    count = [0]

    def check():
        count[0] += 1
        if count[0] > 6:
            raise CancelledError

    with pytest.raises(CancelledError):
        score_item(
            EvaluationItem("a", job, "procedural"), Settings(held_out=2, picture_size=48), FileHost, Recorder(), check
        )
    assert not (tmp_path / "a" / "result.json").exists()


def test_learned_metrics_are_in_the_tables(tmp_path, monkeypatch, random_weights):
    pytest.importorskip("torchmetrics")
    pytest.importorskip("transformers")
    in_this_process(monkeypatch)
    lpips = random_weights.classifier_file(tmp_path / "alex.pth", "alex")
    clip = random_weights.clip_folder(tmp_path / "clip")
    words = ("--set", "procedural", "--count", 2, "--engine", "truth", "--lpips-weights", lpips, "--clip", clip)
    status, _ = evaluate(tmp_path / "out", *words)
    assert status == 0
    means = json.loads((tmp_path / "out" / "evaluation.json").read_text())["means"]["ours"]
    assert 0 < means["lpips"] < 0.2
    assert 0.9 < means["clip_i"] <= 1
    assert means["clip_fid"] >= -1e-6
    assert "fid" not in means
    assert "| CLIP-FID |" in (tmp_path / "out" / "table.md").read_text()


def test_tables_show_numbers_and_leave_out_empty_columns():
    row = {"psnr": 20.126, "peak_bytes": 2**21, "label_seam_ratio": None}
    text = report.markdown(Job(out=""), Settings(), [{"name": "a", "bakes": {"ours": row}}], {"ours": row}, {})
    assert "| a | ours | 20.13 | 2 |" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert not any("view seams" in line or "SSIM" in line for line in table)
    assert "Not measured: SSIM (the truth is not known); " in text
    assert "view seams (no two views meet on a texture)" in text
    assert "FID (" not in text  # it was not asked for


@pytest.mark.slow
def test_processes_of_their_own_ctrl_c_and_going_on(tmp_path):
    words = [sys.executable, str(ROOT / "backend" / "cli.py"), "evaluate", "--set", "procedural", "--count", "2"]
    words += [*WORDS, "--engine", "truth", "--out", str(tmp_path), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*words, "--count", "200"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    first = tmp_path / "items" / "procedural-000000" / "result.json"
    limit = time.monotonic() + 180
    while time.monotonic() < limit and not first.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    events = [json.loads(line) for line in output.splitlines()]
    assert process.returncode == 6
    assert events[-1]["type"] == "cancelled"
    assert first.exists()
    done = subprocess.run(
        [*words, "--resume"], capture_output=True, text=True, timeout=240, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["type"] == "result"
    assert "2 of 2" in str(events[-1])
    kept = [event["stage"] for event in events if event.get("kept")]
    assert "procedural-000000" in kept
