# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's Python environment: made, checked, mended, switched and removed by one installer. docs/environment.md.

The standard library alone; nothing here is imported from inside the environment but `selftest.py`, which is run there.
"""

from .layout import default_root
from .status import EngineStatus, status

__all__ = ["EngineStatus", "default_root", "status"]
