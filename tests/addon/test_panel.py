# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's buttons and sentences, drawn into a stand-in for Blender's layout."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from .conftest import load_sibling

REFERENCE = Path(__file__).resolve().parents[2] / "examples" / "reference.png"

_opened = None  # file names, while something listens


def _listen(event, arguments):
    if _opened is not None and event in ("open", "os.listdir", "os.scandir"):
        _opened.append(arguments[0])


sys.addaudithook(_listen)


def job_view(**changes):
    values = {
        "id": "job 1",
        "title": "Cube",
        "objects": (),
        "state": "running",
        "stage": "paint",
        "fraction": 0.4,
        "eta_s": 83.0,
        "detail": "view 3 of 9",
        "message": "",
        "advice": "",
        "code": "",
        "log": None,
        "previews": [],
        "out": Path("/nowhere"),
        "notes": (),
        "has_result": True,
    }
    return SimpleNamespace(**{**values, **changes})


@pytest.fixture
def draw(extension):
    """Draws a panel of ours by the end of its name; what was put into it."""
    fake = load_sibling("fake_layout")

    def drawn(panel="main"):
        layout = fake.FakeLayout()
        cls = getattr(extension.types, f"ORBIT_PAINTER_PT_{panel}")
        helper = SimpleNamespace(layout=layout)
        if hasattr(cls, "split"):
            helper.split = lambda: layout
        cls.draw(helper, extension.context)
        return layout

    return drawn


@pytest.fixture
def jobs(extension, monkeypatch):
    """Puts jobs into the list that the panel shows."""
    from orbit_painter.addon import jobs

    shown = []
    monkeypatch.setattr(jobs, "jobs", lambda: shown)
    return shown


def ready(bpy):
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.orbit_painter.reference_add(filepath=str(REFERENCE))


def test_nothing_selected(draw, extension):
    layout = draw()
    assert "Select the mesh" in layout.text().replace("\n", " ")
    assert "generate" in layout.operator_names()
    assert not extension.ops.orbit_painter.generate.poll()


def test_ready_to_generate(draw, extension):
    ready(extension)
    layout = draw()
    assert "Cube" in layout.labels
    assert {"guide_export", "generate", "reference_add", "reference_remove"} <= set(layout.operator_names())
    assert {"engine", "quality", "seed", "image", "view"} <= set(layout.props)
    assert "combine" not in layout.props
    assert extension.ops.orbit_painter.generate.poll()


def test_what_a_neural_job_takes_is_told_before_it_starts(draw, extension, monkeypatch):
    ready(extension)
    from orbit_painter.backend.painters.orbitpainter.forecast import Machine

    forecast, engine_state = (sys.modules[f"orbit_painter.addon.{name}"] for name in ("forecast", "engine_state"))
    monkeypatch.setattr(engine_state, "_missing", lambda name: ("", ""))
    engine_state.refresh()
    settings = extension.context.scene.orbit_painter
    settings.engine = "orbitpainter"
    monkeypatch.setattr(forecast, "_known", [])
    assert "OrbitPainter will take" not in draw().text()
    monkeypatch.setattr(forecast, "_known", [Machine("NVIDIA GeForce RTX 4090", 24e9, 64e9)])

    def told():
        return draw().text().replace("\n", " ")

    assert "19 GB of RAM (profile 24), and about" in told()
    settings.memory = "12"
    assert "(profile 12)" in told()
    settings.engine_options = "preset=nonsense"
    assert "OrbitPainter will take" not in told()  # the job says what is wrong
    settings.engine = "projection"
    assert "OrbitPainter" not in told()


def test_engines_are_asked_beside_the_main_thread(draw, extension, monkeypatch):
    """The first drawing imports and reads nothing for them; until it is known, an engine counts as able to run."""
    ready(extension)
    engine_state, threads = (sys.modules[f"orbit_painter.addon.{name}"] for name in ("engine_state", "threads"))
    asked = []
    monkeypatch.setattr(threads, "start", lambda work, done, failed: asked.append((work, done)))
    engine_state._states.clear()
    engine_state._items.clear()
    extension.context.scene.orbit_painter.engine = "orbitpainter"
    assert "Install it" not in draw().text()
    assert [item[3] for item in engine_state.items(None, None)] == ["NONE", "NONE"]
    assert len(asked) == 1
    for work, done in asked:
        done(work())
    assert "Install it" in draw().text()
    assert [item[3] for item in engine_state.items(None, None)] == ["CHECKMARK", "ERROR"]


def test_no_reference_yet(extension):
    extension.ops.mesh.primitive_cube_add()
    assert not extension.ops.orbit_painter.generate.poll()
    extension.ops.orbit_painter.reference_add(filepath=str(REFERENCE))
    assert extension.ops.orbit_painter.generate.poll()


