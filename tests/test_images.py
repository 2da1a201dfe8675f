# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of every kind that artists have."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from orbit_painter.backend import images
from orbit_painter.backend.errors import EngineMissingError, InputError
from orbit_painter.backend.files import write_png
from orbit_painter.backend.images import read_image

Image = pytest.importorskip("PIL.Image")
ImageCms = pytest.importorskip("PIL.ImageCms")


def colours(height=40, width=60) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], axis=-1).astype(np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(image, name="a.png", **options):
        image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def test_plain_rgb_and_rgba(saved):
    image, notes = read_image(saved(colours()))
    np.testing.assert_array_equal(image[..., :3], colours())
    assert (image[..., 3] == 255).all()
    assert notes == ()
    rgba = np.dstack([colours(), np.tile(np.arange(60, dtype=np.uint8), (40, 1))])
    np.testing.assert_array_equal(read_image(saved(rgba)).image, rgba)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(saved, orientation):
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # orientation -> Image.Transpose that stores it so
    upright = Image.fromarray(colours())
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    if orientation in (6, 8):
        stored = upright.transpose({6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "a.jpg", "a.webp"):
        image = read_image(saved(stored, name, exif=exif)).image
        assert image.shape == (40, 60, 4)
        assert np.abs(image[..., :3].astype(int) - colours()).mean() < 4


def test_srgb_profiles_change_nothing_and_unusable_ones_are_noted(saved):
    source = np.full((20, 20, 3), (0, 200, 60), np.uint8)
    for name, noted in (("sRGB", False), ("LAB", True)):  # a Lab profile cannot describe RGB pixels
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()
        picture = read_image(saved(source, icc_profile=profile))
        np.testing.assert_array_equal(picture.image[0, 0, :3], (0, 200, 60))
        assert ("profile" in "".join(picture.notes)) is noted


def linear_profile() -> bytes:
    """An ICC profile with the sRGB primaries and gamma 1: bytes by the ICC.1:2001 layout."""
    import struct

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    tags = {
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.4361, 0.2225, 0.0139),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.3851, 0.7169, 0.0971),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.1431, 0.0606, 0.7141),
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + b"\0" * 78,
        b"cprt": b"text\0\0\0\0none\0",
    }
    for channel in (b"rTRC", b"gTRC", b"bTRC"):
        tags[channel] = b"curv\0\0\0\0" + struct.pack(">I", 0)
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    size = at + len(body)
    head = struct.pack(">I", size) + b"\0" * 4 + b"\x02\x10\0\0" + b"mntrRGB XYZ " + b"\0" * 12 + b"acsp" + b"\0" * 28
    head += fixed(0.9642, 1.0, 0.8249) + b"\0" * 48
    return head + struct.pack(">I", len(tags)) + table + body


def test_linear_profile_brightens_and_keeps_alpha(saved):
    rgba = np.full((20, 20, 4), (55, 55, 55, 120), np.uint8)
    image = read_image(saved(rgba, icc_profile=linear_profile())).image
    assert abs(int(image[0, 0, 0]) - 128) <= 1  # linear 55/255 is sRGB 128
    assert image[0, 0, 3] == 120


def test_grey_palette_and_one_bit(saved):
    grey = colours()[..., 0]
    for name, picture in {
        "l": Image.fromarray(grey),
        "p": Image.fromarray(grey).convert("P"),
    }.items():
        image = read_image(saved(picture, f"{name}.png")).image
        np.testing.assert_array_equal(image[..., :3], np.repeat(grey[..., None], 3, 2))
    alpha = np.tile(np.arange(60, dtype=np.uint8), (40, 1))
    image = read_image(saved(np.dstack([grey, alpha]), "la.png")).image
    np.testing.assert_array_equal(image[..., 1], grey)
    np.testing.assert_array_equal(image[..., 3], alpha)
    image = read_image(saved(Image.fromarray(grey > 100), "1.png")).image
    np.testing.assert_array_equal(image[..., 2], np.where(grey > 100, 255, 0))
    keyed = Image.fromarray(np.repeat(np.arange(0, 250, 5, dtype=np.uint8)[None], 20, 0)).convert("P")
    image = read_image(saved(keyed, "key.png", transparency=0)).image
    assert image[0, 0, 3] == 0
    assert image[0, 9, 3] == 255


