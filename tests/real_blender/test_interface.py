# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed extension in a Blender with its interface: real buttons, real jobs, pictures of the screen."""

import pytest

pytestmark = [pytest.mark.real_blender, pytest.mark.slow]


def test_an_artists_first_texture(installed):
    report = installed.play("play_generate.py")
    assert report["images"], "no image is on the object"
    fractions = report["fractions"]
    assert len(fractions) >= 5, "the bar did not move"
    assert fractions == sorted(fractions), "the bar went backwards"
    assert report["undone"], "one undo step takes the result off"
    assert report["redone"]
    assert report["draw_ms"] < 1.0
    for name in ("panel", "running", "result"):
        assert (installed.home / f"{name}.png").stat().st_size > 10_000


def test_a_queue_of_objects(installed):
    report = installed.play("play_queue.py")
    assert (report["nothing selected"], report["no reference"], report["ready"]) == (False, False, True)
    assert len(report["queued"]) == 2
    assert report["queued"][1] == "queued"
    assert report["unchanged"], "a cancelled job changed something"
    assert report["engine without weights"] is False
    assert report["windows"] == 2, "the preferences are open"
    assert "Owl" in report["said"], "the result of an object that is gone waits, with a sentence"
