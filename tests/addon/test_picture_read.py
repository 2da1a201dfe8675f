# SPDX-License-Identifier: GPL-3.0-or-later
import io

import numpy as np
import pytest
from orbit_painter.backend.errors import InputError
from orbit_painter.backend.files import write_png
from orbit_painter.backend.images import MAX_SIDE, read_image
from orbit_painter.backend.orbits.exr import write_exr

pytestmark = pytest.mark.bpy

GRADIENT = np.linspace(0, 1, 32 * 24 * 4).reshape(24, 32, 4)


def read(path):
    from orbit_painter.addon.picture_read import read_picture

    return read_picture(path)


def saved(path, array, mode=None, **options):
    pillow = pytest.importorskip("PIL.Image")
    image = pillow.fromarray(array)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_eight_bits_to_the_last_one(empty, tmp_path, channels, snapshot):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 12, channels), np.uint8)
    write_png(tmp_path / "a.png", pixels)
    before = snapshot()
    found = read(tmp_path / "a.png")
    assert snapshot() == before
    assert found.dtype == np.uint8
    assert np.array_equal(found, read_image(tmp_path / "a.png").image)


def test_colours_under_full_transparency_stay(empty, tmp_path):
    pixels = np.full((8, 8, 4), (10, 200, 90, 0), np.uint8)
    pixels[0, 0, 3] = 255
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(read(tmp_path / "a.png"), pixels)


def test_png_of_sixteen_bits(empty, tmp_path):
    write_png(tmp_path / "a.png", (GRADIENT * 65535).astype(np.uint16))
    found = read(tmp_path / "a.png").astype(int)
    assert np.abs(found - GRADIENT * 255).max() <= 1


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "RGB"), ("a.jpg", "L"), ("a.tga", "RGBA"), ("a.webp", "RGBA")])
def test_other_formats_as_pillow_reads_them(empty, tmp_path, name, mode):
    pixels = (GRADIENT * 255).astype(np.uint8)
    pixels[..., 3] = 255
    options = {"lossless": True, "exact": True} if name == "a.webp" else {}
    path = saved(tmp_path / name, pixels, mode, **options)
    assert np.abs(read(path).astype(int) - read_image(path).image).max() <= 3


def test_cmyk_has_the_right_colours(empty, tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :8] = (220, 40, 40)
    pixels[:, 8:] = (40, 60, 210)
    path = saved(tmp_path / "a.jpg", pixels, "CMYK", quality=95)
    found = read(path).astype(int)
    assert np.abs(found[:, 2:6, :3] - (220, 40, 40)).max() < 12
    assert np.abs(found[:, 10:14, :3] - (40, 60, 210)).max() < 12


def test_linear_colours_are_encoded(empty, tmp_path):
    half = 0.5  # linear colours in OpenEXR are multiplied by alpha
    values = {"R": 0.2140 * half, "G": 0.0, "B": 4.0 * half, "A": half}
    write_exr(tmp_path / "a.exr", {name: np.full((16, 16), value, np.float32) for name, value in values.items()})
    assert np.abs(read(tmp_path / "a.exr").astype(int) - (127, 0, 255, 128)).max() <= 1


def test_a_large_picture_is_reduced(empty, tmp_path):
    pixels = np.zeros((20, MAX_SIDE + 1000, 3), np.uint8)
    pixels[..., 1] = 130
    write_png(tmp_path / "a.png", pixels)
    found = read(tmp_path / "a.png")
    assert found.shape == (16, MAX_SIDE, 4)
    assert (found == (0, 130, 0, 255)).all()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("missing.png", None, "image-missing"),
        ("empty.png", b"", "image-unknown"),
        ("text.png", b"hello", "image-unknown"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image-unknown"),
        ("film.mp4", b"\0\0\0\x18ftypmp42", "image-unknown"),
    ],
)
def test_files_that_cannot_be_read(empty, tmp_path, snapshot, name, content, code):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = snapshot()
    with pytest.raises(InputError) as error:
        read(tmp_path / name)
    assert error.value.code == code
    assert snapshot() == before


@pytest.mark.parametrize("part", [0.5, 0.97])
def test_a_jpeg_that_is_cut_off(empty, tmp_path, part):
    """Blender reads it, with grey for what is missing; the end of its thumbnail is not its end."""
    pillow = pytest.importorskip("PIL.Image")
    thumbnail = io.BytesIO()
    noise = pillow.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    noise.resize((16, 16)).save(thumbnail, "JPEG")
    path = tmp_path / "photo.jpg"
    noise.save(path, progressive=True, exif=b"Exif\0\0" + thumbnail.getvalue())
    whole = path.read_bytes()
    assert read(path).shape == (96, 96, 4)
    path.write_bytes(whole + b"what a camera adds")
    assert read(path).shape == (96, 96, 4)
    path.write_bytes(whole[: int(part * len(whole))])
    with pytest.raises(InputError) as error:
        read(path)
    assert error.value.code == "image-damaged"
    path.write_bytes(whole[:3])
    with pytest.raises(InputError):
        read(path)


@pytest.mark.parametrize(
    ("pixels", "code"),
    [(np.zeros((16, 16, 4), np.uint8), "image-transparent"), (np.full((4, 90, 3), 9, np.uint8), "image-too-small")],
)
def test_pictures_that_show_nothing(empty, tmp_path, pixels, code):
    write_png(tmp_path / "a.png", pixels)
    with pytest.raises(InputError) as error:
        read(tmp_path / "a.png")
    assert error.value.code == code


def test_a_folder(empty, tmp_path):
    with pytest.raises(InputError) as error:
        read(tmp_path)
    assert error.value.code == "image-missing"
