"""A data set of a few small procedural objects, and the configuration of a network that trains in milliseconds."""

import importlib.util
import json
from pathlib import Path

import pytest
from orbit_painter.backend.dataset.items import Procedural
from orbit_painter.backend.dataset.plan import RenderPlan
from orbit_painter.backend.dataset.render import render_dataset

PLAN = RenderPlan(views=(4, 4), size=32, references=(2, 1, 1), material=True)


@pytest.fixture(scope="session")
def shards(tmp_path_factory):
    """Six objects in three shards."""
    folder = tmp_path_factory.mktemp("shards")
    render_dataset(Procedural(0, 6, 1, PLAN), folder, PLAN, source="test", per_shard=2)
    return folder


@pytest.fixture
def settings(shards):
    """Nested tables for `make_config`; tests change what they are about."""
    return {
        "data": {"shards": str(shards)},
        "model": {
            "layout": "paper",
            "channels": 48,
            "train": "full",
            "layers": 1,
            "heads": 2,
            "head_dim": 16,
            "ffn_dim": 32,
            "text_dim": 8,
            "freq_dim": 32,
            "gasa": True,
            "gasa_grid": 16,
            "gasa_gate": 1.0,
        },
        "objective": {"kind": "paper"},
        "optimiser": {"rate": 1e-2, "ema": 0.9},
        "run": {
            "steps": 4,
            "batch": 2,
            "precision": "no",
            "gradient_checkpointing": False,
            "threads": 1,
            "log_every": 1,
            "save_every": 2,
            "keep": 9,
        },
    }


@pytest.fixture(scope="session")
def neural():
    """Imports a module of tests/neural by its name."""

    def module(name):
        path = Path(__file__).resolve().parents[1] / "neural" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        return found

    return module


@pytest.fixture(scope="session")
def wan(neural):
    """Tiny random weights of the base network in the original names."""
    return neural("reference_wan")


@pytest.fixture
def base(wan, tmp_path):
    """The folder of a base expert of those weights."""
    from safetensors.torch import save_file

    folder = tmp_path / "high_noise_model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"dim": 32, "num_heads": 2, "in_dim": 52}))
    save_file(wan.weights(in_channels=52), folder / "diffusion_pytorch_model.safetensors")
    return folder
