# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing how full attention is computed: probe, fall back, and leave the rest of the process alone.

diffusers' `set_attention_backend` also changes the default of the whole process, and a backend that cannot run fails
only when it is first called (specs/inference-speed.md section 3). Here a backend is tried on 64 tokens first, and set
on one model's processors only. Backends that download a kernel when first used (`*_hub`) are not offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.attention_dispatch import AttentionBackendName, dispatch_attention_fn

from ...errors import UsageError
from .transformer import OrbitWanTransformer3DModel

NATIVE = "native"
AUTO, FASTEST = "auto", "fastest"
BackendChoice = tuple[str, str | None]  # name, note


def known_backends() -> list[str]:
    """Names that may be asked for."""
    return sorted(name.value for name in AttentionBackendName if not name.value.endswith("_hub"))


def candidates(device: torch.device, exact: bool = True) -> list[str]:
    """Backends to try on a device, best first; with 8-bit ones (SageAttention) unless they have to be exact."""
    if device.type != "cuda" or torch.version.hip:
        return [NATIVE]
    major, _ = torch.cuda.get_device_capability(device)
    sage = [] if exact else ["_sage_qk_int8_pv_fp8_cuda_sm90" if major == 9 else "sage"]
    if major == 9:
        return [*sage, "_flash_3", "_native_cudnn", NATIVE]
    if major >= 10:
        return [*sage, "_native_cudnn", "flash", NATIVE]
    return [*sage, "flash", NATIVE]


def problem(name: str, device: torch.device, dtype: torch.dtype, head_dim: int = 128) -> str | None:
    """Why `name` cannot be used here, or None: it is tried on 64 tokens and compared with PyTorch's own."""
    generator = torch.Generator("cpu").manual_seed(0)
    x = torch.randn(3, 1, 64, 2, head_dim, generator=generator).to(device, dtype)
    try:
        ours = dispatch_attention_fn(x[0], x[1], x[2], backend=AttentionBackendName(name))
    except Exception as error:  # a kernel may raise anything; the answer is the message
        return f"{type(error).__name__}: {error}"
    q, k, v = x.transpose(2, 3).float().unbind(0)
    exact = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2)
    if not torch.isfinite(ours).all() or (ours.float() - exact).abs().max() > 0.1:
        return "its result is wrong"
    return None


def choose_backend(wanted: str, device: torch.device, dtype: torch.dtype, head_dim: int = 128) -> BackendChoice:
    """The backend to use, and a note where the wanted one cannot run.

    `auto`: the best exact one that works; `fastest`: 8-bit ones too. Raises UsageError for a name that is not known.
    """
    if wanted in (AUTO, FASTEST):
        for name in candidates(device, wanted == AUTO):
            if name == NATIVE or problem(name, device, dtype, head_dim) is None:
                return name, None
        return NATIVE, None
    if wanted not in known_backends():
        raise UsageError(
            "option-range",
            f"There is no attention named {wanted!r}.",
            f"Use auto, fastest, {', '.join(known_backends())}.",
        )
    if (reason := problem(wanted, device, dtype, head_dim)) is not None:
        return NATIVE, f"The attention {wanted} cannot be used here ({reason}); PyTorch's own is used."
    return wanted, None


def use_backend(
    models: Sequence[OrbitWanTransformer3DModel], wanted: str, device: torch.device, dtype: torch.dtype
) -> BackendChoice:
    """Choose for models of one kind on a device, as `choose_backend` does, and set it in each."""
    name, note = choose_backend(wanted, device, dtype, int(models[0].config["attention_head_dim"]))
    for model in models:
        set_backend(model, name)
    return name, note


def set_backend(model: OrbitWanTransformer3DModel, name: str) -> None:
    """Use `name` in this model, and in no other."""
    blocks: Any = model.blocks
    for block in blocks:
        for attention in (block.attn1, block.attn2):
            attention.processor._attention_backend = AttentionBackendName(name)
