# SPDX-License-Identifier: GPL-3.0-or-later
"""OrbitPainter's networks with random weights of the full size on a GPU: seconds, memory, cost of GASA, whole runs.

`--quick` does the same with tiny networks on whatever device there is, to see that it works.
"""

from __future__ import annotations

import importlib.util
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..errors import OrbitPainterError
from .bench import Table, case

# On an H100 or H200, both orbits in one sequence (specs/inference-speed.md section 5): seconds of a forward pass, of a
# whole run, the share that GASA adds, and GB of a memory profile.
FORWARD_TARGETS = {"plain": 5.0, "best attention, compiled": 3.5}
END_TARGETS = {"best": 7 * 60.0, "balanced": 2 * 60.0, "fast": 25.0}
GASA_TARGET = 1.15
MEMORY_TARGETS = {"80": 66.0, "48": 36.0}
SWITCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "guidance on all steps": {"guided": True},
    "guidance in one pass": {"guided": True, "batched": True},
    "first-block": {"cache": "first-block"},
    "taylorseer": {"cache": "taylorseer"},
    "magcache": {"cache": "magcache"},
    "seacache": {"cache": "seacache"},
    "foreground only": {"foreground_only": True},
}
SWITCH_STEPS = 9  # the fewest that a step cache works on
_TINY = {"num_attention_heads": 2, "attention_head_dim": 16, "text_dim": 24, "freq_dim": 32, "ffn_dim": 48}


def measure(what: str, quick: bool, **options: Any) -> dict[str, Any]:
    """forward: seconds and peak bytes of one forward pass of both orbits; run: the same of a whole run."""
    if importlib.util.find_spec("torch") is None:
        return {"missing": "this Python has no torch"}
    from ..painters.orbitpainter.devices import find_device

    device = find_device("auto")
    if device.device.type == "cpu" and not quick:
        return {"missing": "no GPU"}
    result = _forward(device, quick, **options) if what == "forward" else _run(device, quick, **options)
    import torch

    return {"device": f"{device.name}, PyTorch {torch.__version__}", **result}


def _network(device: Any, quick: bool, gasa: bool, storage: str, home: Any) -> Any:
    """An expert with random weights, made block by block so that it never takes more than it is stored in."""
    import torch
    from accelerate import init_empty_weights

    from ..painters.orbitpainter.placement import store_block
    from ..painters.orbitpainter.transformer import OrbitWanTransformer3DModel

    config: dict[str, Any] = {**_TINY, "num_layers": 3} if quick else {}
    with init_empty_weights(include_buffers=False):
        model: Any = OrbitWanTransformer3DModel(in_channels=48, gasa=gasa, **config)
    kept = set(model._keep_in_fp32_modules)
    torch.manual_seed(0)

    def fill(module: Any, prefix: str) -> None:
        for name, parameter in list(module.named_parameters()):
            dtype = torch.float32 if kept & set(f"{prefix}{name}".split(".")) else device.dtype
            value = torch.randn(parameter.shape, device=home, dtype=dtype)
            value = 1 + 0.01 * value if "norm" in name else 0.5 * value / max(parameter.shape[-1], 1) ** 0.5
            owner, _, leaf = name.rpartition(".")
            module.get_submodule(owner)._parameters[leaf] = torch.nn.Parameter(value, requires_grad=False)

    for index, block in enumerate(model.blocks):
        fill(block, f"blocks.{index}.")
        store_block(block, storage, device.dtype)  # pyright: ignore[reportArgumentType]
    blocks, model.blocks = model.blocks, torch.nn.ModuleList()
    fill(model, "")
    model.blocks = blocks
    for name, buffer in list(model.named_buffers()):
        owner, _, leaf = name.rpartition(".")
        model.get_submodule(owner)._buffers[leaf] = buffer.to(home)
    return model.eval()


