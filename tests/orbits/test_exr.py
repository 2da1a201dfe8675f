# SPDX-License-Identifier: GPL-3.0-or-later
"""Our EXR reader and writer, against each other, OpenCV and Blender."""

from __future__ import annotations

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.orbits.exr import check_exr, read_exr, write_exr


def planes(height=37, width=23, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "ViewLayer.Position.X": rng.normal(size=(height, width)).astype(np.float32),
        "ViewLayer.Position.Y": np.zeros((height, width), np.float32),
        "ViewLayer.Combined.A": rng.normal(size=(height, width)).astype(np.float16),
        "a very long name of a layer, beyond thirty-one characters.R": np.arange(
            height * width, dtype=np.uint32
        ).reshape(height, width),
    }


@pytest.mark.parametrize("codec", ["NONE", "ZIPS", "ZIP"])
@given(height=st.integers(1, 50), width=st.integers(1, 30), seed=st.integers(0, 99))
@settings(max_examples=15, deadline=None)
def test_round_trip(tmp_path_factory, codec, height, width, seed):
    path = tmp_path_factory.mktemp("exr") / "a.exr"
    channels = planes(height, width, seed)
    write_exr(path, channels, codec)
    back = read_exr(path)
    assert set(back) == set(channels)
    for name, plane in channels.items():
        assert back[name].dtype == np.float32
        np.testing.assert_array_equal(back[name], plane.astype(np.float32))
    assert check_exr(path) == (width, height, sorted(channels))


def test_truncated_files_are_refused(tmp_path):
    path = tmp_path / "a.exr"
    write_exr(path, planes())
    whole = path.read_bytes()
    for cut in [*range(0, len(whole) - 1, 97), len(whole) - 1]:
        path.write_bytes(whole[:cut])
        for reader in (read_exr, check_exr):
            with pytest.raises(InputError) as caught:
                reader(path)
            assert caught.value.code == "exr-damaged", cut
    with pytest.raises(InputError) as caught:
        read_exr(tmp_path / "none.exr")
    assert caught.value.code == "exr-missing"


def test_damaged_files_never_raise_anything_else(tmp_path):
    path = tmp_path / "a.exr"
    write_exr(path, planes(20, 9))
    whole = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            broken[at] = rng.integers(0, 256)
        path.write_bytes(bytes(broken))
        with suppress(InputError):
            read_exr(path)


def test_other_kinds_are_named(tmp_path):
    path = tmp_path / "a.exr"
    write_exr(path, planes())
    whole = path.read_bytes()
    at = whole.index(b"compression\0compression\0") + len("compression\0compression\0") + 4
    path.write_bytes(whole[:at] + b"\x04" + whole[at + 1 :])
    with pytest.raises(InputError, match="PIZ") as caught:
        read_exr(path)
    assert caught.value.code == "exr-unsupported"
    path.write_bytes(whole[:4] + struct.pack("<I", 2 | 0x200) + whole[8:])
    with pytest.raises(InputError, match="tiles"):
        read_exr(path)


def multi_part(parts: dict[str, dict[str, np.ndarray]]) -> bytes:
    """A two-part file without compression, written out by hand: Blender 5 stores one part per pass."""
    heads, bodies = [], []
    for name, channels in parts.items():
        names = sorted(channels)
        height, width = channels[names[0]].shape
        window = struct.pack("<4i", 0, 0, width - 1, height - 1)
        listing = b"".join(n.encode() + b"\0" + struct.pack("<iB3xii", 2, 0, 1, 1) for n in names) + b"\0"
        attributes = {
            "channels": ("chlist", listing),
            "compression": ("compression", b"\0"),
            "dataWindow": ("box2i", window),
            "displayWindow": ("box2i", window),
            "name": ("string", name.encode()),
            "type": ("string", b"scanlineimage"),
            "chunkCount": ("int", struct.pack("<i", height)),
        }
        head = b"".join(
            k.encode() + b"\0" + t.encode() + b"\0" + struct.pack("<i", len(v)) + v for k, (t, v) in attributes.items()
        )
        heads.append(head + b"\0")
        bodies.append([b"".join(channels[n][y].astype("<f4").tobytes() for n in names) for y in range(height)])
    start = b"\x76\x2f\x31\x01" + struct.pack("<I", 2 | 0x1000) + b"".join(heads) + b"\0"
    at = len(start) + 8 * sum(len(rows) for rows in bodies)
    tables, chunks = [], []
    for part, rows in enumerate(bodies):
        for y, row in enumerate(rows):
            tables.append(struct.pack("<Q", at))
            chunks.append(struct.pack("<iii", part, y, len(row)) + row)
            at += len(chunks[-1])
    return start + b"".join(tables) + b"".join(chunks)