def test_sixteen_bits(saved, tmp_path):
    values = np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)
    image = read_image(saved(Image.fromarray(values))).image
    np.testing.assert_array_equal(image[..., 0], values >> 8)
    deep = np.stack([values, values[::-1], values, np.full_like(values, 65535)], axis=-1)
    write_png(tmp_path / "deep.png", deep)
    image = read_image(tmp_path / "deep.png").image
    assert np.abs(image.astype(int) - (deep >> 8)).max() <= 1
    with pytest.raises(InputError) as caught:
        read_image(saved(Image.fromarray(values.astype(np.float32)), "f.tif"))
    assert caught.value.code == "image-unsupported"


def test_cmyk(saved):
    picture = Image.fromarray(np.full((20, 20, 3), (250, 20, 20), np.uint8)).convert("CMYK")
    image, notes = read_image(saved(picture, "a.jpg"))
    assert image[5, 5, 0] > 200
    assert image[5, 5, 1] < 60
    assert "CMYK" in notes[0]


@pytest.mark.parametrize("kind", ["gif", "png", "webp", "tiff"])
def test_first_picture_of_an_animation(saved, kind):
    first, second = (Image.fromarray(np.full((20, 30, 3), value, np.uint8)) for value in (200, 40))
    image, notes = read_image(saved(first, f"a.{kind}", save_all=True, append_images=[second]))
    assert abs(int(image[10, 10, 0]) - 200) < 5
    assert "2 pictures" in notes[0]


def test_very_wide_pictures_are_reduced(saved):
    wide = np.zeros((1000, 20_000, 4), np.uint8)
    wide[:, :10_000] = (200, 10, 10, 255)
    for name, picture in {"a.png": wide, "b.jpg": wide[..., :3]}.items():
        image, notes = read_image(saved(picture, name))
        assert image.shape == (205, 4096, 4)
        assert "20000 x 1000" in notes[0]
        assert (np.abs(image[:, :2000].astype(int) - (200, 10, 10, 255)) <= 3).all()


def test_decompression_bombs_are_refused_before_decoding(tmp_path):
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 6, 0, 0, 0))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert caught.value.code == "image-too-large"
    assert Image.MAX_IMAGE_PIXELS is not None  # put back


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tiff", "gif", "bmp", "tga"])
def test_truncated_files(saved, kind):
    rng = np.random.default_rng(0)
    path = saved(rng.integers(0, 255, (50, 50, 3), dtype=np.uint8), f"a.{kind}")
    whole = path.read_bytes()
    for part in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert caught.value.code in ("image-damaged", "image-unknown")


def test_corrupt_files_never_raise_anything_else(saved):
    rng = np.random.default_rng(0)
    for kind in ("png", "jpg", "webp", "tiff", "gif", "bmp"):
        path = saved(rng.integers(0, 255, (30, 30, 3), dtype=np.uint8), f"a.{kind}")
        whole = path.read_bytes()
        for _ in range(60):
            broken = bytearray(whole)
            for at in rng.integers(0, min(len(whole), 200), 4):
                broken[at] = rng.integers(0, 256)
            path.write_bytes(bytes(broken))
            try:
                image, _ = read_image(path)
            except InputError:
                continue
            assert image.dtype == np.uint8


def test_unusable_files_are_named(saved, tmp_path):
    cases = {
        "image-too-small": saved(np.zeros((1, 1, 3), np.uint8), "one.png"),
        "image-transparent": saved(np.zeros((20, 20, 4), np.uint8), "clear.png"),
        "image-missing": tmp_path / "none.png",
    }
    (tmp_path / "text.png").write_text("hello, this is not a picture")
    cases["image-unknown"] = tmp_path / "text.png"
    (tmp_path / "empty.png").write_bytes(b"")
    for code, path in cases.items():
        with pytest.raises(InputError) as caught:
            read_image(path)
        assert caught.value.code == code
        assert caught.value.advice
    for path in (tmp_path / "empty.png", tmp_path):
        with pytest.raises(InputError):
            read_image(path)


def test_without_pillow(saved, monkeypatch):
    rgba = np.dstack([colours(), np.full((40, 60), 200, np.uint8)])
    paths = saved(rgba), saved(colours(), "b.jpg"), saved(colours()[..., 0], "c.png")
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.startswith("PIL"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    np.testing.assert_array_equal(read_image(paths[0]).image, rgba)
    np.testing.assert_array_equal(read_image(paths[2]).image[..., 2], colours()[..., 0])
    with pytest.raises(EngineMissingError) as caught:
        read_image(paths[1])
    assert caught.value.code == "pillow-missing"
    monkeypatch.setattr(images, "MAX_SIDE", 30)
    image, notes = read_image(paths[0])
    assert image.shape == (20, 30, 4)
    assert np.abs(image.astype(int) - rgba[::2, ::2]).max() <= 6
    assert notes
