# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: flow matching over one or many processes, resumable to the step (docs/training.md)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import torch

from ..errors import CancelledError, InputError, UsageError
from ..files import atomic_path, output_errors
from ..progress import Progress, silent
from . import checkpoint
from .average import Average
from .config import OptimiserConfig, TrainConfig
from .examples import Example
from .network import build_network, build_vae, encoded_prompt, trained_parameters
from .objective import noised, velocity_loss
from .samples import SampleSheet
from .sharding import like, shard, whole
from .source import ShardSource, Source, open_source
from .steps import Draw, Steps

Note = Callable[[str], None]
# How long processes wait for each other: for the sample sheets of the first one, up to half an hour at full size.
PATIENCE = timedelta(hours=2)


def train(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    source: Source | None = None,
    progress: Progress = silent,
    note: Note = lambda text: None,
) -> Path:
    """Train, and return the last checkpoint's folder. One process of several where torchrun or accelerate started it.

    `out` gets checkpoints/, samples/, tensorboard/ and losses.jsonl. Stopped through `progress`, it saves a checkpoint
    and lets CancelledError through. Raises InputError (also for a loss that is not a number: nothing is saved then, and
    the last checkpoint stays), OutputError, UsageError.
    """
    trainer = Trainer(config, out, source or open_source(config.data), note)
    trainer.start(resume)
    return trainer.run(progress)


