# SPDX-License-Identifier: GPL-3.0-or-later
import contextlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from orbit_painter.backend.errors import InputError

pytestmark = pytest.mark.bpy

FORMATS = ("glb", "gltf", "obj", "ply", "stl", "fbx", "usd", "usda", "usdc", "usdz", "blend")
TEXT = ("ply", "stl")


@pytest.fixture(scope="module")
def samples(bpy, tmp_path_factory):
    """A cube and a ball in every format; text variants as text.ply and text.stl."""
    folder = tmp_path_factory.mktemp("samples")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.mesh.primitive_uv_sphere_add(location=(3, 0, 0), segments=12, ring_count=8)
    write = {
        "glb": lambda p: bpy.ops.export_scene.gltf(filepath=p, export_format="GLB"),
        "gltf": lambda p: bpy.ops.export_scene.gltf(filepath=p, export_format="GLTF_SEPARATE"),
        "obj": lambda p: bpy.ops.wm.obj_export(filepath=p),
        "ply": lambda p: bpy.ops.wm.ply_export(filepath=p),
        "stl": lambda p: bpy.ops.wm.stl_export(filepath=p),
        "fbx": lambda p: bpy.ops.export_scene.fbx(filepath=p),
        "blend": lambda p: bpy.ops.wm.save_as_mainfile(filepath=p, copy=True),
    }
    usd = dict.fromkeys(("usd", "usda", "usdc", "usdz"), lambda p: bpy.ops.wm.usd_export(filepath=p))
    for kind, export in {**write, **usd}.items():
        export(str(folder / f"model.{kind}"))
    bpy.ops.wm.ply_export(filepath=str(folder / "text.ply"), ascii_format=True)
    bpy.ops.wm.stl_export(filepath=str(folder / "text.stl"), ascii_format=True)
    return folder


def failure(path):
    from orbit_painter.addon.import_file import import_file

    with pytest.raises(InputError) as caught:
        import_file(path)
    error = caught.value
    for text in (error.message, error.advice):
        assert text
        assert "\n" not in text
        assert "Traceback" not in text
        assert text.endswith((".", "?"))
    return error


@pytest.mark.parametrize("kind", [*(f"model.{kind}" for kind in FORMATS), *(f"text.{kind}" for kind in TEXT)])
def test_every_format_is_read(samples, kind, capfd):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import find_objects, read_mesh

    objects = import_file(samples / kind)
    assert objects
    assert all(o.type == "MESH" for o in objects)
    mesh, _, notes = read_mesh(find_objects())
    assert len(mesh.faces) == 12 + 12 * 2 + 6 * 12 * 2
    assert notes == []
    extent = (mesh.vertices.max(axis=0) - mesh.vertices.min(axis=0)) / 0.99999
    # 5 x 2 x 2 units, along the same axes in every format
    assert extent == pytest.approx([1, 0.4, 0.4], abs=1e-3)
    assert capfd.readouterr().out == ""


def damaged(data, path):
    random_bytes = random.Random(1).randbytes
    yield "cut", *(data[: int(len(data) * part)] for part in (0.001, 0.02, 0.3, 0.7, 0.97))
    yield "garbage", random_bytes(4000), b"no model here\n" * 50
    yield "head", data[:48] + random_bytes(4000)


@pytest.mark.parametrize("kind", [*(f"model.{kind}" for kind in FORMATS), *(f"text.{kind}" for kind in TEXT)])
def test_damaged_files_get_a_sentence(samples, kind, tmp_path, capfd):
    from orbit_painter.addon.import_file import import_file

    data = (samples / kind).read_bytes()
    path = tmp_path / f"broken{Path(kind).suffix}"
    for how, *variants in damaged(data, path):
        for variant in variants:
            path.write_bytes(variant)
            if kind.endswith(".obj") and how == "cut":  # the first half of an OBJ file is an OBJ file
                with contextlib.suppress(InputError):
                    import_file(path)
                continue
            error = failure(path)
            assert error.code == "file-damaged", (how, len(variant), error)
            assert "broken" in error.message
    assert capfd.readouterr().out == ""


def test_files_that_are_not_there_or_not_models(tmp_path):
    assert failure(tmp_path / "absent.glb").code == "file-missing"
    (tmp_path / "notes.txt").write_text("hello")
    error = failure(tmp_path / "notes.txt")
    assert error.code == "format-unknown"
    assert ".glb" in error.advice
    (tmp_path / "folder.glb").mkdir()
    assert failure(tmp_path / "folder.glb").code == "file-unreadable"
    (tmp_path / "empty.obj").touch()
    assert failure(tmp_path / "empty.obj").code == "file-empty"


