"""The second and third command of the README, in a Blender program with its own Python and nothing of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .cli import QUICK, ROOT

pytestmark = pytest.mark.real_blender
SAMPLE = ROOT / "examples" / "sample.glb"
REFERENCE = SAMPLE.with_name("reference.png")


def blender(*words, before=()):
    """Run backend/cli.py inside the Blender that REAL_BLENDER names (its command line, up to the background flag)."""
    program = os.environ.get("REAL_BLENDER", "").split()
    if not program:
        pytest.skip("REAL_BLENDER names no Blender")
    line = [*program, *map(str, before), "--factory-startup", "--python-exit-code", "1"]
    line += ["-P", str(ROOT / "backend" / "cli.py"), "--", *map(str, words), "--json"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    events = [json.loads(text) for text in done.stdout.splitlines() if text.startswith("{")]
    return done, events


@pytest.fixture(scope="module")
def textured(tmp_path_factory):
    out = tmp_path_factory.mktemp("real") / "out"
    words = ["--mesh", SAMPLE, "--reference", REFERENCE, "--out", out, *QUICK, "--no-turntable"]
    return out, *blender("generate", *words)


def test_a_model_file(textured):
    out, done, events = textured
    assert done.returncode == 0, done.stderr[-3000:]
    assert events[-1]["type"] == "result"
    for name in ("sample.glb", "sample.blend", "still.png", "contact_sheet.png", "voxels.npz", "textures/Owl.png"):
        assert (out / name).stat().st_size > 500, name


def test_the_texture_is_that_of_the_bpy_module(textured, tmp_path):
    """Another Blender, another Python, no numba: the same picture but for rounding and continued detail."""
    import numpy as np
    from PIL import Image

    out = tmp_path / "out"
    words = ["--mesh", SAMPLE, "--reference", REFERENCE, "--out", out, *QUICK, "--no-turntable"]
    command = [sys.executable, str(ROOT / "backend" / "cli.py"), "generate", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    a, b = (np.asarray(Image.open(f / "textures" / "Owl.png").convert("RGB"), float) for f in (textured[0], out))
    assert np.median(np.abs(a - b)) <= 2


def test_an_open_scene(textured, tmp_path):
    scene = textured[0] / "sample.blend"
    before = scene.read_bytes()
    words = ["--object", "Owl", "--reference", REFERENCE, "--out", tmp_path / "out", *QUICK, "--no-turntable"]
    done, _ = blender("generate", *words, before=[scene])
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "out" / "Owl.glb").is_file()
    assert scene.read_bytes() == before


def test_failures_keep_their_exit_status(tmp_path):
    done, events = blender("generate", "--mesh", tmp_path / "no.glb", "--reference", REFERENCE, "--out", tmp_path / "o")
    assert done.returncode == 3
    assert events[-1]["code"] == "file-missing"
    done, _ = blender("generate", "--out", tmp_path / "o", "--views", "nonsense")
    assert done.returncode == 2
    assert Path(tmp_path / "o").exists() is False