class Trainer:
    """One run. `step` counts finished steps."""

    def __init__(self, config: TrainConfig, out: Path, source: Source, note: Note = lambda text: None) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs, DistributedType, InitProcessGroupKwargs

        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        self.config, self.out, self.step = config, out, 0
        # GASA has no weights to train in a sequence without neighbours.
        handlers = [DistributedDataParallelKwargs(find_unused_parameters=config.model.gasa)]
        handlers.append(InitProcessGroupKwargs(timeout=PATIENCE))
        self.accelerator = Accelerator(
            cpu=not torch.accelerator.is_available(),  # several processes find each other on a CPU only where told
            mixed_precision="no",  # see `autocast`
            kwargs_handlers=handlers,
        )
        self.note = note if self.accelerator.is_main_process else lambda text: None
        accelerator = self.accelerator
        if accelerator.distributed_type == DistributedType.FSDP:
            raise UsageError(
                "accelerate-fsdp",
                "accelerate was started with FSDP of its own, whose checkpoints this training does not write.",
                "Start it without (or with torchrun), and say --set run.shard=true.",
            )
        self.split = config.run.shard and accelerator.num_processes > 1
        self.network = build_network(config)
        if self.split:
            shard(self.network, accelerator.device)
        self.parameters = trained_parameters(self.network)
        optimiser = torch.optim.AdamW(
            self.parameters.values(),
            lr=config.optimiser.rate,
            betas=config.optimiser.betas,
            weight_decay=config.optimiser.weight_decay,
        )
        if self.split:
            self.wrapped, self.optimiser = self.network, accelerator.prepare(optimiser)
        else:
            self.wrapped, self.optimiser = accelerator.prepare(self.network, optimiser)
        self.vae = build_vae(config.model).to(accelerator.device)
        self.prompt = encoded_prompt(config.model).to(accelerator.device)
        self.average = Average(self.parameters, config.optimiser.ema) if config.optimiser.ema else None
        self.steps = Steps(
            config,
            source,
            self.vae,
            self.network.gasa_options,
            self.note,
            accelerator.num_processes,
            accelerator.process_index,
        )
        self.sheet = None
        if config.run.sample_every:
            shown = ShardSource(config.data.held_out) if config.data.held_out else source
            self.sheet = SampleSheet(config, shown, self.steps, out)

    def start(self, resume: bool) -> None:
        """Go on from the newest checkpoint, or begin. Raises InputError, UsageError."""
        found = checkpoint.checkpoints(self.out)
        if not resume:
            if found:
                raise InputError(
                    "run-exists",
                    f"{self.out} holds a training run already, at step {int(found[-1].name[5:])}.",
                    "Go on with it (--resume), or choose another folder.",
                )
            return
        if found:
            self.load(found[-1])
            self.note(f"Going on from step {self.step}.")

    def load(self, folder: Path) -> None:
        """Take everything over from a checkpoint of this run. Raises InputError, UsageError."""
        state = checkpoint.read_state(folder)
        checkpoint.check_same(self.config, state, folder)
        if state.get("processes") != self.accelerator.num_processes:
            self.note("The number of processes has changed, so the samples come in another order than before.")
        self.restore(folder)
        self.step = int(state["step"])

    def restore(self, folder: Path) -> None:
        """Read what `tensors` gave. Raises InputError."""
        path = folder / "trained.safetensors"
        checkpoint.load_trained(self.parameters, checkpoint.read_tensors(path), path)
        tensors = checkpoint.read_tensors(folder / "optimiser.safetensors")
        checkpoint.load_optimiser(self.parameters, self.optimiser.optimizer, tensors)
        if self.average is not None:
            shadow = checkpoint.read_tensors(folder / "ema.safetensors")
            self.average.shadow = {name: like(self.average.shadow[name], value) for name, value in shadow.items()}

    def tensors(self) -> dict[str, Mapping[str, torch.Tensor]]:
        """What a checkpoint holds: file name -> tensors. All processes call it."""
        tensors: dict[str, Mapping[str, torch.Tensor]] = {
            "trained": {name: whole(parameter.detach()) for name, parameter in self.parameters.items()},
            "optimiser": checkpoint.optimiser_tensors(self.parameters, self.optimiser.optimizer),
        }
        if self.average is not None:
            tensors["ema"] = {name: whole(value) for name, value in self.average.shadow.items()}
        return tensors

    def save(self) -> Path:
        """Write a checkpoint; the folder. All processes call it, the first one writes. Raises OutputError."""
        tensors = self.tensors()
        folder = self.out / "checkpoints" / f"step-{self.step:08d}"
        if self.accelerator.is_main_process:
            extra = {"processes": self.accelerator.num_processes}
            checkpoint.save_checkpoint(self.out, self.step, self.config, tensors, extra)
            checkpoint.remove_old(self.out, self.config.run)
        self.accelerator.wait_for_everyone()
        return folder

    def run(self, progress: Progress = silent) -> Path:
        """All steps that are left; the last checkpoint's folder."""
        run, saved = self.config.run, self.step
        log = _Log(self.out, self.step) if self.accelerator.is_main_process else None
        try:
            while self.step < run.steps:
                stopped = self._stopped(progress)
                if stopped:
                    if saved != self.step:
                        self.save()
                    raise CancelledError(f"Stopped on request at step {self.step}; --resume goes on from there.")
                begun = time.monotonic()
                loss, norm = self._one_step()
                self.step += 1
                if log is not None and (self.step % run.log_every == 0 or self.step in (1, run.steps)):
                    rate = rate_at(self.config.optimiser, self.step - 1, run.steps)
                    with output_errors(self.out):
                        log.write(self.step, loss, norm, rate, begun)
                if self.step % run.save_every == 0 or self.step == run.steps:
                    self.save()
                    saved = self.step
                if self.sheet is not None and (self.step % run.sample_every == 0 or self.step == run.steps):
                    self._sheet(log)
        finally:
            if log is not None:
                log.close()
        return self.out / "checkpoints" / f"step-{self.step:08d}"

    def _stopped(self, progress: Progress) -> bool:
        """Whether any process has been asked to stop: all must agree, or they would wait for each other for ever."""
        asked = False
        try:
            progress(self.step / self.config.run.steps, f"step {self.step + 1} of {self.config.run.steps}")
        except CancelledError:
            asked = True
        if self.accelerator.num_processes == 1:
            return asked
        flag = torch.tensor(float(asked), device=self.accelerator.device)
        total: Any = self.accelerator.reduce(flag, "sum")
        return bool(total > 0)

    def _one_step(self) -> tuple[float, float]:
        """One optimiser step; the mean loss over all processes and the gradient's norm.

        Raises InputError where a loss or the gradient is not a number; the weights are those of before then.
        """
        config, batch = self.config, self.config.run.batch
        rate = rate_at(config.optimiser, self.step, config.run.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        total, losses = torch.zeros((), device=self.accelerator.device), {}
        for place in range(batch):
            draw = self.steps.draw(self.step, place)
            last = place == batch - 1
            if self.split:
                self.wrapped.set_requires_gradient_sync(last)
            with nullcontext() if last or self.split else self.accelerator.no_sync(self.wrapped):
                loss = self._loss(draw) / batch
                self.accelerator.backward(loss)
            total += loss.detach()
            losses[draw.example.key] = loss.detach()
        total = self.accelerator.reduce(total, "mean")
        limit = config.optimiser.clip or math.inf
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self.parameters.values(), limit)))
        if not (math.isfinite(float(total)) and math.isfinite(norm)):
            self.optimiser.zero_grad()
            raise self._not_finite(losses)
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.average is not None:
            self.average.update(self.step + 1)
        return float(total), norm

    def _loss(self, draw: Draw) -> torch.Tensor:
        example: Example = draw.example.to(self.accelerator.device)
        noise = draw.noise.to(self.accelerator.device)
        with self.autocast():
            noisy = noised(example.target, noise, draw.sigma)
            velocity = example.predict(self.wrapped, noisy, draw.sigma, self.prompt, self.config.model.channels)
        return velocity_loss(velocity, example.target, noise, draw.weight, example.counted())

    def autocast(self) -> Any:
        """bfloat16 where the run wants it. Not accelerate's, which is one choice for all runs of a process."""
        half = self.config.run.precision == "bf16"
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=half)

    def _not_finite(self, losses: Mapping[str, torch.Tensor]) -> InputError:
        """losses: by sample; named are those whose own loss is at fault, all where it is another process's or the
        gradient.
        """
        keys = [key for key, loss in losses.items() if not torch.isfinite(loss)] or list(losses)
        found = checkpoint.checkpoints(self.out)
        kept = f"The checkpoint of step {int(found[-1].name[5:])} is kept" if found else "There is no checkpoint yet"
        return InputError(
            "loss-not-finite",
            f"At step {self.step + 1} the loss or its gradient is not a number; the samples were {', '.join(keys)}.",
            f"{kept}. Lower optimiser.rate, or leave the samples out and go on with --resume.",
        )

    def _sheet(self, log: _Log | None) -> None:
        """A picture of painted orbits, by the first process; a network that is split needs them all to paint."""
        if self.sheet is not None and (self.split or self.accelerator.is_main_process):
            with self.average.in_place() if self.average is not None else nullcontext(), self.autocast():
                picture = self.sheet.draw(self.network, self.prompt)
            if log is not None:
                self.sheet.write(picture, self.step)
                log.picture(self.step, picture)
        self.accelerator.wait_for_everyone()


