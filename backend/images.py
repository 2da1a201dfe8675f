# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the artist's pictures, whatever they look like, as sRGB with straight alpha."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import EngineMissingError, InputError, MemoryLimitError
from .files import read_png

MAX_PIXELS = 400_000_000  # refused beyond, before decoding: 20,000 squared, 2 GB while it is being reduced
MAX_SIDE = 4096  # larger pictures are reduced to this
MIN_SIDE = 8
# No format that runs another program (EPS) or that stores no picture as such.
FORMATS = (
    "PNG", "JPEG", "MPO", "WEBP", "AVIF", "TIFF", "BMP", "DIB", "GIF", "TGA", "PSD", "JPEG2000", "PPM", "DDS", "PCX",
    "ICO", "SGI",
)  # fmt: skip
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, struct.error)


class Picture(NamedTuple):
    """image: uint8 (h, w, 4), sRGB encoded, straight alpha (255 where the file has none); notes: sentences about it."""

    image: NDArray[np.uint8]
    notes: tuple[str, ...] = ()


def read_image(path: Path | str) -> Picture:
    """Read a picture file: turned by its EXIF orientation, colours converted from its ICC profile to sRGB, 8 bits, at
    most MAX_SIDE pixels a side, the first one of an animation.

    Needs Pillow; without it, plain PNG files are read. Raises InputError (image-missing, image-unknown, image-damaged,
    image-unsupported, image-too-large, image-too-small, image-transparent), EngineMissingError (pillow-missing) and
    MemoryLimitError. Memory: 5 bytes a pixel of the file, at most 2 GB.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError("image-missing", f"{path} is a folder, not a picture.", "Choose a picture file.")
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise InputError("image-missing", f"{path} cannot be read ({error.strerror}).", "Check the path.") from error
    if empty:
        raise InputError("image-damaged", f"{path.name} is empty.", "Save or copy the picture again.")
    try:
        import PIL.Image as pillow
    except ImportError:
        return _without_pillow(path)
    limit = pillow.MAX_IMAGE_PIXELS
    pillow.MAX_IMAGE_PIXELS = None  # replaced by our own bound
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata that does not matter here
            return _with_pillow(path, pillow)
    except MemoryError as error:
        raise MemoryLimitError(
            "image-memory", f"There is not enough memory to read {path.name}.", "Make the picture smaller."
        ) from error
    finally:
        pillow.MAX_IMAGE_PIXELS = limit


def is_cut_off(path: Path) -> bool:
    """A JPEG whose end is missing, which Blender reads without a word, with grey for what is not there.

    The picture's own end is meant, not that of a thumbnail before it (ISO/IEC 10918-1, annex B). Raises OSError.
    """
    data = path.read_bytes()
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in (b"", b"\xda"):  # until the scan starts
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.find(b"\xff\xd9", at) < 0


def _with_pillow(path: Path, pillow: Any) -> Picture:
    try:
        opened = pillow.open(path, formats=[name for name in FORMATS if _known(pillow, name)])
    except pillow.UnidentifiedImageError as error:
        raise InputError(
            "image-unknown", f"{path.name} is not a picture of a known format.", "Save it again as PNG or JPEG."
        ) from error
    except _BROKEN as error:
        raise _damaged(path, error) from error
    notes: list[str] = []
    with opened:
        width, height = opened.size
        check_size(path, width, height)
        try:
            count = getattr(opened, "n_frames", 1)
            if count > 1 and opened.format not in ("PSD", "MPO"):  # there, the first is the picture
                notes.append(f"{path.name} holds {count} pictures; the first one is used.")
            image = _decode(opened, pillow, path.name, notes)
        except _BROKEN as error:
            raise _damaged(path, error) from error
    pixels = np.array(image, np.uint8)
    return Picture(check_visible(path, pixels), tuple(notes))


def _known(pillow: Any, name: str) -> bool:
    pillow.init()
    return name in pillow.OPEN


def _decode(opened: Any, pillow: Any, name: str, notes: list[str]) -> Any:
    """An RGBA Pillow image of at most MAX_SIDE pixels a side."""
    import PIL.ImageOps as operations

    profile, mode, size = opened.info.get("icc_profile"), opened.mode, opened.size
    orientation = opened.getexif()
    opened.draft(mode if mode in ("L", "RGB", "CMYK") else None, (MAX_SIDE, MAX_SIDE))  # JPEG: decode it smaller
    image = _eight_bits(opened, pillow, name)
    if max(image.size) > 2 * MAX_SIDE:
        image = _reduce(image, max(image.size) // MAX_SIDE, pillow)
    image.getexif().update(orientation)
    image = operations.exif_transpose(image)
    image = _to_srgb(image, profile, name, notes)
    if max(image.size) > MAX_SIDE:
        image.thumbnail((MAX_SIDE, MAX_SIDE), pillow.Resampling.BICUBIC, reducing_gap=None)
    if max(size) > MAX_SIDE:
        notes.append(f"{name} has {size[0]} x {size[1]} pixels; it was reduced to {image.size[0]} x {image.size[1]}.")
    return image


def _reduce(image: Any, factor: int, pillow: Any) -> Any:
    """The mean of blocks of `factor` squared pixels; in strips, for Pillow copies whatever it reduces."""
    width, height = image.size
    result = pillow.new(image.mode, (-(-width // factor), -(-height // factor)))
    rows = 64
    for y in range(0, result.size[1], rows):
        strip = image.crop((0, y * factor, width, min((y + rows) * factor, height)))
        result.paste(strip.reduce(factor), (0, y))
    return result


def _eight_bits(image: Any, pillow: Any, name: str) -> Any:
    """In one of the modes L, LA, RGB, RGBA, CMYK, LAB."""
    image.load()
    mode = image.mode
    if mode.startswith("I;16") or mode == "I":
        values = np.asarray(image).astype(np.int64)
        if mode == "I" and values.size and (values.min() < 0 or values.max() > 65535):
            raise InputError("image-unsupported", f"{name} has 32 bits per colour.", "Save it with 8 or 16 bits.")
        return pillow.fromarray((values >> 8).astype(np.uint8))
    if mode == "F":
        raise InputError("image-unsupported", f"{name} stores floating point colours.", "Save it with 8 or 16 bits.")
    transparent = "transparency" in image.info
    if mode in ("1", "L", "RGB"):
        return image.convert("RGBA") if transparent else image.convert("L" if mode == "1" else mode)
    if mode in ("LA", "RGBA", "CMYK", "LAB"):
        return image
    if mode == "La":
        return image.convert("LA")
    if mode in ("P", "PA", "RGBa"):
        return image.convert("RGBA" if mode != "P" or transparent else "RGB")
    return image.convert("RGB")


def _to_srgb(image: Any, profile: bytes | None, name: str, notes: list[str]) -> Any:
    """RGBA; colours converted by `profile` if there is one, to be taken as sRGB otherwise."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colour = image.convert(image.mode[:-1]) if alpha is not None and image.mode != "LAB" else image
    converted = None
    if profile or colour.mode == "LAB":
        import PIL.ImageCms as cms

        try:
            source = cms.ImageCmsProfile(io.BytesIO(profile)) if profile else cms.createProfile("LAB")
            if colour.mode == "RGB" and _is_srgb(cms.getProfileDescription(source)):
                converted = colour
            else:
                converted = cms.profileToProfile(colour, source, cms.createProfile("sRGB"), outputMode="RGB")
        except (cms.PyCMSError, OSError, ValueError):
            notes.append(f"The colour profile of {name} cannot be used; its colours may be off.")
    if converted is None:
        if colour.mode == "CMYK":
            notes.append(f"{name} has print colours (CMYK) without a profile; its colours may be off.")
        converted = colour.convert("RGB")
    result = converted.convert("RGBA")
    if alpha is not None:
        result.putalpha(alpha)
    return result


