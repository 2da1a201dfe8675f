"""Distillation: the generator moves towards what the teacher makes, the teacher stays, and a run goes on exactly."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from orbit_painter.backend.errors import UsageError  # noqa: E402
from orbit_painter.backend.training import checkpoint  # noqa: E402
from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.distill import Distiller, distill  # noqa: E402
from orbit_painter.backend.training.source import open_source  # noqa: E402
from orbit_painter.backend.training.trainer import train  # noqa: E402


@pytest.fixture
def config(settings, tmp_path):
    train(make_config(settings), tmp_path / "teacher")
    more = {"distill": {"teacher": str(tmp_path / "teacher"), "levels": 2, "ratio": 2, "fake_rate": 1e-3}}
    return make_config({**settings, **more, "optimiser": {"rate": 1e-3}})


def losses(out):
    return [json.loads(line)["loss"] for line in (out / "losses.jsonl").read_text().splitlines()]


def test_a_stopped_distillation_goes_on_exactly(config, tmp_path):
    import shutil

    whole = distill(config, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    shutil.rmtree(tmp_path / "parts" / "checkpoints" / "step-00000004")
    parts = distill(config, tmp_path / "parts", resume=True)
    assert losses(tmp_path / "whole") == losses(tmp_path / "parts")
    for name in ("trained", "fake", "fake_optimiser"):
        first, second = (checkpoint.read_tensors(folder / f"{name}.safetensors") for folder in (whole, parts))
        assert all(torch.equal(first[key], second[key]) for key in first)


def test_the_generator_moves_from_the_fake_towards_the_real_score(config, tmp_path):
    """With scores that lead to known pictures the update's direction is known."""
    distiller = Distiller(config, tmp_path / "run", open_source(config.data))
    draw = distiller.steps.draw(0, 0)
    real, fake = torch.full_like(draw.noise, 0.7), torch.full_like(draw.noise, -0.2)

    def velocity(network, example, noisy, sigma, prompt):
        if network is distiller.real or network is distiller.fake:
            picture = real if network is distiller.real else fake
            return (noisy - picture) / sigma.view(-1, 1, 1, 1, 1)
        return honest(network, example, noisy, sigma, prompt)

    honest, distiller._velocity = distiller._velocity, velocity
    made = distiller._made(draw, True)
    made.retain_grad()
    distiller._made = lambda *_: made
    distiller._generator_loss(draw).backward()
    expected = (fake - real) / (made.detach() - real).abs().mean() / made.numel()
    torch.testing.assert_close(made.grad, expected, rtol=1e-3, atol=1e-9)


def test_three_networks_keep_one_frozen_base(settings, base, tmp_path):
    """Of a large base there must not be three copies; what is trained is each network's own."""
    lora = {"base": str(base), "train": "lora", "rank": 4, "alpha": 8.0, "text_dim": 24, "gasa_gate": 0.0}
    settings["model"] |= lora
    train(make_config(settings), tmp_path / "teacher")
    config = make_config({**settings, "distill": {"teacher": str(tmp_path / "teacher"), "levels": 2, "ratio": 2}})
    distiller = Distiller(config, tmp_path / "run", open_source(config.data))
    networks = [dict(network.named_parameters()) for network in (distiller.network, distiller.real, distiller.fake)]
    places = [{name: p.data_ptr() for name, p in parameters.items() if p.numel()} for parameters in networks]
    trained = set(distiller.parameters)
    for name in places[0]:
        assert len({place[name] for place in places}) == (3 if name in trained else 1), name
    before = {name: p.detach().clone() for name, p in distiller.real.named_parameters()}
    distiller.start(False)
    distiller.run()
    assert all(torch.equal(before[name], p) for name, p in distiller.real.named_parameters())


def test_a_teacher_is_needed_and_must_be_the_same_network(settings, config, tmp_path):
    with pytest.raises(UsageError, match="distill"):
        distill(make_config(settings), tmp_path / "x")
    other = make_config({**config.to_json(), "model": {**config.to_json()["model"], "layers": 2}})
    with pytest.raises(UsageError, match="teacher"):
        distill(other, tmp_path / "x")


def test_a_distillation_is_not_split(config, tmp_path):
    with pytest.raises(UsageError, match="cannot be split") as caught:
        distill(replace(config, run=replace(config.run, shard=True)), tmp_path / "run")
    assert caught.value.code == "distill-shard"
    assert not (tmp_path / "run").exists()
