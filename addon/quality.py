# SPDX-License-Identifier: GPL-3.0-or-later
"""What the quality presets stand for: values of the settings of the same names."""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, int]] = {
    "DRAFT": {
        "views_horizontal": 25,
        "views_vertical": 25,
        "frame_size": 256,
        "label_grid": 128,
        "grid": 256,
        "surface_grid": 96,
    },
    "STANDARD": {
        "views_horizontal": 61,
        "views_vertical": 61,
        "frame_size": 512,
        "label_grid": 256,
        "grid": 512,
        "surface_grid": 192,
    },
    "HIGH": {
        "views_horizontal": 61,
        "views_vertical": 61,
        "frame_size": 768,
        "label_grid": 384,
        "grid": 768,
        "surface_grid": 256,
    },
}
