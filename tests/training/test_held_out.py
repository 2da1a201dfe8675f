# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing on held-out objects: the ablation table, and one network with parts taken away."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytest.importorskip("diffusers")

from orbit_painter.backend.errors import CancelledError, UsageError  # noqa: E402
from orbit_painter.backend.training import ablation, held_out  # noqa: E402
from orbit_painter.backend.training.config import make_config  # noqa: E402
from orbit_painter.backend.training.network import build_network, build_vae, encoded_prompt  # noqa: E402
from orbit_painter.backend.training.painting import sample_disagreement  # noqa: E402


@pytest.fixture
def config(settings):
    settings["run"] |= {"steps": 2, "batch": 1}
    return make_config(settings)


def test_the_table_has_the_rows_that_were_trained_with_these_settings(config, shards, tmp_path, monkeypatch):
    trained = []
    real = ablation.train
    monkeypatch.setattr(
        ablation, "train", lambda config, out, **more: trained.append(out.name) or real(config, out, **more)
    )

    def run(config, *rows):
        trained.clear()
        ablation.run_ablation(config, tmp_path, shards, rows)
        return json.loads((tmp_path / "ablation.json").read_text())

    assert set(run(config, "everything")) == {"everything", *ablation.BASELINES}
    assert set(run(config, "everything", "no GASA")) == {"everything", "no GASA", *ablation.BASELINES}
    assert trained == ["no-GASA"]  # what is finished is kept
    for row in json.loads((tmp_path / "ablation.json").read_text()).values():
        assert set(row) == {str(steps) for steps in held_out.STEPS}
    lines = (tmp_path / "ablation.md").read_text().splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert sum(line.startswith("| no GASA") for line in lines) == 2  # its means, and what it is worse by
    longer = replace(config, run=replace(config.run, steps=3))
    assert set(run(longer, "everything")) == {"everything", *ablation.BASELINES}
    assert trained == ["everything"]  # the other row has fewer steps: it is not shown beside this one
    with pytest.raises(UsageError, match="other settings"):
        run(replace(config, optimiser=replace(config.optimiser, rate=1.0)), "everything")


def test_what_a_part_brings_is_counted_object_by_object():
    def scored(hidden, mv_mse):
        return dict.fromkeys(held_out.STEPS, held_out.Score(hidden, hidden, mv_mse))

    scores = {"everything": scored((20.0, 30.0), (0.002, 0.001)), "no GASA": scored((19.0, 27.0), (0.003, 0.003))}
    gain = ablation.table(scores, make_config({"model": {"train": "full"}})).splitlines()[-3]
    assert gain.startswith("| no GASA | +2.00 ± 1.00 |")
    assert gain.endswith("| +1.50 ± 0.50 |")  # less disagreement is better


def test_true_frames_agree_and_are_without_error(shards):
    sample, other = held_out.held_out_samples(shards, 2)
    exact = held_out.score(lambda sample, reference: sample.albedo, [sample])
    wrong = held_out.score(lambda sample, reference: other.albedo, [sample])
    noise = np.random.default_rng(0).integers(0, 256, sample.albedo.shape, np.uint8)
    assert min(exact.hidden + exact.others) > 90 > max(wrong.hidden + wrong.others)
    assert 4 * exact.mv_mse[0] < sample_disagreement(noise, sample)


def test_without_objects_to_compare_on(config, tmp_path):
    with pytest.raises(UsageError, match="objects of its own"):
        ablation.run_ablation(config, tmp_path, None)
    with pytest.raises(UsageError, match="objects of its own"):
        held_out.held_out_folder(None, config)


def test_parts_are_taken_away_and_put_back(config, shards):
    network = build_network(config).eval()
    gates = [block.attn1.gasa.gate.detach().clone() for block in network.blocks]
    assert all(gate.any() for gate in gates)
    vae, prompt = build_vae(config.model), encoded_prompt(config.model)
    samples, details = held_out.held_out_samples(shards, 2), []
    scores = held_out.withheld(
        network, vae, prompt, config.model, samples, lambda done, detail: details.append((done, detail))
    )
    assert {"everything", "no position", "no normal", "black reference", "grey", "no GASA"} <= set(scores)
    assert [done for done, _ in details] == sorted(done for done, _ in details)
    assert any("no GASA, held-out object 2 of 2" in detail for _, detail in details)

    def stop(done, detail):
        if "no GASA" in detail:
            raise CancelledError

    with pytest.raises(CancelledError):
        held_out.withheld(network, vae, prompt, config.model, samples, stop)
    assert all(torch.equal(block.attn1.gasa.gate, gate) for block, gate in zip(network.blocks, gates, strict=True))
