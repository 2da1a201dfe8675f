"""An installation in a process of its own, to be killed: driver.py ROOT INDEX LOCK MODULE... prints JSON events."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: F401  (makes the checkout importable)
from orbit_painter.backend.console import JsonConsole
from orbit_painter.backend.environment import devices
from orbit_painter.backend.environment.installer import install
from orbit_painter.backend.environment.request import Request
from orbit_painter.backend.protocol import Writer

if __name__ == "__main__":
    root, index, lock, *modules = sys.argv[1:]
    recipe = devices.Recipe("cpu", (Path(lock),), modules=tuple(modules))
    devices.RECIPES[devices.platform_name(), "cpu"] = recipe
    request = Request(Path(root), "cpu", python=sys.executable, index=index)
    install(request, JsonConsole(Writer(sys.stdout)), lambda: None)
