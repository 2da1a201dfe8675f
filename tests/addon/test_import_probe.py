# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that crashes its importer is refused, and nothing else ends."""

from __future__ import annotations

import pytest
from orbit_painter.backend.errors import InputError

pytestmark = pytest.mark.bpy


def test_a_crash_is_told_from_an_error(bpy, tmp_path):
    from orbit_painter.addon.import_probe import crashes

    path = tmp_path / "model.usdc"
    assert crashes(path, "import os; os.abort()")
    assert not crashes(path, "raise RuntimeError('unreadable')")
    assert not crashes(path, "import sys; assert sys.argv[-1].endswith('model.usdc')")


def test_a_file_that_crashes_the_importer_is_refused(bpy, tmp_path, monkeypatch):
    from orbit_painter.addon import import_file, import_probe

    path = tmp_path / "model.usda"
    path.write_text("#usda 1.0\n")
    abort = "import os; os.abort()"
    monkeypatch.setattr(import_file, "crashes", lambda path: import_probe.crashes(path, abort))
    with pytest.raises(InputError, match="crashes") as error:
        import_file.import_file(path)
    assert error.value.code == "file-damaged"
