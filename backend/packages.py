# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the packages are there that a part of the backend needs beside the core's."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from .errors import EngineMissingError


def require_packages(modules: Sequence[str], code: str, who: str) -> None:
    """Raises EngineMissingError with `code` that names the first module that this Python does not have.

    who: the sentence's beginning, such as "Training needs".
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise EngineMissingError(
                code,
                f"{who} the package {module}, which this Python does not have.",
                "Install torch and requirements/train.txt, and run the command with that Python.",
            )
