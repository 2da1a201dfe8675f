# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, whose process crashes once at each place of a job, as native code may do it.

python crashing_run.py MARKERS REQUEST        MARKERS: a folder that remembers where it has crashed
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
)
sys.modules["orbit_painter"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sys.modules["orbit_painter"])

from orbit_painter.backend import pipeline, results  # noqa: E402
from orbit_painter.backend.commands import main  # noqa: E402
from orbit_painter.backend.file_host import FileHost  # noqa: E402
from orbit_painter.backend.texturing import fuse  # noqa: E402

MARKERS = Path(sys.argv[1])
PLACES = {  # where it crashes, when the work there is done and nothing of it has been told
    "rendering": (FileHost, "render_passes"),
    "painting": (pipeline, "save_frames"),
    "aligning": (fuse, "align_frames"),
    "selecting": (fuse, "select_views"),
    "filling": (fuse, "fill_voxels"),
    "baking": (fuse, "bake_target"),
    "saving": (results, "save_bake"),
    "modelling": (FileHost, "write_model"),
    "drawing": (FileHost, "render_previews"),
}


def crashing(name, honest):
    def work(*words, **options):
        done = honest(*words, **options)
        if not (MARKERS / name).exists():
            (MARKERS / name).touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        return done

    return work


for place, (owner, attribute) in PLACES.items():
    setattr(owner, attribute, crashing(place, getattr(owner, attribute)))
os._exit(main(["run", sys.argv[2], "--json", "--parent-pipe"], FileHost))
