# SPDX-License-Identifier: GPL-3.0-or-later
"""What a neural job takes, told before it starts, by a program without torch."""

import pytest
from orbit_painter.backend import estimate
from orbit_painter.backend.errors import UsageError
from orbit_painter.backend.job import Job
from orbit_painter.backend.job_history import History
from orbit_painter.backend.painters.orbitpainter import forecast

CARD = forecast.Machine("NVIDIA GeForce RTX 4090", 24e9, 64e9)
NONE = forecast.Machine("", 0.0, 64e9)


def said(machine=CARD, **options):
    return forecast.forecast(options, (61, 61), 512, machine).sentence()


def test_memory_time_and_doubt_are_in_the_sentence():
    assert "(profile 24)" in said()
    assert "roughly guessed" not in said()  # others have measured this card
    assert "roughly guessed" in said(forecast.Machine("NVIDIA GeForce RTX 3060", 12e9, 64e9))
    assert "(profile 8)" in said(memory="8")
    assert "more than there is" in said(forecast.Machine("NVIDIA GeForce RTX 3060", 2e9, 64e9))
    assert said(preset="balanced") != said()
    assert said(more_devices="cuda:1") != said()


@pytest.mark.parametrize("options", [{"memory": "cpu"}, {"device": "cpu"}])
def test_without_a_card_the_processor_is_no_choice(options):
    assert "days" in said(NONE)
    assert "days" in said(**options)


def test_wrong_options_are_told_before_anything_is_rendered():
    with pytest.raises(UsageError):
        said(steps=0)


def test_the_estimate_of_a_job_has_its_memory_and_time(monkeypatch, tmp_path):
    monkeypatch.setattr(forecast, "this_machine", lambda: CARD)
    job = Job(out="/nowhere", engine="orbitpainter")

    def expected():
        return estimate.estimate(job, ("passes", "paint"), History(tmp_path / "history.json"))

    assert expected().vram == pytest.approx(17e9, rel=0.1)
    assert 600 < expected().seconds < 3600
    assert "OrbitPainter will take" in estimate.told(job)
    assert estimate.told(Job(out="/nowhere")) == ""
    monkeypatch.setattr(forecast, "this_machine", lambda: NONE)
    assert expected().vram is None
    assert expected().seconds > 86400
    History(tmp_path / "history.json").note(job, "paint", 30.0)  # weights of another size: what was measured wins
    assert expected().seconds < 100