def _is_srgb(description: str) -> bool:
    """Profiles that only say that nothing is to be done."""
    return description.strip().startswith("sRGB")


def _without_pillow(path: Path) -> Picture:
    try:
        pixels = read_png(path)
    except InputError as error:
        if error.code == "png-damaged" and path.read_bytes().startswith(b"\x89PNG"):
            raise _damaged(path, error) from error
        raise EngineMissingError(
            "pillow-missing",
            f"{path.name} cannot be read, because Pillow is not installed.",
            "Install the engine, or save the picture as RGBA PNG with 8 bits.",
        ) from error
    check_size(path, pixels.shape[1], pixels.shape[0])
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    colour, alpha = (pixels[..., :-1], pixels[..., -1:]) if pixels.shape[2] in (2, 4) else (pixels, None)
    colour = np.repeat(colour, 3, axis=2) if colour.shape[2] == 1 else colour
    opaque = np.full((*colour.shape[:2], 1), 255, np.uint8)
    rgba = np.concatenate([colour, opaque if alpha is None else alpha], axis=2).astype(np.uint8)
    height, width = rgba.shape[:2]
    notes = []
    if max(width, height) > MAX_SIDE:
        rgba = _reduced(rgba)
        notes.append(f"{path.name} has {width} x {height} pixels; it was reduced to {rgba.shape[1]} x {rgba.shape[0]}.")
    return Picture(check_visible(path, rgba), tuple(notes))


def _reduced(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of whole blocks, weighted by alpha, so that the longer side is at most MAX_SIDE."""
    step = -(-max(rgba.shape[:2]) // MAX_SIDE)
    height, width = (max(1, side // step) for side in rgba.shape[:2])
    total = np.zeros((height, width, 4), np.float32)
    for dy in range(min(step, rgba.shape[0])):
        for dx in range(min(step, rgba.shape[1])):
            part = rgba[dy : dy + height * step : step, dx : dx + width * step : step].astype(np.float32)
            part[..., :3] *= part[..., 3:]
            total += part[:height, :width]
    total[..., :3] /= np.maximum(total[..., 3:], 1)
    total[..., 3] /= step * step
    return (total + 0.5).astype(np.uint8)


def check_size(path: Path, width: int, height: int) -> None:
    """Raises InputError (image-too-large, image-too-small) for pictures that are not read."""
    if width * height > MAX_PIXELS:
        raise InputError(
            "image-too-large",
            f"{path.name} has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} million are read.",
            "Make it smaller.",
        )
    if min(width, height) < MIN_SIDE:
        raise InputError(
            "image-too-small",
            f"{path.name} has only {width} x {height} pixels.",
            f"Use a picture of at least {MIN_SIDE} x {MIN_SIDE} pixels; 512 or more is good.",
        )


def check_visible(path: Path, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture (h, w, 4) itself. Raises InputError (image-transparent) if nothing of it can be seen."""
    if not image[..., 3].any():
        raise InputError(
            "image-transparent", f"{path.name} is transparent everywhere.", "Use a picture that shows the object."
        )
    return image


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        "image-damaged", f"{path.name} is damaged or cut off ({error}).", "Save or copy the picture again."
    )
