"""Makes the checkout importable as the package `orbit_painter` and gives tests the shared assets."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _import_package() -> None:
    spec = importlib.util.spec_from_file_location(
        "orbit_painter", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["orbit_painter"] = module
    spec.loader.exec_module(module)


_import_package()


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of shared test models; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "assets"
    if not folder.is_dir():
        pytest.skip("the shared test models are not here")
    return folder
