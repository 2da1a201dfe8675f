# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks run, measure what they say, and fail with a sentence."""

from __future__ import annotations

import io
import json
from argparse import Namespace

import numpy as np
import pytest
from orbit_painter.backend.arguments import parser
from orbit_painter.backend.errors import OrbitPainterError, UsageError
from orbit_painter.backend.evaluation import bench, bench_inputs, bench_main_job
from orbit_painter.backend.evaluation.scenes import vase
from orbit_painter.backend.memory import available_bytes


def test_tables_are_markdown():
    table = bench.Table(
        "Title", ["name", "seconds", "voxels"], [["a", 0.123456, 1234567], ["b", float("nan"), 0]], ["Note."]
    )
    lines = table.markdown().splitlines()
    assert lines[0] == "### Title"
    assert lines[2] == "| name | seconds | voxels |"
    assert lines[4] == "| a | 0.1235 | 1,234,567 |"
    assert lines[5] == "| b | – | 0 |"
    assert lines[-1] == "Note."
    assert {line.count("|") for line in lines[2:6]} == {4}


def test_exponents_of_known_growth():
    sizes = np.array([10.0, 100, 1000])
    assert bench.exponent(sizes, 3 * sizes) == pytest.approx(1)
    assert bench.exponent(sizes, 0.1 * sizes**2) == pytest.approx(2)
    assert bench.exponent(sizes, np.full(3, 5.0)) == pytest.approx(0)


def test_the_command_needs_no_output_folder():
    options = parser().parse_args(["bench", "voxels", "bake", "--quick"])
    assert (options.command, options.names, options.quick, options.case) == ("bench", ["voxels", "bake"], True, None)
    with pytest.raises(UsageError):
        bench.run(Namespace(case=None, names=["no"], quick=True), io.StringIO())


def test_a_case_is_one_line_of_json_with_its_peak_memory():
    out = io.StringIO()
    words = json.dumps({"shape": "body", "grid": 32})
    bench.run(Namespace(case=["voxels", words], names=[], quick=False), out)
    found = json.loads(out.getvalue())
    assert found["voxels"] > 1000
    assert 0 < found["wall"] < 60
    assert found["peak"] > 2**20


@pytest.mark.slow
def test_cases_run_in_processes_of_their_own():
    small, large = (bench.case("voxels", shape="body", grid=grid) for grid in (64, 512))
    assert large["voxels"] > 40 * small["voxels"]
    assert large["peak"] > small["peak"] + 50 * large["voxels"]
    with pytest.raises(OrbitPainterError, match="voxels failed"):
        bench.case("voxels", shape="nonsense", grid=64)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["voxels", "bake", "growth"])
def test_quick_benchmarks_print_tables(name):
    out = io.StringIO()
    bench.run(Namespace(case=None, names=[name], quick=True), out)
    assert out.getvalue().startswith("## ")
    assert "| --- |" in out.getvalue()
    assert "load average" in out.getvalue()


def test_bodies_have_the_size_asked_for():
    for triangles in (4_000, 30_000):
        mesh = bench_inputs.body(triangles)
        assert abs(len(mesh.faces) / triangles - 1) < 0.05
        assert mesh.uv["UVMap"].min() >= 0
        assert mesh.uv["UVMap"].max() <= 1


def test_procedural_models_are_written_as_obj(tmp_path):
    mesh = vase().mesh
    bench_main_job.write_obj(tmp_path / "vase.obj", mesh)
    words = [line.split() for line in (tmp_path / "vase.obj").read_text().splitlines()]
    points = np.array([w[1:] for w in words if w[0] == "v"], float)
    np.testing.assert_allclose(np.stack([points[:, 0], -points[:, 2], points[:, 1]], 1), mesh.vertices, atol=1e-6)
    faces = [[int(c.split("/")[0]) for c in w[1:]] for w in words if w[0] == "f"]
    np.testing.assert_array_equal(np.array(faces) - 1, mesh.faces)
    coordinates = np.array([w[1:] for w in words if w[0] == "vt"], float)
    np.testing.assert_allclose(coordinates.reshape(-1, 3, 2), mesh.uv["UVMap"], atol=1e-6)


def test_free_memory_is_known_and_sane():
    assert 2**20 < available_bytes() < 2**50
