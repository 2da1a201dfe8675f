# SPDX-License-Identifier: GPL-3.0-or-later
"""Framing: whatever comes over a pipe becomes whole messages and noise, and nothing stops the reading."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orbit_painter.backend.protocol import COMMANDS, EVENTS, MAX_LINE, Decoder, Noise, encode

PING = {"type": "ping", "n": 1}


def decode(*pieces, known=COMMANDS):
    decoder = Decoder(known)
    return [item for piece in pieces for item in decoder.feed(piece)] + list(decoder.end())


@given(st.lists(st.integers(0, 60), max_size=6))
def test_lines_may_be_split_anywhere(cuts):
    data = encode("ping", n=1, text="Würfel 立方体").encode() + encode("cancel", job_id="a").encode()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    items = decode(*(data[a:b] for a, b in pairwise(places)))
    assert items == [{"type": "ping", "n": 1, "text": "Würfel 立方体"}, {"type": "cancel", "job_id": "a"}]


@pytest.mark.parametrize(
    "line",
    [
        b"Saved session recovery",
        b"\xff\xfe\x00garbage",
        b"[1, 2]",
        b"{",
        b"null",
        b'{"type": 3}',
        b'{"n": 1}',
        b"[" * 9000,
    ],
)
def test_noise_is_handed_on_and_the_next_line_is_read(line):
    first, second = decode(line + b"\n" + json.dumps(PING).encode() + b"\n")
    assert isinstance(first, Noise)
    assert second == PING


def test_a_type_that_is_not_known_is_noise():
    assert decode(b'{"type": "result"}\n', known=COMMANDS) == [Noise('{"type": "result"}')]
    assert decode(b'{"type": "result", "more": 1}\n', known=EVENTS) == [{"type": "result", "more": 1}]


def test_a_line_beyond_the_limit_is_cut_off_without_keeping_it():
    decoder = Decoder(COMMANDS)
    items = [item for _ in range(200) for item in decoder.feed(b"x" * 8192)]
    assert len(items) == 1
    assert isinstance(items[0], Noise)
    assert len(items[0].text) <= MAX_LINE
    assert list(decoder.feed(b"y\n" + json.dumps(PING).encode() + b"\n")) == [PING]


def test_blank_lines_and_windows_line_ends_are_nothing():
    assert decode(b"\n\r\n" + json.dumps(PING).encode() + b"\r\n") == [PING]


def test_a_last_line_without_line_end_counts():
    assert decode(json.dumps(PING).encode()) == [PING]


def test_a_message_that_is_too_long_keeps_its_identity():
    line = encode("error", job_id="7", code="mesh-empty", message="x" * MAX_LINE)
    assert len(line) < MAX_LINE
    assert json.loads(line) == {"type": "error", "job_id": "7", "code": "mesh-empty", "truncated": True}


def test_names_that_are_no_valid_unicode_can_be_sent():
    assert json.loads(encode("log", message="bad \udcff name"))["message"] == "bad \udcff name"
