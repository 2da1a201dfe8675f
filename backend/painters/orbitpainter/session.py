# SPDX-License-Identifier: GPL-3.0-or-later
"""A loaded OrbitPainter: files to a pipeline on a device, kept between jobs, and one job run on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from ...errors import InputError, UsageError
from ...progress import Progress, part
from ..base import Existing, Frame, PaintedFrames, PaintRequest
from . import attention_backends, speed
from .checkpoints import ExpertFiles, ExtraLora, head_size, load_expert, load_text_encoder, load_vae
from .conditions import LatentCache, OrbitLatents, OrbitPictures, read_orbits
from .context_parallel import ContextGroup, attention_for, check_devices
from .devices import RunDevice, find_device, free_memory
from .disk_stream import DiskStream
from .gasa_tokens import GasaOptions
from .options import OrbitPainterOptions
from .parallel import SecondDevice
from .pipeline import OrbitPainterPipeline, Sharing
from .placement import place, store_block, stream
from .previews import LatentColours
from .profiles import MemoryProfile
from .prompts import PromptEmbeddings, encode_prompts, load_prompts, save_prompts
from .reference import PreparedReference, frontal, prepare
from .sampler import SHIFT, Expert, Guidance
from .transformer import OrbitWanTransformer3DModel
from .view_transform import without_agx
from .weights import PROMPTS, cache_folder, find_matting, fingerprint, prompts_missing


@dataclass(frozen=True)
class SessionKey:
    """What a loaded model depends on: another key needs another one."""

    parts: tuple[tuple[str, str], ...]  # role, fingerprint of its files
    loras: tuple[tuple[str | None, float], ...]  # fingerprint, strength; high, low
    profile: MemoryProfile
    devices: tuple[str, ...]
    split: str
    attention: str  # of devices that share a forward pass; one device changes it from job to job

    @property
    def weights_id(self) -> str:
        """Names the weights, wherever they are computed."""
        return hashlib.sha256(repr((self.parts, self.loras)).encode()).hexdigest()[:40]

    @staticmethod
    def of(
        parts: Mapping[str, Path], options: OrbitPainterOptions, profile: MemoryProfile, device: RunDevice
    ) -> SessionKey:
        return SessionKey(
            tuple((role, fingerprint(path)) for role, path in sorted(parts.items())),
            (
                (options.lora_high and fingerprint(options.lora_high), options.lora_high_strength),
                (options.lora_low and fingerprint(options.lora_low), options.lora_low_strength),
            ),
            profile,
            (str(device.device), *options.further),
            options.split,
            options.speed.attention if options.shared_forward else "",
        )


class Session:
    """A pipeline ready to run. notes: about the files and the device, for every job that uses it."""

    def __init__(
        self,
        key: SessionKey,
        pipe: OrbitPainterPipeline,
        prompts: PromptEmbeddings,
        notes: list[str],
        held: ExitStack,
    ) -> None:
        self.key, self.pipe, self.prompts, self.notes, self._held = key, pipe, prompts, notes, held

    @staticmethod
    def load(
        key: SessionKey,
        parts: Mapping[str, Path],
        options: OrbitPainterOptions,
        device: RunDevice,
        progress: Progress,
    ) -> Session:
        """Read all files. Raises InputError, EngineMissingError, CancelledError, the device's out-of-memory error."""
        with ExitStack() as held:  # processes, threads and folders, which go with the session, or with a failure here
            pipe, prompts, notes = _load(key.profile, parts, options, device, held, progress)
            return Session(key, pipe, prompts, notes, held.pop_all())

    @property
    def usable(self) -> bool:
        """Whether it can take another job: a process of another device may have ended."""
        return self.pipe.group is None or self.pipe.group.usable

    def close(self) -> None:
        """Free the device."""
        self._held.close()
        self.pipe.second = self.pipe.group = None
        device = self.pipe.run_on
        self.pipe.activate = None
        self.pipe.register_modules(transformer=None, transformer_2=None, vae=None)
        self.pipe.cache.clear()
        if device is not None:
            free_memory(device)

    def paint(self, request: PaintRequest, options: OrbitPainterOptions, progress: Progress) -> PaintedFrames:
        """Run one job. The latents of passes and reference come from the cache where they have been made before."""
        pipe, passes = self.pipe, request.passes
        tuned = self._tune(options)
        gasa = bool(pipe.transformer.config["gasa"])
        if options.mode == "paper" and not gasa:
            mode_note = ["These weights have no geometry-aware attention: they were made for the mode release."]
        else:
            mode_note = []
        choices: GasaOptions = pipe.transformer.gasa_options
        stride = int(pipe.vae.config.scale_factor_temporal)
        orbits = read_orbits(passes, choices, options.v_mirrored, part(progress, 0.0, 0.04), stride)
        prepared = self._reference(request, options, part(progress, 0.04, 0.07))
        chosen = options.speed
        encoded = []
        for index, orbit in enumerate(orbits):
            share = part(progress, 0.07 + 0.015 * index, 0.085 + 0.015 * index)
            encoded.append(pipe.encode_orbit(orbit, share))
        reference = pipe.encode_picture(prepared.picture)
        look = _Look(request, orbits, encoded, reference, prepared.picture, options.v_mirrored)
        boundary = options.boundary if pipe.transformer_2 is not None else 0.0
        known = cache_folder() / "magcache" / f"{self.key.weights_id}.json"
        pipe.batched_guidance = options.batched_guidance
        foreground_only = chosen.foreground_only and pipe.group is None
        existing = None if request.existing is None else _existing(request.existing, orbits, options)
        cached = chosen
        if existing is not None and chosen.cache == "magcache":
            cached = replace(chosen, cache="off")  # it counts the steps of a whole run
        with speed.step_cache(pipe, cached, boundary, known) as cache_notes:
            painted = pipe(
                encoded,
                reference,
                self.prompts,
                mode="paper" if options.mode == "paper" else "release",
                num_inference_steps=chosen.steps,
                guidance=Guidance(chosen.guidance, 0.0, chosen.guidance_stop),
                boundary=boundary,
                sharing=_sharing(options),
                generator=torch.Generator("cpu").manual_seed(request.seed),
                existing=existing,
                strength=1.0 if request.existing is None else request.existing.strength,
                foreground_only=foreground_only,
                truncate=options.truncate,
                callback_on_step_end=look.after_step,
                progress=part(progress, 0.1, 0.99),
            )
        frames = _frames(request, orbits, painted.frames, options)
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
        notes = [*self.notes, *tuned, *mode_note, *prepared.notes, *cache_notes]
        if cached is not chosen:
            notes.append("MagCache was left out, because it counts the steps of a run from noise.")
        if chosen.foreground_only and not foreground_only:
            notes.append("The background was computed too: devices that share a forward pass need all tokens.")
        if len(request.references) > 1:
            used = frontal(request.references).name
            notes.append(f"OrbitPainter paints from one reference; only {used!r} was used.")
        return PaintedFrames(frames, (), False, notes, info)

    def _tune(self, options: OrbitPainterOptions) -> list[str]:
        """Attention and compilation as this job wants them, on the loaded model; notes where they cannot be had."""
        pipe, chosen = self.pipe, options.speed
        device, profile = pipe.run_on or torch.device("cpu"), self.key.profile
        wanted = chosen.compile and (options.compile is not None or speed.compiling_pays(profile, device))
        if pipe.group is not None:  # its processes have their attention from the start
            return ["The network is not compiled, because several devices share it."] if wanted else []
        dtype = pipe.compute_dtype or torch.float32
        _, note = attention_backends.use_backend(pipe.networks(), chosen.attention, device, dtype)
        reason = None
        if wanted:
            reason = speed.compile_blocks(pipe, device)
        else:
            speed.uncompile_blocks(pipe)
        return [text for text in (note, reason) if text]

    def _reference(self, request: PaintRequest, options: OrbitPainterOptions, progress: Progress) -> PreparedReference:
        matte = None
        folder = find_matting() if options.matting is None else options.matting
        if folder is not None and folder != "off":
            from .matting_model import vitmatte

            matte = partial(vitmatte, folder)
        reference, keep = frontal(request.references), options.background == "keep"
        size = request.passes.cameras[0].width
        return prepare(reference, request.passes.mesh, size, options.framing, keep, matte, progress)


