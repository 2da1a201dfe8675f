# SPDX-License-Identifier: GPL-3.0-or-later
"""Single measurements of OrbitPainter's networks with random weights: a forward pass, one attention, a whole run.

Torch is imported when something is measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..errors import OrbitPainterError


@dataclass(frozen=True)
class Scale:
    """How large the networks and the job are.

    views, size: of each orbit; frames, side: of the latents of both orbits in one sequence; config: of the network;
    vae: its base width.
    """

    title: str
    views: int
    size: int
    frames: int
    side: int
    config: dict[str, Any] = field(default_factory=dict)
    vae: int = 96


SCALES = {
    "full": Scale("full size, 2 x 61 frames of 512", 61, 512, 32, 64),
    # A quarter of the width and of the tokens: matrices and attention take the same shares as at full size.
    "quarter": Scale(
        "one block of a quarter of the width, 2 x 61 frames of 256",
        61, 256, 32, 32, {"num_attention_heads": 10, "ffn_dim": 3456, "num_layers": 1},
    ),
    "tiny": Scale(
        "tiny networks", 4, 32, 4, 8,
        {"num_attention_heads": 2, "attention_head_dim": 16, "text_dim": 24, "freq_dim": 32, "ffn_dim": 48,
         "num_layers": 3},
        4,
    ),
}  # fmt: skip


def random_network(device: Any, scale: Scale, gasa: bool, storage: str, home: Any) -> Any:
    """An expert with random weights, each block made and stored on the device before it goes to `home`.

    So it never takes more than it is stored in, and 14 billion values do not take a processor minutes. All blocks have
    those of the first.
    """
    import torch
    from accelerate import init_empty_weights

    from ..painters.orbitpainter.placement import store_block
    from ..painters.orbitpainter.transformer import OrbitWanTransformer3DModel

    with init_empty_weights(include_buffers=False):
        model: Any = OrbitWanTransformer3DModel(in_channels=48, gasa=gasa, **scale.config)
    kept = set(model._keep_in_fp32_modules)
    torch.manual_seed(0)
    made: dict[str, Any] = {}

    def values(name: str, shape: Any, dtype: Any) -> Any:
        if name not in made:
            value = torch.randn(shape, device=device.device, dtype=dtype)
            made[name] = 1 + 0.01 * value if "norm" in name else 0.5 * value / max(shape[-1], 1) ** 0.5
        return made[name].clone()

    def fill(module: Any, prefix: str) -> None:
        for name, parameter in list(module.named_parameters()):
            dtype = torch.float32 if kept & set(f"{prefix}{name}".split(".")) else device.dtype
            owner, _, leaf = name.rpartition(".")
            value = values(f"{prefix}{name}", parameter.shape, dtype)
            module.get_submodule(owner)._parameters[leaf] = torch.nn.Parameter(value, requires_grad=False)

    for block in model.blocks:
        fill(block, "block.")
        store_block(block, storage, device.dtype)  # pyright: ignore[reportArgumentType]
        block.to(home)
    made.clear()
    blocks, model.blocks = model.blocks, torch.nn.ModuleList()
    fill(model, "")
    model.blocks = blocks
    return model.to(home).eval()


def forward(device: Any, scale: Scale, gasa: bool, compiled: bool, attention: str, repeats: int) -> dict[str, Any]:
    """Seconds and peak bytes of one forward pass of both orbits; `first`: of the one that warms up, and compiles."""
    import torch

    from ..painters.orbitpainter import attention_backends
    from ..painters.orbitpainter.gasa_kernels import chosen_backend
    from ..painters.orbitpainter.gasa_layout import build_layout
    from ..painters.orbitpainter.speed import compile_problem

    model = random_network(device, scale, gasa, "bf16", device.device)
    name, note = attention_backends.use_backend([model], attention, device.device, device.dtype)
    x = torch.randn(1, 48, scale.frames, scale.side, scale.side, device=device.device, dtype=device.dtype)
    text = torch.randn(1, 512, model.config.text_dim, device=device.device, dtype=device.dtype)
    reference = torch.randn(1, 16, 1, scale.side, scale.side, device=device.device, dtype=device.dtype)
    layout = None
    if gasa:
        layout = build_layout(sphere(scale.frames, scale.side // 2), model.gasa_options).to(device.device)
        name = f"{name}, GASA {chosen_backend('auto', layout)}"
    if compiled:
        if reason := compile_problem(str(device.device)):
            raise OrbitPainterError("bench-failed", reason)
        model.compile_repeated_blocks(fullgraph=False)
    time_step = torch.tensor([900.0], device=device.device)
    with torch.inference_mode():
        first, seconds = _timed(device, lambda: model(x, time_step, text, reference, gasa_layout=layout), repeats)
    return {"seconds": seconds, "first": first, "memory": peak(device), "attention": name, "note": note}


def sparse_attention(device: Any, scale: Scale, grid: int, kernel: str, heads: int, repeats: int) -> dict[str, Any]:
    """Seconds of the attention of GASA alone, and of the full attention (kernel "full"), on the same sequence."""
    import torch

    from ..painters.orbitpainter import gasa_kernels
    from ..painters.orbitpainter.gasa_layout import build_layout
    from ..painters.orbitpainter.gasa_tokens import GasaOptions

    rows = scale.side // 2
    layout = build_layout(sphere(scale.frames, rows, grid), GasaOptions(grid=grid)).to(device.device)
    tokens = (scale.frames + 1) * rows * rows if kernel == "full" else len(layout.tokens)
    x = torch.randn(3, 1, tokens, heads, 128, device=device.device, dtype=device.dtype)

    def full() -> Any:
        query, key, value = x.transpose(2, 3).unbind(0)
        return torch.nn.functional.scaled_dot_product_attention(query, key, value)

    def sparse() -> Any:
        return gasa_kernels.sparse_attention(x[0], x[1], x[2], layout, "flex" if kernel == "flex" else "chunked")

    with torch.inference_mode():
        _, seconds = _timed(device, full if kernel == "full" else sparse, repeats)
    keys = layout.pairs / max(len(layout.tokens), 1)
    return {"seconds": seconds, "active": len(layout.tokens) / (scale.frames * rows * rows), "keys": keys}


def run(
    device: Any,
    scale: Scale,
    memory: str,
    preset: str,
    distilled: bool,
    steps: int = 0,
    guided: float | None = None,
    batched: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """Both orbits in one sequence with a memory profile, as the engine runs them; VAE of the full size, random too.

    guided: the share of the steps that have guidance; None: as the preset has it.
    """
    import torch
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    from ..painters.orbitpainter import attention_backends, presets, profiles, speed
    from ..painters.orbitpainter.conditions import OrbitPictures
    from ..painters.orbitpainter.latent_layouts import segment_of
    from ..painters.orbitpainter.pipeline import OrbitPainterPipeline
    from ..painters.orbitpainter.placement import place, stream
    from ..painters.orbitpainter.prompts import PromptEmbeddings
    from ..painters.orbitpainter.sampler import Guidance

    if guided is not None:
        changes |= {"guidance": 6.0 if guided else 1.0, "guidance_stop": guided or 1.0}
    chosen = presets.with_changes(presets.preset(preset, distilled), steps=steps or None, **changes)
    profile = profiles.profile_named(memory)
    held = ExitStack()
    folder = Path(held.enter_context(TemporaryDirectory(prefix="orbit-painter-bench-")))
    experts = []
    for first in (True, False):
        there = profile.placement == "resident" or (profile.placement == "swap" and first)
        home = device.device if there else "cpu"
        experts.append(random_network(device, scale, False, profile.storage, home))
        if profile.disk:
            stream(experts[-1], device.device, profile.group, folder / str(first))
    vae: Any = AutoencoderKLWan(base_dim=scale.vae)
    vae.to(torch.float32 if profile.vae_float32 or device.device.type == "cpu" else torch.bfloat16)
    pipe = OrbitPainterPipeline(vae.eval(), FlowMatchEulerDiscreteScheduler(shift=5.0), *experts)
    pipe.compute_dtype = device.dtype
    place(pipe, profile, device.device)
    if device.device.type == "cuda":  # what making the weights took does not count
        torch.cuda.reset_peak_memory_stats(device.device)
    pipe.batched_guidance = batched
    attention, _ = attention_backends.use_backend(experts, chosen.attention, device.device, device.dtype)
    if chosen.compile and (reason := speed.compile_blocks(pipe, device.device)):
        raise OrbitPainterError("bench-failed", reason)
    random = np.random.default_rng(0)
    orbits = []
    for name in ("H", "V"):
        segment = segment_of(name, scale.views)
        pixels = random.integers(0, 256, (scale.views, scale.size, scale.size, 3), np.uint8)
        mask = np.ones(pixels.shape[:3], np.bool_)
        orbits.append(OrbitPictures(segment, pixels, pixels, mask, sphere(segment.latent_frames, scale.size // 16)))
    width = experts[0].config.text_dim
    prompts = PromptEmbeddings(torch.randn(1, 6, width), torch.randn(1, 120, width))
    reference = random.integers(0, 256, (scale.size, scale.size, 3), np.uint8)

    def paint(steps: int) -> None:
        pipe.cache.clear()
        with speed.step_cache(pipe, chosen, ratios=folder / "ratios.json"):
            pipe(
                orbits,
                reference,
                prompts,
                mode="paper",
                num_inference_steps=steps,
                guidance=Guidance(chosen.guidance, 0.0, chosen.guidance_stop),
                foreground_only=chosen.foreground_only,
            )

    warm = 0.0
    with held:
        if chosen.compile:  # two steps: each expert compiles its blocks
            warm, _ = _timed(device, lambda: paint(2), 0)
        elif chosen.cache == "magcache":  # its first run measures what the others use
            warm, _ = _timed(device, lambda: paint(chosen.steps), 0)
        seconds, _ = _timed(device, lambda: paint(chosen.steps), 0)
    return {"seconds": seconds, "first": warm, "memory": peak(device), "steps": chosen.steps, "attention": attention}


def sphere(frames: int, side: int, grid: int = 64) -> Any:
    """Tokens of a sphere that turns: foreground in a disc, voxels on its surface."""
    from ..painters.orbitpainter.gasa_tokens import TokenGeometry, voxels_of

    v, u = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    inside = u**2 + v**2 < 0.4**2
    depth = np.sqrt(np.maximum(0.4**2 - u**2 - v**2, 0))
    voxel = []
    for angle in np.linspace(0, 2 * np.pi, frames, endpoint=False):
        x, y = u * np.cos(angle) + depth * np.sin(angle), depth * np.cos(angle) - u * np.sin(angle)
        voxel.append(voxels_of(np.stack([x, y, -v], axis=-1), grid))
    return TokenGeometry(np.stack(voxel), np.broadcast_to(inside, (frames, side, side)).copy())


def peak(device: Any) -> int:
    """Bytes that the GPU's memory held at most; 0 on a CPU."""
    import torch

    return int(torch.cuda.max_memory_allocated(device.device)) if device.device.type == "cuda" else 0


def _timed(device: Any, work: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Seconds of the first call, and of the fastest of `repeats` further ones (none: of the first)."""
    seconds = []
    for _ in range(repeats + 1):
        _synchronise(device)
        begin = time.perf_counter()
        work()
        _synchronise(device)
        seconds.append(time.perf_counter() - begin)
    return seconds[0], min(seconds[1:] or seconds)


def _synchronise(device: Any) -> None:
    import torch

    if device.device.type == "cuda":
        torch.cuda.synchronize(device.device)
