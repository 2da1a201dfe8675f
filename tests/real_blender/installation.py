# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension, built and installed into a real Blender with its interface on a virtual screen.

Needs the helper shared/tools/real-blender: a Blender with a window system in a root of its own.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HELPER = ROOT.parent / "shared" / "tools" / "real-blender"
LONG = 1200  # seconds after which Blender is taken to hang; a play's conditions give up earlier
SHIPPED = ("blender_manifest.toml", "__init__.py", "LICENSE", "addon", "backend")


def is_there():
    return HELPER.exists() and (Path.home() / ".cache/real-blender/root/.ready").exists()


class RealBlender:
    """One user's Blender: settings, jobs and results lie in the folder `home`."""

    def __init__(self, home):
        self.home = Path(home)

    def install(self):
        """Build the zip and install it as an artist does."""
        source = self.home / "source"
        source.mkdir()
        for name in SHIPPED:
            origin = ROOT / name
            if origin.is_dir():
                shutil.copytree(origin, source / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(origin, source)
        self.call("run", "-c", "extension", "build", "--source-dir", source, "--output-dir", self.home)
        (archive,) = self.home.glob("orbit_painter-*.zip")
        self.call("run", "-c", "extension", "install-file", "-r", "user_default", "--enable", archive)

    def call(self, *words, timeout=LONG):
        """The helper with these words; its output. Fails if Blender does."""
        environment = {
            **os.environ,
            "BLENDER_USER_RESOURCES": str(self.home / "user"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "REAL_BLENDER_ROOT": str(Path.home() / ".cache/real-blender/root"),
        }
        line = [str(HELPER), *map(str, words)]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=timeout, env=environment)
        assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    def play(self, name, *words, timeout=LONG, window=None):
        """Runs one of the plays of this folder with the interface; what it reported. window: its size in pixels."""
        report = self.home / f"{name}.json"
        options = ["--window-geometry", "0", "0", *window] if window else []
        options += ["--enable-event-simulate", "--python-exit-code", "9", "-P", HERE / "driver.py", "--"]
        self.call("gui", *options, name, report, *words, timeout=timeout)
        return json.loads(report.read_text())
