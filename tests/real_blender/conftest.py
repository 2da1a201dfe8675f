# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension, built and installed into a real Blender with its interface on a virtual screen.

Needs the helper shared/tools/real-blender (a Blender root with a window system); skipped where it is not set up.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HELPER = ROOT.parent / "shared" / "tools" / "real-blender"
SHIPPED = ("blender_manifest.toml", "__init__.py", "LICENSE", "addon", "backend")
PATIENCE = 420  # seconds for one Blender


class RealBlender:
    """One user's Blender: settings and jobs lie in `home`."""

    def __init__(self, home):
        self.home = home
        self.jobs = home / "jobs"

    def environment(self):
        return {
            **os.environ,
            "BLENDER_USER_RESOURCES": str(self.home / "user"),
            "ORBIT_PAINTER_JOBS": str(self.jobs),
            "REAL_BLENDER_SHARE": f"/{ROOT.parts[1]} /tmp /opt {Path.home()}",
        }

    def call(self, *words, timeout=PATIENCE):
        """The helper with these words; its output. Fails if Blender does."""
        line = [str(HELPER), *map(str, words)]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=timeout, env=self.environment())
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def play(self, script, *words):
        """Runs one of the plays of this folder with the interface; what it reported."""
        report = self.home / f"{Path(script).stem}.json"
        options = ["--enable-event-simulate", "--python-exit-code", "9", "-P", HERE / script, "--", report, *words]
        self.call("gui", *options)
        return json.loads(report.read_text())


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Installs the zip as an artist does, and enables it."""
    if not HELPER.exists() or not (Path.home() / ".cache/real-blender/root/.ready").exists():
        pytest.skip("there is no real Blender with an interface here")
    home = tmp_path_factory.mktemp("blender")
    blender = RealBlender(home)
    source = home / "source"
    source.mkdir()
    for name in SHIPPED:
        origin = ROOT / name
        if origin.is_dir():
            shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source)
    blender.call("run", "-c", "extension", "build", "--source-dir", source, "--output-dir", home)
    (archive,) = home.glob("orbit_painter-*.zip")
    blender.call("run", "-c", "extension", "install-file", "-r", "user_default", "--enable", archive)
    return blender
