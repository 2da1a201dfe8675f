# SPDX-License-Identifier: GPL-3.0-or-later
"""A loaded OrbitPainter: files to a pipeline on a device, kept between jobs, and one job run on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from ...errors import InputError
from ...progress import Progress, part
from ..base import Frame, PaintedFrames, PaintRequest
from . import attention_backends, speed
from .checkpoints import ExpertFiles, ExtraLora, load_expert, load_text_encoder, load_vae
from .conditions import LatentCache, OrbitLatents, OrbitPictures, read_orbits
from .devices import RunDevice, free_memory
from .gasa_tokens import GasaOptions
from .options import OrbitPainterOptions
from .parallel import BranchRunner
from .pipeline import OrbitPainterPipeline, Sharing
from .placement import place, store_block
from .presets import preset, with_changes
from .previews import LatentColours
from .profiles import MemoryProfile
from .prompts import PromptEmbeddings, encode_prompts, load_prompts, save_prompts
from .reference import PreparedReference, frontal, prepare
from .sampler import SHIFT, Expert, Guidance
from .transformer import OrbitWanTransformer3DModel
from .weights import PROMPTS, cache_folder, fingerprint, prompts_missing


@dataclass(frozen=True)
class SessionKey:
    """What a loaded model depends on: another key needs another one."""

    parts: tuple[tuple[str, str], ...]  # role, fingerprint of its files
    loras: tuple[str | None, str | None, float]  # fingerprints, strength
    profile: MemoryProfile
    devices: tuple[str, str | None]
    attention: str
    compile: bool

    @staticmethod
    def of(
        parts: Mapping[str, Path], options: OrbitPainterOptions, profile: MemoryProfile, device: RunDevice
    ) -> SessionKey:
        return SessionKey(
            tuple((role, fingerprint(path)) for role, path in sorted(parts.items())),
            (
                options.lora_high and fingerprint(options.lora_high),
                options.lora_low and fingerprint(options.lora_low),
                options.lora_strength,
            ),
            profile,
            (str(device.device), options.second_device),
            options.attention,
            options.compile,
        )


class Session:
    """A pipeline ready to run. notes: about the files and the device, for every job that uses it."""

    def __init__(
        self, key: SessionKey, pipe: OrbitPainterPipeline, prompts: PromptEmbeddings, notes: list[str]
    ) -> None:
        self.key, self.pipe, self.prompts, self.notes = key, pipe, prompts, notes

    @staticmethod
    def load(
        key: SessionKey,
        parts: Mapping[str, Path],
        options: OrbitPainterOptions,
        device: RunDevice,
        progress: Progress,
    ) -> Session:
        """Read all files. Raises InputError, EngineMissingError, CancelledError, the device's out-of-memory error."""
        profile, notes = key.profile, []
        prompts = _prompts(parts, part(progress, 0.0, 0.1))
        files = _expert_files(parts, options)
        experts: dict[Expert, OrbitWanTransformer3DModel] = {}
        for name, (start, end) in (("high", (0.1, 0.5)), ("low", (0.5, 0.9))):
            if name not in files:
                continue
            # What stays on the device is read there, so that RAM never holds it.
            there = profile.placement == "resident" or (profile.placement == "swap" and name == "high")
            loaded = load_expert(
                files[name],
                dtype=device.dtype,
                device=device.device if there else "cpu",
                on_block=partial(store_block, storage=profile.storage, dtype=device.dtype),
                progress=part(progress, start, end),
            )
            experts["high" if name == "high" else "low"] = loaded.model
            notes += loaded.notes
        vae_dtype = torch.float32 if profile.vae_float32 or device.device.type == "cpu" else torch.bfloat16
        vae_path = parts["folder"] / "vae" if "folder" in parts else parts["vae"]
        vae = load_vae(vae_path, vae_dtype, part(progress, 0.9, 1.0))
        scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
        pipe = OrbitPainterPipeline(vae, scheduler, experts["high"], experts.get("low"))
        pipe.compute_dtype = device.dtype
        pipe.vae_id = f"{fingerprint(vae_path)} {vae_dtype}"
        pipe.cache = LatentCache(cache_folder() / "latents")
        place(pipe, profile, device.device)
        if options.second_device is not None:
            pipe.branches = _second(files, options.second_device, device, profile)
        notes += _quicken(pipe, options, device)
        return Session(key, pipe, prompts, notes)

    def close(self) -> None:
        """Free the device."""
        if self.pipe.branches is not None:
            self.pipe.branches.close()
        device = self.pipe.run_on
        self.pipe.activate = None
        self.pipe.register_modules(transformer=None, transformer_2=None, vae=None)
        self.pipe.cache.clear()
        if device is not None:
            free_memory(device)

    def paint(self, request: PaintRequest, options: OrbitPainterOptions, progress: Progress) -> PaintedFrames:
        """Run one job. The latents of passes and reference come from the cache where they have been made before."""
        pipe, passes = self.pipe, request.passes
        gasa = bool(pipe.transformer.config["gasa"])
        if options.mode == "paper" and not gasa:
            mode_note = ["These weights have no geometry-aware attention: they were made for the mode release."]
        else:
            mode_note = []
        choices: GasaOptions = pipe.transformer.gasa_options
        stride = int(pipe.vae.config.scale_factor_temporal)
        orbits = read_orbits(passes, choices, options.v_mirrored, part(progress, 0.0, 0.04), stride)
        prepared = self._reference(request, options, part(progress, 0.04, 0.07))
        chosen = with_changes(
            preset(options.preset, options.distilled),
            steps=options.steps,
            guidance=options.guidance,
            guidance_stop=options.guidance_stop,
            cache=options.cache,
            cache_threshold=options.cache_threshold,
            foreground_only=options.foreground_only,
        )
        encoded = []
        for index, orbit in enumerate(orbits):
            share = part(progress, 0.07 + 0.015 * index, 0.085 + 0.015 * index)
            encoded.append(pipe.encode_orbit(orbit, share))
        reference = pipe.encode_picture(prepared.picture)
        look = _Look(request, orbits, encoded, reference, prepared.picture, options.v_mirrored)
        with speed.step_cache(pipe, chosen):
            painted = pipe(
                encoded,
                reference,
                self.prompts,
                mode="paper" if options.mode == "paper" else "release",
                num_inference_steps=chosen.steps,
                guidance=Guidance(chosen.guidance, 0.0, chosen.guidance_stop),
                boundary=options.boundary if pipe.transformer_2 is not None else 0.0,
                sharing=_sharing(options),
                generator=torch.Generator("cpu").manual_seed(request.seed),
                foreground_only=chosen.foreground_only,
                truncate=options.truncate,
                callback_on_step_end=look.after_step,
                progress=part(progress, 0.1, 0.99),
            )
        frames = _frames(request, orbits, painted.frames, options.v_mirrored)
        for index in range(0, len(frames), 8):
            request.preview(index, frames[index].image)
        progress(1.0, "painted")
        info: dict[str, Any] = {
            "references": [prepared.info],
            "mode": options.mode,
            "preset": options.preset,
            "steps": chosen.steps,
            "guidance": chosen.guidance,
            "memory": self.key.profile.name,
            "device": str(pipe.run_on),
        }
        notes = [*self.notes, *mode_note, *prepared.notes]
        if len(request.references) > 1:
            used = frontal(request.references).name
            notes.append(f"OrbitPainter paints from one reference; only {used!r} was used.")
        return PaintedFrames(frames, (), False, notes, info)

    def _reference(self, request: PaintRequest, options: OrbitPainterOptions, progress: Progress) -> PreparedReference:
        matte = None
        if options.matting is not None:
            from .matting_model import vitmatte

            matte = partial(vitmatte, options.matting)
        reference, keep = frontal(request.references), options.background == "keep"
        size = request.passes.cameras[0].width
        return prepare(reference, request.passes.mesh, size, options.framing, keep, matte, progress)


