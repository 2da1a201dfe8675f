"""Noise levels and weights against the figures of specs/orbitpainter.md section 11; references and their movement."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from orbit_painter.backend.dataset.procedural import procedural_object, procedural_sample  # noqa: E402
from orbit_painter.backend.training import objective  # noqa: E402
from orbit_painter.backend.training.config import ObjectiveConfig, ReferenceConfig  # noqa: E402
from orbit_painter.backend.training.references import draw_reference, moved  # noqa: E402

from .conftest import PLAN  # noqa: E402


def test_schedule_and_weights_are_the_published_ones():
    sigmas, weights = objective.schedule()
    assert 1000 * sigmas[objective.SPLIT] == pytest.approx(899.66, abs=0.01)

    def weight(t):
        return np.interp(-t, -1000 * sigmas, weights)

    for t, expected in ((1000, 0.0), (900, 0.63), (500, 2.08), (5, 0.03)):
        assert weight(t) == pytest.approx(expected, abs=0.012)
    assert weights[: objective.SPLIT].mean() == pytest.approx(0.28, abs=0.01)
    assert weights[objective.SPLIT :].mean() == pytest.approx(1.40, abs=0.01)


@pytest.mark.parametrize(("expert", "low", "high"), [("high", 0.897, 1.0), ("low", 0.0, 0.903), ("both", 0.0, 1.0)])
def test_experts_draw_from_their_range(expert, low, high):
    random = np.random.default_rng(0)
    drawn = [objective.draw_level(ObjectiveConfig(expert=expert), random)[0] for _ in range(400)]
    assert low <= min(drawn) <= max(drawn) <= high
    assert max(drawn) - min(drawn) > 0.8 * (high - low)


def test_paper_draws_are_logit_normal():
    random, config = np.random.default_rng(0), ObjectiveConfig(kind="paper", logit_mean=0.5, logit_std=0.8)
    drawn = np.array([objective.draw_level(config, random) for _ in range(4000)])
    logit = np.log(drawn[:, 0] / (1 - drawn[:, 0]))
    assert (logit.mean(), logit.std()) == (pytest.approx(0.5, abs=0.05), pytest.approx(0.8, abs=0.05))
    assert (drawn[:, 1] == 1).all()


def test_loss_is_zero_for_the_true_velocity_and_weighs_samples():
    data, noise = torch.randn(2, 3, 2, 4, 4), torch.randn(2, 3, 2, 4, 4)
    weight = torch.tensor([1.0, 3.0])
    assert objective.velocity_loss(noise - data, data, noise, weight) == 0
    assert float(objective.velocity_loss(noise - data + 2, data, noise, weight)) == pytest.approx(8)
    sigma = torch.tensor([0.25, 1.0])
    mixed = objective.noised(data, noise, sigma)
    torch.testing.assert_close(mixed[0], 0.75 * data[0] + 0.25 * noise[0])
    torch.testing.assert_close(mixed[1], noise[1])


def test_only_counted_places_count():
    data = torch.zeros(1, 3, 2, 4, 4)
    where = torch.zeros(1, 1, 2, 4, 4, dtype=torch.bool)
    where[:, :, 0] = True
    wrong = torch.zeros_like(data)
    wrong[:, :, 1] = 5
    one = torch.ones(1)
    assert objective.velocity_loss(wrong, data, data, one, where) == 0
    assert float(objective.velocity_loss(wrong.flip(2), data, data, one, where)) == pytest.approx(25)


def picture():
    made = np.zeros((64, 64, 4), np.uint8)
    made[20:44, 28:36] = (200, 100, 50, 255)  # an upright bar in the middle
    return made


def test_movement_scales_and_turns_about_the_centre():
    still = moved(picture(), 1.0, 0.0, 0)
    assert np.array_equal(still, picture()[..., :3])
    larger, turned = moved(picture(), 1.2, 0.0, 0), moved(picture(), 1.0, 10.0, 0)
    assert (larger[..., 0] > 100).sum() == pytest.approx(1.44 * 24 * 8, rel=0.06)
    assert (turned[..., 0] > 100).sum() == pytest.approx(24 * 8, rel=0.06)
    rows, columns = np.nonzero(turned[..., 0] > 100)
    assert (rows.mean(), columns.mean()) == (pytest.approx(31.5, abs=0.3), pytest.approx(31.5, abs=0.3))
    slope = np.polyfit(rows, columns, 1)[0]
    assert abs(np.degrees(np.arctan(slope))) == pytest.approx(10, abs=1.5)


def test_background_is_the_versions():
    assert moved(picture(), 1.1, 5.0, 255)[0, 0].tolist() == [255, 255, 255]
    assert moved(picture(), 1.1, 5.0, 0)[0, 0].tolist() == [0, 0, 0]


def test_sources_have_their_shares():
    sample = procedural_sample(procedural_object(2), PLAN)
    config, random = ReferenceConfig(shares=(0.6, 0.4, 0.0), version=0), np.random.default_rng(0)
    plain = {
        moved(p, 1.0, 0.0, 0).tobytes(): v.source
        for p, v in zip(sample.references, sample.reference_views, strict=True)
    }
    drawn = [plain[draw_reference(sample, config, random).tobytes()] for _ in range(500)]
    assert {source: drawn.count(source) / 500 for source in set(drawn)} == {
        "orbit": pytest.approx(0.6, abs=0.07),
        "random": pytest.approx(0.4, abs=0.07),
    }


def test_dropout_gives_an_empty_picture():
    sample = procedural_sample(procedural_object(2), PLAN)
    assert not draw_reference(sample, ReferenceConfig(dropout=1.0), np.random.default_rng(0)).any()
