# SPDX-License-Identifier: GPL-3.0-or-later
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = "check_registration.py"


def test_enabling_needs_no_numpy_and_leaves_nothing(bpy):
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name(CHECK)], capture_output=True, text=True, timeout=120
    )
    assert "REGISTERED" in done.stdout, done.stderr[-3000:]


@pytest.mark.real_blender
def test_the_same_in_a_real_blender(real_blender):
    assert "REGISTERED" in real_blender(CHECK)
