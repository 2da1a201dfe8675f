"""`make gpu-check` works: the same measurements with tiny networks."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.evaluation import bench_network


def here(asked):
    """The cases in this process, with what passes over the command line passing as JSON."""

    def case(name, **arguments):
        assert name == "network"
        asked.append(arguments)
        return json.loads(json.dumps(bench_network.measure(**json.loads(json.dumps(arguments)))))

    return case


def test_the_whole_check_runs_with_tiny_networks(monkeypatch):
    """All that a GPU would be asked, so that nothing trivial fails on the first one."""
    asked = []
    monkeypatch.setattr(bench_network, "case", here(asked))
    made = bench_network.tables(True)
    text = "\n".join(table.markdown() for table in made)
    assert len(asked) == 3 + 3 + 3 + len(bench_network.SWITCHES)
    assert "PyTorch" in text
    for table in made:
        for row in table.rows:
            assert any(isinstance(cell, float) for cell in row), row  # measured, not failed
    forward, memory, ends, switches = made
    assert [row[2] for row in ends.rows] == [420.0, 120.0, 25.0]
    assert forward.rows[0][2] == 5.0
    assert memory.rows[0][2] == 66.0
    assert all(row[2] > 0 for row in switches.rows)
    assert "yes" not in text  # tiny networks meet no target


def test_compiled_forward_passes_are_asked_for_on_a_gpu(monkeypatch):
    """The tables are made of the measurements, each tried on its own; one that fails is a cell."""
    asked = []

    def case(name, **arguments):
        asked.append(arguments)
        if arguments.get("memory") == "8":
            raise bench_network.OrbitPainterError("bench-failed", "CUDA out of memory")
        return {"seconds": 4.0, "memory": 37e9, "attention": "native", "device": "a card", "steps": 2}

    monkeypatch.setattr(bench_network, "case", case)
    forward, memory, ends, _ = bench_network.tables(False)
    assert any(arguments.get("compiled") for arguments in asked)
    assert not any(arguments["quick"] for arguments in asked)
    assert [row[3] for row in forward.rows] == ["yes", "", "no", "yes"]
    assert [row[3] for row in memory.rows][:2] == ["yes", "no"]
    assert "CUDA out of memory" in memory.markdown()
    assert [row[3] for row in ends.rows] == ["yes"] * 3


def test_a_first_case_that_fails_does_not_end_the_check(monkeypatch):
    def case(name, **arguments):
        raise bench_network.OrbitPainterError("bench-failed", "CUDA out of memory")

    monkeypatch.setattr(bench_network, "case", case)
    assert all("CUDA out of memory" in table.markdown() for table in bench_network.tables(False))


def test_without_a_gpu_that_is_said(monkeypatch):
    monkeypatch.setattr(bench_network, "case", lambda name, **arguments: {"missing": "no GPU"})
    assert "not measured: no GPU" in bench_network.tables(False)[0].markdown()