def _forward(device: Any, quick: bool, gasa: bool, compiled: bool, attention: str, repeats: int) -> dict[str, Any]:
    import torch

    from ..painters.orbitpainter import attention_backends
    from ..painters.orbitpainter.gasa_layout import build_layout

    model = _network(device, quick, gasa, "bf16", device.device)
    name, note = attention_backends.choose_backend(
        attention, device.device, device.dtype, model.config.attention_head_dim
    )
    attention_backends.set_backend(model, name)
    frames, side = (4, 8) if quick else (32, 64)
    x = torch.randn(1, 48, frames, side, side, device=device.device, dtype=device.dtype)
    text = torch.randn(1, 512, model.config.text_dim, device=device.device, dtype=device.dtype)
    reference = torch.randn(1, 16, 1, side, side, device=device.device, dtype=device.dtype)
    layout = build_layout(_sphere(frames, side // 2), model.gasa_options).to(device.device) if gasa else None
    if compiled:
        model.compile_repeated_blocks(fullgraph=False)
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first one warms up
            _synchronise(device)
            begin = time.perf_counter()
            model(x, torch.tensor([900.0], device=device.device), text, reference, gasa_layout=layout)
            _synchronise(device)
            seconds.append(time.perf_counter() - begin)
    return {"seconds": min(seconds[1:]), "first": seconds[0], "memory": _peak(device), "attention": name, "note": note}


def _run(
    device: Any,
    quick: bool,
    memory: str,
    preset: str,
    distilled: bool,
    steps: int = 0,
    guided: bool | None = None,
    batched: bool = False,
    **changes: Any,
) -> dict[str, Any]:
    """Both orbits in one sequence with a memory profile; VAE of the full size, random too.

    guided: guidance on all steps, or on none; None: as the preset has it.
    """
    import torch
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    from ..painters.orbitpainter import presets, profiles, speed
    from ..painters.orbitpainter.conditions import OrbitPictures
    from ..painters.orbitpainter.latent_layouts import segment_of
    from ..painters.orbitpainter.pipeline import OrbitPainterPipeline
    from ..painters.orbitpainter.placement import place, stream
    from ..painters.orbitpainter.prompts import PromptEmbeddings
    from ..painters.orbitpainter.sampler import Guidance

    profile = profiles.profile_named(memory)
    held = ExitStack()
    folder = Path(held.enter_context(TemporaryDirectory(prefix="orbit-painter-bench-")))
    experts = []
    for first in (True, False):
        there = profile.placement == "resident" or (profile.placement == "swap" and first)
        experts.append(_network(device, quick, False, profile.storage, device.device if there else "cpu"))
        if profile.disk:
            stream(experts[-1], device.device, profile.group, folder / str(first))
    vae: Any = AutoencoderKLWan(base_dim=4) if quick else AutoencoderKLWan()
    vae.to(torch.float32 if profile.vae_float32 or device.device.type == "cpu" else torch.bfloat16)
    pipe = OrbitPainterPipeline(vae.eval(), FlowMatchEulerDiscreteScheduler(shift=5.0), *experts)
    pipe.compute_dtype = device.dtype
    place(pipe, profile, device.device)
    views, size = (4, 32) if quick else (61, 512)
    if guided is not None:
        changes |= {"guidance": 6.0 if guided else 1.0, "guidance_stop": 1.0}
    pipe.batched_guidance = batched
    chosen = presets.with_changes(presets.preset(preset, distilled), steps=steps or None, **changes)
    random = np.random.default_rng(0)
    orbits = []
    for name in ("H", "V"):
        segment = segment_of(name, views)
        pixels = random.integers(0, 256, (views, size, size, 3), np.uint8)
        mask = np.ones((views, size, size), np.bool_)
        orbits.append(OrbitPictures(segment, pixels, pixels, mask, _sphere(segment.latent_frames, size // 16)))
    width = experts[0].config.text_dim
    prompts = PromptEmbeddings(torch.randn(1, 6, width), torch.randn(1, 120, width))
    reference = random.integers(0, 256, (size, size, 3), np.uint8)
    seconds = 0.0
    with held:
        for _ in range(2 if chosen.cache == "magcache" else 1):  # its first run measures what the others use
            _synchronise(device)
            begin = time.perf_counter()
            with speed.step_cache(pipe, chosen, ratios=folder / "ratios.json"):
                pipe(
                    orbits,
                    reference,
                    prompts,
                    mode="paper",
                    num_inference_steps=chosen.steps,
                    guidance=Guidance(chosen.guidance, 0.0, chosen.guidance_stop),
                    foreground_only=chosen.foreground_only,
                )
            _synchronise(device)
            seconds = time.perf_counter() - begin
    return {"seconds": seconds, "memory": _peak(device), "steps": chosen.steps}


def _sphere(frames: int, side: int) -> Any:
    """Tokens of a sphere that turns: foreground in a disc, voxels on its surface."""
    from ..painters.orbitpainter.gasa_tokens import TokenGeometry, voxels_of

    v, u = (np.mgrid[:side, :side] + 0.5) / side - 0.5
    inside = u**2 + v**2 < 0.4**2
    depth = np.sqrt(np.maximum(0.4**2 - u**2 - v**2, 0))
    voxel = []
    for angle in np.linspace(0, 2 * np.pi, frames, endpoint=False):
        x, y = u * np.cos(angle) + depth * np.sin(angle), depth * np.cos(angle) - u * np.sin(angle)
        voxel.append(voxels_of(np.stack([x, y, -v], axis=-1), 64))
    return TokenGeometry(np.stack(voxel), np.broadcast_to(inside, (frames, side, side)).copy())


def _synchronise(device: Any) -> None:
    import torch

    if device.device.type == "cuda":
        torch.cuda.synchronize(device.device)


def _peak(device: Any) -> int:
    import torch

    return int(torch.cuda.max_memory_allocated(device.device)) if device.device.type == "cuda" else 0


def tables(quick: bool) -> list[Table]:
    """Each measurement in a process of its own, so that its peak memory is its own and a failure stays alone."""
    title = "OrbitPainter, random weights, 2 x 61 frames of 512" + (", tiny networks" if quick else "")
    repeats = 1 if quick else 3
    forward_cases = {
        "plain": {"gasa": False, "compiled": False, "attention": "native"},
        "best attention": {"gasa": False, "compiled": False, "attention": "auto"},
        "best attention, compiled": {"gasa": False, "compiled": True, "attention": "auto"},
        "plain with GASA": {"gasa": True, "compiled": False, "attention": "native"},
    }
    if quick:
        del forward_cases["best attention, compiled"]
    found = {name: _tried("forward", quick, repeats=repeats, **each) for name, each in forward_cases.items()}
    first = found["plain"]
    if "missing" in first:
        return [Table(title, ["result"], [[f"not measured: {first['missing']}"]])]
    targets: dict[str, Any] = dict(FORWARD_TARGETS)
    if "failed" not in first:
        targets["plain with GASA"] = GASA_TARGET * first["seconds"]
    forward = Table(
        f"{title}: one forward pass",
        ["", "s", "target s", "met", "of plain", "peak GB", "attention"],
        [
            [name, *_against(result, targets.get(name), quick), *_forward_facts(result, first)]
            for name, result in found.items()
        ],
        [str(first.get("device", ""))],
    )
    memory = []
    for name in ("80", "8", "8-disk") if quick else ("80", "48", "24", "16", "12", "8", "8-disk"):
        result = _tried("run", quick, memory=name, preset="balanced", distilled=False, steps=2)
        gigabytes = {**result, "seconds": result["memory"] / 1e9} if "memory" in result else result
        memory.append([name, *_against(gigabytes, MEMORY_TARGETS.get(name), quick), result.get("seconds", "")])
    profiles = Table(
        f"{title}: two steps with each memory profile", ["profile", "peak GB", "target GB", "met", "s"], memory
    )
    ends = []
    for name, preset, distilled in (
        ("best", "best", False),
        ("balanced", "balanced", False),
        ("fast, 4 steps", "fast", True),
    ):
        result = _tried("run", quick, memory="80", preset=preset, distilled=distilled, steps=3 if quick else 0)
        ends.append([name, *_against(result, END_TARGETS[preset], quick), _gigabytes(result)])
    ending = Table(f"{title}: end to end", ["preset", "s", "target s", "met", "peak GB"], ends)
    rows, plain = [], {}
    for name, each in SWITCHES.items():
        options = {"guided": False, "foreground_only": False, "cache": "off", **each}
        result = _tried("run", quick, memory="80", preset="best", distilled=False, steps=SWITCH_STEPS, **options)
        plain = plain or result
        share = result["seconds"] / plain["seconds"] if {"seconds"} <= set(result) & set(plain) else ""
        rows.append([name, result.get("failed", result.get("seconds", "")), share, _gigabytes(result)])
    switches = Table(
        f"{title}: {SWITCH_STEPS} steps with one switch at a time",
        ["switch", "s", "of plain", "peak GB"],
        rows,
        ["How often a step cache can be used depends on the weights; random ones only show that it works."],
    )
    return [forward, profiles, ending, switches]


def _tried(what: str, quick: bool, **options: Any) -> dict[str, Any]:
    try:
        return case("network", what=what, quick=quick, **options)
    except OrbitPainterError as error:  # out of memory on a small card is a result too
        return {"failed": error.message}


def _against(result: dict[str, Any], target: float | None, quick: bool) -> list[object]:
    """What was measured, the target, and whether it is met; what a failure said in the first cell.

    Of tiny networks nothing is judged.
    """
    measured = result.get("failed", result.get("seconds", ""))
    if target is None:
        return [measured, "", ""]
    met = "failed" not in result and result["seconds"] <= target
    return [measured, target, "" if quick else "yes" if met else "no"]


def _forward_facts(result: dict[str, Any], first: dict[str, Any]) -> list[object]:
    if "failed" in result:
        return ["", "", ""]
    ratio = result["seconds"] / first["seconds"] if "seconds" in first else ""
    return [ratio, _gigabytes(result), result["attention"]]


def _gigabytes(result: dict[str, Any]) -> object:
    return result["memory"] / 1e9 if "memory" in result else ""
