# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder that holds blocks while a loaded model is streamed from the disk; it goes with the model."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from torch import nn

from ...errors import OutputError
from ...whole_files import hold, output_errors


class DiskStream:
    """A new folder below `home`. What processes that were killed have left there is removed first.

    Raises OutputError where it cannot be made.
    """

    def __init__(self, home: Path) -> None:
        remove_left(home)
        self.folder = home / secrets.token_hex(8)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True)
            self._lock = hold(self.folder / "lock")

    def room_for(self, name: str, model: nn.Module) -> Path:
        """A folder for the blocks of `model`: each network has its own, as blocks of both have the same names.

        Raises OutputError where the disk has no room for them.
        """
        needed = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise OutputError(
                "disk-full",
                f"The blocks of the network need {needed / 1e9:.1f} GB in {self.folder.parent}; {free / 1e9:.1f} GB "
                "are free.",
                "Free some space, or set memory to another profile.",
            )
        return self.folder / name

    def close(self) -> None:
        os.close(self._lock)
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_left(home: Path) -> None:
    """Remove the folders below `home` that no process holds."""
    for lock in home.glob("*/lock"):
        try:
            handle = hold(lock)
        except OSError:
            continue  # at work
        os.close(handle)
        shutil.rmtree(lock.parent, ignore_errors=True)
