# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from .installation import RealBlender, is_there


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A RealBlender that has the extension."""
    if not is_there():
        pytest.skip("there is no real Blender with an interface here")
    blender = RealBlender(tmp_path_factory.mktemp("blender"))
    blender.install()
    return blender
