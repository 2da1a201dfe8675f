# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, the same program three ways:

    python backend/cli.py generate --mesh chair.glb --reference chair.png --out out/
    blender -b -P backend/cli.py -- generate --mesh chair.glb --reference chair.png --out out/
    blender -b scene.blend -P backend/cli.py -- generate --object Chair --reference chair.png --out out/

Exit status: 0 ok, 2 usage, 3 input unusable, 4 engine missing, 5 out of memory, 6 cancelled, 7 output failed,
10 internal (specs/blender-extension.md section 11).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

PACKAGE = "orbit_painter"
# Debian packages of what the bpy module links to and does not bring along.
SYSTEM_LIBRARIES = ("libx11-6", "libxrender1", "libxfixes3", "libxi6", "libxkbcommon0", "libsm6", "libice6", "libgl1")


def add_packages() -> None:
    """Let this Python find what `make blender-packages` installed for it, after everything of its own."""
    folder = Path(__file__).resolve().parent.parent / ".packages" / "{}.{}".format(*sys.version_info)
    if folder.is_dir():
        sys.path.append(str(folder))


def import_package() -> None:
    """Make the checkout importable as one package, whatever its folder is called, without touching sys.path."""
    if PACKAGE in sys.modules:
        return
    root = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(PACKAGE, root / "__init__.py", submodule_search_locations=[str(root)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


def arguments() -> list[str]:
    """The words meant for us: after `--` inside Blender, all of them otherwise."""
    words = sys.argv[1:]
    if "--" in words:
        return words[words.index("--") + 1 :]
    inside_blender = any(word in ("-P", "--python") for word in words)
    return [] if inside_blender else words


def make_host():
    """Blender where there is one (its own Python, or the bpy module); else plain files."""
    if importlib.util.find_spec("bpy") is not None:
        try:
            import bpy  # noqa: F401
        except ImportError as error:
            raise _library_missing(error) from error
        from orbit_painter.addon.host import BlenderHost

        return BlenderHost()
    from orbit_painter.backend.file_host import FileHost

    return FileHost()


def _library_missing(error: ImportError) -> Exception:
    from orbit_painter.backend.errors import EngineMissingError

    return EngineMissingError(
        "bpy-unloadable",
        f"Blender's Python module cannot be loaded ({error}).",
        "Install the system libraries it needs; on Debian and Ubuntu: apt-get install " + " ".join(SYSTEM_LIBRARIES),
    )


if __name__ == "__main__":
    add_packages()
    import_package()
    from orbit_painter.backend.commands import main

    status = main(arguments(), make_host)
    sys.stdout.flush()
    sys.stderr.flush()
    # Blender prints a farewell on stdout and runs exit handlers that may hang or crash; everything is written by now.
    os._exit(status)
