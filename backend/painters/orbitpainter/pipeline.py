# SPDX-License-Identifier: GPL-3.0-or-later
"""OrbitPainter as a diffusers pipeline: latents of the passes and of the reference in, painted orbits out.

specs/orbitpainter.md sections 4 to 8 and 12. `release` paints one orbit after the other and hands the horizontal
orbit's frame 0 to the vertical one; `paper` paints both in one sequence. Where the experts live, and in which
precision, is none of the pipeline's business (`placement.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
from diffusers.utils.outputs import BaseOutput
from numpy.typing import NDArray

from ...progress import Progress, part, silent
from .background import KnownBackground
from .conditions import LatentCache, OrbitLatents, OrbitPictures
from .gasa_kernels import GasaBackend
from .gasa_layout import GasaLayout, build_layout
from .gasa_tokens import TokenGeometry
from .latent_layouts import Mode, Run, Segment, decode_run, encode_run, plan_runs
from .latents import LATENT_CHANNELS, encode, network_input, pixels_to_video
from .parallel import CommonProgress, SecondDevice
from .patch_vae import PatchVae
from .prompts import PromptEmbeddings, encode_prompts
from .sampler import (
    BOUNDARY,
    GUIDANCE,
    STEPS,
    AfterStep,
    Branch,
    Expert,
    FirstFrame,
    Guidance,
    Start,
    initial_noise,
    sample,
    sampling_sigmas,
)
from .transformer import OrbitWanTransformer3DModel

if TYPE_CHECKING:
    from .context_parallel import ContextGroup

_ANYBODY = nullcontext()  # guards nothing

# callback_on_step_end(pipeline, step, 1000 sigma, {"latents", "clean", "run", "index" of the run}): may return
# {"latents": ...} to go on with others.
StepCallback = Callable[[Any, int, float, dict[str, Any]], dict[str, Any] | None]


@dataclass
class OrbitPainterOutput(BaseOutput):
    """frames: per orbit uint8 (views, H, W, 3); latents: per orbit float32 (1, 16, t, H / 8, W / 8)."""

    frames: list[NDArray[np.uint8]]
    latents: list[torch.Tensor]


@dataclass(frozen=True)
class Sharing:
    """First-frame sharing of the `release` mode (section 7.1): see `FirstFrame`; mode "off" paints V on its own."""

    mode: Literal["clean", "noised", "off"] = "clean"
    steps: int | None = None


@dataclass(frozen=True, eq=False)
class _Inputs:
    """What stays the same over the steps of a run, on the device of the networks."""

    position: torch.Tensor
    normal: torch.Tensor
    reference: torch.Tensor
    texts: dict[Branch, torch.Tensor]
    layout: GasaLayout | None
    background: KnownBackground | None
    steps: int
    gasa_backend: GasaBackend = "auto"
    copies: dict[torch.device, _Inputs] = field(default_factory=dict)


def _vae_class(folder: Path) -> Any:
    """The Wan VAE, or the fixed codec of small networks."""
    file = folder / "config.json"
    patches = file.is_file() and json.loads(file.read_text(encoding="utf-8")).get("_class_name") == PatchVae.__name__
    return PatchVae if patches else AutoencoderKLWan


class OrbitPainterPipeline(DiffusionPipeline):
    """Components: transformer (high-noise expert), transformer_2 (low-noise expert), vae, scheduler, and, only to make
    prompt embeddings, tokenizer and text_encoder. `boundary_ratio`: sigma at which the experts change.
    """

    model_cpu_offload_seq = "text_encoder->transformer->transformer_2->vae"
    _optional_components: ClassVar[list[str]] = ["transformer", "transformer_2", "text_encoder", "tokenizer"]
    _callback_tensor_inputs: ClassVar[list[str]] = ["latents"]

    transformer: OrbitWanTransformer3DModel
    transformer_2: OrbitWanTransformer3DModel
    vae: AutoencoderKLWan
    scheduler: FlowMatchEulerDiscreteScheduler

    def __init__(
        self,
        vae: AutoencoderKLWan,
        scheduler: FlowMatchEulerDiscreteScheduler,
        transformer: OrbitWanTransformer3DModel | None = None,
        transformer_2: OrbitWanTransformer3DModel | None = None,
        text_encoder: Any = None,
        tokenizer: Any = None,
        boundary_ratio: float = BOUNDARY,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            scheduler=scheduler,
            transformer=transformer,
            transformer_2=transformer_2,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
        )
        self.register_to_config(boundary_ratio=boundary_ratio)
        self.run_on: torch.device | None = None  # where the networks compute; None: where they are
        self.vae_on_demand = False  # the VAE comes to that device for encoding and decoding only
        self.compute_dtype: torch.dtype | None = None  # of activations; None: the expert's
        self.activate: Callable[[Expert], None] | None = None  # brings an expert to the device before its first step
        self.second: SecondDevice | None = None  # takes the other orbit, or the other guidance branch
        self.group: ContextGroup | None = None  # shares each forward pass among several devices
        self.batched_guidance = False  # both guidance branches in one forward pass
        self.cache = LatentCache()
        self.vae_id = "vae"  # names the VAE in the cache

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> Any:
        """Load a folder that `convert` or `save_pretrained` wrote. Local only: nothing here downloads by itself.

        kwargs: torch_dtype, and components that take the place of stored ones. The experts keep their norms in float32.
        Raises OSError where a folder is missing.
        """
        folder = Path(pretrained_model_name_or_path)
        dtype = kwargs.pop("torch_dtype", None)
        classes: dict[str, Any] = {
            "vae": _vae_class(folder / "vae"),
            "scheduler": FlowMatchEulerDiscreteScheduler,
            "transformer": OrbitWanTransformer3DModel,
            "transformer_2": OrbitWanTransformer3DModel,
        }
        if (folder / "text_encoder").is_dir() or (folder / "tokenizer").is_dir():
            import transformers

            classes |= {"text_encoder": transformers.UMT5EncoderModel, "tokenizer": transformers.AutoTokenizer}
        for name, kind in classes.items():
            if name in kwargs or (name in cls._optional_components and not (folder / name).is_dir()):
                continue
            typed = {} if name in ("scheduler", "tokenizer") or dtype is None else {"torch_dtype": dtype}
            kwargs[name] = kind.from_pretrained(folder / name, **typed)
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        kwargs.setdefault("boundary_ratio", index.get("boundary_ratio", BOUNDARY))
        return cls(**kwargs)

    # Inputs ---------------------------------------------------------------------------------------------------------

    def encode_prompts(self) -> PromptEmbeddings:
        """Embeddings of the two texts, by the text encoder. Raises ValueError where the pipeline has none."""
        if self.text_encoder is None or self.tokenizer is None:
            raise ValueError("this pipeline has no text encoder; give prompt embeddings")
        return encode_prompts(self.tokenizer, self.text_encoder)

    @torch.no_grad()
    def encode_orbit(self, orbit: OrbitPictures, progress: Progress = silent) -> OrbitLatents:
        """Latents of an orbit's passes, from the cache where it has been encoded before.

        progress: called for each latent frame; what it raises stops the encoding.
        """
        position = self._encoded(orbit.segment, orbit.position, part(progress, 0.0, 0.5))
        normal = self._encoded(orbit.segment, orbit.normal, part(progress, 0.5, 1.0))
        return OrbitLatents(orbit.segment, position, normal, orbit.geometry)

    def _encoded(self, segment: Segment, pixels: NDArray[np.uint8], progress: Progress = silent) -> torch.Tensor:
        def latents() -> torch.Tensor:
            with self._vae_at_work(lambda: progress(0.0, "encoding the passes")) as vae:
                return encode_run(vae, Run((segment,)), [pixels])

        return self.cache.get(pixels, f"{self.vae_id} {segment.closing}", latents)

    @torch.no_grad()
    def encode_picture(self, picture: NDArray[np.uint8]) -> torch.Tensor:
        """The latent float32 (1, 16, 1, H / 8, W / 8) of a picture uint8 (H, W, 3) as a video of one frame, cached."""

        def latents() -> torch.Tensor:
            with self._vae_at_work() as vae:
                return encode(vae, pixels_to_video(picture[None]))

        return self.cache.get(picture, self.vae_id, latents)

    # The run --------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def __call__(
        self,
        orbits: Sequence[OrbitLatents | OrbitPictures],
        reference: NDArray[np.uint8] | torch.Tensor,
        prompts: PromptEmbeddings | None = None,
        *,
        mode: Mode = "release",
        num_inference_steps: int = STEPS,
        guidance: Guidance | float = GUIDANCE,
        boundary: float | None = None,
        sharing: Sharing = Sharing(),
        generator: torch.Generator | None = None,
        existing: Sequence[NDArray[np.uint8]] | None = None,
        strength: float = 1.0,
        foreground_only: bool = False,
        gasa_backend: GasaBackend = "auto",
        truncate: bool = False,
        callback_on_step_end: StepCallback | None = None,
        progress: Progress = silent,
    ) -> OrbitPainterOutput:
        """Paint the orbits, horizontal before vertical.

        reference        uint8 (H, W, 3) on black, or its latent
        prompts          None: made by the text encoder
        generator        on the CPU; every run starts from its present state, as the release's scripts do
        existing         what each orbit shows now, uint8 (views, H, W, 3) on black: the run begins from it, and
                         does the share `strength` of its steps; at 1 nothing of it is left
        foreground_only  leave out tokens of known background: an approximation, see `background.py`
        truncate         convert to 8 bits as the published code does
        progress         called before each block of the network; what it raises stops the run
        """
        encoded = [self.encode_orbit(o) if isinstance(o, OrbitPictures) else o for o in orbits]
        clean = self.encode_picture(reference) if isinstance(reference, np.ndarray) else reference
        texts = prompts or self.encode_prompts()
        source: torch.Generator = generator or torch.Generator("cpu").manual_seed(0)
        start = source.get_state()
        if not isinstance(guidance, Guidance):
            guidance = Guidance(guidance)
        counts = {orbit.segment.orbit: orbit.segment.views for orbit in encoded}
        runs = plan_runs(mode, (counts.get("H", 0), counts.get("V", 0)), encoded[0].segment.stride)
        sigmas = sampling_sigmas(num_inference_steps, float(self.scheduler.config["shift"]))
        boundary = float(self.config["boundary_ratio"]) if boundary is None else boundary
        frames: list[NDArray[np.uint8]] = []
        latents: list[torch.Tensor] = []

        def sampled(index: int, models: _Models, report: Progress, guard: Any = _ANYBODY) -> torch.Tensor:
            run = runs[index]
            callback = callback_on_step_end
            after = None if callback is None else partial(self._after_step, callback, index, run, guard)
            chosen = [orbit for orbit in encoded if orbit.segment in run.segments]
            with guard:
                inputs = self._inputs(run, chosen, clean, texts, num_inference_steps, foreground_only, gasa_backend)
                source.set_state(start)
                noise = initial_noise((1, LATENT_CHANNELS, *inputs.position.shape[2:]), source).to(self._device)
                first = self._first_frame(mode, run, frames, sharing)
                begin = None if existing is None else self._start(run, encoded, existing, strength, report)
            return self._sample(models, inputs, noise, sigmas, guidance, boundary, first, after, report, begin)

        def finish(run: Run, painted: torch.Tensor, report: Progress) -> None:
            with self._vae_at_work(partial(report, 0.95, "decoding")) as vae:
                frames.extend(decode_run(vae, run, painted, truncate))
            latents.extend(piece.cpu() for piece in run.split(painted))

        if self.second is not None and len(runs) == 2 and sharing.mode == "off":
            for run, painted in zip(runs, self._both_runs(self.second, sampled, progress), strict=True):
                finish(run, painted, progress)
        else:
            for index, run in enumerate(runs):
                report = part(progress, index / len(runs), (index + 1) / len(runs))
                finish(run, sampled(index, _Models(self), report), report)
        progress(1.0, "painted")
        return OrbitPainterOutput(frames=frames, latents=latents)

    def _both_runs(
        self, second: SecondDevice, sampled: Callable[..., torch.Tensor], progress: Progress
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The latents of two runs that need nothing from each other, painted at the same time."""
        common = CommonProgress(progress, 2)

        def one(index: int, models: _Models) -> torch.Tensor:
            try:
                return sampled(index, models, common.of(index), common.lock)
            except BaseException:
                common.stop()
                raise

        return second.at_once(lambda: one(0, _Models(self, alone=True)), lambda: one(1, _Models(self, second)))

    def _inputs(
        self,
        run: Run,
        orbits: Sequence[OrbitLatents],
        reference: torch.Tensor,
        texts: PromptEmbeddings,
        steps: int,
        foreground_only: bool,
        gasa_backend: GasaBackend,
    ) -> _Inputs:
        """Everything a run shows its network. Memory: a few latents and the GASA layout."""
        device, dtype = self._device, self._dtype
        model = self._expert("high")
        geometry = TokenGeometry(
            np.concatenate([orbit.geometry.voxel for orbit in orbits]),
            np.concatenate([orbit.geometry.foreground for orbit in orbits]),
        )
        layout = build_layout(geometry, model.gasa_options).to(device) if model.config["gasa"] else None
        background = None
        if foreground_only:
            size = [8 * length for length in orbits[0].position.shape[3:]]
            dark = [self._encoded(s, np.zeros((s.views, *size, 3), np.uint8)) for s in run.segments]
            background = KnownBackground.of(geometry, torch.cat(dark, dim=2), device)
        positive, negative = texts.padded()
        return _Inputs(
            position=torch.cat([orbit.position for orbit in orbits], dim=2).to(device, dtype),
            normal=torch.cat([orbit.normal for orbit in orbits], dim=2).to(device, dtype),
            reference=reference.to(device, dtype),
            texts={"positive": positive.to(device, dtype), "negative": negative.to(device, dtype)},
            layout=layout,
            background=background,
            steps=steps,
            gasa_backend=gasa_backend,
        )

    def _start(
        self,
        run: Run,
        orbits: Sequence[OrbitLatents],
        existing: Sequence[NDArray[np.uint8]],
        strength: float,
        progress: Progress,
    ) -> Start:
        """The latents of what the orbits of a run show now."""
        tick = part(progress, 0.0, 0.0)
        chosen = [(o.segment, views) for o, views in zip(orbits, existing, strict=True) if o.segment in run.segments]
        clean = torch.cat([self._encoded(segment, views, tick) for segment, views in chosen], dim=2)
        return Start(clean.to(self._device), strength)

    def _first_frame(
        self, mode: Mode, run: Run, painted: Sequence[NDArray[np.uint8]], sharing: Sharing
    ) -> FirstFrame | None:
        """What V starts from: frame 0 of the H video that has just been painted, encoded again."""
        if mode != "release" or sharing.mode == "off" or not painted or run.segments[0].orbit != "V":
            return None
        latent = self.encode_picture(painted[0][0]).to(self._device)
        return FirstFrame(latent, sharing.mode, sharing.steps)

    def _sample(
        self,
        models: _Models,
        inputs: _Inputs,
        noise: torch.Tensor,
        sigmas: NDArray[np.float32],
        guidance: Guidance,
        boundary: float,
        first: FirstFrame | None,
        after_step: AfterStep | None,
        progress: Progress,
        start: Start | None = None,
    ) -> torch.Tensor:
        """The Euler steps of one run."""
        steps = inputs.steps

        def network(latents: torch.Tensor, sigma: float, step: int, expert: Expert, branch: Branch) -> torch.Tensor:
            both = guidance.active(step, steps)
            done = (step + 0.5 * (both and branch == "negative")) / steps
            share = 0.5 / steps if both else 1 / steps
            with self._reporting(models, expert, progress, done, share, step, steps) as model:
                return self._velocity(model, expert, inputs, latents, noise, sigma, step, (branch,))

        def pair(latents: torch.Tensor, sigma: float, step: int, expert: Expert) -> tuple[torch.Tensor, torch.Tensor]:
            with self._reporting(models, expert, progress, step / steps, 1 / steps, step, steps) as model:

                def velocity(of: OrbitWanTransformer3DModel, *branches: Branch) -> torch.Tensor:
                    return self._velocity(of, expert, inputs, latents, noise, sigma, step, branches)

                if models.other is None:
                    positive, negative = velocity(model, "positive", "negative").split(1)
                    return positive, negative
                copy = models.other.copies[expert]
                return models.other.at_once(lambda: velocity(model, "positive"), lambda: velocity(copy, "negative"))

        def after(step: int, sigma: float, latents: torch.Tensor, clean: torch.Tensor) -> torch.Tensor | None:
            progress(0.95 * (step + 1) / steps, f"step {step + 1} of {steps}")
            return None if after_step is None else after_step(step, sigma, latents, clean)

        for model in models.every():
            model._reset_stateful_cache()
        together = pair if models.other is not None or self.batched_guidance else None
        return sample(network, noise, sigmas, guidance, boundary, first, after, together, start)

    def _after_step(
        self,
        callback: StepCallback,
        index: int,
        run: Run,
        guard: Any,
        step: int,
        sigma: float,
        latents: torch.Tensor,
        clean: torch.Tensor,
    ) -> torch.Tensor | None:
        known = {"latents": latents, "clean": clean, "run": run, "index": index}
        with guard:
            answer = callback(self, step, 1000 * sigma, known)
        return (answer or {}).get("latents")

    def _velocity(
        self,
        model: OrbitWanTransformer3DModel,
        expert: Expert,
        inputs: _Inputs,
        latents: torch.Tensor,
        noise: torch.Tensor,
        sigma: float,
        step: int,
        branches: Sequence[Branch],
    ) -> torch.Tensor:
        """One forward pass of an expert, on the device the expert is for; a velocity for each branch."""
        device = model.run_on or self._device
        inputs = _on(inputs, device)
        x = latents.to(device, self._dtype).expand(len(branches), -1, -1, -1, -1)
        x = network_input(x, inputs.position, inputs.normal, model.config["in_channels"])
        time = torch.full((len(branches),), 1000 * sigma, device=device)
        text = torch.cat([inputs.texts[branch] for branch in branches])
        background = inputs.background
        with model.cache_context("+".join(branches), step_index=step, sigma=sigma, num_inference_steps=inputs.steps):
            if self.group is not None:
                velocity = self.group.forward(model, expert, x, time, text, inputs.reference, inputs.layout)
            else:
                velocity = model(
                    x,
                    time,
                    text,
                    inputs.reference,
                    gasa_layout=inputs.layout,
                    gasa_backend=inputs.gasa_backend,
                    kept_tokens=None if background is None else background.kept,
                    return_dict=False,
                )[0]
        velocity = velocity.to(latents.device, torch.float32)
        return velocity if background is None else background.filled(velocity, noise)

    # Devices --------------------------------------------------------------------------------------------------------

    @property
    def _device(self) -> torch.device:
        return self.run_on or self.device

    @property
    def _dtype(self) -> torch.dtype:
        return self.compute_dtype or self._experts()[0].dtype

    def networks(self) -> list[OrbitWanTransformer3DModel]:
        """All experts, copies on a second device included."""
        copies = [] if self.second is None else list(self.second.copies.values())
        return [*self._experts(), *copies]

    def is_high(self, model: OrbitWanTransformer3DModel) -> bool:
        """Whether a network is the high-noise expert, or its copy."""
        return model is self.transformer or (self.second is not None and model is self.second.copies["high"])

    def _experts(self) -> list[OrbitWanTransformer3DModel]:
        return [model for model in (self.transformer, self.transformer_2) if model is not None]

    def _expert(self, expert: Expert) -> OrbitWanTransformer3DModel:
        return self.transformer if expert == "high" else self.transformer_2

    @contextmanager
    def _vae_at_work(self, tick: Callable[[], None] = lambda: None) -> Iterator[AutoencoderKLWan]:
        """The VAE on the device of the run; `tick` is called before each latent frame."""
        vae: Any = self.vae
        home = vae.device
        halves = [half for name in ("encoder", "decoder") if (half := getattr(vae, name, None)) is not None]
        hooks = [half.register_forward_pre_hook(lambda module, given: tick()) for half in halves]
        try:
            if self.vae_on_demand:
                vae.to(self._device)
            yield vae
        finally:
            for hook in hooks:
                hook.remove()
            if self.vae_on_demand:
                vae.to(home)

    @contextmanager
    def _reporting(
        self, models: _Models, expert: Expert, progress: Progress, start: float, share: float, step: int, steps: int
    ) -> Iterator[OrbitWanTransformer3DModel]:
        """The expert, brought to the device; the progress is told before each of its blocks."""
        if self.activate is not None:
            progress(0.95 * start, f"step {step + 1} of {steps}")
            self.activate(expert)
        model = models.expert(expert)
        model.on_block = lambda index, count: progress(
            0.95 * (start + share * index / count), f"step {step + 1} of {steps}"
        )
        try:
            yield model
        finally:
            model.on_block = None


