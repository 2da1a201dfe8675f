# SPDX-License-Identifier: GPL-3.0-or-later
"""The voxel texture's files: round trips, a container written by hand, bad arguments."""

from __future__ import annotations

import builtins
import json
import struct

import numpy as np
import pytest
from orbit_painter.backend.errors import EngineMissingError, InputError, UsageError
from orbit_painter.backend.mesh import Normalisation
from orbit_painter.backend.texturing.voxel_files import VoxelTexture, export_vxz, load_voxels, save_voxels
from orbit_painter.backend.texturing.voxels import surface_voxels
from orbit_painter.backend.texturing.vxz import morton, write_vxz
from orbit_painter.tests.texturing.shapes import sphere
from orbit_painter.tests.texturing.vxz_reader import read_vxz


def ball(grid=80) -> VoxelTexture:
    voxels = surface_voxels(*sphere(20), grid)
    rng = np.random.default_rng(0)
    colour = ((voxels.point + 0.5) * 200 + rng.integers(0, 20, (len(voxels), 3))).astype(np.uint8)
    label = rng.integers(-1, 122, len(voxels)).astype(np.int16)
    return VoxelTexture(voxels.coords, colour, voxels.normal, label, grid, Normalisation((1.0, 2.5, -3.0), 0.125))


def scattered(count=3000, size=700, seed=1) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    near = rng.integers(0, 12, (count, 3)) + rng.integers(0, 3, (count, 1)) * 300
    coords = np.unique(np.concatenate([near, rng.integers(0, size, (count, 3))]), axis=0)
    rng.shuffle(coords)
    attributes = {"base_color": 3, "alpha": 1, "top6": 4}
    return coords, {name: rng.integers(0, 256, (len(coords), c), dtype=np.uint8) for name, c in attributes.items()}


def test_npz_round_trip(tmp_path):
    voxels = ball()
    save_voxels(tmp_path / "v.npz", voxels)
    loaded = load_voxels(tmp_path / "v.npz")
    for name in ("coords", "colour", "normal", "label"):
        np.testing.assert_array_equal(getattr(voxels, name), getattr(loaded, name))
        assert getattr(voxels, name).dtype == getattr(loaded, name).dtype
    assert (loaded.grid, loaded.normalisation) == (voxels.grid, voxels.normalisation)


def test_npz_of_something_else_is_refused(tmp_path):
    path = tmp_path / "v.npz"
    with pytest.raises(InputError):
        load_voxels(path)
    np.savez(path, coords=np.zeros((3, 3), np.int16))
    with pytest.raises(InputError) as caught:
        load_voxels(path)
    assert caught.value.code == "voxels-damaged"
    np.savez(path, coords=np.array([{"a": 1}], object))
    with pytest.raises(InputError):
        load_voxels(path)
    voxels = ball(24)
    outside = VoxelTexture(voxels.coords + 20, voxels.colour, voxels.normal, voxels.label, 24)
    save_voxels(path, outside)
    with pytest.raises(InputError):
        load_voxels(path)


@pytest.mark.parametrize("compression", ["none", "deflate", "lzma", "zstd"])
@pytest.mark.parametrize("chunk_size", [128, 256])
def test_vxz_round_trip(compression, chunk_size, tmp_path):
    if compression == "zstd":
        pytest.importorskip("zstandard")
    coords, attributes = scattered()
    write_vxz(tmp_path / "v.vxz", coords, attributes, chunk_size=chunk_size, compression=compression)
    read_coords, read_attributes = read_vxz(tmp_path / "v.vxz")
    order, read_order = np.lexsort(coords.T), np.lexsort(read_coords.T)
    np.testing.assert_array_equal(coords[order], read_coords[read_order])
    assert list(read_attributes) == list(attributes)
    for name, values in attributes.items():
        np.testing.assert_array_equal(values[order], read_attributes[name][read_order])


def test_vxz_bytes_written_by_hand(tmp_path):
    """Three voxels in a chunk of 4: children 0 and 7 of the root; x is the most significant bit."""
    tree = bytes([0b10000001, 0b00010010, 0b10000000])
    voxels = [(0, 0, 1), (1, 0, 0), (3, 3, 3)]
    red = bytes([10, 20, 30])
    header = {
        "num_voxel": 3, "chunk_size": 4, "filter": "none", "compression": "none", "compression_level": 0,
        "attr_interleave": "as_is", "attr": [["red", 1]],
        "chunks": [{"idx": [2, 0, 1], "ptr": [0, 6], "svo": [0, 3], "red": [3, 3]}],
    }  # fmt: skip
    # digits: (0,0,1) is 1 and (1,0,0) is 4
    tree = bytes([tree[0], (1 << 1) | (1 << 4), tree[2]])
    text = json.dumps(header).encode()
    (tmp_path / "v.vxz").write_bytes(b"VXZ\0" + struct.pack(">I", 8 + len(text)) + text + tree + red)
    coords, attributes = read_vxz(tmp_path / "v.vxz")
    np.testing.assert_array_equal(coords, np.array(voxels) + np.array([8, 0, 4]))
    np.testing.assert_array_equal(attributes["red"][:, 0], [10, 20, 30])
    write_vxz(tmp_path / "w.vxz", coords, attributes, chunk_size=4, compression="none")
    written = (tmp_path / "w.vxz").read_bytes()
    assert written[struct.unpack(">I", written[4:8])[0] :] == tree + red


def test_morton():
    assert morton(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 0]]), 2).tolist() == [4, 2, 1, 32]


def test_export(tmp_path):
    voxels = ball()
    export_vxz(tmp_path / "v.vxz", voxels)
    coords, attributes = read_vxz(tmp_path / "v.vxz")
    assert [(name, values.shape[1]) for name, values in attributes.items()] == [
        ("base_color", 3), ("metallic", 1), ("roughness", 1), ("alpha", 1),
    ]  # fmt: skip
    order = np.lexsort(coords.T[::-1])
    np.testing.assert_array_equal(coords[order], voxels.coords)
    np.testing.assert_array_equal(attributes["base_color"][order], voxels.colour)


def test_empty(tmp_path):
    write_vxz(tmp_path / "v.vxz", np.zeros((0, 3), int), {"red": np.zeros((0, 1), np.uint8)})
    coords, attributes = read_vxz(tmp_path / "v.vxz")
    assert coords.shape == (0, 3)
    assert attributes["red"].shape == (0, 1)


def test_arguments_and_missing_zstandard(tmp_path, monkeypatch):
    coords, attributes = scattered(50)
    path = tmp_path / "v.vxz"
    for changes in ({"compression": "rar"}, {"chunk_size": 100}, {"chunk_size": 2048}):
        with pytest.raises(UsageError):
            write_vxz(path, coords, attributes, **changes)
    with pytest.raises(UsageError):
        write_vxz(path, coords, {"svo": attributes["alpha"]})
    with pytest.raises(UsageError):
        write_vxz(path, np.concatenate([coords, coords[:1]]), {})
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "zstandard":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(EngineMissingError) as caught:
        write_vxz(path, coords, attributes, compression="zstd")
    assert caught.value.code == "zstandard-missing"
    assert not list(tmp_path.iterdir())
