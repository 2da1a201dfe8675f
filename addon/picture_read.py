# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads pictures with Blender, for a Python without Pillow. The same result as backend/images.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from ..backend.errors import InputError
from ..backend.images import MAX_SIDE, check_size, check_visible, is_cut_off
from .compat import set_colour_space
from .quiet import no_stdout


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """A picture file as uint8 (h, w, 4), rows from the top, sRGB encoded, straight alpha (255 where the file has none).

    16 bits are reduced to 8; OpenEXR and Radiance colours, which are linear, are encoded and cut off at 1; larger
    pictures are reduced to backend.images.MAX_SIDE. Grey and CMYK become RGB as Blender does it, embedded colour
    profiles and rotations are not heeded. Nothing stays in the open file.

    Raises InputError: image-missing, image-damaged, image-unknown, image-too-large, image-too-small, image-transparent.
    Memory: 20 bytes a pixel, 4 backend.images.MAX_PIXELS at most.
    """
    path = Path(path)
    if not path.is_file():
        reason = "is a folder, not a picture" if path.is_dir() else "does not exist"
        raise InputError("image-missing", f"{path} {reason}.", "Choose a picture file.")
    if is_cut_off(path):
        raise InputError("image-damaged", f"{path.name} is cut off.", "Save or copy the picture again.")
    with no_stdout():
        try:
            image: Any = bpy.data.images.load(str(path.absolute()), check_existing=False)
        except RuntimeError as error:
            raise _unknown(path) from error
    try:
        return check_visible(path, _pixels(path, image))
    finally:
        bpy.data.images.remove(image)


def _pixels(path: Path, image: Any) -> NDArray[np.uint8]:
    if image.source != "FILE":
        raise _unknown(path)
    linear = image.file_format in ("OPEN_EXR", "OPEN_EXR_MULTILAYER", "HDR")
    set_colour_space(image.colorspace_settings, "Non-Color", "Raw")  # the values as the file has them
    image.alpha_mode = "PREMUL" if linear else "CHANNEL_PACKED"  # in both cases, Blender leaves the values alone
    with no_stdout():
        width, height = image.size
    if width == 0 or height == 0:
        raise _unknown(path)
    check_size(path, width, height)
    if max(width, height) > MAX_SIDE:
        factor = MAX_SIDE / max(width, height)
        width, height = max(1, round(width * factor)), max(1, round(height * factor))
        image.scale(width, height)
    return image_pixels(image, linear)


def image_pixels(image: Any, linear: bool) -> NDArray[np.uint8]:
    """The pixels of a data-block as `read_picture` gives those of a file. linear: they are not sRGB encoded yet."""
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    values = flat.reshape(height, width, image.channels)[::-1]
    if linear:
        values = _encoded(values)
    return _rgba((np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5).astype(np.uint8))


def _rgba(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    channels = values.shape[2]
    colour = values[..., :3] if channels >= 3 else np.repeat(values[..., :1], 3, axis=2)
    alpha = values[..., channels - 1 :] if channels in (2, 4) else np.full((*values.shape[:2], 1), 255, np.uint8)
    return np.ascontiguousarray(np.concatenate([colour, alpha], axis=2))


def _encoded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear colours, multiplied by alpha where there is one (h, w, c), to sRGB (IEC 61966-2-1), not multiplied."""
    colour, alpha = (linear[..., :-1], linear[..., -1:]) if linear.shape[2] in (2, 4) else (linear, linear[..., :0])
    if alpha.size:
        colour = colour / np.where(alpha > 0, alpha, 1)
    colour = np.clip(np.nan_to_num(colour), 0, 1)
    colour = np.where(colour <= 0.0031308, 12.92 * colour, 1.055 * colour ** np.float32(1 / 2.4) - 0.055)
    return np.concatenate([colour, alpha], axis=2)


def _unknown(path: Path) -> InputError:
    return InputError(
        "image-unknown",
        f"{path.name} is not a picture of a known format, or it is damaged.",
        "Save it again as PNG or JPEG.",
    )
