# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads finished textures as image data-blocks. Pixels are read by Blender when it first shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ..backend.errors import InputError
from ..backend.png import is_whole_png
from . import compat
from .blocks import RECIPE
from .results_store import make_relative

_TILE = re.compile(r"\.(1\d{3})\.[^.]+$")


def load_image(files: Sequence[str | Path], recipe_id: str) -> bpy.types.Image:
    """A new image data-block of one PNG file, or of UDIM tiles, first tile first. Raises InputError."""
    first = Path(files[0])
    tiles = [int(match[1]) for file in files if (match := _TILE.search(Path(file).name))]
    for file in files:
        if not is_whole_png(file):
            raise _unreadable(file)
    try:
        image: Any = bpy.data.images.load(str(first.absolute()), check_existing=False)
    except RuntimeError as error:
        raise _unreadable(first) from error
    try:
        if len(tiles) == len(files) and (len(files) > 1 or tiles != [1001]):
            _make_tiled(image, files, tiles)
        elif len(files) > 1:
            raise ValueError(f"several files that are not named as UDIM tiles: {files}")
    except BaseException:
        bpy.data.images.remove(image)
        raise
    image[RECIPE] = recipe_id
    compat.set_colour_space(image.colorspace_settings, "sRGB", "sRGB - Texture", "Utility - sRGB - Texture")
    image.alpha_mode = "NONE"  # alpha only says where faces are
    make_relative(image)
    return image


def _make_tiled(image: Any, files: Sequence[str | Path], tiles: Sequence[int]) -> None:
    image.source = "TILED"  # finds all files that differ in the number alone
    for tile in [tile for tile in image.tiles if tile.number not in tiles]:
        image.tiles.remove(tile)
    missing = sorted(set(tiles) - {tile.number for tile in image.tiles})
    if missing:
        raise _unreadable(files[tiles.index(missing[0])])


def _unreadable(file: str | Path) -> InputError:
    return InputError("texture-unreadable", f"The texture {file} cannot be read.", "Run the job again.")
