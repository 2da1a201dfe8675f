"""Run by torchrun: trains with the configuration and into the folder that are given."""

import importlib.util
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location(
    "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
)
sys.modules["orbit_painter"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sys.modules["orbit_painter"])

from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.source import open_source  # noqa: E402
from orbit_painter.backend.training.trainer import Trainer  # noqa: E402

settings, out = make_config(json.loads(Path(sys.argv[1]).read_text())), Path(sys.argv[2])
trainer = Trainer(settings, out, open_source(settings.data))
trainer.start(False)
trainer.run()
held = sum((p.to_local() if hasattr(p, "to_local") else p).numel() for p in trainer.parameters.values())
(out / f"held-{os.environ['RANK']}.json").write_text(json.dumps(held))
