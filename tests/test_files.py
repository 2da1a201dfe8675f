# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are whole or not there; PNG pixels survive; failures are explained."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orbit_painter.backend import png
from orbit_painter.backend.errors import InputError, OutputError
from orbit_painter.backend.files import (
    atomic_path,
    check_writable,
    clean_parts,
    load_npz,
    output_errors,
    read_png,
    save_npz,
    write_json,
    write_png,
)

PIL = pytest.importorskip("PIL.Image")


def images():
    """Arrays of every kind that is written, from smooth to noise."""

    def make(seed: int, height: int, width: int, channels: int, deep: bool, smooth: bool) -> np.ndarray:
        rng = np.random.default_rng(seed)
        top = 65536 if deep else 256
        image = rng.integers(0, top, (height, width, channels))
        if smooth:
            image = np.cumsum(np.cumsum(image % 5 - 2, axis=0), axis=1) % top
        image = image.astype(np.uint16 if deep else np.uint8)
        return image[..., 0] if channels == 1 else image

    side = st.integers(1, 40)
    return st.builds(make, st.integers(0, 999), side, side, st.integers(1, 4), st.booleans(), st.booleans())


@given(images())
@settings(max_examples=60, deadline=None)
def test_png_round_trip(tmp_path_factory, image):
    path = tmp_path_factory.mktemp("png") / "a.png"
    write_png(path, image)
    back = read_png(path)
    assert back.dtype == image.dtype
    np.testing.assert_array_equal(back, image)


def test_png_is_read_by_others(tmp_path):
    rng = np.random.default_rng(1)
    for channels in (1, 3, 4):
        image = rng.integers(0, 256, (700, 900, channels), dtype=np.uint8)  # several strips
        write_png(tmp_path / "a.png", image)
        np.testing.assert_array_equal(np.asarray(PIL.open(tmp_path / "a.png")).reshape(image.shape), image)


def test_png_of_others_is_read(tmp_path):
    """Pillow and OpenCV choose among all five row filters."""
    cv2 = pytest.importorskip("cv2")
    y, x = np.mgrid[0:60, 0:90]
    wave = np.stack([x * y % 256, (x * x + y) // 3 % 256, (np.sin(x / 9) * 90 + y) % 256], -1).astype(np.uint8)
    PIL.fromarray(wave).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_png(tmp_path / "a.png"), wave)
    cv2.imwrite(str(tmp_path / "b.png"), wave[..., ::-1], [cv2.IMWRITE_PNG_STRATEGY, 1, cv2.IMWRITE_PNG_COMPRESSION, 9])
    np.testing.assert_array_equal(read_png(tmp_path / "b.png"), wave)


@pytest.mark.parametrize("step", [1, 3, 8])
def test_all_row_filters_are_undone(step):
    """Against the definition in the standard, written as a loop."""
    rng = np.random.default_rng(step)
    rows, kinds = rng.integers(0, 256, (15, 11, step), dtype=np.uint8), np.tile(np.arange(5), 3).astype(np.uint8)
    expected = np.zeros((16, 12, step), int)
    for y in range(15):
        for x in range(11):
            for k in range(step):
                a, b, c = expected[y + 1, x, k], expected[y, x + 1, k], expected[y, x, k]
                paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
                guess = (0, a, b, (a + b) // 2, paeth)[kinds[y]]
                expected[y + 1, x + 1, k] = (rows[y, x, k] + guess) % 256
    np.testing.assert_array_equal(png._unfilter(kinds, rows), expected[1:, 1:])


def test_png_bytes_do_not_depend_on_threads(tmp_path, monkeypatch):
    image = np.random.default_rng(0).integers(0, 9, (1500, 1000, 4), dtype=np.uint8)
    write_png(tmp_path / "a.png", image)
    monkeypatch.setattr(png.os, "cpu_count", lambda: 1)
    write_png(tmp_path / "b.png", image)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_damaged_png_is_refused(tmp_path):
    path = tmp_path / "a.png"
    write_png(path, np.arange(3000, dtype=np.uint8).reshape(20, 50, 3))
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:cut])
        with pytest.raises(InputError) as caught:
            read_png(path)
        assert caught.value.code == "png-damaged"
    for at in range(8, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(InputError):
            read_png(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_png(tmp_path / "none.png")


def test_unsupported_png_is_named(tmp_path):
    PIL.fromarray(np.zeros((4, 4), np.uint8)).convert("P").save(tmp_path / "p.png")
    with pytest.raises(InputError) as caught:
        read_png(tmp_path / "p.png")
    assert caught.value.code == "png-unsupported"


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})

    def stopped() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            assert temporary.name == f".a.{os.getpid()}.part.json"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert json.loads(path.read_text()) == {"a": 1}


def test_json_takes_numpy_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"n": np.float32(0.5), "a": np.arange(3), "p": tmp_path, "u": "ä"})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {
        "n": 0.5,
        "a": [0, 1, 2],
        "p": str(tmp_path),
        "u": "ä",
    }
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "disk-full"), (errno.EROFS, "output-unwritable"), (errno.EIO, "output-failed")],
)
def test_system_errors_become_sentences(tmp_path, number, code):
    with pytest.raises(OutputError) as caught, output_errors(tmp_path / "x"):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert str(tmp_path / "x") in caught.value.message
    assert caught.value.advice


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk(tmp_path):
    os.symlink("/dev/full", tmp_path / f".a.{os.getpid()}.part.json")
    with pytest.raises(OutputError) as caught:
        write_json(tmp_path / "a.json", list(range(100_000)))
    assert caught.value.code == "disk-full"
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_is_explained(tmp_path):
    with pytest.raises(OutputError):
        write_json(tmp_path / "no" / "a.json", 1)
    with pytest.raises(OutputError) as caught:
        check_writable(tmp_path / "no")
    assert caught.value.code == "output-missing"


def test_check_writable_leaves_nothing_and_asks_for_room(tmp_path):
    check_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError) as caught:
        check_writable(tmp_path, need_bytes=1 << 60)
    assert caught.value.code == "disk-full"


def test_npz_round_trip_and_no_pickle(tmp_path):
    path = tmp_path / "a.npz"
    save_npz(path, a=np.arange(5), b=np.array("text"))
    data = load_npz(path)
    np.testing.assert_array_equal(data["a"], np.arange(5))
    assert str(data["b"]) == "text"
    with pytest.raises(TypeError):
        save_npz(path, a=np.array([object()]))
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(InputError):
        load_npz(path)
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError):
        load_npz(path)
    with pytest.raises(InputError):
        load_npz(tmp_path / "none.npz")


def test_leftovers_of_dead_processes_are_removed(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    dead = tmp_path / f".a.{process.pid}.part.png"
    fresh = tmp_path / f".b.{process.pid}.part.png"
    mine = tmp_path / f".c.{os.getpid()}.part.png"
    other = tmp_path / ".d.part.png"
    for path in (dead, fresh, mine, other, tmp_path / "a.png"):
        path.write_bytes(b"x")
        if path != fresh:
            os.utime(path, (1, 1))
    assert clean_parts(tmp_path) == [dead]
    assert {p.name for p in tmp_path.iterdir()} == {fresh.name, mine.name, other.name, "a.png"}
