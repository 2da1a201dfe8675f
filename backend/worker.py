# SPDX-License-Identifier: GPL-3.0-or-later
"""The persistent process that holds a loaded engine: a program of its own, in the engine's Python.

python -I -u backend/worker.py --protocol 1 --log FILE [--idle SECONDS]
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).with_name("cli.py")))["import_package"]()
    from orbit_painter.backend.serving import main

    status = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(status)  # libraries' exit handlers may hang; everything is written by now
