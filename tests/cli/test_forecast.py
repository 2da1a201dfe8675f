# SPDX-License-Identifier: GPL-3.0-or-later
"""What a neural job takes, told before it starts, by a program without torch."""

import pytest
from orbit_painter.backend import estimate
from orbit_painter.backend.errors import UsageError
from orbit_painter.backend.job import Job
from orbit_painter.backend.painters.orbitpainter import forecast

CARD = forecast.Machine("NVIDIA GeForce RTX 4090", 24e9, 64e9)
NONE = forecast.Machine("", 0.0, 64e9)


def said(machine=CARD, **options):
    return forecast.sentence(options, (61, 61), 512, machine)


def test_memory_time_and_doubt_are_in_the_sentence():
    assert "(profile 24)" in said()
    assert "roughly guessed" not in said()  # others have measured this card
    assert "roughly guessed" in said(forecast.Machine("NVIDIA GeForce RTX 3060", 12e9, 64e9))
    assert "(profile 8)" in said(memory="8")
    assert "more than there is" in said(forecast.Machine("NVIDIA GeForce RTX 3060", 2e9, 64e9))
    assert said(preset="balanced") != said()
    assert said(more_devices="cuda:1") != said()


@pytest.mark.parametrize("options", [{"memory": "cpu"}, {"device": "cpu"}])
def test_without_a_card_hours_are_promised(options):
    assert "hours" in said(NONE)
    assert "hours" in said(**options)


def test_wrong_options_are_told_before_anything_is_rendered():
    with pytest.raises(UsageError):
        said(steps=0)


def test_the_estimate_of_a_job_has_its_memory(monkeypatch):
    monkeypatch.setattr(forecast, "this_machine", lambda: CARD)
    job = Job(out="/nowhere", engine="orbitpainter")
    assert estimate._vram(job) == pytest.approx(17e9, rel=0.1)
    assert "OrbitPainter will take" in estimate.told(job)
    assert estimate.told(Job(out="/nowhere")) == ""
    monkeypatch.setattr(forecast, "this_machine", lambda: NONE)
    assert estimate._vram(job) is None
