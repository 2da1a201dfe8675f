"""The configuration's schema: what is wrong is named."""

import json

import pytest
from orbit_painter.backend.errors import InputError, UsageError
from orbit_painter.backend.training.command import RECIPES
from orbit_painter.backend.training.config import TrainConfig, make_config, read_config


@pytest.mark.parametrize("name", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_recipes_are_read(name):
    config = read_config(RECIPES / f"{name}.toml", {"model.base": "somewhere"})
    assert make_config(config.to_json()) == config


def test_the_released_recipe_has_the_specified_numbers():
    config = read_config(RECIPES / "release.toml", {"model.base": "x"})
    model, optimiser = config.model, config.optimiser
    assert (model.rank, model.alpha, model.channels, model.layout) == (32, 32.0, 68, "release")
    assert (optimiser.rate, optimiser.weight_decay, config.run.batch, config.run.steps) == (1e-4, 0.01, 1, 45_000)
    assert config.reference.shares == (0.6, 0.2, 0.2)


def test_json_and_changes(tmp_path):
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"model": {"train": "full"}, "run": {"steps": 7}}))
    config = read_config(path, {"run.steps": 9, "optimiser.rate": 1})
    assert (config.run.steps, config.optimiser.rate) == (9, 1.0)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"run": {"stepz": 1}}, "run.stepz"),
        ({"runs": {}}, "runs"),
        ({"run": 3}, "run"),
        ({"run": {"steps": "many"}}, "run.steps"),
        ({"run": {"steps": True}}, "run.steps"),
        ({"run": {"precision": "fp4"}}, "run.precision"),
        ({"reference": {"shares": [1, 0]}}, "reference.shares"),
        ({"run": {"steps": 0}}, "run.steps"),
        ({"model": {"train": "lora"}}, "model.train"),
        ({"optimiser": {"rate": 0.0}}, "optimiser.rate"),
    ],
)
def test_wrong_settings_are_named(data, named):
    base = {"model": {"train": "full"}}
    with pytest.raises(UsageError, match=named.replace(".", r"\.")):
        make_config({**base, **data})


def test_unreadable_files(tmp_path):
    for name, text in (("a.toml", "run = ["), ("b.json", "[]")):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError):
            read_config(tmp_path / name)
    with pytest.raises(InputError):
        read_config(tmp_path / "missing.toml")


def test_default_is_the_released_model():
    assert TrainConfig().model.layers == 40
