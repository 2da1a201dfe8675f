# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking Blender's AgX view transform off painted colours (specs/orbitpainter.md section 2.4). NumPy only.

If the training targets went through AgX, as the published renderer suggests, the network paints compressed base
colours. Only released data can settle that, so it is a switch, off by default. `packaging/agx_table.py` made the table.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_TABLE = Path(__file__).with_name("agx_inverse.npy")


def without_agx(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The plain sRGB values of base colours that AgX shows as `colours`, (..., 3): trilinear in a table."""
    table = _table()
    place = colours.reshape(-1, 3).astype(np.float32) * np.float32((len(table) - 1) / 255)
    low = np.minimum(place.astype(np.int32), len(table) - 2)
    fraction = place - low
    out = np.zeros_like(place)
    for corner in product((0, 1), repeat=3):
        weight = np.where(corner, fraction, 1 - fraction).prod(axis=1, keepdims=True)
        out += weight * table[tuple((low + corner).T)]
    return np.round(out).astype(np.uint8).reshape(colours.shape)


@cache
def _table() -> NDArray[np.float32]:
    return np.load(_TABLE, allow_pickle=False).astype(np.float32)
