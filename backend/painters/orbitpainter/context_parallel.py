# SPDX-License-Identifier: GPL-3.0-or-later
"""Several devices share each forward pass: every one has the weights, and a part of the tokens (Ulysses attention).

diffusers' context parallelism, one process a device. This process is rank 0; it tells the others what comes by their
standard input, and the tensors by torch.distributed, whose connections stay on this computer (the loopback interface)
and exist only where several devices have been asked for. The others end when their standard input does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
import torch.distributed as dist
from diffusers.models._modeling_parallel import ContextParallelConfig
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

from ...errors import InputError, OrbitPainterError
from ...parent import die_with_parent
from ...progress import Progress
from . import attention_backends
from .checkpoints import ExpertFiles, ExtraLora, load_expert
from .devices import full_memory
from .gasa_layout import GasaLayout, load_layout, save_layout
from .placement import ExpertSwap, exchange, store_block
from .profiles import MemoryProfile, profile_named
from .sampler import Expert
from .transformer import OrbitWanTransformer3DModel

TIMEOUT = timedelta(minutes=10)  # without an answer of another rank
_PROCESS = Path(__file__).with_name("rank_process.py")
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}
Models = Mapping[Expert, OrbitWanTransformer3DModel]


def check_devices(devices: Sequence[torch.device], profile: MemoryProfile) -> None:
    """Raises InputError where these devices cannot share a forward pass."""
    if len({device.type for device in devices}) > 1:
        names = ", ".join(str(device) for device in devices)
        raise InputError("devices-differ", f"{names} cannot work on one picture together.", "Use devices of one kind.")
    if devices[0].type != "cpu" and not (
        devices[0].type == "cuda" and dist.is_available() and dist.is_nccl_available()
    ):
        raise InputError(
            "devices-unsupported",
            "Several graphics cards can share a forward pass only under Linux.",
            "Name one more device, and leave out split.",
        )
    if profile.placement == "stream":
        raise InputError(
            "second-device-memory",
            f"Devices cannot share a forward pass with the memory profile {profile.name}, which streams blocks.",
            "Leave out more_devices, or set memory to 24 or more.",
        )


def attention_for(name: str) -> str:
    """`name` where it can be split over devices, else PyTorch's own."""
    able = _AttentionBackendRegistry._is_context_parallel_available(AttentionBackendName(name))
    return name if able else attention_backends.NATIVE


class ContextGroup:
    """The other processes, which `join` makes ranks of one group. Start it before reading this rank's own weights."""

    def __init__(
        self,
        files: Mapping[str, ExpertFiles],
        devices: Sequence[torch.device],
        profile: MemoryProfile,
        dtype: torch.dtype,
        attention: str,
    ) -> None:
        """devices: this process's own first."""
        self.devices, self.attention = list(devices), attention
        self._home = TemporaryDirectory(prefix="orbit-painter-ranks-", ignore_cleanup_errors=True)
        self._folder = Path(self._home.name)
        task = {
            "experts": {name: _listed(each) for name, each in files.items()},
            "devices": [str(device) for device in devices],
            "profile": profile.name,
            "dtype": str(dtype).removeprefix("torch."),
            "attention": attention,
        }
        (self._folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        self._joined = self._failed = False
        self._layout: GasaLayout | None = None
        self._layouts = 0
        self._processes: list[subprocess.Popen[bytes]] = []
        for rank in range(1, len(devices)):
            with open(self._log(rank), "wb") as log:
                command = [sys.executable, "-I", "-u", str(_PROCESS), str(self._folder), str(rank)]
                self._processes.append(
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment())
                )

    @property
    def usable(self) -> bool:
        """All ranks are there and wait."""
        return not self._failed and all(process.poll() is None for process in self._processes)

    def join(self, models: Models, progress: Progress) -> None:
        """Wait for the others to have read their weights, and split the forward passes of `models` among all.

        Raises OrbitPainterError with the last words of one that has ended, RuntimeError where its memory was full,
        CancelledError.
        """
        os.environ.update(_environment())
        waited = 0.0
        while not all((self._folder / f"{rank}.ready").exists() for rank in range(1, len(self.devices))):
            self._check()
            progress(0.0, f"waiting for the other devices, {waited:.0f} s")
            time.sleep(0.1)
            waited += 0.1
        _enter(self._folder, 0, self.devices)
        self._joined = True
        _split(models, self.devices)

    def forward(
        self,
        model: OrbitWanTransformer3DModel,
        expert: Expert,
        x: torch.Tensor,
        timestep: torch.Tensor,
        text: torch.Tensor,
        reference: torch.Tensor,
        layout: GasaLayout | None,
    ) -> torch.Tensor:
        """One forward pass on all devices. What `on_block` raises comes out when it is over, as all ranks must end it.

        Raises OrbitPainterError with the last words of a rank that has ended, RuntimeError where its memory was full,
        InputError.
        """
        check_split(model, x, len(self.devices))
        self._check()
        tensors = (x, timestep, text, reference)
        shapes = [list(tensor.shape) for tensor in tensors]
        told = json.dumps({"expert": expert, "shapes": shapes, "layout": self._written(layout)})
        late: list[BaseException] = []
        on_block, model.on_block = model.on_block, None
        if on_block is not None:
            model.on_block = partial(_kept_for_later, on_block, late)
        try:
            for process in self._processes:
                assert process.stdin is not None
                process.stdin.write(f"{told}\n".encode())
                process.stdin.flush()
            for tensor in tensors:
                dist.broadcast(tensor.contiguous(), 0)
            out = model(*tensors, gasa_layout=layout, return_dict=False)[0]
        except BaseException as error:
            self._failed = True  # the ranks may stand at different places now
            if isinstance(error, RuntimeError | OSError):
                time.sleep(0.5)  # a rank that has failed needs a moment to end
                self._check()
            raise
        finally:
            model.on_block = on_block
        if late:
            raise late[0]
        return out

    def _written(self, layout: GasaLayout | None) -> str:
        """The file where the others find a run's layout, "" for none. One stands as long as the run lasts."""
        if layout is None:
            return ""
        if self._layout is not layout:
            self._layout, self._layouts = layout, self._layouts + 1
            save_layout(layout, self._folder / f"{self._layouts}.layout")
        return f"{self._layouts}.layout"

    def close(self) -> None:
        """End the other processes."""
        for process in self._processes:
            assert process.stdin is not None
            with suppress(OSError):  # it has ended
                process.stdin.close()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._joined:
            dist.destroy_process_group()
            self._joined = False
        self._home.cleanup()

    def _log(self, rank: int) -> Path:
        return self._folder / f"{rank}.log"

    def _check(self) -> None:
        for rank, process in enumerate(self._processes, 1):
            if process.poll() is not None:
                words = (self._log(rank).read_text(errors="replace").strip() or "it said nothing").splitlines()[-1]
                if full_memory(RuntimeError(words), "") is not None:
                    raise RuntimeError(words)  # for the one who tries again with less
                raise OrbitPainterError(
                    "device-process-ended",
                    f"The process of the device {self.devices[rank]} ended: {words}.",
                    "Start the job again; if it happens again, leave out more_devices.",
                )