def _load(
    profile: MemoryProfile,
    parts: Mapping[str, Path],
    options: OrbitPainterOptions,
    device: RunDevice,
    held: ExitStack,
    progress: Progress,
) -> tuple[OrbitPainterPipeline, PromptEmbeddings, list[str]]:
    """The pipeline where the profile wants it, the texts, and notes; what has to be closed with them goes to `held`."""
    notes: list[str] = []
    prompts = _prompts(parts, part(progress, 0.0, 0.1))
    files = _expert_files(parts, options)
    attention, note = attention_backends.choose_backend(  # a name that is wrong is told before anything is read
        options.speed.attention, device.device, device.dtype, head_size(files["high"])
    )
    group = None
    if options.shared_forward:
        devices = [device.device, *(find_device(name).device for name in options.further)]
        attention = attention_for(attention)
        check_devices(devices, profile)
        notes += [note] if note else []
        group = held.enter_context(closing(ContextGroup(files, devices, profile, device.dtype, attention)))
    disk = held.enter_context(closing(DiskStream(cache_folder() / "streamed"))) if profile.disk else None
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
        notes += loaded.notes
        if group is not None:
            attention_backends.set_backend(loaded.model, group.attention)
        if disk is not None:  # at once, so that RAM never holds both
            stream(loaded.model, device.device, profile.group, disk.room_for(name, loaded.model))
        experts["high" if name == "high" else "low"] = loaded.model
    vae_dtype = torch.float32 if profile.vae_float32 or device.device.type == "cpu" else torch.bfloat16
    vae_path = parts["folder"] / "vae" if "folder" in parts else parts["vae"]
    vae = load_vae(vae_path, vae_dtype, part(progress, 0.9, 1.0))
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    pipe = OrbitPainterPipeline(vae, scheduler, experts["high"], experts.get("low"))
    pipe.compute_dtype = device.dtype
    pipe.vae_id = f"{fingerprint(vae_path)} {vae_dtype}{' tiled' if profile.vae_tiled else ''}"
    pipe.cache = LatentCache(cache_folder() / "latents")
    place(pipe, profile, device.device)
    if group is not None:
        group.join(experts, part(progress, 1.0, 1.0))
        pipe.group = group
    elif options.further:
        pipe.second = held.enter_context(closing(_second(files, options.further[0], device, profile)))
    return pipe, prompts, notes


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
    request: PaintRequest,
    orbits: list[OrbitPictures],
    painted: list[NDArray[np.uint8]],
    options: OrbitPainterOptions,
) -> list[Frame]:
    """The painted orbits as frames, opaque where the object is."""
    frames: list[Frame] = []
    for orbit, views in zip(orbits, painted, strict=True):
        flip = np.s_[:, ::-1] if options.v_mirrored and orbit.segment.orbit == "V" else np.s_[:]
        for colour, mask in zip(views, orbit.mask, strict=True):
            colour = without_agx(colour) if options.output_transform == "inverse_agx" else colour
            alpha = np.where(mask, 255, 0).astype(np.uint8)[..., None]
            image = np.ascontiguousarray(np.concatenate([colour, alpha], axis=-1)[flip])
            frames.append(Frame(image, request.passes.cameras[len(frames)]))
    return frames


