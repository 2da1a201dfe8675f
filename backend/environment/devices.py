# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed for each device on each platform: one table.

PyPI's torch is the CUDA build on Linux, the CPU build on Windows, and has Metal on macOS. Other builds are on
PyTorch's own index under a local version (`+cpu`, `+cu130`). Their files are the same for everybody, so a lock can
carry their hashes wherever the builds could be had when the lock was made. Where they could not, `unhashed` names the
requirement, and the installer locks it to the hashes that the index states over TLS at that moment (`installer.py`).
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
PYTHON = "3.11"  # of the engine, whatever Blender's own is
TORCH = "2.13.0"
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
DEVICES = ("cpu", "cuda", "mps", "rocm")
MODULES = ("numpy", "safetensors", "torch", "diffusers", "transformers", "peft", "accelerate", "gguf")
GB = 10**9


@dataclass(frozen=True)
class Recipe:
    """What one engine is made of.

    locks           hashed requirement files; together they name every package
    unhashed        a further requirement whose hashes no lock has; "" in tier 1
    index           where torch's build is found beside the default index; "" if it is there
    modules         imported by the self-test
    download_bytes  about what is fetched; disk_bytes about what engine and cache take together
    tier            1: tried; 2: declared, not tried on such a machine
    """

    device: str
    locks: tuple[Path, ...]
    unhashed: str = ""
    index: str = ""
    modules: tuple[str, ...] = MODULES
    download_bytes: int = 0
    disk_bytes: int = 0
    tier: int = 1


def _recipe(device: str, lock: str = "", unhashed: str = "", index: str = "", tier: int = 2) -> Recipe:
    locks = tuple(REQUIREMENTS / name for name in ("neural.txt", lock) if name)
    download, disk = _SIZES["cpu" if device in ("cpu", "mps") else "gpu"]
    return Recipe(device, locks, unhashed, index, download_bytes=download, disk_bytes=disk, tier=tier)


_SIZES = {"cpu": (GB // 2, 2 * GB), "gpu": (3 * GB, 8 * GB)}  # download, disk
RECIPES: dict[tuple[str, str], Recipe] = {
    ("linux-x64", "cpu"): _recipe("cpu", "torch-cpu.txt", index=PYTORCH_INDEX + "cpu", tier=1),
    ("linux-x64", "cuda"): _recipe("cuda", "torch-cuda.txt", tier=1),
    ("linux-x64", "rocm"): _recipe("rocm", unhashed=f"torch=={TORCH}+rocm7.2", index=PYTORCH_INDEX + "rocm7.2"),
    ("windows-x64", "cpu"): _recipe("cpu", "torch-cpu.txt"),
    ("windows-x64", "cuda"): _recipe("cuda", unhashed=f"torch=={TORCH}+cu130", index=PYTORCH_INDEX + "cu130"),
    ("macos-arm64", "cpu"): _recipe("cpu", "torch-cpu.txt"),
    ("macos-arm64", "mps"): _recipe("mps", "torch-cpu.txt"),
}


def platform_name(system: str = sys.platform, machine: str = "") -> str:
    """Such as linux-x64, windows-x64 or macos-arm64."""
    names = {"linux": "linux", "win32": "windows", "darwin": "macos"}
    machines = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    machine = (machine or platform.machine()).lower()
    return f"{names.get(system, system)}-{machines.get(machine, machine)}"


def devices_here(platform: str = "") -> list[str]:
    """The devices that an engine can be installed for on this platform, tier 1 first."""
    here = [recipe for (name, _), recipe in RECIPES.items() if name == (platform or platform_name())]
    return [recipe.device for recipe in sorted(here, key=lambda recipe: recipe.tier)]


def recipe_for(device: str, platform: str = "") -> Recipe:
    """The recipe of a device on a platform (default: this one). Raises UsageError if there is none."""
    platform = platform or platform_name()
    recipe = RECIPES.get((platform, device))
    if recipe is None:
        known = ", ".join(devices_here(platform)) or "none"
        raise UsageError(
            "device-unsupported",
            f"There is no engine for the device {device!r} on {platform}.",
            f"Devices here: {known}. The projection engine needs none.",
        )
    return recipe