class _Look:
    """Shows a frame of the run after each step, another one each time."""

    def __init__(
        self,
        request: PaintRequest,
        orbits: list[OrbitPictures],
        encoded: list[OrbitLatents],
        reference: torch.Tensor,
        picture: NDArray[np.uint8],
        v_mirrored: bool,
    ) -> None:
        self.request, self.mirrored = request, v_mirrored
        self.colours = LatentColours.of(list(zip(encoded, orbits, strict=True)), reference, picture)
        self.first = {"H": 0, "V": request.passes.orbit_counts[0]}

    def after_step(self, pipe: Any, step: int, timestep: float, known: dict[str, Any]) -> None:
        pieces = known["run"].split(known["clean"])
        for segment, piece in zip(known["run"].segments, pieces, strict=True):
            frame = step % piece.shape[2]
            image = self.colours.picture(piece[:, :, frame : frame + 1])
            image = image[:, ::-1] if self.mirrored and segment.orbit == "V" else image
            self.request.preview(self.first[segment.orbit] + int(segment.standing_views[frame]), image)


def _frames(
    request: PaintRequest, orbits: list[OrbitPictures], painted: list[NDArray[np.uint8]], v_mirrored: bool
) -> list[Frame]:
    """The painted orbits as frames, opaque where the object is."""
    frames: list[Frame] = []
    for orbit, views in zip(orbits, painted, strict=True):
        flip = np.s_[:, ::-1] if v_mirrored and orbit.segment.orbit == "V" else np.s_[:]
        for colour, mask in zip(views, orbit.mask, strict=True):
            alpha = np.where(mask, 255, 0).astype(np.uint8)[..., None]
            image = np.ascontiguousarray(np.concatenate([colour, alpha], axis=-1)[flip])
            frames.append(Frame(image, request.passes.cameras[len(frames)]))
    return frames


