# SPDX-License-Identifier: GPL-3.0-or-later
"""One more device's process (`context_parallel.py`), a program of its own: rank_process.py FOLDER RANK."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).resolve().parents[2] / "cli.py"))["import_package"]()
    from orbit_painter.backend.painters.orbitpainter.context_parallel import serve

    serve(Path(sys.argv[1]), int(sys.argv[2]))
    sys.stderr.flush()
    os._exit(0)  # libraries' exit handlers may wait for ranks that are gone
