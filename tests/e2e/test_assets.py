"""The shared models, the nasty ones included, from file to textured file."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from .cli import PAINT, QUICK, run

pytestmark = [pytest.mark.bpy, pytest.mark.slow, pytest.mark.assets]
WITH_REFERENCE = ("water-bottle", "spot", "fox", "sheen-chair", "cracker-box", "tea-set")
NASTY = ("nasty-degenerate", "nasty-no-uv", "nasty-shared-mirrored", "nasty-udim")


def model_of(assets, name):
    return next(path for path in (assets / name).iterdir() if path.stem == "model" and path.suffix in (".glb", ".obj"))


def own_view_psnr(assets, out, name, tmp_path):
    """PSNR in dB between the textured model, rendered as the reference was, and the reference, inside the outline."""
    picture = tmp_path / f"{name}.png"
    script = assets / "render_ref.py"
    subprocess.run([sys.executable, script, out / "model.glb", picture], check=True, capture_output=True)
    result = np.asarray(Image.open(picture), float)
    reference = np.asarray(Image.open(assets / name / "ref.png"), float)
    inside = (result[..., 3] > 254) & (reference[..., 3] > 254)
    assert inside.sum() > 0.8 * (reference[..., 3] > 254).sum()
    error = ((result - reference)[inside][:, :3] ** 2).mean()
    return 10 * np.log10(255**2 / error)


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_the_texture_matches_the_reference_in_its_own_view(assets, tmp_path, name):
    """At least 32 dB inside the outline, with the texture size of the product and fewer, smaller views."""
    out = tmp_path / "out"
    outcome = run(
        "generate", "--mesh", model_of(assets, name), "--reference", assets / name / "ref.png", "--out", out,
        "--views", "13,13", "--size", "256", "--texture-size", "2048", "--fuse", "grid=256", *PAINT, "--no-turntable",
        timeout=600,
    )  # fmt: skip
    assert outcome.status == 0, outcome.stderr[-3000:]
    psnr = own_view_psnr(assets, out, name, tmp_path)
    assert psnr >= 32, f"{name}: {psnr:.1f} dB"
    shutil.rmtree(out)


def test_foliage_runs_through(assets, tmp_path):
    outcome = run(
        "generate", "--mesh", model_of(assets, "leafy-tree"), "--reference", assets / "leafy-tree" / "ref.png",
        "--out", tmp_path / "out", *QUICK, "--no-turntable",
    )  # fmt: skip
    assert outcome.status == 0, outcome.stderr[-3000:]


@pytest.mark.parametrize("name", NASTY)
def test_nasty_models_run_through(assets, tmp_path, name):
    out = tmp_path / "out"
    outcome = run(
        "generate", "--mesh", model_of(assets, name), "--reference", assets / "spot" / "ref.png", "--out", out,
        *QUICK, "--no-turntable",
    )  # fmt: skip
    assert outcome.status == 0, outcome.stderr[-3000:]
    report = json.loads((out / "report.json").read_text())
    textures = sorted(path.name for path in (out / "textures").glob("*.png"))
    if name == "nasty-udim":
        assert [t.split(".")[-2] for t in textures] == ["1001", "1002", "1011"]
    if name in ("nasty-no-uv", "nasty-shared-mirrored", "nasty-degenerate"):
        assert any("OrbitPainter" in note for note in report["passes"]["notes"])