def _kept_for_later(on_block: Any, late: list[BaseException], index: int, count: int) -> None:
    if not late:
        try:
            on_block(index, count)
        except BaseException as error:
            late.append(error)


def check_split(model: OrbitWanTransformer3DModel, x: torch.Tensor, count: int) -> None:
    """Raises InputError unless heads and tokens can be divided among `count` devices."""
    _, _, frames, height, width = x.shape
    tokens = (frames + (model.ref_conv is not None)) * (height // 2) * (width // 2)
    heads = int(model.config["num_attention_heads"])
    if tokens % count or heads % count:
        raise InputError(
            "devices-count",
            f"{tokens} tokens and {heads} attention heads cannot be divided among {count} devices.",
            "Use 2, 4 or 8 devices.",
        )


# Both sides ---------------------------------------------------------------------------------------------------------


def _environment() -> dict[str, str]:
    """Connections stay on this computer."""
    name = _LOOPBACK.get(sys.platform)
    own = {} if name is None else {"GLOO_SOCKET_IFNAME": name, "NCCL_SOCKET_IFNAME": name}
    return {**os.environ, **own}


def _enter(folder: Path, rank: int, devices: Sequence[torch.device]) -> None:
    if dist.is_initialized():
        raise RuntimeError("torch.distributed is in use by something else in this process")
    backend = "nccl" if devices[rank].type == "cuda" else "gloo"
    if backend == "nccl":
        torch.cuda.set_device(devices[rank])
    where = (folder / "meeting").as_uri()
    dist.init_process_group(backend, init_method=where, rank=rank, world_size=len(devices), timeout=TIMEOUT)


def _split(models: Models, devices: Sequence[torch.device]) -> None:
    """Let diffusers split the tokens of these networks."""
    shape, names = (1, len(devices)), ("ring", "ulysses")
    mesh = dist.init_device_mesh(devices[0].type, shape, mesh_dim_names=names)
    for model in models.values():
        model.run_on = devices[dist.get_rank()]
        model.enable_parallelism(config=ContextParallelConfig(ulysses_degree=len(devices), mesh=mesh))


def _listed(files: ExpertFiles) -> dict[str, Any]:
    extra = [[str(lora.path), lora.strength] for lora in files.extra]
    released = None if files.orbitpainter is None else str(files.orbitpainter)
    return {"base": str(files.base), "orbitpainter": released, "extra": extra}


# The other ranks ----------------------------------------------------------------------------------------------------


def serve(folder: Path, rank: int) -> None:
    """A rank other than 0: read the weights, and take part in forward passes until standard input ends."""
    die_with_parent()
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    devices = [torch.device(name) for name in task["devices"]]
    profile, dtype = profile_named(task["profile"]), getattr(torch, task["dtype"])
    models: dict[Expert, OrbitWanTransformer3DModel] = {}
    for name, each in task["experts"].items():
        files = ExpertFiles(each["base"], each["orbitpainter"], [ExtraLora(*lora) for lora in each["extra"]])
        there = profile.placement == "resident" or name == "high"
        store = partial(store_block, storage=profile.storage, dtype=dtype)
        loaded = load_expert(files, dtype=dtype, device=devices[rank] if there else "cpu", on_block=store)
        attention_backends.set_backend(loaded.model, task["attention"])
        models[cast(Expert, name)] = loaded.model
    swap = None
    if profile.placement == "swap" and len(models) > 1:
        swap = ExpertSwap(models, devices[rank])
        swap("high")
    for model in models.values():
        if swap is None:
            exchange(None, model, devices[rank])
    (folder / f"{rank}.ready").touch()
    _enter(folder, rank, devices)
    _split(models, devices)
    kinds = (dtype, torch.float32, dtype, dtype)
    layout_of = lru_cache(1)(lambda name: load_layout(folder / name).to(devices[rank]) if name else None)
    for line in sys.stdin.buffer:
        told = json.loads(line)
        expert = cast(Expert, told["expert"])
        tensors = []
        for shape, kind in zip(told["shapes"], kinds, strict=True):
            tensors.append(torch.empty(shape, dtype=kind, device=devices[rank]))
            dist.broadcast(tensors[-1], 0)
        if swap is not None:
            swap(expert)
        with torch.no_grad():
            models[expert](*tensors, gasa_layout=layout_of(told["layout"]), return_dict=False)
