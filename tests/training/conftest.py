"""A data set of a few small procedural objects, and the configuration of a network that trains in milliseconds."""

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
