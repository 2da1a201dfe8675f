"""`make gpu-check` works: the same measurements with tiny networks."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.evaluation import bench_network
from orbit_painter.backend.painters.orbitpainter.transformer import OrbitWanTransformer3DModel


@pytest.mark.slow
def test_the_whole_check_runs_with_tiny_networks(monkeypatch):
    """All that a GPU would be asked, so that nothing trivial fails on the first one. Compiling is tested elsewhere."""
    compiled = []

    def case(name, **arguments):
        return json.loads(json.dumps(bench_network.measure(**arguments)))

    monkeypatch.setattr(bench_network, "case", case)
    monkeypatch.setattr(OrbitWanTransformer3DModel, "compile_repeated_blocks", lambda self, **how: compiled.append(1))
    forward, attention, profiles, ends, switches = bench_network.tables(True)
    assert compiled
    assert "PyTorch" in forward.markdown()
    for table in (forward, attention, profiles, ends, switches):
        for row in table.rows:
            assert any(isinstance(cell, float) for cell in row), row  # measured, not failed
    assert [row[0] for row in profiles.rows] == ["80", "48", "24", "16", "12", "8", "8-disk"]
    assert [row[1] for row in ends.rows] == [4] * 5
    for table in (forward, switches):
        assert table.rows[0][2] == 1.0  # beside plain


@pytest.fixture
def gpu(monkeypatch):
    """The tables that a GPU would give where a forward pass takes 4 s and GASA a tenth more."""
    asked = []

    def case(name, **arguments):
        asked.append(arguments)
        if arguments["what"] == "device":
            return {"device": "a card", "gpu": True}
        if arguments.get("memory") == "8":
            raise bench_network.OrbitPainterError("bench-failed", "CUDA out of memory")
        seconds = 4.4 if arguments.get("gasa") else 4.0
        return {"seconds": seconds, "memory": 37e9, "attention": "native", "steps": 2, "keys": 70}

    monkeypatch.setattr(bench_network, "case", case)
    return asked


def test_targets_are_judged_on_a_gpu(gpu):
    *_, profiles, _, _, targets = bench_network.tables(False)
    assert {arguments.get("scale", "full") for arguments in gpu} == {"full"}
    assert "CUDA out of memory" in profiles.markdown()
    rows = {row[0]: row for row in targets.rows}
    assert set(rows) == set(bench_network.TARGETS)
    assert rows["forward pass, eager"][1:] == [4.0, 5.0, "s", "", "yes"]
    assert rows["forward pass, best attention, compiled"][-1] == "no"
    assert rows["release settings, end to end"][2:] == [420.0, "s", "720 s", "yes"]
    assert rows["20 steps, guidance on half, end to end"][2] == 120.0
    assert rows["4 steps, end to end"][2:5] == [25.0, "s", "120 s with DMD2"]
    assert rows["memory, both experts"][1:3] == [37.0, 66.0]
    assert rows["memory, one expert at a time"][-1] == "no"
    assert rows["GASA adds"][1] == pytest.approx(10)
    assert rows["GASA adds"][-1] == "yes"


def test_tables_come_as_they_are_measured(gpu):
    """An hour's work is not lost with what breaks it off."""
    next(bench_network.tables(False))
    assert len(gpu) == 1 + len(bench_network.FORWARDS)


def test_cases_that_fail_do_not_end_the_check(monkeypatch):
    def case(name, **arguments):
        if arguments["what"] == "device":
            return {"device": "a card", "gpu": True}
        raise bench_network.OrbitPainterError("bench-failed", "CUDA out of memory")

    monkeypatch.setattr(bench_network, "case", case)
    *measured, targets = bench_network.tables(False)
    assert all("CUDA out of memory" in table.markdown() for table in measured)
    assert {row[-1] for row in targets.rows} == {"not measured"}


def test_without_torch_that_is_said(monkeypatch):
    monkeypatch.setattr(bench_network, "case", lambda name, **arguments: {"missing": "this Python has no torch"})
    assert "no torch" in next(bench_network.tables(False)).markdown()
