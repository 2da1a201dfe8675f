# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of frames as they come, for whoever watches a run."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .console import Console
from .files import output_errors, write_png
from .orbits.encoding import resize

SIZE = 128  # pixels of the longer side
INTERVAL = 0.4  # seconds between two pictures


class Previews:
    """Writes at most a few pictures a second into `folder` (emptied first) and tells the console about each."""

    def __init__(self, folder: Path, console: Console) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self._folder, self._console = folder, console
        self._last = -INTERVAL

    def show(self, view: int, picture: NDArray[np.uint8]) -> None:
        """A painters.base.Preview. Raises OutputError."""
        now = time.monotonic()
        if now - self._last < INTERVAL:
            return
        self._last = now
        height, width = picture.shape[:2]
        scale = min(1.0, SIZE / max(height, width))
        small = resize(picture, max(1, round(width * scale)), max(1, round(height * scale)), "bilinear")
        with output_errors(self._folder):
            self._folder.mkdir(exist_ok=True)
        path = self._folder / f"view_{view:04d}.png"
        write_png(path, small)
        self._console.preview("view", str(path), view)
