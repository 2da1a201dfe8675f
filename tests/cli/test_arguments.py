"""The grammar of the command line."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from orbit_painter.backend.arguments import assignments, job_of, parser, reference_spec
from orbit_painter.backend.commands import main
from orbit_painter.backend.errors import OrbitPainterError, UsageError
from orbit_painter.backend.file_host import FileHost
from orbit_painter.backend.job import Job


def parse(*words, saved=None):
    return job_of(parser().parse_args(words), saved)


def test_defaults_are_those_of_the_job():
    job = parse("generate", "--mesh", "a.glb", "--reference", "a.png", "--out", "o")
    assert (job.views, job.size, job.texture_size, job.engine, job.seed) == ((61, 61), 512, 2048, "projection", 0)
    assert job.mesh.endswith("/a.glb")
    assert job.references[0].view == "front"


def test_what_is_not_given_again_comes_from_the_saved_job():
    saved = parse("generate", "--mesh", "a.glb", "--reference", "a.png", "--out", "o", "--seed", "7", "--views", "9")
    job = parse("bake", "--out", "o", "--texture-size", "512", saved=saved)
    assert (job.seed, job.views, job.texture_size) == (7, (9, 9), 512)


def test_a_job_survives_json():
    job = parse(
        "generate", "--mesh", "a.glb", "--reference", "a.png", "front", "--reference", "b.png", "c.json", "--out", "o",
        "--fuse", "smoothness=3", "--engine-option", "detail=0.5", "--object", "A", "--object", "B",
    )  # fmt: skip
    again = Job.from_json(json.loads(json.dumps(job.to_json())))
    assert again == job
    assert again.references[0].view == "front"
    assert again.references[1].camera.endswith("/c.json")
    assert again.fuse == {"smoothness": 3}


@pytest.mark.parametrize(
    "words",
    [
        ("generate",),
        ("generate", "--out", "o", "--views", "x"),
        ("generate", "--out", "o", "--views", "0,0"),
        ("generate", "--out", "o", "--views", "1,2,3"),
        ("generate", "--out", "o", "--size", "3"),
        ("generate", "--out", "o", "--texture-size", "100000"),
        ("generate", "--out", "o", "--seed", "-1"),
        ("generate", "--out", "o", "--fuse", "smoothness"),
        ("generate", "--out", "o", "--fuse", "nonsense=1"),
        ("generate", "--out", "o", "--fuse", "smoothness=NaN"),
        ("generate", "--out", "o", "--renderer", "workbench"),
        ("generate", "--out", "o", "--reference", "a.png", "behind"),
        ("paint", "--out", "o", "--mesh", "a.glb"),
        ("frobnicate",),
    ],
)
def test_wrong_words_are_usage_errors_with_advice(words):
    with pytest.raises(UsageError) as error:
        parse(*words)
    assert error.value.exit_status == 2
    assert error.value.message.endswith(".")
    assert error.value.advice


def test_the_paper_preset_keeps_explicit_values():
    job = parse("generate", "--out", "o", "--fuse-preset", "paper", "--fuse", "grid=256")
    params = job.fuse_params(exact_frames=False)
    assert (params.smoothness, params.grid, params.solver) == (5.0, 256, "exact")


def test_reference_words():
    assert reference_spec(["a.png", "front"]).view == "front"
    assert reference_spec(["a.png", "back"]).view == "back"
    with pytest.raises(UsageError, match="view"):
        reference_spec(["a.png", "above"])
    with pytest.raises(OrbitPainterError):
        reference_spec(["a.png", "b.png", "c.png"])


def test_assignments_read_json_values_and_text():
    assert assignments(["a=1", "b-c=true", "d=auto"]) == {"a": 1, "b_c": True, "d": "auto"}


def test_the_plan_of_the_neural_engine_needs_no_torch():
    """For someone who wonders whether to install it."""
    root = Path(__file__).resolve().parents[2]
    program = (
        "import runpy, sys\n"
        "sys.modules['torch'] = sys.modules['diffusers'] = None\n"
        f"runpy.run_path({str(root / 'backend' / 'cli.py')!r})['import_package']()\n"
        "from orbit_painter.backend.commands import main\n"
        "from orbit_painter.backend.file_host import FileHost\n"
        "sys.exit(main(sys.argv[1:], FileHost))\n"
    )
    words = ["plan", "--gpu", "24", "--ram", "64"]
    done = subprocess.run([sys.executable, "-I", "-c", program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert "fp8" in said
    assert "published measurements" in said  # of the RTX 4090
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *words[:-3], "16", *words[3:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "a rough guess" in done.stdout + done.stderr


def test_wrong_words_leave_no_log(tmp_path, monkeypatch, capfd):
    """What was mistyped is told in a sentence; a traceback in a file would say no more."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert main(["generate", "--out", str(tmp_path / "out"), "--views", "x", "--json"], FileHost) == 2
    told = json.loads(capfd.readouterr().out)
    assert (told["type"], told["trace_path"]) == ("error", None)
    assert list(tmp_path.iterdir()) == []