def rate_at(optimiser: OptimiserConfig, step: int, steps: int) -> float:
    """The learning rate of a step: warm-up or ConstantLR's first third, constant, and a straight cool-down."""
    factor = 1 / 3 if step < optimiser.third else 1.0
    if optimiser.warmup:
        factor = min(1.0, (step + 1) / optimiser.warmup)
    if optimiser.cooldown:
        factor *= min(1.0, (steps - step) / (optimiser.cooldown * steps))
    return optimiser.rate * factor


class _Log:
    """losses.jsonl and TensorBoard's curves and pictures. Lines of steps that are done again are cut off."""

    def __init__(self, out: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        out.mkdir(parents=True, exist_ok=True)
        path = out / "losses.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        with atomic_path(path) as part:
            part.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        self._file: TextIO = open(path, "a", encoding="utf-8")  # noqa: SIM115
        self._board = SummaryWriter(str(out / "tensorboard"), purge_step=step)

    def write(self, step: int, loss: float, norm: float, rate: float, begun: float) -> None:
        seconds = time.monotonic() - begun
        line = {"step": step, "loss": loss, "gradient": norm, "rate": rate, "seconds": round(seconds, 3)}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name in ("loss", "gradient", "rate", "seconds"):
            self._board.add_scalar(name, line[name], step)

    def picture(self, step: int, picture: Any) -> None:
        self._board.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        self._file.close()
        self._board.close()


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError, TypeError):  # the line that was being written when the power went
        return math.inf
