"""The commands as people run them: several processes, Ctrl-C, a folder that is taken, and their exit statuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def start(*words, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", str(ROOT / "backend" / "cli.py"), *map(str, words)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def run(*words):
    process = start(*words)
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


@pytest.fixture
def config(settings, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(settings))
    return path


def test_a_data_set_is_rendered_by_two_processes_listed_and_checked(tmp_path):
    words = ("--source", "procedural", "--count", 4, "--views", "4,4", "--size", 32, "--references", "1,1,1")
    status, output = run("dataset", "render", *words, "--per-shard", 1, "--processes", 2, "--out", tmp_path / "set")
    assert status == 0, output
    status, output = run("dataset", "list", tmp_path / "set")
    assert status == 0
    assert "samples    4" in output
    assert "4 + 4 views of 32 pixels" in output
    shard = tmp_path / "set" / "000002.tar"
    shard.write_bytes(shard.read_bytes()[:3000])
    status, output = run("dataset", "check", tmp_path / "set")
    assert status == 3
    assert "000002.tar" in output


def test_without_blender_models_are_not_rendered(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from orbit_painter.backend.arguments import parser
    from orbit_painter.backend.console import TerminalConsole
    from orbit_painter.backend.dataset.command import run_command
    from orbit_painter.backend.errors import EngineMissingError
    from orbit_painter.backend.file_host import FileHost

    (tmp_path / "a.glb").write_bytes(b"")
    options = parser().parse_args(
        ["dataset", "render", "--source", str(tmp_path / "a.glb"), "--out", str(tmp_path / "x")]
    )
    with pytest.raises(EngineMissingError, match="Blender"):
        run_command(options, FileHost(), TerminalConsole(), lambda: None)


@pytest.mark.slow
def test_ctrl_c_saves_and_the_run_goes_on(config, tmp_path):
    pytest.importorskip("accelerate")
    out = tmp_path / "run"
    words = (
        "train",
        "run",
        "--config",
        config,
        "--out",
        out,
        "--set",
        "run.steps=100000",
        "--set",
        "run.save_every=50000",
    )
    process = start(*words)
    log = out / "losses.jsonl"
    limit = time.monotonic() + 180
    while time.monotonic() < limit and not (log.exists() and log.read_text().count("\n") >= 3):
        time.sleep(0.1)
    status, output = run(*words)  # while it runs, the folder is taken
    assert status == 7, output
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 6, output
    (saved,) = (out / "checkpoints").iterdir()
    step = int(saved.name[5:])
    assert f"step {step}" in output
    status, output = run("train", "run", "--config", config, "--out", out, "--set", f"run.steps={step + 1}", "--resume")
    assert status == 0, output
    assert f"step-{step + 1:08d}" in output


@pytest.mark.slow
@pytest.mark.parametrize("split", [False, True])
def test_two_processes_do_what_one_does(settings, tmp_path, split):
    """Two processes (gloo) with one sample each, against one process with two; whole copies (DDP), and split (FSDP)."""
    pytest.importorskip("accelerate")
    from orbit_painter.backend.training.checkpoint import checkpoints, read_tensors
    from orbit_painter.backend.training.config import make_config
    from orbit_painter.backend.training.trainer import train

    settings["run"] |= {"sample_every": 4, "samples": 1, "sample_steps": 1}

    def newest(out, file):
        return read_tensors(checkpoints(out)[-1] / f"{file}.safetensors")

    train(make_config(settings), tmp_path / "one")
    both = {**settings, "run": {**settings["run"], "batch": 1, "shard": split}}
    (tmp_path / "two.json").write_text(json.dumps(both))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = Path(__file__).with_name("two_processes.py")
    subprocess.run(
        [*command, str(script), str(tmp_path / "two.json"), str(tmp_path / "two")],
        check=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    one, two = (
        [json.loads(line)["loss"] for line in (tmp_path / name / "losses.jsonl").read_text().splitlines()]
        for name in ("one", "two")
    )
    assert one == pytest.approx(two, rel=1e-4)
    assert (tmp_path / "two" / "samples" / "step-00000004.png").exists()
    for file in ("trained", "ema", "optimiser"):  # whole tensors, whoever kept which part
        first, second = (newest(tmp_path / name, file) for name in ("one", "two"))
        assert {name: value.shape for name, value in first.items()} == {name: v.shape for name, v in second.items()}
    held = [json.loads((tmp_path / "two" / f"held-{rank}.json").read_text()) for rank in (0, 1)]
    every = sum(value.numel() for value in newest(tmp_path / "two", "trained").values())
    assert sum(held) == (every if split else 2 * every)
    # A run goes on in one process from what two wrote.
    longer = {**both, "run": {**both["run"], "steps": 5}}
    train(make_config(longer), tmp_path / "two", resume=True)


def test_wrong_requests_have_their_exit_statuses(config, tmp_path):
    pytest.importorskip("accelerate")
    assert run("train", "run", "--config", config, "--out", tmp_path / "x", "--set", "run.stepz=1")[0] == 2
    status, output = run("train", "run", "--config", config, "--out", tmp_path / "x", "--data", tmp_path / "none")
    assert (status, "no shard" in output) == (3, True)
    assert not (tmp_path / "x").exists()


def test_two_runs_do_not_share_a_folder(config, tmp_path):
    pytest.importorskip("accelerate")
    from orbit_painter.backend.arguments import parser
    from orbit_painter.backend.console import TerminalConsole
    from orbit_painter.backend.errors import OutputError
    from orbit_painter.backend.run_folder import RunFolder
    from orbit_painter.backend.training.command import run_command

    options = parser().parse_args(["train", "run", "--config", str(config), "--out", str(tmp_path / "run")])
    with RunFolder(tmp_path / "run"), pytest.raises(OutputError, match="Another run") as caught:
        run_command(options, TerminalConsole(), lambda: None)
    assert caught.value.code == "output-busy"
    assert not (tmp_path / "run" / "checkpoints").exists()
