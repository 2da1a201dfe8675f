# SPDX-License-Identifier: GPL-3.0-or-later
"""What the worker does with its messages (specs/blender-extension.md 6): one job at a time, engines are kept."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import queue
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .commands import events_stream, explained, write_log
from .console import JsonConsole
from .errors import CancelledError, MemoryLimitError, OrbitPainterError, UsageError
from .file_host import FileHost
from .interruption import Interruption, signals
from .painters.base import Painter
from .painters.registry import create_painter
from .parent import Parent
from .pipeline import Pipeline
from .protocol import PROTOCOL, Message, Writer
from .run_folder import RunFolder
from .run_request import RunRequest, load_request
from .version import VERSION

FIRST = 60.0  # seconds that it waits for its first job
IDLE = 600.0  # seconds between jobs after which the worker ends, and with it all that it holds


def main(words: Sequence[str]) -> int:
    """Serve until `shutdown`, the end of standard input, or IDLE seconds without a job; the exit status."""
    parser = argparse.ArgumentParser(prog="worker")
    parser.add_argument("--protocol", type=int, required=True)
    parser.add_argument("--log", required=True, help="file for everything but events")
    parser.add_argument("--idle", type=float, default=IDLE, help="seconds without a job after which it ends")
    options = parser.parse_args(list(words))
    logging.basicConfig(filename=options.log, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with events_stream() as events:
        writer = Writer(events)
        if options.protocol != PROTOCOL:
            writer.send("error", **_fields(_other_protocol(options.protocol)))
            return _other_protocol(options.protocol).exit_status
        return Worker(writer, options.idle).serve()


class Worker:
    """Takes commands from the listening thread and works on the main thread."""

    def __init__(self, writer: Writer, idle: float, create: Callable[[str], Painter] = create_painter) -> None:
        self._writer, self._idle, self._create = writer, idle, create
        self._waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._painters: dict[str, Painter] = {}
        self._job_id = ""
        self._served = False
        self._cancelled: set[object] = set()
        self._interruption = Interruption()
        self._parent = Parent(writer, self._on_message, self._leave, facts=self._facts)

    def serve(self) -> int:
        self._parent.start()
        try:
            while True:
                try:
                    message = self._waiting.get(timeout=self._idle if self._served else max(self._idle, FIRST))
                except queue.Empty:
                    logging.info("idle, ending")
                    return 0
                if message["type"] == "shutdown":
                    return 0
                self._serve(message)
        finally:
            self._close_painters()
            self._parent.stop()

    def _serve(self, message: Message) -> None:
        if message["type"] == "hello":
            if message.get("protocol") != PROTOCOL:
                self._writer.send("error", **_fields(_other_protocol(message.get("protocol"))))
                return
            self._writer.send(
                "ready", protocol=PROTOCOL, engine_version=VERSION, pid=os.getpid(), device=device_facts(), features=[]
            )
        elif message["type"] == "free":
            self._close_painters()
            self._writer.send("freed", **self._facts())
        elif message["type"] == "run":
            self._run(str(message.get("job_id", "")), str(message.get("request", "")))

    # On the listening thread.

    def _on_message(self, message: Message) -> None:
        if message["type"] == "cancel":
            self._cancelled.add(message.get("job_id"))  # also of a job that has yet to be taken up
            if message.get("job_id") == self._job_id:
                self._interruption.cancel()
        else:
            if message["type"] == "run":
                self._cancelled.discard(message.get("job_id"))  # that cancel came too late for an earlier attempt
            self._waiting.put(message)

    def _leave(self) -> None:
        self._interruption.cancel()
        self._waiting.put({"type": "shutdown"})

    def _facts(self) -> dict[str, Any]:
        return {"job_id": self._job_id, "vram": device_memory()}

    # On the main thread.

    def _run(self, job_id: str, path: str) -> None:
        self._interruption = Interruption()
        self._job_id = job_id
        if job_id in self._cancelled:
            self._interruption.cancel()
        console = JsonConsole(self._writer, job_id)
        out: list[Path] = []
        status = 0
        try:
            request = load_request(path)
            out.append(Path(request.job.out))
            result = self._attempts(request, console)
        except BaseException as failure:  # the worker lives on; the extension is told
            error = explained(failure)
            logging.info("job %s: %s", job_id, error)
            console.error(error, None if isinstance(error, CancelledError) else write_log(failure, out))
            status = error.exit_status
        else:
            console.result(result["manifest"], result["summary"])
        finally:
            self._job_id, self._served = "", True
            self._cancelled.clear()
        if status == MemoryLimitError.exit_status:  # outside the handler, whose traceback holds what was computed
            self._close_painters()

    def _attempts(self, request: RunRequest, console: JsonConsole) -> dict[str, Any]:
        """Out of memory: free everything, go one profile lower, and try once more."""
        try:
            return self._stages(request, console)
        except BaseException as failure:
            if explained(failure).exit_status != MemoryLimitError.exit_status:
                raise
            lighter = self._painter(request.job.engine).lighter(request.job.engine_options)
            if lighter is None:
                raise
        self._close_painters()
        options, change = lighter
        console.note(f"Memory ran out. {change} and tried again.")
        return self._stages(replace(request, job=replace(request.job, engine_options=options)), console)

    def _stages(self, request: RunRequest, console: JsonConsole) -> dict[str, Any]:
        with RunFolder(request.job.out) as run, signals(self._interruption, run.remove_parts):
            self._parent.last_resort = run.remove_parts
            pipeline = Pipeline(request.job, FileHost(), console, run, self._interruption.check, self._painter)
            return pipeline.run(request.stages, resume=request.resume)

    def _painter(self, name: str) -> Painter:
        if name not in self._painters:
            self._close_painters()  # two large models do not fit side by side
            self._painters[name] = self._create(name)
        return self._painters[name]

    def _close_painters(self) -> None:
        for painter in self._painters.values():
            painter.close()
        self._painters.clear()
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


def device_facts() -> dict[str, Any]:
    """What the engine will compute on. Imports torch where it is installed."""
    try:
        import torch
    except ImportError:
        return {"name": "CPU", "kind": "cpu", "total_vram": 0, "free_vram": 0}
    if not torch.cuda.is_available():
        mps = torch.backends.mps.is_available()
        return {"name": "Apple GPU" if mps else "CPU", "kind": "mps" if mps else "cpu", "total_vram": 0, "free_vram": 0}
    free, total = torch.cuda.mem_get_info()
    return {"name": torch.cuda.get_device_name(), "kind": "cuda", "total_vram": total, "free_vram": free}


def device_memory() -> int:
    """Memory of the GPU that this process has taken, in bytes; 0 where torch is not loaded or has no GPU."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda") or not torch.cuda.is_initialized():
        return 0
    return int(torch.cuda.memory_reserved())


def _other_protocol(theirs: object) -> OrbitPainterError:
    return UsageError(
        "protocol-version",
        f"The extension speaks protocol {theirs} and the engine {PROTOCOL}: their versions do not match.",
        "Update the engine in the preferences.",
    )


def _fields(error: OrbitPainterError) -> dict[str, Any]:
    return {"job_id": "", "code": error.code, "message": error.message, "advice": error.advice, "retryable": False}
