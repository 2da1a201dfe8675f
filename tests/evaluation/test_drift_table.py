# SPDX-License-Identifier: GPL-3.0-or-later
"""The table has a row for everything, and ours wins it where frames drift."""

import numpy as np
import pytest
from orbit_painter.backend.evaluation import drift_table, scenes
from orbit_painter.backend.png import read_png


@pytest.mark.slow
def test_table_of_a_small_experiment(tmp_path):
    setting = drift_table.Setting(orbit_frames=21, frame_size=192, texture_size=384, held_out=4, grid=96)
    chosen = drift_table.methods(setting, torch=False)
    chosen = {name: chosen[name] for name in ("ours", "ours, no alignment", "average", "average cos^6")}
    seen = []
    rows = drift_table.drift_table(
        [scenes.bumpy_sphere()], [0.0, 1.0], chosen, setting, tmp_path, lambda f, d: seen.append(f),
        tmp_path / "rows.jsonl",
    )  # fmt: skip
    assert [(row["drift"], row["method"]) for row in rows] == [(d, m) for d in (0.0, 1.0) for m in chosen]
    assert seen == sorted(seen)
    pictures = {"bumpy-sphere-0.png", "bumpy-sphere-1.png"}
    assert {p.name for p in tmp_path.iterdir() if p.is_file()} == {*pictures, "rows.jsonl"}
    assert all(read_png(tmp_path / name).shape == (4 * 192, 5 * 192, 3) for name in pictures)
    table = {(row["drift"], row["method"]): row for row in rows}
    still, moved = ({m: table[d, m] for m in chosen} for d in (0.0, 1.0))
    assert abs(still["ours"]["psnr"] - still["ours, no alignment"]["psnr"]) < 0.05  # A9
    assert moved["ours"]["ssim"] > moved["ours, no alignment"]["ssim"]
    assert moved["ours"]["ssim"] > moved["average cos^6"]["ssim"] > moved["average"]["ssim"]
    assert moved["ours"]["front_ssim"] > moved["average cos^6"]["front_ssim"] + 0.08  # A11 asks .12 of 512-pixel frames
    assert moved["ours"]["seams"] <= 1.45  # A12
    assert np.isnan(moved["average"]["seams"])
    text = drift_table.markdown(rows)
    assert text.count("| average cos^6 |") == 2
    assert "Drift 1 px" in text
    # What is finished is not done again, even where the file's end was cut off.
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"key": ')

    def never(*_):
        raise AssertionError

    again = drift_table.drift_table(
        [scenes.bumpy_sphere()], [0.0, 1.0], dict.fromkeys(chosen, never), setting, kept=tmp_path / "rows.jsonl"
    )
    assert drift_table.csv_text(again) == drift_table.csv_text(rows)
