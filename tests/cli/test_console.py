"""Progress for people and for programs."""

import io
import json

import pytest
from orbit_painter.backend.console import JsonConsole, TerminalConsole, stage_progress
from orbit_painter.backend.errors import CancelledError, InputError
from orbit_painter.backend.estimate import Estimate
from orbit_painter.backend.protocol import Writer


def run_stage(console, fractions, check=lambda: None):
    with stage_progress(console, "paint", check) as progress:
        for fraction in fractions:
            progress(fraction, "frame")


def test_json_events_are_one_object_a_line_and_never_go_backwards():
    stream = io.StringIO()
    console = JsonConsole(Writer(stream), "job-1")
    console.plan(["paint"], Estimate(4.0, {"paint": 1.0}, 1000, None))
    run_stage(console, [0.1, 0.9, 0.3, 1.0])
    console.note("A note.")
    console.error(InputError("mesh-empty", "No mesh.", "Give one."), None)
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert events[0]["type"] == "accepted"
    assert events[0]["plan"] == [{"stage": "paint", "weight": 1.0}]
    assert events[0]["estimate"] == {"seconds": 4.0, "vram": None, "disk": 1000}
    assert [e["type"] for e in events][-2:] == ["log", "error"]
    done = [e["done"] for e in events if e["type"] == "progress"]
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert {e["job_id"] for e in events} == {"job-1"}
    assert events[-1]["code"] == "mesh-empty"


def test_progress_is_limited_to_ten_events_a_second():
    stream = io.StringIO()
    run_stage(JsonConsole(Writer(stream)), [i / 10000 for i in range(10000)])
    assert len(stream.getvalue().splitlines()) < 40


def test_what_begins_is_told_at_once():
    stream = io.StringIO()
    console = JsonConsole(Writer(stream))
    with stage_progress(console, "preview", lambda: None) as report:
        for detail in ("view 1", "view 2", "view 3", "still"):
            report(0.5, detail)
    told = [json.loads(line).get("detail") for line in stream.getvalue().splitlines()]
    assert "still" in told


def test_a_stop_is_noticed_at_the_next_progress_call():
    calls = []

    def check():
        calls.append(1)
        if len(calls) > 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        run_stage(JsonConsole(Writer(io.StringIO())), [0.1] * 10, check)
    assert len(calls) == 4


def test_a_stop_is_an_event_of_its_own():
    stream = io.StringIO()
    JsonConsole(Writer(stream)).error(CancelledError(), None)
    assert json.loads(stream.getvalue())["type"] == "cancelled"


def test_a_stream_that_is_no_terminal_gets_whole_lines_only():
    stream = io.StringIO()
    run_stage(TerminalConsole(stream), [0.2, 0.5, 1.0])
    assert "\r" not in stream.getvalue()
    assert stream.getvalue().startswith("paint")