def _existing(
    existing: Existing, orbits: Sequence[OrbitPictures], options: OrbitPainterOptions
) -> list[NDArray[np.uint8]]:
    """What each orbit shows now, uint8 (views, H, W, 3) on black, as the network is shown its frames."""
    if options.output_transform != "none":
        raise UsageError(
            "existing-transform",
            "A run that starts from the present texture cannot take Blender's AgX off afterwards.",
            "Set output_transform to none, or do not start from the present texture.",
        )
    found, first = [], 0
    for orbit in orbits:
        pictures = []
        for view, mask in enumerate(orbit.mask):
            picture = existing.frame(first + view).astype(np.float32)
            if options.v_mirrored and orbit.segment.orbit == "V":
                picture = picture[:, ::-1]
            colour = np.round(picture[..., :3] * picture[..., 3:] / 255)
            pictures.append(np.where(mask[..., None], colour, 0).astype(np.uint8))
        found.append(np.stack(pictures))
        first += orbit.segment.views
    return found


def _sharing(options: OrbitPainterOptions) -> Sharing:
    """Only proper cameras see the same in frame 0 of both orbits."""
    if options.v_mirrored or options.first_frame == "off":
        return Sharing("off")
    return Sharing("noised" if options.first_frame == "noised" else "clean", options.first_frame_steps)


def _expert_files(parts: Mapping[str, Path], options: OrbitPainterOptions) -> dict[str, ExpertFiles]:
    """By name of the expert; "low" is missing where one network paints at all noise levels (`train export`)."""
    files = {}
    loras = (options.lora_high, options.lora_high_strength), (options.lora_low, options.lora_low_strength)
    for name, (lora, strength) in zip(("high", "low"), loras, strict=True):
        extra = [] if lora is None else [ExtraLora(lora, strength)]
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


def _second(files: dict[str, ExpertFiles], wanted: str, first: RunDevice, profile: MemoryProfile) -> SecondDevice:
    """Copies of both experts on the second device. Each device needs room for both: profile 80."""
    if profile.placement != "resident":
        raise InputError(
            "second-device-memory",
            f"A second device was asked for with the memory profile {profile.name}, which moves experts around.",
            "Leave out more_devices, or use a profile that keeps both experts on the device (80).",
        )
    device = find_device(wanted).device
    copies: dict[Expert, OrbitWanTransformer3DModel] = {}
    for name in files:
        store = partial(store_block, storage=profile.storage, dtype=first.dtype)
        loaded = load_expert(files[name], dtype=first.dtype, device=device, on_block=store)
        copies["high" if name == "high" else "low"] = loaded.model
    return SecondDevice(copies, device)