def test_several_objects_ask_how(draw, extension):
    ready(extension)
    extension.ops.mesh.primitive_cone_add()
    extension.ops.object.select_all(action="SELECT")
    assert "combine" in draw().props


def test_a_running_job_has_its_bar_and_cancel(draw, extension, jobs):
    ready(extension)
    jobs += [job_view(previews=[REFERENCE]), job_view(id="job 2", title="Cone", state="queued")]
    layout = draw()
    assert layout.bars == ["Painting Views  40 %"]
    assert "about 1:23 left" in layout.labels
    cancels = [settings.job_id for name, _, settings in layout.operators if name == "orbit_painter.cancel"]
    assert cancels == ["job 1", "job 2"]
    assert layout.labels[layout.labels.index("1. Cone") :][:2] == ["1. Cone", "waiting"]
    assert [text for name, text, _ in layout.operators if name == "orbit_painter.generate"] == ["Add to Queue"]
    assert layout.pictures == 2  # the reference, and the newest frame
    jobs[:] = [job_view(stage="coverage", has_result=False)]
    layout = draw()
    assert (layout.bars, "Coverage of Cube" in layout.labels) == (["Coverage  40 %"], True)


def test_a_stalled_job_says_so(draw, jobs):
    jobs.append(job_view(state="stalled", eta_s=None))
    assert "not answered" in draw().text()


def test_a_failed_job_says_why_and_can_be_tried_again(draw, jobs):
    jobs.append(job_view(state="failed", message="The disk is full.", advice="Free some space.", log=Path("/x.log")))
    layout = draw()
    assert "The disk is full. Free some space." in layout.text().replace("\n", " ")
    assert {"retry", "dismiss", "open_file"} <= set(layout.operator_names())
    assert [text for name, text, _ in layout.operators if name == "orbit_painter.generate"] == [None]


def test_sub_panels(draw, extension, jobs, tmp_path):
    ready(extension)
    for name in ("views", "quality", "output", "advanced", "diagnostics"):
        assert "DEFAULT_CLOSED" in getattr(extension.types, f"ORBIT_PAINTER_PT_{name}").bl_options
        draw(name)
    assert "no result yet" in draw("views").text()
    assert not extension.ops.orbit_painter.rebake.poll()
    (tmp_path / "coverage").mkdir()
    (tmp_path / "coverage" / "Cube.png").write_bytes(REFERENCE.read_bytes())
    jobs.append(job_view(state="done", out=tmp_path))
    layout = draw("views")
    assert layout.pictures == 2
    assert "rebake" in layout.operator_names()
    extension.context.scene.orbit_painter.output = "IMAGE_ONLY"
    assert "material_mode" not in draw("output").props


def test_planned_coverage_is_shown_with_its_figures(draw, extension, jobs, tmp_path, monkeypatch):
    import json

    ready(extension)
    from orbit_painter.addon import planned
    from orbit_painter.addon.blocks import ref

    assert draw("views").operator_names() == ["coverage"]
    assert extension.ops.orbit_painter.coverage.poll()
    (tmp_path / "planned").mkdir()
    (tmp_path / "planned" / "Cube.png").write_bytes(REFERENCE.read_bytes())
    shares = {"reference": 0.312, "painted": 0.65, "unseen": 0.038}
    (tmp_path / "report.json").write_text(json.dumps({"coverage": {"coverage": shares, "references": 1}}))
    cube = extension.context.object
    planned.keep(job_view(state="done", out=tmp_path, objects=(ref(cube),), notes=("It gets a new UV map.",)))
    layout = draw("views")
    text = layout.text().replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")
    assert "References will show 31 % of the surface, other views 65 %, and 4 % is seen by none." in text
    assert "It gets a new UV map." in text
    assert layout.pictures == 1
    for tile in range(1001, 1006):
        (tmp_path / "planned" / f"Cube.{tile}.png").write_bytes(REFERENCE.read_bytes())
    sys.modules["orbit_painter.addon.ui_views"].planned_pictures.cache_clear()
    layout = draw("views")
    assert (layout.pictures, "and 3 more" in layout.labels, "Cube.1001" in layout.labels) == (3, True, True)
    extension.ops.mesh.primitive_cone_add()
    assert draw("views").pictures == 0, "the picture of another object is shown"


def test_diagnostics_are_shown(draw, extension):
    extension.ops.orbit_painter.diagnose()
    text = draw("diagnostics").text().replace("\n", " ")
    assert "GB are free for jobs" in text
    assert "The engine Projection can run." in text


def test_drawing_reads_memory_only(draw, extension, jobs):
    global _opened
    ready(extension)
    jobs.append(job_view())
    for panel in ("main", "views", "quality", "output", "advanced", "diagnostics"):
        draw(panel)  # what is read once is read now
        _opened = []
        try:
            draw(panel)
            assert _opened == []
        finally:
            _opened = None
