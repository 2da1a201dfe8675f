"""The main job from the command line, in a process of its own."""

import json
import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.texturing.voxel_files import load_voxels
from orbit_painter.tests.texturing.vxz_reader import read_vxz
from PIL import Image

from .cli import BAKE, PAINT, PASSES, QUICK, command, files_below, run

pytestmark = [pytest.mark.bpy, pytest.mark.slow]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SAMPLE, REFERENCE = EXAMPLES / "sample.glb", EXAMPLES / "reference.png"


def generate(out, *words, **options):
    return run("generate", "--mesh", SAMPLE, "--reference", REFERENCE, "--out", out, *QUICK, *words, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished quick run, not to be written to."""
    out = tmp_path_factory.mktemp("run") / "out"
    outcome = generate(out)
    assert outcome.status == 0, outcome.stderr[-3000:]
    return out, outcome


def test_everything_that_was_promised_is_there(finished):
    out, _ = finished
    names = files_below(out)
    for name in (
        "sample.glb", "sample.blend", "voxels.npz", "contact_sheet.png", "still.png", "turntable.mp4",
        "recipe.json", "report.json",
    ):  # fmt: skip
        assert name in names
        assert (out / name).stat().st_size > 500, name
    assert any(name.startswith("textures/") and name.endswith(".png") for name in names)
    assert any(name.startswith("coverage/") for name in names)
    assert not [name for name in names if ".part" in name]
    report = json.loads((out / "report.json").read_text())
    for stage in ("passes", "paint", "bake", "model", "preview"):
        assert report["stages"][stage]["seconds"] > 0
        assert report["stages"][stage]["peak_mb"] > 50
    assert sum(report["bake"]["coverage"].values()) == pytest.approx(1.0, abs=0.01)
    assert all("uv_seam" in seams for seams in report["bake"]["seams"].values())


def test_coverage_before_painting_from_the_command_line(tmp_path):
    """One reference or none; what was rendered for it is kept; it goes when other views are rendered."""
    out = tmp_path / "out"
    looked = run("coverage", "--mesh", SAMPLE, "--out", out, *PASSES, "--renderer", "embree")
    assert looked.status == 0, looked.stderr[-3000:]
    assert [part["stage"] for part in looked.events[0]["plan"]] == ["passes", "coverage"]
    assert np.asarray(Image.open(out / "planned" / "Owl.png")).ndim == 3
    shares = json.loads((out / "report.json").read_text())["coverage"]["coverage"]
    assert shares["reference"] == 0
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.01)
    words = ("coverage", "--mesh", SAMPLE, "--out", out, "--resume", *PASSES, "--renderer", "embree", "--reference")
    again = run(*words, tmp_path / "not painted yet.png", "back")
    assert again.status == 0, again.stderr[-3000:]
    kept = [event["stage"] for event in again.events if event.get("kept")]
    assert kept == ["passes"]
    assert json.loads((out / "report.json").read_text())["coverage"]["coverage"]["reference"] > 0.1
    assert "planned coverage" in again.events[-1]["metrics"]
    missing = run(*words, REFERENCE, tmp_path / "none.json")
    assert (missing.status, missing.error["code"]) == (3, "file-missing")
    other = run("passes", "--mesh", SAMPLE, "--out", out, "--views", "4,4", "--size", "64", "--renderer", "embree")
    assert other.status == 0
    report = json.loads((out / "report.json").read_text())
    assert "coverage" not in report, "a look ahead at other views is told"


def test_events_tell_the_whole_story(finished):
    _, outcome = finished
    kinds = [event["type"] for event in outcome.events]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "result"
    plan = outcome.events[0]["plan"]
    stages = [entry["stage"] for entry in plan]
    assert stages == ["passes", "paint", "bake", "model", "preview"]
    assert sum(entry["weight"] for entry in plan) == pytest.approx(1.0, abs=0.01)
    for stage in stages:
        done = [e["done"] for e in outcome.events if e["type"] == "progress" and e["stage"] == stage]
        assert done == sorted(done)
        assert done[-1] == 1.0
    assert Path(outcome.events[-1]["manifest"]).is_file()


def test_the_texture_shows_the_reference(finished):
    """The still is a picture of the textured object: its colours are those of the reference, not grey or black."""
    out, _ = finished
    reference = np.asarray(Image.open(REFERENCE).convert("RGBA"), float)
    inside = reference[reference[..., 3] > 128][:, :3]
    for path in (out / "textures").glob("*.png"):
        texture = np.asarray(Image.open(path).convert("RGB"), float).reshape(-1, 3)
        assert np.abs(texture.mean(axis=0) - inside.mean(axis=0)).max() < 60
        assert texture.std(axis=0).max() > 10


def test_resume_keeps_finished_stages_and_redoes_changed_ones(finished, tmp_path):
    import shutil

    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    before = {name: (out / name).read_bytes() for name in ("voxels.npz", "contact_sheet.png")}
    outcome = generate(out, "--resume")
    assert outcome.status == 0
    assert sum("kept" in e.get("detail", "") for e in outcome.events) == 5
    assert {name: (out / name).read_bytes() for name in before} == before
    outcome = generate(out, "--resume", "--fuse", "smoothness=3", "--no-turntable")
    kept = {e["stage"] for e in outcome.events if "kept" in e.get("detail", "")}
    assert kept == {"passes", "paint"}


def test_a_recipe_runs_again_to_the_same_bytes(finished, tmp_path):
    recipe = finished[0] / "recipe.json"
    outcome = run("generate", "--recipe", recipe, "--out", tmp_path / "again", "--no-turntable")
    assert outcome.status == 0, outcome.stderr[-2000:]
    for path in (finished[0] / "textures").glob("*.png"):
        assert (tmp_path / "again" / "textures" / path.name).read_bytes() == path.read_bytes()


def test_stages_one_by_one_equal_the_whole(finished, tmp_path):
    out = tmp_path / "out"
    assert run("passes", "--mesh", SAMPLE, "--out", out, *PASSES).status == 0
    assert run("paint", "--out", out, "--reference", REFERENCE, *PAINT).status == 0
    assert run("bake", "--out", out, *BAKE, "--vxz").status == 0
    voxels = load_voxels(out / "voxels.npz")
    coords, attributes = read_vxz(out / "voxels.vxz")
    assert np.array_equal(attributes["base_color"][np.lexsort(coords.T[::-1])], voxels.colour)
    assert run("preview", "--out", out, "--no-turntable").status == 0
    for path in (finished[0] / "textures").glob("*.png"):
        assert (out / "textures" / path.name).read_bytes() == path.read_bytes()
    outcome = run("bake", "--out", tmp_path / "elsewhere")
    assert (outcome.status, outcome.error["code"]) == (3, "stage-missing")


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("stage", ["passes", "paint", "bake"])
def test_a_signal_stops_a_run_and_keeps_earlier_results(finished, tmp_path, stage):
    import shutil

    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    before = {n: (out / n).read_bytes() for n in files_below(out) if "work" not in n}
    words = ["generate", "--mesh", SAMPLE, "--reference", REFERENCE, "--out", out, "--views", "41,41", "--json"]
    with subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            event = json.loads(line)
            if event.get("stage") == stage and event.get("done", 0) > 0.05:
                break
        process.send_signal(signal.SIGINT if stage == "paint" else signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(timeout=30) == 6
    assert '"cancelled"' in rest or rest == ""
    assert {n: (out / n).read_bytes() for n in before} == before
    assert not [n for n in files_below(out) if ".part" in n]


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_signal_stops_a_picture_that_is_being_rendered(finished, tmp_path):
    """Inside one long call into Blender, which cannot look whether it should stop."""
    import shutil

    out = tmp_path / "out"
    shutil.copytree(finished[0], out)
    before = {n: (out / n).read_bytes() for n in files_below(out) if "work" not in n}
    words = command("preview", "--out", out, "--still", "rendered", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            if json.loads(line).get("detail") == "still":
                break
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read().splitlines()
        assert process.wait(timeout=30) == 6
    assert json.loads(rest[-1])["type"] == "cancelled"
    assert {n: (out / n).read_bytes() for n in before} == before
    assert not [n for n in files_below(out) if ".part" in n]


def test_a_blend_file_is_textured_without_being_changed(tmp_path):
    """An open scene: several objects, one asked for; the file on disk stays as it is, the copy holds the result."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(SAMPLE))
    bpy.ops.mesh.primitive_cube_add(location=(5, 0, 0))
    bpy.context.object.name = "Bystander"
    names = [o.name for o in bpy.data.objects if o.type == "MESH" and o.name != "Bystander"]
    scene = tmp_path / "scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(scene))
    before = scene.read_bytes()
    words = ["--object", names[0]]
    outcome = run(
        "generate", "--mesh", scene, *words, "--reference", REFERENCE, "--out", tmp_path / "out", *QUICK,
        "--no-turntable",
    )  # fmt: skip
    assert outcome.status == 0, outcome.stderr[-2000:]
    assert scene.read_bytes() == before
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "scene.blend"))
    assert "Bystander" in bpy.data.objects
    assert not bpy.data.objects["Bystander"].material_slots
    material = bpy.data.objects[names[0]].material_slots[0].material
    images = [n.image for t in [material.node_tree, *[g.node_tree for g in material.node_tree.nodes
              if g.type == "GROUP"]] for n in t.nodes if n.type == "TEX_IMAGE"]  # fmt: skip
    assert any(image.packed_file is not None and image.size[0] == 256 for image in images)


def test_a_guide_comes_back_aligned(tmp_path):
    """An artist's painting over a guide of the back is used for the back, where it was painted."""
    guide = tmp_path / "back.png"
    assert run("guide", "--mesh", SAMPLE, "--view", "back", "--size", "256", "--out", guide).status == 0
    picture = np.asarray(Image.open(guide)).copy()
    assert (picture[..., 3] > 0).mean() > 0.05
    picture[..., :3] = (40, 200, 60)
    Image.fromarray(picture).save(guide)
    out = tmp_path / "out"
    words = ["--mesh", SAMPLE, "--reference", REFERENCE, "--reference", guide, tmp_path / "back.json"]
    outcome = run("generate", *words, "--out", out, *QUICK, "--no-turntable")
    assert outcome.status == 0, outcome.stderr[-2000:]
    frames = json.loads((out / "work" / "paint" / "frames.json").read_text())
    assert len(frames["anchors"]) == 2
    back = np.asarray(Image.open(out / "work" / "paint" / frames["frames"][4]["image"]), float)
    inside = back[back[..., 3] > 250][:, :3]
    assert np.median(np.abs(inside - (40, 200, 60)).max(axis=1)) < 10