@dataclass(frozen=True, eq=False)
class _Models:
    """The networks that a run uses: the pipeline's own, or, with `second`, the copies on the second device.

    alone: the second device is at work on something else, and does not take a guidance branch.
    """

    pipe: OrbitPainterPipeline
    second: SecondDevice | None = None
    alone: bool = False

    @property
    def other(self) -> SecondDevice | None:
        """The device that takes the other guidance branch."""
        return None if self.alone or self.second is not None else self.pipe.second

    def expert(self, expert: Expert) -> OrbitWanTransformer3DModel:
        return self.pipe._expert(expert) if self.second is None else self.second.copies[expert]

    def every(self) -> list[OrbitWanTransformer3DModel]:
        """All whose state between steps belongs to the run."""
        if self.second is not None:
            return list(self.second.copies.values())
        return [*self.pipe._experts(), *([] if self.other is None else self.other.copies.values())]


def _on(inputs: _Inputs, device: torch.device) -> _Inputs:
    """The inputs on another device, copied once."""
    if inputs.position.device == device:
        return inputs
    if device not in inputs.copies:
        inputs.copies[device] = _Inputs(
            inputs.position.to(device),
            inputs.normal.to(device),
            inputs.reference.to(device),
            {branch: text.to(device) for branch, text in inputs.texts.items()},
            None if inputs.layout is None else inputs.layout.to(device),
            None if inputs.background is None else inputs.background.to(device),
            inputs.steps,
            inputs.gasa_backend,
        )
    return inputs.copies[device]
