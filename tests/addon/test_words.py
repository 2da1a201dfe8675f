# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference from Words: the button's side of it, with a program that stands for the engine's own."""

import json
import sys

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
words = sys.argv[1:]
given = dict(zip(words[1::2], words[2::2]))
assert words[0] == "reference" and given["--text"] == "a red ball", words
lines = Path(given["--mesh"]).read_text().splitlines()
def tell(kind, **fields):
    print(json.dumps({"v": 1, "type": kind, "job_id": "", **fields}), flush=True)
if given["--model"].rstrip("/").endswith("broken"):
    tell("error", code="x", message="That is no image model.", advice="Choose another.", retryable=False)
    sys.exit(3)
out = Path(given["--out"])
out.write_bytes(Path(PICTURE).read_bytes())
out.with_suffix(".json").write_text(json.dumps({"vertices": sum(line.startswith("v ") for line in lines)}))
tell("result", manifest=str(out), metrics={}, summary={})
"""


@pytest.fixture
def words(extension, tmp_path, monkeypatch):
    """Presses the button with these properties, for a cube."""
    from pathlib import Path

    from orbit_painter.addon import ops_words, upkeep

    picture = Path(__file__).resolve().parents[2] / "examples" / "reference.png"
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("PICTURE", repr(str(picture))))
    monkeypatch.setattr(upkeep, "PROGRAM", program)
    monkeypatch.setattr(ops_words, "_engine_python", lambda: Path(sys.executable))
    extension.ops.mesh.primitive_cube_add()

    def press(**properties):
        press_it = extension.ops.orbit_painter.reference_words
        return press_it("EXEC_DEFAULT", words="a red ball", model=str(tmp_path / "model"), **properties)

    return press


def test_the_picture_becomes_a_reference_with_its_camera(words, extension):
    assert words() == {"FINISHED"}
    (reference,) = extension.context.scene.orbit_painter.references
    assert reference.image.packed_file is not None  # its file goes with this Blender
    assert json.loads(reference.camera) == {"vertices": 8}
    assert json.loads(reference.guide_objects) == ["Cube"]


def test_a_model_that_cannot_be_used_is_said_and_changes_nothing(words, extension, tmp_path):
    from orbit_painter.addon import notices

    extension.ops.orbit_painter.reference_words("EXEC_DEFAULT", words="a red ball", model=str(tmp_path / "broken"))
    assert not extension.context.scene.orbit_painter.references
    assert "no image model" in notices.current()


def test_without_the_engine_it_says_what_to_install(extension, tmp_path):
    extension.ops.mesh.primitive_cube_add()
    with pytest.raises(RuntimeError, match="Install"):
        extension.ops.orbit_painter.reference_words("EXEC_DEFAULT", words="x", model=str(tmp_path))


def test_the_panel_shows_the_running_task(extension, monkeypatch):
    from types import SimpleNamespace

    from orbit_painter.addon import ops_words, upkeep

    from .conftest import load_sibling

    extension.ops.mesh.primitive_cube_add()
    task = upkeep.Task(ops_words.title(), "reference", 0.4, "step 3 of 30")
    monkeypatch.setattr(upkeep, "task", lambda: task)
    layout = load_sibling("fake_layout").FakeLayout()
    extension.types.ORBIT_PAINTER_PT_main.draw(SimpleNamespace(layout=layout), extension.context)
    assert any("step 3 of 30" in bar for bar in layout.bars)
    assert {"reference_words", "upkeep_cancel"} <= set(layout.operator_names())
