# SPDX-License-Identifier: GPL-3.0-or-later
"""The device a run uses, what it can store, and how it says that its memory is full."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...errors import UsageError
from ...memory import HOST_MEMORY_WORDS, available_bytes
from .profiles import Storage

HOST = "this computer"


@dataclass(frozen=True)
class RunDevice:
    """name: for people; free, ram: bytes on the device and in the host; storages it can hold; dtype it computes in."""

    device: torch.device
    name: str
    free: float
    ram: float
    storages: tuple[Storage, ...]
    dtype: torch.dtype


def find_device(wanted: str) -> RunDevice:
    """`auto` is CUDA or ROCm, then Apple's GPU, then the CPU. Raises UsageError for a device that is not there."""
    ram = float(available_bytes())
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise UsageError(
            "option-range", f"There is no device named {wanted!r}.", "Use auto, cuda, cuda:1, mps or cpu."
        ) from error
    if device.type == "cuda":
        if not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count():
            raise UsageError("device-missing", f"There is no GPU {wanted}.", "Use the device auto.")
        free, _ = torch.cuda.mem_get_info(device)
        device = torch.device("cuda", device.index or 0)
        # fp8 is only stored, never multiplied: any CUDA or ROCm card can.
        return RunDevice(device, torch.cuda.get_device_name(device), free, ram, ("bf16", "fp8", "4bit"), torch.bfloat16)
    if device.type == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("device-missing", "There is no Apple GPU here.", "Use the device auto.")
        free = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return RunDevice(device, "Apple GPU", float(free), ram, ("bf16", "4bit"), torch.bfloat16)  # no float8
    if device.type == "cpu":
        return RunDevice(device, "CPU", ram, ram, ("bf16", "fp8", "4bit"), torch.float32)
    raise UsageError("option-range", f"OrbitPainter does not run on {wanted}.", "Use auto, cuda, mps or cpu.")


def full_memory(error: BaseException, device: str) -> str | None:
    """Whose memory is full: `device` (a name for people) or "this computer"; None where the error is another one."""
    if isinstance(error, MemoryError):
        return HOST
    if not isinstance(error, RuntimeError):
        return None
    if any(words in str(error).lower() for words in HOST_MEMORY_WORDS):
        return HOST
    if isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower():
        return device
    return None


def free_memory(device: torch.device) -> None:
    """Give what is cached back to the device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
