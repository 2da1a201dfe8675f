# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def load_sibling(name):
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def bpy():
    return pytest.importorskip("bpy")


@pytest.fixture
def empty(bpy):
    """An empty Blender file; the module bpy."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy


@pytest.fixture
def extension(empty, tmp_path, monkeypatch):
    """The extension, enabled in an empty file; jobs and results go into a temporary folder. The module bpy."""
    from orbit_painter.addon import registration

    monkeypatch.setenv("ORBIT_PAINTER_JOBS", str(tmp_path / "jobs"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    registration.register()
    yield empty
    registration.unregister()


@pytest.fixture(scope="session")
def snapshot(bpy):
    """The function that records everything a job must not change."""
    return load_sibling("state_guard").snapshot


@pytest.fixture(scope="session")
def finished_job(bpy):
    """The module that makes the folder of a finished job."""
    return load_sibling("finished_job")


@pytest.fixture(scope="session")
def real_blender():
    """Runs a script of this folder in a real Blender; its output. REAL_BLENDER may name the command."""
    helper = ROOT.parent / "shared" / "tools" / "real-blender"
    command = os.environ.get("REAL_BLENDER", "").split()
    if not command and helper.exists() and (Path.home() / ".cache/real-blender/root/.ready").exists():
        command = [str(helper), "run"]
    elif not command and shutil.which("blender"):
        command = ["blender", "-b"]
    if not command:
        pytest.skip("there is no real Blender here")

    def run(script, *arguments):
        line = [*command, "--factory-startup", "--python-exit-code", "9", "-P", str(HERE / script), "--", *arguments]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=1200)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    return run
