"""Registers the extension in a fresh Blender, and prints what that cost: milliseconds and modules."""

import importlib.util
import json
import sys
import time
from pathlib import Path

import bpy  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
for name in [name for name in sys.modules if name.partition(".")[0] == "numpy"]:
    del sys.modules[name]  # the bpy module loads it; whoever imports it again is found out
before = set(sys.modules)
start = time.process_time()
spec = importlib.util.spec_from_file_location(
    "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
)
module = importlib.util.module_from_spec(spec)
sys.modules["orbit_painter"] = module
spec.loader.exec_module(module)
module.register()
seconds = time.process_time() - start
new = {name.partition(".")[0] for name in set(sys.modules) - before}
module.unregister()
module.register()
module.unregister()
print("FACTS", json.dumps({"milliseconds": 1000 * seconds, "modules": sorted(new)}))
