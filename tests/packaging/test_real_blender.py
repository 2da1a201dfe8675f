"""An official way in: Blender adds the repository, installs from it, and the extension paints with NumPy alone."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from orbit_painter.tests.processes import tools_below, wait

pytestmark = [pytest.mark.real_blender, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.glb"
PASSES = ("--views", "5,5", "--size", "96", "--device", "cpu")
BAKE = ("--texture-size", "128", "--fuse", "label_grid=48", "--fuse", "grid=64")


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    out = tmp_path_factory.mktemp("a repository")
    command = [sys.executable, str(ROOT / "packaging" / "extension.py"), "repository", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out / "repository"


@pytest.fixture
def blender(tmp_path):
    """Runs Blender with settings of its own, empty at first."""
    program = os.environ.get("REAL_BLENDER", "").split()
    if not program:
        pytest.skip("REAL_BLENDER names no Blender")
    user = tmp_path / "user"
    user.mkdir()

    def run(*words):
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(user)}
        line = [*program, *map(str, words)]
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1200)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    run.user = user
    return run


def test_a_repository_by_address(blender, repository, tmp_path):
    address = (repository / "index.json").as_uri()
    blender("-c", "extension", "repo-add", "--name", "Orbit", "--url", address, "orbit")
    blender("--online-mode", "-c", "extension", "sync")
    blender("--online-mode", "-c", "extension", "install", "orbit_painter", "--enable")
    assert "orbit_painter [installed]" in blender("-c", "extension", "list")
    assert (blender.user / "extensions" / "orbit" / "orbit_painter" / "blender_manifest.toml").is_file()
    blender("-c", "extension", "remove", "orbit_painter")
    assert not (blender.user / "extensions" / "orbit" / "orbit_painter").exists()


def test_a_zip_paints_right_after_it_was_installed(blender, repository, tmp_path):
    package = next(repository.glob("*.zip"))
    blender("-c", "extension", "install-file", "-r", "user_default", "--enable", package)
    out = tmp_path / "out"
    blender("-c", "orbit_painter", "passes", "--mesh", SAMPLE, *PASSES, "--out", out)
    reference = SAMPLE.with_name("reference.png")
    blender("-c", "orbit_painter", "paint", "--reference", reference, "--engine-option", "grid=48", "--out", out)
    blender("-c", "orbit_painter", "bake", *BAKE, "--out", out)
    assert (out / "textures" / "Owl.png").stat().st_size > 500
    assert "missing" in blender("-c", "orbit_painter", "environment", "status", "--root", tmp_path / "none")


def test_enabling_is_quick_and_loads_no_numpy(blender):
    script = ROOT / "tests" / "packaging" / "check_register.py"
    said = blender("--factory-startup", "--python-exit-code", "9", "-P", script)
    assert '"orbit_painter"' in said
    assert '"numpy"' not in said
    assert '"subprocess"' not in said, "what takes long waits until it is needed"


PATIENCE = 300.0  # seconds


def started_below(root):
    """Command lines of running processes that name the folder, but for the Blender that was told of it."""
    return [line for line in tools_below(root) if "kill_driver" not in line]


@pytest.mark.parametrize("ending", ["kill", "quit"])
def test_a_task_ends_with_blender(blender, repository, tmp_path, ending):
    """An index that never answers; when Blender has gone, nothing that it started is left."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    program = os.environ["REAL_BLENDER"].split()
    if uv is None or program[-1] != "run":
        pytest.skip("needs uv, and the tool that gives Blender a screen")
    blender("-c", "extension", "install-file", "-r", "user_default", "--enable", next(repository.glob("*.zip")))
    root, ready, leave = tmp_path / "engine root", tmp_path / "ready", tmp_path / "leave"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        environment = {**os.environ, "BLENDER_USER_RESOURCES": str(blender.user), "UV_DEFAULT_INDEX": index}
        driver = ROOT / "tests" / "packaging" / "kill_driver.py"
        words = ["--online-mode", "-P", driver, "--", root, uv, ready, leave]
        line = [*program[:-1], "gui", *map(str, words)]
        process = subprocess.Popen(
            line, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait(ready.exists, PATIENCE)
            pid, state, stage = ready.read_text().split()[:3]
            assert (state, stage) == ("running", "fetching")
            wait(lambda: started_below(root), PATIENCE)
            if ending == "kill":
                os.kill(int(pid), signal.SIGKILL)
            else:
                leave.touch()
            wait(lambda: not Path(f"/proc/{pid}").exists(), PATIENCE)
            start = time.monotonic()
            wait(lambda: not started_below(root), PATIENCE)
            print(f"gone {time.monotonic() - start:.2f} s after Blender")  # two are wanted on an idle machine
        finally:
            process.wait(timeout=300)