def test_points_and_lines_are_not_enough(tmp_path):
    (tmp_path / "points.ply").write_text(
        "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
        "0 0 0\n1 1 1\n"
    )
    assert failure(tmp_path / "points.ply").code == "file-no-faces"
    (tmp_path / "line.obj").write_text("v 0 0 0\nv 1 0 0\nl 1 2\n")
    assert failure(tmp_path / "line.obj").code == "file-no-faces"
    (tmp_path / "nothing.gltf").write_text(json.dumps({"asset": {"version": "2.0"}, "scenes": [{}], "scene": 0}))
    assert failure(tmp_path / "nothing.gltf").code in ("file-empty", "file-damaged")


def test_curves_only(empty, tmp_path):
    empty.ops.curve.primitive_bezier_circle_add()
    empty.ops.wm.save_as_mainfile(filepath=str(tmp_path / "curve.blend"), copy=True)
    assert failure(tmp_path / "curve.blend").code == "file-no-faces"


def test_gltf_without_its_buffer(samples, tmp_path):
    (tmp_path / "model.gltf").write_bytes((samples / "model.gltf").read_bytes())
    assert failure(tmp_path / "model.gltf").code == "file-damaged"


def test_scripts_in_a_blend_do_not_run(empty, tmp_path):
    from orbit_painter.addon.import_file import import_file

    empty.ops.mesh.primitive_cube_add()
    marker = tmp_path / "ran"
    text = empty.data.texts.new("evil.py")
    text.write(f"open({str(marker)!r}, 'w')")
    text.use_module = True
    empty.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"), copy=True)
    assert [o.name for o in import_file(tmp_path / "scene.blend")] == ["Cube"]
    assert not marker.exists()


@pytest.mark.assets
def test_bone_shapes_are_left_out(bpy, assets):
    from orbit_painter.addon.import_file import import_file
    from orbit_painter.addon.scene_read import find_objects

    assert [o.name for o in import_file(assets / "fox" / "model.glb")] == ["fox"]
    assert [o.name for o in find_objects()] == ["fox"]


def test_ply_faces_of_missing_vertices(tmp_path):
    from orbit_painter.addon.import_checks import ply

    head = (
        b"ply\nformat binary_big_endian 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    )
    head += b"element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    path = tmp_path / "m.ply"

    def body(*faces):
        rows = b"".join(bytes([len(f)]) + b"".join(i.to_bytes(4, "big", signed=True) for i in f) for f in faces)
        path.write_bytes(head + bytes(36) + rows)
        return ply(path)

    assert body((0, 1, 2), (2, 1, 0, 1)) == ""
    assert "vertex" in body((0, 1, 2), (2, 1, 3))
    assert "vertex" in body((0, 1, -1), (2, 1, 0))
    assert "short" in body((0, 1, 2))


def test_obj_vertices_that_are_no_numbers(tmp_path):
    from orbit_painter.addon.import_checks import obj

    path = tmp_path / "m.obj"
    for place, wrong in (("0 1 NaN", True), ("0 -inf 1", True), ("0 1 1e5", False)):
        path.write_text(f"o banana\nusemtl v infinite nan\nv 0 0 0\nv {place}\nv 1 0 0\nf 1 2 3\n")
        assert ("not a number" in obj(path)) == wrong, place


def test_standard_output_stays_clean(tmp_path):
    """Text that C or Python still buffers when the block begins or ends goes where it belongs."""
    code = (
        "import ctypes, os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent.parent)!r})\n"
        "import conftest\n"
        "from orbit_painter.addon.quiet import no_stdout, stdout_to_stderr\n"
        "c = ctypes.CDLL(None)\n"
        "c.printf(b'before\\n'); print('before')\n"
        "with stdout_to_stderr():\n"
        "    c.printf(b'inside\\n'); print('inside'); os.system('echo inside')\n"
        "with no_stdout():\n"
        "    c.printf(b'lost\\n'); print('lost')\n"
        "c.printf(b'after\\n'); print('after')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == ["after", "after", "before", "before"]
    assert done.stderr.split().count("inside") == 3
    assert "lost" not in done.stdout + done.stderr
