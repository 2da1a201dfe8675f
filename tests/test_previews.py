# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of frames as they come."""

import io
import json

import numpy as np
import pytest
from orbit_painter.backend.console import JsonConsole
from orbit_painter.backend.errors import OutputError
from orbit_painter.backend.files import read_png
from orbit_painter.backend.previews import SIZE, Previews
from orbit_painter.backend.protocol import Writer


def test_a_preview_is_a_small_picture_and_one_event(tmp_path):
    stream = io.StringIO()
    picture = np.full((512, 256, 4), 200, np.uint8)
    previews = Previews(tmp_path / "previews", JsonConsole(Writer(stream)))
    previews.show(7, picture)
    previews.show(8, picture)  # too soon after the first
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["type"], event["kind"], event["view"]) for event in events] == [("preview", "view", 7)]
    small = read_png(events[0]["path"])
    assert small.shape == (SIZE, SIZE // 2, 4)
    assert (small == 200).all()


def test_previews_of_an_earlier_run_go(tmp_path):
    folder = tmp_path / "previews"
    folder.mkdir()
    (folder / "view_0001.png").write_bytes(b"old")
    Previews(folder, JsonConsole(Writer(io.StringIO())))
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    previews = Previews(tmp_path / "gone" / "previews", JsonConsole(Writer(io.StringIO())))
    with pytest.raises(OutputError):
        previews.show(0, np.zeros((4, 4, 3), np.uint8))
