# SPDX-License-Identifier: GPL-3.0-or-later
"""Results on multi-material, rigged, modified, UDIM and overridden objects, in the installed extension."""

from pathlib import Path

import pytest

pytestmark = [pytest.mark.real_blender, pytest.mark.slow]


def test_results_on_all_kinds_of_objects(installed, tmp_path):
    script = Path(__file__).with_name("check_results.py")
    said = installed.call("run", "--python-exit-code", "9", "-P", script, "--", tmp_path)
    assert "RESULTS OK" in said, said[-3000:]
