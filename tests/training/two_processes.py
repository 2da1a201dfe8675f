"""Run by torchrun: trains with the configuration and into the folder that are given."""

import importlib.util
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
)
sys.modules["orbit_painter"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sys.modules["orbit_painter"])

from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.trainer import train  # noqa: E402

settings, out = sys.argv[1:]
train(make_config(json.loads(Path(settings).read_text())), Path(out))