def _sharing(options: OrbitPainterOptions) -> Sharing:
    """Only proper cameras see the same in frame 0 of both orbits."""
    if options.v_mirrored or options.first_frame == "off":
        return Sharing("off")
    return Sharing("noised" if options.first_frame == "noised" else "clean", options.first_frame_steps)


def _expert_files(parts: Mapping[str, Path], options: OrbitPainterOptions) -> dict[str, ExpertFiles]:
    """By name of the expert; "low" is missing where one network paints at all noise levels (`train export`)."""
    files = {}
    for name, lora in (("high", options.lora_high), ("low", options.lora_low)):
        extra = [] if lora is None else [ExtraLora(lora, options.lora_strength)]
        if "folder" in parts:
            folder = parts["folder"] / ("transformer" if name == "high" else "transformer_2")
            if name == "low" and not folder.exists():
                continue
            files[name] = ExpertFiles(folder, None, extra)
        else:
            files[name] = ExpertFiles(parts[name], parts[f"{name}_lora"], extra)
    return files


def _prompts(parts: Mapping[str, Path], progress: Progress) -> PromptEmbeddings:
    """The embeddings of the two texts: from their file, else by the text encoder, and then kept."""
    if "prompts" in parts:
        return load_prompts(parts["prompts"])
    folder = parts.get("folder")
    encoder = parts.get("text_encoder", folder / "text_encoder" if folder else None)
    tokenizer = parts.get("tokenizer", folder / "tokenizer" if folder else None)
    if encoder is None or tokenizer is None or not encoder.exists() or not tokenizer.exists():
        raise prompts_missing()
    from transformers import AutoTokenizer

    try:
        words = AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    except (OSError, ValueError) as error:
        message = f"{tokenizer} holds no tokenizer ({error})."
        raise InputError("tokenizer-damaged", message, "Download it again.") from error
    embeddings = encode_prompts(words, load_text_encoder(encoder, progress=progress))
    cache_folder().mkdir(parents=True, exist_ok=True)
    save_prompts(cache_folder() / PROMPTS, embeddings)
    return embeddings


def _second(files: dict[str, ExpertFiles], wanted: str, first: RunDevice, profile: MemoryProfile) -> BranchRunner:
    """Copies of both experts on the second device. Each device needs room for both: profile 80."""
    if profile.placement != "resident":
        raise InputError(
            "second-device-memory",
            f"A second device was asked for with the memory profile {profile.name}, which moves experts around.",
            "Leave out second_device, or use a profile that keeps both experts on the device (80).",
        )
    device = torch.device(wanted)
    copies: dict[Expert, OrbitWanTransformer3DModel] = {}
    for name in files:
        store = partial(store_block, storage=profile.storage, dtype=first.dtype)
        loaded = load_expert(files[name], dtype=first.dtype, device=device, on_block=store)
        copies["high" if name == "high" else "low"] = loaded.model
    return BranchRunner(copies, device)


def _quicken(pipe: OrbitPainterPipeline, options: OrbitPainterOptions, device: RunDevice) -> list[str]:
    """Attention and compilation; notes where something wanted cannot be had."""
    notes = []
    head_dim = pipe.transformer.config["attention_head_dim"]
    name, note = attention_backends.choose_backend(options.attention, device.device, device.dtype, head_dim)
    models = [model for model in (pipe.transformer, pipe.transformer_2) if model is not None]
    if pipe.branches is not None:
        models += pipe.branches.copies.values()
    for model in models:
        attention_backends.set_backend(model, name)
    if note:
        notes.append(note)
    if options.compile and (reason := speed.compile_blocks(pipe, device.device)):
        notes.append(reason)
    return notes