def test_several_parts(tmp_path):
    rng = np.random.default_rng(0)
    x, y, red = rng.normal(size=(3, 6, 5)).astype(np.float32)
    path = tmp_path / "a.exr"
    path.write_bytes(multi_part({"L.Position": {"X": x, "Y": y}, "L.Combined": {"L.Combined.R": red}}))
    back = read_exr(path)
    assert set(back) == {"L.Position.X", "L.Position.Y", "L.Combined.R"}
    np.testing.assert_array_equal(back["L.Position.Y"], y)
    np.testing.assert_array_equal(back["L.Combined.R"], red)


@pytest.mark.bpy
def test_blender_reads_what_we_write(tmp_path):
    bpy = pytest.importorskip("bpy")
    rng = np.random.default_rng(0)
    channels = {name: rng.random((20, 30)).astype(np.float32) for name in "RGBA"}
    write_exr(tmp_path / "a.exr", channels)
    image = bpy.data.images.load(str(tmp_path / "a.exr"))
    try:
        assert tuple(image.size) == (30, 20)
        pixels = np.empty(30 * 20 * 4, np.float32)
        image.pixels.foreach_get(pixels)
    finally:
        bpy.data.images.remove(image)
    np.testing.assert_array_equal(pixels.reshape(20, 30, 4)[::-1, :, 0], channels["R"])


@pytest.mark.bpy
@pytest.mark.parametrize(("codec", "depth"), [("ZIP", "32"), ("ZIPS", "32"), ("NONE", "32"), ("ZIP", "16")])
def test_we_read_what_blender_writes(tmp_path, codec, depth):
    bpy = pytest.importorskip("bpy")
    scene = bpy.data.scenes.new("test")
    mesh = bpy.data.meshes.new("plane")
    mesh.from_pydata([(-9, -9, 0), (9, -9, 0), (9, 9, 0), (-9, 9, 0)], [], [(0, 1, 2, 3)])
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    camera.location, camera.data.type, camera.data.ortho_scale = (0, 0, 2), "ORTHO", 4.0
    for thing in (bpy.data.objects.new("plane", mesh), camera):
        scene.collection.objects.link(thing)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BLACKMAN_HARRIS", 0.01
    scene.render.resolution_x, scene.render.resolution_y = 40, 20
    scene.view_layers[0].use_pass_position = True
    settings = scene.render.image_settings
    settings.file_format, settings.exr_codec, settings.color_depth = "OPEN_EXR_MULTILAYER", codec, depth
    scene.render.filepath = str(tmp_path / "a.exr")
    bpy.ops.render.render(write_still=True, scene=scene.name)
    bpy.data.scenes.remove(scene)
    channels = {name.split(".", 1)[1]: plane for name, plane in read_exr(tmp_path / "a.exr").items()}
    x = np.tile((np.arange(40) + 0.5) / 10 - 2, (20, 1))
    y = np.repeat(1 - (np.arange(20) + 0.5)[:, None] / 10, 40, axis=1)
    np.testing.assert_allclose(channels["Position.X"], x, atol=1e-3)
    np.testing.assert_allclose(channels["Position.Y"], y, atol=1e-3)
