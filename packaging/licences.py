# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/licences.md: every package of every lock, its version and its licence.

Licences come from the installed packages, in SPDX's words where those have them; `KNOWN` has those of packages that are
not installed on the machine that makes the table, or that say it in prose. A package with neither ends the program.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "licences.md"
LOCKS = {  # lock -> who gets its packages
    "core": "command line",
    "neural": "engine",
    "torch-cpu": "engine",
    "torch-cuda": "engine on NVIDIA",
    "tools": "installer",
}
CUDA = "NVIDIA CUDA EULA"
KNOWN = {
    "accelerate": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "cuda-bindings": "NVIDIA Software License",
    "cuda-pathfinder": "Apache-2.0",
    "cuda-toolkit": CUDA,
    "diffusers": "Apache-2.0",
    "embreex": "BSD-2-Clause, Embree: Apache-2.0",
    "httpx2-jsfetch": "BSD-3-Clause",
    "imageio-ffmpeg": "BSD-2-Clause, its FFmpeg program: GPL-3.0-or-later",
    "jinja2": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "numba": "BSD-2-Clause",
    "numpy": "BSD-3-Clause",
    "opencv-python-headless": "Apache-2.0",
    "peft": "Apache-2.0",
    "pymaxflow": "GPL-3.0-or-later",
    "scipy": "BSD-3-Clause",
    "shellingham": "ISC",
    "sympy": "BSD-3-Clause",
    "transformers": "Apache-2.0",
    "triton": "MIT",
    "xatlas": "MIT",
    "nvidia-nccl-cu13": "BSD-3-Clause",
}
CLASSIFIERS = {"MIT License": "MIT", "Apache Software License": "Apache-2.0", "BSD License": "BSD"}
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


def rows() -> list[tuple[str, str, str, str]]:
    """(package, versions, licence, who gets it), by name."""
    versions: dict[str, dict[str, None]] = {}
    users: dict[str, dict[str, None]] = {}
    for lock, user in LOCKS.items():
        for name, version in PINNED.findall((ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")):
            versions.setdefault(name, {})[version] = None
            users.setdefault(name, {})[user] = None
    return [(name, ", ".join(versions[name]), licence(name), ", ".join(users[name])) for name in sorted(versions)]


def licence(name: str) -> str:
    """The package's licence. Ends the program if it is not known."""
    if name in KNOWN:
        return KNOWN[name]
    if name.startswith("nvidia-"):
        return CUDA
    try:
        about = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        sys.exit(f"{name} is not installed here: add its licence to KNOWN in {Path(__file__).name}.")
    said = about.get("License-Expression") or ""
    if not said:
        classifiers = [line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or []]
        said = next((CLASSIFIERS[line] for line in classifiers if line in CLASSIFIERS), "")
    said = said or about.get("License") or ""
    if not said or len(said) > 160:
        sys.exit(f"The licence of {name} is not told in a word: add it to KNOWN in {Path(__file__).name}.")
    return said


def text() -> str:
    """The page."""
    lines = [
        "# Licences",
        "",
        "Made by `make licences` from the locks in `requirements/`. The extension itself carries none of these",
        "packages: it is GPL-3.0-or-later and needs what Blender ships. *Command line* is `make demo`; *engine* and",
        "*installer* are fetched by the engine installer. NVIDIA's libraries may be used commercially and come from",
        "NVIDIA, not from us. Models have licences of their own: `models list` shows them.",
        "",
        "| package | version | licence | for |",
        "| --- | --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text(), encoding="utf-8")
    print(f"{TABLE}: {len(rows())} packages")
