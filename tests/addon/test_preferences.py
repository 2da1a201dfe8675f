# SPDX-License-Identifier: GPL-3.0-or-later
"""The preferences: drawn from memory, tasks in processes of their own."""

import json
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from orbit_painter.backend.environment.states import State
from orbit_painter.backend.environment.status import EngineStatus


@pytest.fixture
def upkeep(bpy, tmp_path, monkeypatch):
    """The module, registered, with a root folder of its own."""
    import orbit_painter
    from orbit_painter.addon import upkeep as module

    orbit_painter.register()
    monkeypatch.setattr(module, "root", lambda: tmp_path / "root")
    yield module
    orbit_painter.unregister()


def texts(layout):
    """All texts that were drawn on a mock layout."""
    found = []
    for name, words, options in layout.mock_calls:
        if name.endswith((".label", ".operator", ".progress")):
            found += [str(word) for word in (*words, options.get("text", ""), options.get("factor", "")) if word != ""]
    return found


def draw(upkeep, status=None):
    from orbit_painter.addon import prefs

    layout, settings = MagicMock(), MagicMock(root="", device="auto")
    settings.layout = layout
    upkeep.refresh()
    if status is not None:
        upkeep._snapshot = upkeep.Snapshot(upkeep.root(), status, upkeep._snapshot.models)
    context = MagicMock()
    context.preferences.system.ui_scale = 1.0
    context.region.width = 400
    prefs.ORBIT_PAINTER_preferences.draw(settings, context)
    return texts(layout)


@pytest.mark.parametrize(
    ("state", "button"),
    [
        (State.MISSING, "Install"),
        (State.READY, "Repair"),
        (State.OUTDATED, "Update"),
        (State.FAILED, "Install"),
        (State.FETCHING, "Repair"),
    ],
)
def test_every_state_has_its_button(upkeep, state, button):
    shown = draw(upkeep, EngineStatus(state, Path("python"), "cpu", "0.1.0", "It happened.", "Do this.", "code", "old"))
    assert button in shown
    assert any("It happened." in text for text in shown)
    assert "Go Back" in shown
    assert "orbit_painter.environment_folder" in shown


def test_models_are_listed_with_size_and_licence(upkeep):
    from orbit_painter.backend.models.catalogue import CATALOGUE

    shown = draw(upkeep)
    assert "28.6 GB" in shown
    assert "Apache-2.0" in shown
    fetched = [model for model in CATALOGUE if model.repository]
    assert sum("orbit_painter.model_download" in text for text in shown) == len(fetched) + 1
    (everything,) = [text for text in shown if "Download All" in text]
    assert "OrbitPainter" in everything
    assert "GB" in everything


def test_what_is_about_to_be_downloaded_is_shown(upkeep, bpy):
    """One button for all that the engine lacks: each model's size, source, destination and licence."""
    from types import SimpleNamespace

    draw(upkeep)
    dialog, layout = bpy.types.ORBIT_PAINTER_OT_model_download, MagicMock()
    dialog.draw(SimpleNamespace(name="orbitpainter", layout=layout), None)
    shown = texts(layout)
    assert sum("28.6 GB" in text for text in shown) == 2
    assert any("UMT5" in text and "11.4 GB" in text for text in shown)  # the first run needs it
    assert sum("Apache-2.0" in text for text in shown) == 5
    assert any("model card" in text for text in shown)


def test_nothing_can_be_downloaded_while_blender_is_offline(upkeep, bpy, monkeypatch):
    """The buttons are grey, and a script hears the reason."""
    import sys

    buttons = sys.modules["orbit_painter.addon.ops_environment"]
    download = bpy.ops.orbit_painter.model_download
    monkeypatch.setattr(buttons, "offline_reason", lambda: "")
    assert download.poll()
    monkeypatch.setattr(buttons, "offline_reason", lambda: "Allow Online Access is off.")
    assert not download.poll()
    with pytest.raises(RuntimeError, match="Allow Online Access is off"):
        download(name="orbitpainter")


def test_drawing_reads_no_file(upkeep, monkeypatch):
    draw(upkeep)
    monkeypatch.setattr(upkeep, "refresh", lambda: pytest.fail("read while drawing"))
    snapshot = upkeep._snapshot
    for name in ("open", "exists", "read_text", "stat", "is_dir"):
        monkeypatch.setattr(Path, name, lambda *words, **options: pytest.fail("a file was looked at while drawing"))
    from orbit_painter.addon import prefs

    context = MagicMock()
    context.preferences.system.ui_scale, context.region.width = 1.0, 400
    prefs.ORBIT_PAINTER_preferences.draw(MagicMock(root="", layout=MagicMock()), context)
    assert upkeep._snapshot is snapshot


def test_a_task_reports_progress_and_how_it_ended(upkeep):
    task = upkeep.Task("Installing")
    for event in (
        {"type": "progress", "stage": "fetching", "done": 0.25, "detail": "torch 190 MB"},
        {"type": "heartbeat"},
        {"type": "log", "message": "A note."},
    ):
        upkeep._take(task, event)
    assert (task.stage, task.fraction, task.detail, task.notes) == ("fetching", 0.25, "torch 190 MB", ["A note."])
    upkeep._task, upkeep._child = task, MagicMock()
    shown = draw(upkeep)
    assert "0.25" in shown
    assert any("Fetching  torch 190 MB" in text for text in shown)
    upkeep._take(task, {"type": "error", "message": "The disk became full.", "advice": "Free some space."})
    upkeep._child = None
    assert any("The disk became full." in text for text in draw(upkeep))


def test_the_buttons_run_the_command_in_a_process(bpy, upkeep, tmp_path):
    """In background mode they run to the end; a failure is a sentence."""
    empty = tmp_path / "no bundle"
    empty.mkdir()
    with pytest.raises(RuntimeError, match="holds neither a bundle nor wheels"):
        bpy.ops.orbit_painter.environment_folder(directory=str(empty))
    assert upkeep.task().state == "failed"
    assert not upkeep.busy()
    assert upkeep.snapshot().engine.state is State.MISSING


def test_the_users_models_are_found(bpy, upkeep, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Wan2.1_VAE.pth").write_bytes(b"V")
    bpy.ops.orbit_painter.model_add(directory=str(tmp_path / "mine"))
    [vae] = [model for model in upkeep.snapshot().models if model.model.name == "wan-vae"]
    assert (vae.state, vae.external) == ("ready", True)
    record = json.loads((tmp_path / "root" / "models" / "wan-vae" / "model.json").read_text())
    assert record["folder"] == str(tmp_path / "mine")
    assert bpy.ops.orbit_painter.model_remove(name="wan-vae") == {"FINISHED"}
    assert (tmp_path / "mine" / "Wan2.1_VAE.pth").exists()
    with pytest.raises(RuntimeError, match="no known model"):
        bpy.ops.orbit_painter.model_add(directory=str(tmp_path))


def test_every_action_has_its_own_tooltip(bpy, upkeep):
    from orbit_painter.addon.ops_environment import ORBIT_PAINTER_OT_environment as operator

    properties = MagicMock(bl_rna=bpy.ops.orbit_painter.environment.get_rna_type())
    told = set()
    for action in ("install", "update", "repair", "rollback"):
        properties.action = action
        told.add(operator.description(None, properties))
    assert len(told) == 4
