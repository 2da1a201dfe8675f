# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep over frames and resolution measures every case once, and more of both is better."""

import json
from dataclasses import replace

import pytest
from orbit_painter.backend.errors import UsageError
from orbit_painter.backend.evaluation import bench_frames


def test_finished_cases_are_kept_and_those_of_other_settings_are_not(tmp_path, monkeypatch):
    sweep = replace(bench_frames.QUICK, scenes=("vase",), frames=(4, 7), sizes=(32, 64))
    kept, asked = tmp_path / "kept.jsonl", []
    monkeypatch.setattr(bench_frames, "_orbits", lambda scene, size, sweep: [list(range(61)), [size] * 61])

    def measure(scene, orbits, sweep):
        assert (orbits[0][0], orbits[0][-1]) == (0, 60)
        asked.append((scene.name, len(orbits[0]), orbits[1][0]))
        return {"psnr": float(len(orbits[0]) * orbits[1][0])}

    monkeypatch.setattr(bench_frames, "_measured", measure)
    rows = bench_frames.run(sweep, kept)
    assert asked == [("vase", count, size) for size in (32, 64) for count in (4, 7)]
    assert rows["vase", 7, 32] == {"psnr": 224.0}
    whole = kept.read_text().splitlines()
    assert all(json.loads(line) for line in whole)
    kept.write_text("\n".join(whole[:3]) + "\n" + whole[3][:30])  # the run was ended while it wrote
    asked.clear()
    assert bench_frames.run(sweep, kept) == rows
    assert asked == [("vase", 7, 64)]
    asked.clear()
    bench_frames.run(replace(sweep, drift=1.0), kept)
    assert len(asked) == 4
    with pytest.raises(UsageError):
        bench_frames.run(replace(sweep, frames=(8,)))


@pytest.mark.slow
def test_more_frames_and_larger_ones_are_better():
    sweep = replace(bench_frames.QUICK, scenes=("bumpy-sphere",), frames=(4, 13), sizes=(48, 96), drift=0.0, held_out=3)
    rows = {key[1:]: row for key, row in bench_frames.run(sweep).items()}
    assert rows[13, 96]["psnr"] > rows[4, 96]["psnr"]
    assert rows[13, 96]["ssim"] > rows[13, 48]["ssim"] + 0.05
    assert rows[13, 96]["ms_ssim"] > rows[4, 48]["ms_ssim"]
