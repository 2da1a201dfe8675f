"""Tiny networks for the neural tests. Everything here needs torch; without it the tests are skipped."""

import importlib.util
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def wan():
    """The module `reference_wan`: an independent forward pass in the original names, and tiny random weights."""
    spec = importlib.util.spec_from_file_location("reference_wan", HERE / "reference_wan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def _quiet_compiler():
    """pytest's log capture makes the compiler format megabytes of trace."""
    import logging

    logging.getLogger("torch").setLevel(logging.WARNING)
    logging.getLogger("torch.__trace").setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def tiny():
    """The module `tiny_models`: small random models in the released formats, and passes of a sphere."""
    spec = importlib.util.spec_from_file_location("tiny_models", HERE / "tiny_models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
