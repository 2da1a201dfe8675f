# SPDX-License-Identifier: GPL-3.0-or-later
"""What a crash left in a file is removed, and nothing that is at work or belongs to somebody else."""

import pytest

pytestmark = pytest.mark.bpy


@pytest.fixture
def left(extension):
    from orbit_painter.addon import leftovers

    extension.data.scenes.new(f"{leftovers.ALL}passes")
    extension.data.meshes.new(f"{leftovers.ALL}passes")
    extension.data.meshes.new("Mine")
    return leftovers


def names(bpy):
    return sorted([scene.name for scene in bpy.data.scenes] + [mesh.name for mesh in bpy.data.meshes])


def test_a_file_is_saved_without_leftovers(left, extension, tmp_path):
    extension.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert names(extension) == ["Mine", "Scene"]


def test_what_is_at_work_stays(left, extension, tmp_path):
    with left.InUse():
        extension.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
        assert len(names(extension)) == 4
