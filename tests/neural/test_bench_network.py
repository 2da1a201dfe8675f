"""`make gpu-check` works: the same measurements with tiny networks."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from orbit_painter.backend.evaluation import bench_network


@pytest.mark.parametrize(
    "options",
    [
        {"what": "forward", "gasa": False, "compiled": False, "attention": "auto", "repeats": 1},
        {"what": "forward", "gasa": True, "compiled": False, "attention": "native", "repeats": 1},
        {"what": "run", "memory": "80", "preset": "fast", "distilled": True},
        {"what": "run", "memory": "8", "preset": "balanced", "distilled": False, "steps": 2},
        {"what": "run", "memory": "24", "preset": "fast", "distilled": False, "steps": 10},
    ],
)
def test_measurements(options):
    result = bench_network.measure(quick=True, **options)
    assert result["seconds"] > 0
    assert result["device"]


def test_tables(monkeypatch):
    """The tables are made of the measurements, each tried on its own; one that fails is a cell."""
    asked = []

    def case(name, **arguments):
        asked.append(arguments)
        if arguments.get("memory") == "8":
            raise bench_network.OrbitPainterError("bench-failed", "CUDA out of memory")
        return {"seconds": 2.0, "memory": 3e9, "attention": "native", "device": "a card", "steps": 2}

    monkeypatch.setattr(bench_network, "case", case)
    text = "\n".join(table.markdown() for table in bench_network.tables(False))
    assert "a card" in text
    assert "CUDA out of memory" in text
    assert len(asked) == 4 + 6 + 3
    assert not any(arguments["quick"] for arguments in asked)
    monkeypatch.setattr(bench_network, "case", lambda name, **arguments: {"missing": "no GPU"})
    assert "not measured: no GPU" in bench_network.tables(False)[0].markdown()
