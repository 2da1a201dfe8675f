"""AgX is taken off painted colours, as Blender puts it on."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from orbit_painter.backend.painters.orbitpainter.view_transform import without_agx

SCRIPT = Path(__file__).resolve().parents[2] / "packaging" / "agx_table.py"


def test_measured_colours_come_back():
    """Of specs/orbitpainter.md section 2.4: what AgX made of a red and of a grey."""
    shown = np.array([[201, 102, 96], [170, 170, 170], [0, 0, 0]], np.uint8)
    plain = np.array([[231, 89, 89], [188, 188, 188], [0, 0, 0]])
    assert np.abs(without_agx(shown).astype(int) - plain).max() <= 2


def test_any_base_colour_comes_back_through_this_blenders_agx():
    pytest.importorskip("bpy")
    spec = importlib.util.spec_from_file_location("agx_table", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    plain = np.random.default_rng(0).random((4000, 3))
    shown = script.agx(plain)
    again = script.agx(without_agx(np.round(255 * shown).astype(np.uint8)) / 255)
    assert np.abs(255 * (again - shown)).mean() < 1  # where AgX is flat, many colours look the same
    error = np.abs(without_agx(np.round(255 * shown).astype(np.uint8)) - 255 * plain)
    assert error.mean() < 2


def test_shape_is_kept():
    assert without_agx(np.zeros((2, 5, 4, 3), np.uint8)).shape == (2, 5, 4, 3)
