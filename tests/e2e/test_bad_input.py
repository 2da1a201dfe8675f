"""Bad input ends in a sentence and the right exit status, and leaves nothing behind."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from .cli import BAKE, PAINT, PASSES, QUICK, files_below, run

pytestmark = [pytest.mark.bpy, pytest.mark.slow]
SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.glb"
REFERENCE = SAMPLE.with_name("reference.png")

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"


def check_refused(tmp_path, status, code, *words):
    out = tmp_path / "out"
    outcome = run("generate", "--out", out, *QUICK, "--no-turntable", *words)
    assert outcome.status == status, outcome.stderr[-2000:]
    assert outcome.error["code"] == code
    assert outcome.error["message"].endswith(".")
    assert "Traceback" not in outcome.error["message"] + outcome.error["advice"]
    assert not [name for name in files_below(tmp_path) if ".part" in name]
    return outcome


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.glb", None, "file-missing"),
        ("model.xyz", b"hello", "format-unknown"),
        ("broken.glb", b"glTF\x02\x00\x00\x00garbage", "file-damaged"),
        ("empty.obj", b"", "file-empty"),
        ("points.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "file-no-faces"),
        ("flat.obj", b"v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n", "mesh-zero-size"),
        ("line.obj", b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "mesh-zero-area"),
        ("nan.stl", b"\0" * 80 + struct.pack("<I12fH", 1, *[float("nan")] * 12, 0), "mesh-zero-size"),
    ],
)
def test_meshes(tmp_path, name, content, code):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    check_refused(tmp_path, 3, code, "--mesh", path, "--reference", REFERENCE)
    assert not (tmp_path / "out").exists()


def png(width, height, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_references(tmp_path):
    """One run of the passes serves all pictures: `paint` starts from what was saved."""
    out = tmp_path / "out"
    assert run("passes", "--mesh", SAMPLE, "--out", out, *PASSES).status == 0
    before = files_below(out)
    pictures = {
        "corrupt.png": (b"\x89PNG\r\n\x1a\nrubbish", "image-damaged"),
        "text.png": (b"this is no picture", "image-unknown"),
        "dot.png": (png(1, 1, b"\x00\xff\xff\xff\xff"), "image-small"),
        "clear.png": (png(64, 64, (b"\x00" + b"\xff\xff\xff\x00" * 64) * 64), "image-transparent"),
        "gone.png": (None, "file-missing"),
    }
    for name, (content, _) in pictures.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        outcome = run("paint", "--out", out, "--reference", tmp_path / name)
        assert outcome.status == 3, (name, outcome.stderr[-500:])
        assert outcome.error["message"].endswith("."), name
        assert [f for f in files_below(out) if not f.endswith(".log")] == before, name
    outcome = run("paint", "--out", out)
    assert (outcome.status, outcome.error["code"]) == (2, "reference-missing")


def test_a_missing_reference_is_told_before_anything_is_rendered(tmp_path):
    check_refused(tmp_path, 3, "file-missing", "--mesh", SAMPLE, "--reference", tmp_path / "gone.png")
    check_refused(tmp_path, 2, "reference-missing", "--mesh", SAMPLE)
    assert not (tmp_path / "out").exists()


def test_unusual_but_good_references_run_through(tmp_path):
    from PIL import Image

    out = tmp_path / "out"
    assert run("passes", "--mesh", SAMPLE, "--out", out, *PASSES).status == 0
    picture = Image.open(REFERENCE).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    flat.convert("L").save(tmp_path / "grey.png")
    flat.convert("CMYK").save(tmp_path / "cmyk.jpg")
    flat.save(tmp_path / "animated.gif", save_all=True, append_images=[flat.rotate(90)])
    values = np.asarray(flat.convert("L"), np.uint16) * 257
    Image.fromarray(values).save(tmp_path / "sixteen.png")
    wide = Image.new("RGBA", (20000, 3000), (0, 0, 0, 0))
    wide.paste(picture.resize((3000, 3000)), (9000, 0))
    wide.save(tmp_path / "wide.png")
    for name in ("grey.png", "cmyk.jpg", "animated.gif", "sixteen.png", "wide.png"):
        outcome = run("paint", "--out", out, "--reference", tmp_path / name, *PAINT)
        assert outcome.status == 0, (name, outcome.events[-1])


def test_output_folder_is_a_file(tmp_path):
    (tmp_path / "out").write_text("in the way")
    outcome = run("generate", "--mesh", SAMPLE, "--reference", REFERENCE, "--out", tmp_path / "out", *QUICK)
    assert outcome.status == 7
    assert (tmp_path / "out").read_text() == "in the way"


def test_the_folder_of_the_model_is_no_output_folder(tmp_path):
    """Neither of a model file nor of a .blend that is open: results would replace the artist's files."""
    import bpy

    model = tmp_path / "chair.glb"
    shutil.copy(SAMPLE, model)
    scene = tmp_path / "scene.blend"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(scene), copy=True)
    before = {path: path.read_bytes() for path in (model, scene)}
    for path in before:
        outcome = run("generate", "--mesh", path, "--reference", REFERENCE, "--out", tmp_path, *QUICK)
        assert (outcome.status, outcome.error["code"]) == (7, "output-holds-input")
    assert files_below(tmp_path) == ["chair.glb", "scene.blend"]
    assert {path: path.read_bytes() for path in before} == before


def test_very_long_and_foreign_names(tmp_path):
    model = tmp_path / ("größe 模型 " + "x" * 225 + ".obj")
    model.write_text(TRIANGLE)
    out = tmp_path / "out put ü"
    words = ["--views", "4,0", "--size", "32", "--still", "flat", "--no-turntable"]
    outcome = run("generate", "--mesh", model, "--reference", REFERENCE, "--out", out, *BAKE, *PAINT, *words)
    assert outcome.status == 0, outcome.stderr[-2000:]
    assert len(list(out.glob("größe 模型 x*.glb"))) == 1


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs root to mount a small disk")
def test_a_full_disk(tmp_path):
    import subprocess

    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        outcome = run("passes", "--mesh", SAMPLE, "--out", small / "out", "--views", "9,9")
        assert (outcome.status, outcome.error["code"]) == (7, "disk-full")
        assert not [name for name in files_below(small) if "part" in name]
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_resume_of_another_version(tmp_path):
    out = tmp_path / "out"
    assert run("passes", "--mesh", SAMPLE, "--out", out, *PASSES).status == 0
    stage = out / "work" / "passes" / "stage.json"
    stage.write_text(stage.read_text().replace('"version": "', '"version": "9'))
    outcome = run("generate", "--mesh", SAMPLE, "--reference", REFERENCE, "--out", out, "--resume", *QUICK)
    assert (outcome.status, outcome.error["code"]) == (3, "resume-version")


def test_unknown_object_names_the_closest(tmp_path):
    outcome = check_refused(
        tmp_path, 3, "object-unknown", "--mesh", SAMPLE, "--reference", REFERENCE, "--object", "Nonsense"
    )
    assert "Nonsense" in outcome.error["message"]
