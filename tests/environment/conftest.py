import os
import shutil
import sys
from pathlib import Path

import pytest
from orbit_painter.backend.console import JsonConsole
from orbit_painter.backend.environment import devices
from orbit_painter.backend.environment.request import Request

from .packages import lock, serving, wheel


class Events(JsonConsole):
    """Keeps what a run says."""

    def __init__(self):
        self.all = []

    def _send(self, kind, **fields):
        self.all.append({"type": kind, **fields})

    def stages(self):
        return list(dict.fromkeys(event["stage"] for event in self.all if event["type"] == "progress"))

    def notes(self):
        return [event["message"] for event in self.all if event["type"] == "log"]


@pytest.fixture
def events():
    return Events()


@pytest.fixture(autouse=True)
def no_outside(monkeypatch):
    """No index, link or certificate of this machine's configuration; and uv, where only the test environment has it."""
    for name in [n for n in os.environ if n.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if shutil.which("uv") is None:
        pytest.skip("uv is not here")


@pytest.fixture
def packages(tmp_path):
    """Two tiny wheels and a function that makes a recipe of them the one for `cpu`."""
    folder = tmp_path / "packages"
    wheel(folder, "alpha")
    wheel(folder, "beta", payload=bytes(range(256)) * 400)
    return folder


@pytest.fixture
def recipe(tmp_path, packages, monkeypatch):
    """Makes an engine of wheels the recipe for the device cpu; called again it is another version's."""

    def use(names=("alpha", "beta"), wrong=(), **fields):
        wheels = [next(packages.glob(f"{name}-*.whl")) for name in names]
        made = devices.Recipe("cpu", (lock(tmp_path / "lock.txt", wheels, wrong),), modules=tuple(names), **fields)
        monkeypatch.setitem(devices.RECIPES, (devices.platform_name(), "cpu"), made)
        return made

    use()
    return use


@pytest.fixture
def index(packages):
    with serving(packages) as server:
        yield server


@pytest.fixture
def root(tmp_path):
    """A path with spaces and letters outside ASCII."""
    return tmp_path / "Motor für Ölgemälde 絵"


@pytest.fixture
def request_for(root, index, recipe):
    def make(**fields):
        return Request(root, **{"device": "cpu", "python": sys.executable, "index": index.url, **fields})

    return make
