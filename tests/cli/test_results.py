# SPDX-License-Identifier: GPL-3.0-or-later
"""Results never take the place of what a job reads, and their names fit every file system."""

import pytest
from orbit_painter.backend.errors import OutputError
from orbit_painter.backend.files import shortened
from orbit_painter.backend.results import require_apart


@pytest.mark.parametrize(
    ("model", "pictures"),
    [
        ("out/chair.glb", ()),
        ("out/chair.obj", ()),  # its textures lie beside it
        ("models/chair.glb", ("out/still.png",)),
        ("models/chair.glb", ("front.png", "out/textures/chair.png")),
        ("out/work/model/chair.glb", ()),
        (None, ("link/still.png",)),
    ],
)
def test_results_beside_the_inputs_are_refused(tmp_path, model, pictures):
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "out")
    with pytest.raises(OutputError) as caught:
        require_apart(tmp_path / "out", model and str(tmp_path / model), [str(tmp_path / p) for p in pictures])
    assert caught.value.code == "output-holds-input"


def test_inputs_that_no_result_can_replace_are_fine(tmp_path):
    pictures = [str(tmp_path / name) for name in ("out/front.png", "out/inputs/still.png", "still.png")]
    require_apart(tmp_path / "out", str(tmp_path / "chair.glb"), pictures)
    require_apart(tmp_path / "out", None, pictures)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("chair", "chair"), ("..", "model"), ("a/b:c*?", "a_b_c__"), ("a" * 300, "a" * 120), ("ü" * 99, "ü" * 60)],
)
def test_names_are_cut_to_what_a_file_name_may_be(name, expected):
    assert shortened(name) == expected
