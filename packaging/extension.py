# SPDX-License-Identifier: GPL-3.0-or-later
"""The zip that Blender installs, and the static repository that Blender can add by URL.

    python packaging/extension.py build [OUT]         OUT/orbit_painter-VERSION.zip
    python packaging/extension.py repository [OUT]    OUT/repository/: the zip, index.json, index.html

Checked by Blender's own validator (it comes with the bpy module), against a list of what may be inside, and for size.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 5_000_000  # bytes
# Anything else in the zip is an error: compiled code above all, which would have to exist for every system and Python.
ALLOWED = re.compile(
    r"blender_manifest\.toml|__init__\.py|LICENSE|(addon|backend)/([\w-]+/)*[\w-]+\.(py|json|toml|npy)"
    r"|requirements/(neural|torch-cpu|torch-cuda|tools)\.txt"
)
SOURCES = ("blender_manifest.toml", "__init__.py", "LICENSE", "addon", "backend")
LOCKS = ("neural.txt", "torch-cpu.txt", "torch-cuda.txt", "tools.txt")  # what the engine installer reads


def build(out: Path) -> Path:
    """Validate, build and check; the zip."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "orbit_painter"
        stage(folder)
        blender_tool("validate", folder)
        blender_tool("build", "--source-dir", folder, "--output-dir", out)
    path = out / f"orbit_painter-{version()}.zip"
    check(path)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {len(zipfile.ZipFile(path).namelist())} files")
    return path


def stage(folder: Path) -> None:
    """Copy what the extension consists of."""
    (folder / "requirements").mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copyfile(source, folder / name)
    for name in LOCKS:
        shutil.copyfile(ROOT / "requirements" / name, folder / "requirements" / name)


def check(path: Path) -> None:
    """Ends the program unless the zip holds only what may be in it and is small enough."""
    with zipfile.ZipFile(path) as packed:
        names = [name for name in packed.namelist() if not name.endswith("/")]
    strange = [name for name in names if not ALLOWED.fullmatch(name)]
    missing = {"blender_manifest.toml", "__init__.py", "LICENSE", "backend/cli.py"} - set(names)
    if strange or missing:
        sys.exit(f"{path}: not on the list: {strange[:10]}; missing: {sorted(missing)}")
    if path.stat().st_size > LIMIT:
        sys.exit(f"{path} has {path.stat().st_size} bytes; at most {LIMIT} are allowed")


def repository(out: Path) -> Path:
    """The folder to put on any web server; users add the address of its index.json."""
    folder = out / "repository"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(build(out), folder)
    blender_tool("server-generate", "--repo-dir", folder, "--html")
    return folder


def blender_tool(*words: str | Path) -> None:
    """Blender's own tool for extensions, with this Python."""
    spec = importlib.util.find_spec("bpy")
    if spec is None or spec.origin is None:
        sys.exit("The bpy module is needed: run this through `make`.")
    tool = next(Path(spec.origin).parent.glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py"))
    subprocess.run([sys.executable, str(tool), *map(str, words)], check=True)


def version() -> str:
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("build", "repository"))
    parser.add_argument("out", nargs="?", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    (build if options.what == "build" else repository)(options.out)
