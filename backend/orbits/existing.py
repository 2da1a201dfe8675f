# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects' present colours beside the passes: one picture for each view, at frame size.

FOLDER/existing_0000.png   uint8 (h, w, 4), sRGB, straight alpha
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..png import read_png


def existing_name(index: int) -> str:
    return f"existing_{index:04d}.png"


def read_existing(folder: Path, index: int) -> NDArray[np.uint8]:
    """The picture of a view. Raises InputError where it was not rendered."""
    path = folder / existing_name(index)
    if not path.is_file():
        raise InputError(
            "existing-not-rendered",
            "The objects' present texture was not rendered with the passes.",
            "Render the passes again with --existing.",
        )
    return np.asarray(read_png(path), np.uint8)
