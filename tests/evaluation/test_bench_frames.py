# SPDX-License-Identifier: GPL-3.0-or-later
"""The sweep over frames and resolution measures every case once, and more of both is better."""

import json
from dataclasses import replace

import pytest
from orbit_painter.backend.evaluation import bench_frames


def test_finished_cases_are_kept_and_those_of_other_settings_are_not(tmp_path):
    sweep = replace(bench_frames.QUICK, scenes=("vase",), frames=(3, 5), sizes=(32, 64))
    kept, asked = tmp_path / "kept.jsonl", []

    def measure(scene, frames, size, sweep):
        asked.append((scene.name, frames, size))
        return {"psnr": float(frames * size)}

    rows = bench_frames.run(sweep, kept, measure)
    assert asked == [("vase", frames, size) for frames in (3, 5) for size in (32, 64)]
    assert rows["vase", 5, 32] == {"psnr": 160.0}
    whole = kept.read_text().splitlines()
    kept.write_text("\n".join(whole[:2]) + "\n" + whole[2][:30])  # the run was ended while it wrote
    asked.clear()
    assert bench_frames.run(sweep, kept, measure) == rows
    assert asked == [("vase", 5, 32), ("vase", 5, 64)]
    asked.clear()
    bench_frames.run(replace(sweep, drift=1.0), kept, measure)
    assert len(asked) == 4
    assert all(json.loads(line) for line in whole)


@pytest.mark.slow
def test_more_frames_and_larger_ones_are_better():
    sweep = replace(bench_frames.QUICK, scenes=("bumpy-sphere",), frames=(5, 13), sizes=(48, 96), drift=0.0, held_out=3)
    rows = {key[1:]: row for key, row in bench_frames.run(sweep).items()}
    assert rows[13, 96]["psnr"] > rows[5, 96]["psnr"]
    assert rows[13, 96]["ssim"] > rows[13, 48]["ssim"] + 0.05
    assert rows[13, 96]["ms_ssim"] > rows[5, 48]["ms_ssim"]
