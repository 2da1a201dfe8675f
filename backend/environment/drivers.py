# SPDX-License-Identifier: GPL-3.0-or-later
"""What the graphics driver says of itself, asked without PyTorch."""

from __future__ import annotations

import ctypes
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CUDA_WANTED = 13000  # of the locked torch, as cuDriverGetVersion counts: 1000 major + 10 minor
DRIVER_WANTED = "580"


@dataclass(frozen=True)
class Gpu:
    """One device: name, memory in bytes, compute capability times ten."""

    name: str
    memory: int
    capability: int


@dataclass(frozen=True)
class CudaDriver:
    """version: CUDA's, 13000 for 13.0; 0 without a driver. problem: why there is none, for the artist."""

    version: int = 0
    gpus: tuple[Gpu, ...] = ()
    problem: str = ""


def cuda_driver() -> CudaDriver:
    """NVIDIA's driver, through its library."""
    name = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}.get(sys.platform)
    if name is None:
        return CudaDriver(problem="This system has no NVIDIA driver")
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return CudaDriver(problem="No NVIDIA driver is installed")
    return _ask(library)


def _ask(library: Any) -> CudaDriver:
    if library.cuInit(0) != 0:
        return CudaDriver(problem="The NVIDIA driver finds no usable graphics card")
    number = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(number))
    version = number.value
    library.cuDeviceGetCount(ctypes.byref(number))
    gpus = []
    for index in range(number.value):
        device, text, memory = ctypes.c_int(), ctypes.create_string_buffer(100), ctypes.c_size_t()
        library.cuDeviceGet(ctypes.byref(device), index)
        library.cuDeviceGetName(text, len(text), device)
        library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
        major, minor = (_attribute(library, which, device) for which in (75, 76))
        gpus.append(Gpu(text.value.decode(errors="replace"), memory.value, 10 * major + minor))
    return CudaDriver(version, tuple(gpus), "" if gpus else "The NVIDIA driver finds no graphics card")


def _attribute(library: Any, which: int, device: ctypes.c_int) -> int:
    value = ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return value.value


def has_rocm() -> bool:
    """AMD's compute driver is loaded (Linux)."""
    return Path("/dev/kfd").exists()


def best_device() -> str:
    """What `--device auto` means here: CUDA where its driver is new enough, Metal on Apple silicon, else the CPU.

    ROCm is never chosen by itself: it is declared and not tried.
    """
    driver = cuda_driver()
    if driver.gpus and driver.version >= CUDA_WANTED:
        return "cuda"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "mps"
    return "cpu"


def problem_of(device: str, driver: CudaDriver | None = None) -> tuple[str, str, str] | None:
    """(code, message, advice) if an engine for this device could not run here; None if it can."""
    if device == "cuda":
        driver = driver or cuda_driver()
        if driver.problem:
            return "no-nvidia-gpu", f"{driver.problem}.", "Install the driver, or choose another device."
        if driver.version < CUDA_WANTED:
            has = f"{driver.version // 1000}.{driver.version % 1000 // 10}"
            wants = f"{CUDA_WANTED // 1000}.{CUDA_WANTED % 1000 // 10}"
            return (
                "driver-too-old",
                f"The NVIDIA driver knows CUDA {has}, and {wants} is needed.",
                f"Install driver {DRIVER_WANTED} or newer, or choose the device cpu.",
            )
    if device == "rocm" and not has_rocm():
        return "no-amd-gpu", "AMD's compute driver is not loaded.", "Install ROCm, or choose another device."
    return None
