"""Random weights for the tests of learned metrics."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def random_weights():
    """The module `random_weights`: weight files in the formats that people have."""
    spec = importlib.util.spec_from_file_location("random_weights", Path(__file__).with_name("random_weights.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
